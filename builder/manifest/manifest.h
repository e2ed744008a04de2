/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A valid manifest as plain structs (docs/1-manifest.md).  All of it lives in
 * one arena; strings are never NULL unless said so; lists keep the file's
 * order.  Paths are as written: relative ones are relative to `folder`.
 */
#ifndef ENCL_MANIFEST_MANIFEST_H
#define ENCL_MANIFEST_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

enum encl_arch { ENCL_ARCH_X86_64, ENCL_ARCH_AARCH64 };

/* "x86_64", "aarch64" */
const char *encl_arch_name(enum encl_arch arch);

struct encl_pos {
	unsigned line;	  /* from 1 */
	unsigned column;  /* from 1 */
	const char *file; /* NULL: the manifest; else the Compose file it names */
};

struct encl_strings {
	const char **v;
	size_t n;
};

struct encl_pair {
	const char *key;
	const char *value;
};

struct encl_pairs {
	struct encl_pair *v;
	size_t n;
};

enum encl_layer_kind {
	ENCL_LAYER_IMAGE,
	ENCL_LAYER_PACKAGES,
	ENCL_LAYER_ARCHIVE,
	ENCL_LAYER_DIRECTORY,
	ENCL_LAYER_FILE,
	ENCL_LAYER_REMOVE
};

/* One apt source.  Nothing given: the machine's apt configuration. */
struct encl_apt_source {
	struct encl_pos pos;
	const char *mirror; /* URL, or NULL: the machine's apt sources for the suite */
	const char *suite;
	struct encl_strings components; /* default main */
	const char *keyring;	/* path, or NULL: the distribution's default keyring */
	bool check_valid_until; /* default true */
};

enum encl_essential { ENCL_ESSENTIAL_NONE, ENCL_ESSENTIAL_ALL };

struct encl_layer_packages {
	const char *distribution;	 /* "debian" */
	struct encl_apt_source *sources; /* from suite/mirror/… and `sources:`; >= 1 */
	size_t n_sources;
	struct encl_apt_source single;	/* as written without `sources:`; read sources */
	struct encl_strings install;	/* name, name=version, name/suite */
	struct encl_strings exclude;	/* never installed: assumed present */
	struct encl_strings prefer;	/* among providers of a virtual package */
	enum encl_essential essential;	/* default none */
	struct encl_pairs alternatives; /* e.g. iptables: legacy */
	bool docs; /* keep /usr/share/{doc,man,info,locale,lintian}; default true */
	bool dpkg_status; /* write /var/lib/dpkg/status; default true */
};

struct encl_layer {
	enum encl_layer_kind kind;
	struct encl_pos pos;
	/* image: "oci:DIR[:TAG|@DIGEST]", "oci-archive:FILE[:TAG]",
	 * "docker-archive:FILE[:REF]" */
	const char *image;
	struct encl_layer_packages packages;
	/* archive and directory: path in, `at` is where it lands ("/" default) */
	const char *path; /* archive, directory: source; file: place in the image */
	const char *at;
	unsigned strip_components; /* archive */
	const char *sha256;	   /* archive, file: expected digest (64 hex) or NULL */
	/* file */
	const char *content; /* NULL where source is used */
	const char *source;  /* NULL where content is used */
	uint32_t mode;	     /* file: default 0644; (uint32_t)-1 = not given */
	/* file, archive, directory: "uid:gid" or names resolved in the image; NULL = not
	 * given */
	const char *owner;
	struct encl_strings remove; /* remove: globs, absolute */
};

enum encl_kernel_kind { ENCL_KERNEL_BLOBS, ENCL_KERNEL_FILES, ENCL_KERNEL_PACKAGE };

struct encl_kernel {
	enum encl_kernel_kind kind;
	struct encl_pos pos;
	const char *blobs;	       /* folder */
	const char *image;	       /* files */
	const char *config;	       /* files */
	const char *modules;	       /* files: folder or NULL */
	const char *package;	       /* package name */
	struct encl_apt_source source; /* package */
	struct encl_strings
		extra_modules; /* further module names; their closure comes along */
};

enum encl_init_kind { ENCL_INIT_BUILTIN, ENCL_INIT_AWS, ENCL_INIT_PATH };
enum encl_compression {
	ENCL_COMPRESS_NONE,
	ENCL_COMPRESS_GZIP,
	ENCL_COMPRESS_ZSTD,
	ENCL_COMPRESS_LZ4,
	ENCL_COMPRESS_XZ
};

