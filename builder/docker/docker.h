/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Docker engine inside an enclave: what the kernel allows of it, the
 * images that are measured with it, the requests that launch sends to it.
 * docs/7-docker.md.
 */
#ifndef ENCL_DOCKER_DOCKER_H
#define ENCL_DOCKER_DOCKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/env.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "rootfs/tree.h"
#include "sources/source.h"

/* ---- settings.c: the kernel's configuration to the daemon's ---- */

#define ENCL_DOCKER_DATA_ROOT "/var/lib/docker"
#define ENCL_DOCKER_SOCKET    "/run/docker.sock"
#define ENCL_DOCKER_NETWORK   "enclave" /* the containers' bridge */

/* The networks of docker0 and of ENCL_DOCKER_NETWORK are fixed: what is behind
 * them can be named in rules before the daemon runs. */
#define ENCL_DOCKER_BIP_GATEWAY "172.17.0.1"
#define ENCL_DOCKER_GATEWAY	"172.18.0.1"

enum encl_docker_iptables { ENCL_IPTABLES_NFT, ENCL_IPTABLES_LEGACY, ENCL_IPTABLES_NONE };

/* "nft", "legacy" or "none"; the first two are what the alternatives iptables
 * and ip6tables of the engine's packages must be. */
const char *encl_docker_iptables_name(enum encl_docker_iptables i);

/* One choice, for `plan` and the docs. */
struct encl_docker_choice {
	const char *setting; /* "storage driver" */
	const char *value;   /* "overlay2" */
	const char *reason;  /* "OVERLAY_FS=m, …" */
};

struct encl_docker_settings {
	bool overlay2; /* else vfs */
	bool layers;   /* images preloaded as layers, else by an archive */
	enum encl_docker_iptables iptables;
	bool bridge;	      /* else host network only */
	bool no_raw;	      /* DOCKER_INSECURE_NO_IPTABLES_RAW=1 */
	uint64_t storage_mib; /* of the tmpfs on the data root */
	json_t *daemon;	      /* /etc/docker/daemon.json */
	struct encl_docker_choice *choices;
	size_t n_choices;
	struct encl_arena *arena; /* owns the texts */
};
void encl_docker_settings_clear(struct encl_docker_settings *s);
ENCL_AUTO_VAL(struct encl_docker_settings, encl_docker_settings_clear);

/*
 * config: text of the kernel's configuration.  image_bytes: what the preloaded
 * images hold in all (for storage_mib).  ENCL_USAGE naming the option where the
 * kernel cannot do what m->docker asks.
 */
int encl_docker_settings(const struct encl_manifest *m, const char *config,
			 uint64_t image_bytes, struct encl_docker_settings *out,
			 struct encl_err *e) ENCL_MUST_CHECK;

/* ---- image.c, store.c: images by digest into the image ---- */

/* One preloaded image as the daemon will know it. */
struct encl_docker_loaded {
	const char *id;	    /* "sha256:…" of its config */
	const char **names; /* "memcached:1.6", … */
	size_t n_names;
	bool has_health;  /* its config has a health check */
	bool has_command; /* … arguments or a program (Cmd) */
	bool has_entrypoint;
	const char *stop_signal; /* of its config, or NULL */
	uint64_t bytes;		 /* of its layers, unpacked */
};
struct encl_docker_images {
	struct encl_docker_loaded *v; /* one for each of m->docker.images */
	size_t n;
	uint64_t bytes; /* all layers once, unpacked */
	struct encl_arena *arena;
};
void encl_docker_images_clear(struct encl_docker_images *i);
ENCL_AUTO_VAL(struct encl_docker_images, encl_docker_images_clear);

#define ENCL_DOCKER_STORE	 "/.enclave/docker/store"
#define ENCL_DOCKER_LAYERS	 "/.enclave/docker/layers"
#define ENCL_DOCKER_ARCHIVE_PATH "/.enclave/docker/images.tar"

/*
 * Pin of one image: from a source as encl_image_lock's plus its config's
 * digest (the ID); made of layers: {"layers": [pins]}.
 */
int encl_docker_image_lock(struct encl_env *env, const struct encl_manifest *m,
			   const struct encl_docker_image *image, const json_t *old_pin,
			   json_t **pin, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Opens the images that pins name and puts them into the tree: with layers, a
 * part of a data root (overlay2) at ENCL_DOCKER_STORE whose layers lie at
 * ENCL_DOCKER_LAYERS; else one docker-archive at ENCL_DOCKER_ARCHIVE_PATH.
 * What blobs they need lives as long as the tree.
 */
int encl_docker_install_images(struct encl_env *env, const struct encl_manifest *m,
			       const json_t *pins, bool layers, struct encl_tree *tree,
			       struct encl_docker_images *out,
			       struct encl_err *e) ENCL_MUST_CHECK;

/* ---- match.c ---- */

/*
 * Sets image_index of every container; ENCL_USAGE, naming it, where one's image
 * is none of the loaded ones (a reference with a digest means the image's ID),
 * where nothing says what one runs, and where a unit waits for the health of one
 * that has no check.
 */
int encl_docker_match_images(const struct encl_manifest *m,
			     const struct encl_docker_images *loaded,
			     struct encl_err *e) ENCL_MUST_CHECK;

/* ---- container.c: requests ---- */

/* Body of POST /containers/create (API 1.40); malloc'ed JSON, keys sorted. */
char *encl_docker_create(const struct encl_manifest *m, const struct encl_container *c,
			 const struct encl_docker_loaded *image,
			 const struct encl_docker_settings *s);

/* Body of POST /networks/create for ENCL_DOCKER_NETWORK; NULL without bridge. */
char *encl_docker_network(const struct encl_docker_settings *s);

#endif
