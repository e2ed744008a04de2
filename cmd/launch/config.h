/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What launch is told, by a file that the builder wrote and the image's
 * measurements cover (builder/ramdisk/launch_config.h, docs/guest.md):
 *
 *	enclave-launch 2\n
 *	KEY LENGTH\n LENGTH bytes \n		... repeated
 *	end 0\n\n
 *
 * Lengths make every byte but NUL possible in a value.  Records before the
 * first "unit" are the enclave's; each "unit NAME" begins one, in an order in
 * which what is depended on comes first.
 */
#ifndef LAUNCH_CONFIG_H
#define LAUNCH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_PATH "/.enclave/config"

struct strings {
	char **v; /* NULL-terminated; NULL while empty */
	size_t n;
};

struct ids {
	uint32_t *v;
	size_t n;
};

enum unit_kind { UNIT_PROCESS, UNIT_DOCKERD, UNIT_CONTAINER };
enum restart { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS };
enum condition { CONDITION_STARTED, CONDITION_HEALTHY, CONDITION_COMPLETED };
enum health_kind {
	HEALTH_NONE,
	HEALTH_COMMAND,
	HEALTH_TCP,
	HEALTH_HTTP,
	HEALTH_DOCKER /* container: the daemon's own health check says */
};

struct unit_config {
	const char *name;
	enum unit_kind kind;
	bool critical;
	bool raw_output; /* to the console as it comes (the one app) */
	enum restart restart;
	size_t restart_max; /* 0: no limit */
	/* "NAME started|healthy|completed" as written, and parsed beside it */
	struct dependency {
		const char *name;
		enum condition condition;
	} * depends;
	size_t n_depends;
	enum health_kind health;
	struct strings health_argv; /* command */
	size_t health_port;	    /* tcp, http */
	const char *health_path;    /* http */
	size_t health_interval_ms, health_timeout_ms, health_start_ms, health_retries;
	size_t stop_signal;	/* number */
	size_t stop_timeout_ms; /* 0: SIGKILL at once */
	/* process and dockerd */
	struct strings argv; /* >= 1 */
	struct strings env;  /* NAME=value */
	struct ids uid, gid; /* exactly one each */
	struct ids groups;
	const char *workdir; /* absolute */
	const char *home;    /* NULL: not given */
	size_t memory;	     /* bytes; 0: no limit */
	size_t cpu_milli;    /* 0: no limit */
	size_t pids, nofile; /* 0: no limit, the default */
	/* dockerd */
	const char *data_root;	 /* "/var/lib/docker" */
	size_t storage_mib;	 /* tmpfs on it */
	const char *store;	 /* folder copied into it (layers preloaded), or NULL */
	const char *archive;	 /* docker-archive to load, or NULL */
	const char *network;	 /* body of POST /networks/create, or NULL */
	size_t start_timeout_ms; /* until the daemon answers */
	/* container */
	const char *create; /* body of POST /containers/create?name=NAME */
};

struct ingress {
	const char *name;
	size_t vsock, tcp;
};

/* One rule of the allow-list (egress_rules.h). */
struct egress_rule {
	const char *host;    /* pattern, or NULL */
	const char *cidr;    /* as written, or NULL */
	uint8_t address[16]; /* of cidr; IPv4 in the first four bytes */
	unsigned prefix;
	bool v4;
	const char *ports; /* "443,8000-8010", checked */
};

/* attestation.extend: SHA-384 of what a register is extended with. */
enum { EXTENSION_SIZE = 48, EXTENSION_FIRST = 16, EXTENSION_LAST = 31 };
struct extension {
	unsigned pcr;
	uint8_t data[EXTENSION_SIZE];
};

struct exchange {
	const char *name;
	size_t vsock, max_mib;
	bool writable;
	const char *path;
};

struct config {
	struct strings hosts; /* lines of /etc/hosts */
	struct strings nameservers;
	const char *hostname; /* NULL: not given */
	struct ingress *ingress;
	size_t n_ingress;
	size_t egress;			/* the proxy's port; 0: no network.egress */
	struct strings egress_gateways; /* further addresses where it listens */
	struct egress_rule *allow;
	size_t n_allow;
	size_t attest;			/* port of attestation.api; 0: none */
	struct strings attest_gateways; /* further addresses where it listens */
	struct extension *extend;	/* in this order */
	size_t n_extend;
	uint32_t lock; /* bit n: PCRn is locked then */
	struct exchange *exchanges;
	size_t n_exchanges;
	bool exec;		   /* debug.exec */
	struct unit_config *units; /* >= 1 */
	size_t n_units;
};

/*
 * Reads text, which is changed and referred to by c.  NULL on success, else a
 * constant that says what is wrong; config_clear releases c either way.
 */
const char *config_parse(char *text, size_t len, struct config *c);
void config_clear(struct config *c);

/* Appends to a list; 0, or -1 where memory is short. */
int strings_add(struct strings *list, char *s);

#endif