/* "none", "gzip", … */
const char *encl_compression_name(enum encl_compression c);

/* How the root file system travels in the app ramdisk. */
enum encl_root_format { ENCL_ROOT_CPIO, ENCL_ROOT_SQUASHFS };

struct encl_boot {
	struct encl_kernel kernel;
	const char *cmdline; /* NULL: default */
	enum encl_init_kind init;
	const char *init_path; /* ENCL_INIT_PATH */
	enum encl_root_format format;
	enum encl_compression compression;
	int level;	       /* -1: the format's default */
	uint64_t writable_mib; /* squashfs: of the layer over it; 0: half of memory */
	struct encl_pos pos_init;
	struct encl_pos pos_ramdisk;
	struct encl_pos pos_cmdline;
};

struct encl_app {
	struct encl_pos pos;
	bool given;
	struct encl_strings command; /* n == 0: from the image's config */
	bool has_command;
	struct encl_pairs env;
	const char *workdir; /* NULL: from the image */
	const char *user;    /* NULL: from the image */
};

/* ---- services and containers: one supervisor (docs/6-services.md) ---- */

enum encl_restart {
	ENCL_RESTART_NO,
	ENCL_RESTART_ON_FAILURE, /* a code other than 0, or a signal */
	ENCL_RESTART_ALWAYS
};

enum encl_condition {
	ENCL_STARTED,  /* its process runs */
	ENCL_HEALTHY,  /* its health check passed (without one: as started; "docker": the
			  daemon answers) */
	ENCL_COMPLETED /* it ended with code 0 */
};

/* dependsOn: {NAME: started|healthy|completed} */
struct encl_dependency {
	const char *name;
	enum encl_condition condition;
};

enum encl_health_kind {
	ENCL_HEALTH_NONE,
	ENCL_HEALTH_COMMAND, /* exit code 0 */
	ENCL_HEALTH_TCP,     /* 127.0.0.1:port accepts */
	ENCL_HEALTH_HTTP     /* GET answers 200 to 399 */
};

struct encl_health {
	struct encl_pos pos;
	enum encl_health_kind kind;
	struct encl_strings command;
	bool shell; /* compose CMD-SHELL: command.v[0] goes to /bin/sh -c */
	unsigned port;
	const char *path; /* http: "/…" */
	/* defaults: interval 5000, timeout 3000, retries 3, start period 0 */
	uint64_t interval_ms, timeout_ms, start_period_ms;
	unsigned retries;
};

/* 0: not limited.  cgroup v2 for services, HostConfig for containers. */
struct encl_limits {
	uint64_t memory_mib;
	uint64_t cpu_milli; /* 1500 is one CPU and a half */
	uint64_t pids;
	uint64_t nofile; /* services: RLIMIT_NOFILE, soft and hard */
};

/* What services and containers have in common. */
struct encl_unit {
	struct encl_pos pos;
	const char *name; /* unique among services, containers, "docker" and "app" */
	struct encl_dependency *depends;
	size_t n_depends;
	enum encl_restart restart;
	unsigned restart_max; /* restarts before it is given up; 0: no limit */
	bool critical;	      /* its final end ends the enclave with its code */
	struct encl_health health;
	const char *stop_signal;  /* "SIGTERM"; NULL: the image's, or SIGTERM */
	uint64_t stop_timeout_ms; /* default 10000; then SIGKILL */
	struct encl_limits limits;
};

struct encl_service {
	struct encl_unit unit;
	struct encl_strings command; /* >= 1 */
	struct encl_pairs env;
	const char *workdir; /* NULL: / */
	const char *user;    /* NULL: root */
};

/* network.ingress: parent connects to vsock, relayed to 127.0.0.1:tcp. */
struct encl_ingress {
	struct encl_pos pos;
	const char *name;
	unsigned vsock;
	unsigned tcp;
};

/* network.egress.allow: where connections out of the enclave may go. */
struct encl_allow {
	struct encl_pos pos;
	const char *host; /* name, "*" within a label; NULL: cidr */
	const char *cidr;
	struct encl_strings ports; /* "443", "8000-8010"; >= 1 */
};

/* network.egress: a proxy in the enclave, the one way out of it. */
struct encl_outgoing {
	struct encl_pos pos;
	bool given;
	unsigned proxy_port;
	struct encl_allow *allow; /* none: nothing is allowed */
	size_t n_allow;
};

/* exchange: a host folder seen at a path of the enclave, over vsock.  Its
 * content is not measured. */
