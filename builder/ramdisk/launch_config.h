/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file /.enclave/config of an image, which cmd/launch reads
 * (docs/guest.md): what to start, as whom, where.  Its values are
 * length-prefixed, so they may hold everything but NUL.
 */
#ifndef ENCL_RAMDISK_LAUNCH_CONFIG_H
#define ENCL_RAMDISK_LAUNCH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "manifest/manifest.h"

/* Where the two live in the image. */
#define ENCL_LAUNCH_PROGRAM "/.enclave/launch"
#define ENCL_LAUNCH_CONFIG  "/.enclave/config"

/* 1 MiB: what exceeds it could not be started, an argument list and an
 * environment together have 2 MiB at most. */
enum { ENCL_LAUNCH_CONFIG_MAX = 1 << 20, ENCL_LAUNCH_MAX_GROUPS = 65536 };

enum encl_launch_kind { ENCL_LAUNCH_PROCESS, ENCL_LAUNCH_DOCKERD, ENCL_LAUNCH_CONTAINER };

/* One unit of the supervisor: the app, a service, the daemon, a container. */
struct encl_launch_unit {
	enum encl_launch_kind kind;
	const struct encl_unit *unit; /* name, dependencies, restart, health, … */
	bool raw_output;	      /* straight to the console (the one app) */
	unsigned stop_signal; /* number; what unit->stop_signal or the image says */
	/* process and dockerd */
	struct encl_strings argv; /* >= 1; the program is looked up in env's PATH */
	struct encl_strings env;  /* NAME=value; a later one of a name replaces it */
	const char *workdir;	  /* absolute; NULL or "": / */
	uint32_t uid, gid;
	const uint32_t *groups; /* supplementary */
	size_t n_groups;
	const char *home; /* HOME where env has none; NULL: / */
	/* dockerd (cmd/launch/config.h says what each is) */
	const char *data_root, *store, *archive, *network;
	uint64_t storage_mib, start_timeout_ms;
	/* container */
	const char *create;
	bool docker_health; /* the image or the container has a health check */
};

/* A register that is extended with the SHA-384 of something. */
struct encl_launch_extension {
	unsigned pcr;
	struct encl_digest data;
};

struct encl_launch_config {
	bool exec;		 /* debug.exec */
	const char *hostname;	 /* NULL or "": launch's default */
	struct encl_pairs hosts; /* name(s) -> address */
	struct encl_strings nameservers;
	const struct encl_ingress *ingress;
	size_t n_ingress;
	const struct encl_exchange *exchanges;
	size_t n_exchanges;
	const struct encl_outgoing *egress; /* NULL, or given */
	unsigned attest;		    /* port of attestation.api; 0: none */
	/* where the containers reach the two (IPv4), or NULL */
	const char *const *gateways;
	size_t n_gateways;
	const struct encl_launch_extension *extend; /* in this order */
	size_t n_extend;
	struct encl_strings lock; /* "16" */
	/* what is depended on comes first */
	const struct encl_launch_unit *units;
	size_t n_units;
};

/*
 * Appends the file to out.  ENCL_USAGE where a value cannot be what it is for
 * (no command, no NAME= in a variable, a relative folder, a host name with a
 * space, an address that is none, …), naming the value.
 */
int encl_launch_config_write(const struct encl_launch_config *c, struct encl_buf *out,
			     struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The records again, of any image's config.  begin gives the bytes before the first,
 * next those of one record; 0 where there is none of that form.
 */
struct encl_launch_item {
	char key[64];
	const char *value; /* not NUL-terminated */
	size_t n;
};
size_t encl_launch_config_begin(const char *text, size_t n);
size_t encl_launch_config_next(const char *text, size_t n, struct encl_launch_item *out);

/*
 * AWS's /cmd and /env have one item a line: ENCL_USAGE, naming it, where one
 * has a newline.  what is "app.command" or "app.env".
 */
int encl_launch_check_lines(const struct encl_strings *items, const char *what,
			    struct encl_err *e) ENCL_MUST_CHECK;

#endif
