/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image and where it is to run into the files that make it so: unit, scripts,
 * user-data, Kubernetes' objects (docs/8-launch-deploy.md).
 */
#ifndef ENCL_LAUNCH_DEPLOY_H
#define ENCL_LAUNCH_DEPLOY_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "launch/publish.h"
#include "manifest/manifest.h"

/* Where the tool is on hosts that are deployed to. */
#define ENCL_DEPLOY_TOOL "/usr/local/bin/enclavebuild"
/* Its folder there: images in NAME/, what was sent besides. */
#define ENCL_DEPLOY_FOLDER "/var/lib/enclavebuild"

enum {
	ENCL_DEPLOY_NAME = 40, /* bytes, as encl_state_name_ok */
	ENCL_DEPLOY_FILES = 4,
	ENCL_DEPLOY_START_S = 600, /* for what comes before the gate's time */
	ENCL_USER_DATA_MAX = 16384 /* bytes, EC2's limit */
};

struct encl_deployment {
	const char *name;
	const char *reference; /* with a digest, or NULL: the image is sent */
	const char *sha256;    /* of the image, hex */
	const char *pcr0;      /* hex */
	enum encl_arch arch;
	uint64_t memory_mib;
	unsigned cpus;
	const struct encl_way *ways;
	size_t n_ways;
	const struct encl_deploy *settings;
	const struct encl_target *target;
	const char *tool;	 /* path on the host */
	const char *tool_sha256; /* of what was sent to become it, or NULL */
};

struct encl_deploy_file {
	char *name; /* of the file that --output writes */
	char *path; /* on the target; NULL: it has none */
	char *text;
	unsigned mode;
};

struct encl_deploy_files {
	struct encl_deploy_file v[ENCL_DEPLOY_FILES];
	size_t n;
};
void encl_deploy_files_clear(struct encl_deploy_files *f);
ENCL_AUTO_VAL(struct encl_deploy_files, encl_deploy_files_clear);

/* What a manifest without `deploy` means. */
void encl_deploy_defaults(struct encl_deploy *out);

/*
 * The files for d->target: for a host the unit, what starts it without systemd, and
 * last the script that does it all; user-data, or Kubernetes' objects.
 * ENCL_USAGE: something cannot be had there.
 */
int encl_deploy_render(const struct encl_deployment *d, struct encl_deploy_files *out,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* The name of Kubernetes' objects for it (malloc'ed). */
char *encl_deploy_kube_name(const char *name);

#endif