struct encl_exchange {
	struct encl_pos pos;
	const char *name;
	const char *path;  /* absolute, in the enclave; made, owned by root */
	unsigned vsock;	   /* the enclave listens there */
	unsigned writable; /* 1: changes made inside go back to the host */
	uint64_t max_mib;  /* of all files together; default 64 */
};

/* deploy.ports: a port of the parent for a name of network.ingress. */
struct encl_port {
	struct encl_pos pos;
	const char *ingress;
	unsigned port;
};

/* ---- deploy: how the parent runs it; never measured ---- */

enum encl_supervisor {
	ENCL_SUPERVISOR_AUTO, /* systemd where it runs, else none */
	ENCL_SUPERVISOR_SYSTEMD,
	ENCL_SUPERVISOR_NONE /* a process of its own; nobody starts it again */
};
enum encl_gate_until {
	ENCL_GATE_READY,    /* all units run, and are healthy where they have a check */
	ENCL_GATE_HEARTBEAT /* its init came up: images without a status channel */
};
enum encl_gate_attestation {
	ENCL_ATTESTATION_AUTO, /* where there is a Nitro Secure Module */
	ENCL_ATTESTATION_REQUIRED
};

struct encl_gate {
	enum encl_gate_until until;
	enum encl_gate_attestation attestation;
	unsigned timeout_s; /* default 180 */
};

enum encl_target_kind {
	ENCL_TARGET_LOCAL,
	ENCL_TARGET_SSH,
	ENCL_TARGET_EC2,
	ENCL_TARGET_KUBERNETES
};

struct encl_target_ssh {
	const char *host;
	const char *user;     /* NULL: ssh's own choice */
	const char *identity; /* path, or NULL */
	unsigned port;	      /* 0: ssh's own choice */
};

/* What `aws ec2 run-instances` is told; NULL: left to the reader of the command. */
struct encl_target_ec2 {
	const char *region, *ami, *instance_type, *key_name, *subnet, *profile;
	struct encl_strings security_groups;
	const char *tool_url; /* the instance fetches the tool there */
	const char *tool_sha256;
};

enum encl_huge_pages { ENCL_HUGE_PAGES_2M, ENCL_HUGE_PAGES_1G };

struct encl_target_kubernetes {
	const char *namespace_name;
	const char *tool_image; /* a container image with enclavebuild in it */
	const char *pull_secret;
	unsigned replicas;
	enum encl_huge_pages huge_pages;
};

struct encl_target {
	struct encl_pos pos;
	const char *name;
	enum encl_target_kind kind;
	struct encl_target_ssh ssh;
	struct encl_target_ec2 ec2;
	struct encl_target_kubernetes kubernetes;
};

struct encl_deploy {
	const char *image; /* reference in a registry; NULL: the file that build made */
	enum encl_restart restart;
	unsigned stop_timeout_s; /* default 30 */
	enum encl_supervisor supervisor;
	struct encl_gate gate;
	struct encl_target *targets;
	size_t n_targets;
};

/* ---- docker ---- */

enum encl_docker_engine_kind { ENCL_DOCKER_PACKAGES, ENCL_DOCKER_ARCHIVE };

struct encl_docker_engine {
	struct encl_pos pos;
	enum encl_docker_engine_kind kind;
	/* Both are ordinary layers, put below rootfs' own; the archive is the static
	 * one of Docker (docker/dockerd, …), its programs land in /usr/bin. */
	struct encl_layer layer;
	bool cli;	       /* keep docker and ctr; default false */
	struct encl_pairs env; /* further variables for dockerd */
};

/* One preloaded image: from a source, or made here of layers. */
struct encl_docker_image {
	struct encl_pos pos;
	const char *name; /* "memcached:1.6" (":latest" filled in); NULL: the source's own
			     names */
	const char *image; /* as encl_layer.image; NULL: made of layers */
	struct encl_layer *layers;
	size_t n_layers;
	/* made of layers: what its config says */
	struct encl_strings entrypoint, command;
	struct encl_pairs env;
	const char *workdir, *user, *stop_signal;
};

enum encl_mount_kind { ENCL_MOUNT_BIND, ENCL_MOUNT_VOLUME, ENCL_MOUNT_TMPFS };

struct encl_mount {
	enum encl_mount_kind kind; /* from `volumes` and then from `tmpfs` */
	const char *source; /* bind: folder of the enclave; volume: name, "" anonymous */
	const char *target;
	bool readonly;
	uint64_t size_mib; /* tmpfs; 0: no limit of its own */
};

struct encl_publish {
	unsigned host; /* in the enclave */
	unsigned container;
	bool udp;
	const char *address; /* or NULL: every address of the enclave */
};

struct encl_container {
	struct encl_unit unit;
	struct encl_pos image_pos;
	const struct encl_yaml_node *service; /* of the Compose file, or NULL */
	/* As encl_image_name gives it, or one that ends in "sha256:…", the image's ID. */
	const char *image;
	size_t image_index; /* of docker.images; encl_docker_match_images sets it */
	struct encl_strings command, entrypoint;
	bool has_command, has_entrypoint;
	struct encl_pairs env;
	struct encl_publish *ports;
	size_t n_ports;
	struct encl_mount *mounts;
	size_t n_mounts;
	/* What ports and mounts were made of, in the canonical spelling. */
	struct encl_strings publish, volumes, tmpfs;
	const char *workdir, *user, *hostname;
	struct encl_strings aliases; /* further names on the containers' network */
	struct encl_strings cap_add, cap_drop;	      /* "NET_ADMIN", "ALL" */
	bool has_network;			      /* network was given */
	bool readonly, host_network, init, no_health; /* no_health: the image's is off */
	struct encl_pairs hosts;		      /* extra_hosts: name -> address */
	struct encl_pairs ulimits;		      /* name -> "SOFT:HARD" */
	struct encl_pairs labels;
	struct encl_strings groups;  /* group_add */
	struct encl_strings devices; /* "/dev/nsm[:/dev/other[:rwm]]" */
	bool privileged;
};

enum encl_docker_driver { ENCL_DRIVER_AUTO, ENCL_DRIVER_OVERLAY2, ENCL_DRIVER_VFS };
enum encl_docker_preload { ENCL_PRELOAD_AUTO, ENCL_PRELOAD_LAYERS, ENCL_PRELOAD_ARCHIVE };

struct encl_docker {
	struct encl_pos pos;
	bool given;
	struct encl_docker_engine engine;
	struct encl_docker_image *images;
	size_t n_images;
	struct encl_container *containers; /* from `containers` or from `compose` */
	size_t n_containers;
	const char *compose; /* path or NULL */
	struct encl_pos compose_pos;
	bool host_network; /* network: host */
	enum encl_docker_driver driver;
	enum encl_docker_preload preload;
	uint64_t storage_mib; /* 0: auto */
	unsigned restart_max; /* of the daemon; default 0: its death ends the enclave */
	uint64_t start_timeout_ms; /* default 60000 */
};

/* ---- attestation: by the Nitro Secure Module ---- */

enum { ENCL_EXTEND_FIRST = 16, ENCL_EXTEND_LAST = 31 }; /* registers of the user's */

enum encl_extend_kind {
	ENCL_EXTEND_MANIFEST, /* the manifest's digest, as measurements.json has it */
	ENCL_EXTEND_FILE,     /* the content of a file of the image */
	ENCL_EXTEND_VALUE
};

/* attestation.extend: PCR = SHA384(PCR || SHA384(content)), in this order. */
struct encl_extend {
	struct encl_pos pos;
	unsigned pcr;
	enum encl_extend_kind with;
	const char *path;  /* file: in the image */
	const char *value; /* text, or "hex:" and digits */
};

struct encl_attesting_api {
	struct encl_pos pos;
	bool given;
	unsigned port;
};

struct encl_attesting {
	struct encl_pos pos;
	bool given;
	struct encl_attesting_api api;
	struct encl_extend *extend;
	size_t n_extend;
	struct encl_strings lock; /* "16"; after all extensions */
};

struct encl_debug {
	struct encl_pos pos;
	bool given;
	bool exec; /* the parent may run programs in the enclave */
};

struct encl_sign {
	struct encl_pos pos;
	bool given;
	const char *certificate;
	/* One of: a file, a key's ARN in KMS, a URI of a token; or none of them is
	 * asked here, and the image stays unsigned under another name. */
	const char *key;
	const char *kms;
	const char *pkcs11;
	bool detached;
};

struct encl_resources {
	uint64_t memory_mib; /* 0: auto */
	struct encl_pos pos_memory;
	unsigned cpus; /* default 2 */
};

struct encl_expect {
	struct encl_pos pos;
	const char *pcr0; /* 96 lower-case hex digits or NULL */
	const char *pcr1;
	const char *pcr2;
	const char *pcr8;
};

struct encl_manifest {
	const char *file;   /* name as given, for messages */
	const char *folder; /* what relative paths are relative to; "." or a path */
	const char *name;
	const char *version;
	enum encl_arch arch;
	uint64_t source_date_epoch;
	struct encl_layer *layers;
	size_t n_layers;
	struct encl_boot boot;
	struct encl_app app;
	struct encl_service *services;
	size_t n_services;
	struct encl_docker docker;
	struct encl_ingress *ingress;
	size_t n_ingress;
	struct encl_outgoing egress; /* network.egress */
	struct encl_exchange *exchanges;
	size_t n_exchanges;
	struct encl_port *ports; /* deploy.ports */
	size_t n_ports;
	struct encl_deploy deploy;	 /* all of it but ports */
	struct encl_pairs hosts;	 /* network.hosts: name -> address */
	struct encl_strings nameservers; /* network.nameservers */
	struct encl_debug debug;
	struct encl_attesting attestation;
	struct encl_sign sign;
	struct encl_resources resources;
	struct encl_expect expect;
	struct encl_arena *arena;
};

/* What debug.exec means, for whoever builds the image; NULL where it is not set. */
const char *encl_manifest_debug_warning(const struct encl_manifest *m);

/* One thing that is wrong; line 0 means the file as a whole. */
struct encl_problem {
	struct encl_pos pos;
	char *file;    /* the Compose file, pos.file is it; NULL: the manifest */
	char *path;    /* of the key, such as rootfs[1].archive.at, or "" */
	char *message; /* without position and path */
	size_t order;
};

enum { ENCL_PROBLEMS_MAX = 100 };

/* The problems in the file's order (those of a Compose file last); each is one line
 * without newline. */
struct encl_problems {
	char **v;		      /* "FILE:LINE:COLUMN: PATH: MESSAGE" */
	size_t n;		      /* at most ENCL_PROBLEMS_MAX */
	size_t total;		      /* how many there are */
	struct encl_problem *details; /* the same ones in parts */
};
void encl_problems_clear(struct encl_problems *p);
ENCL_AUTO_VAL(struct encl_problems, encl_problems_clear);

/*
 * Reads and checks a manifest ("-" is stdin).  On failure all problems are in
 * *problems (never NULL, zeroed by the caller) as "FILE:LINE:COLUMN: key: …"
 * and *e is ENCL_USAGE with the first one (", and N more").  The manifest is
 * released with encl_manifest_free.
 */
int encl_manifest_read(const char *file, struct encl_manifest **out,
		       struct encl_problems *problems,
		       struct encl_err *e) ENCL_MUST_CHECK;
/* The same from memory; file and folder as in struct encl_manifest. */
int encl_manifest_parse(const char *text, size_t n, const char *file, const char *folder,
			struct encl_manifest **out, struct encl_problems *problems,
			struct encl_err *e) ENCL_MUST_CHECK;
void encl_manifest_free(struct encl_manifest *m);
ENCL_AUTO_PTR(struct encl_manifest, encl_manifest_free);

/* A path of the manifest as this process opens it (malloc'ed): absolute as it
 * is, relative below m->folder. */
char *encl_manifest_path(const struct encl_manifest *m, const char *path);

/*
 * The name that Docker knows an image by: "docker.io/library/redis" is
 * "redis:latest" (malloc'ed).  A name with a digest keeps it and has no tag.
 */
char *encl_image_name(const char *reference);

/*
 * The path of a container's key as its file has it (malloc'ed):
 * "docker.containers[1].ports[0]" or "services.web.ports[0]".  NULL is the
 * container itself.
 */
char *encl_container_path(const struct encl_manifest *m, size_t i, const char *key);

/*
 * The i-th variable (of ENCL_PROXY_VARIABLES) that tells a program of the proxy
 * of network.egress, at that address: "HTTP_PROXY=http://…" (malloc'ed).  NULL
 * without network.egress, or where `given` sets it itself, in whatever case.
 */
enum { ENCL_PROXY_VARIABLES = 6 };
char *encl_manifest_proxy_variable(const struct encl_manifest *m, const char *address,
				   const struct encl_pairs *given, size_t i);

/* "FILE:LINE:COLUMN: " for an error that a later stage finds (malloc'ed). */
char *encl_manifest_at(const struct encl_manifest *m, struct encl_pos pos);

/*
 * The canonical form: every key in schema order with its default filled in,
 * without sign, resources and expect.  New reference.  The parts that the lock
 * compares are its top-level members and the elements of "rootfs".
 */
json_t *encl_manifest_canonical(const struct encl_manifest *m);

#endif
