/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `deploy` share. */
#ifndef ENCL_CMD_DEPLOY_H
#define ENCL_CMD_DEPLOY_H

#include <jansson.h>

#include "cmd.h"
#include "eif/eif.h"
#include "launch/deploy.h"
#include "manifests.h"
#include "sign/image.h"
#include "transport.h"
#include "ways.h"

/* What is deployed, and where to. */
struct subject {
	struct encl_manifest *m; /* or NULL */
	struct encl_eif eif;
	json_t *measurements; /* or NULL */
	struct ways ways;
	struct encl_deploy settings;
	struct encl_target target;
	char *own;	 /* strings of target */
	char *name;	 /* of the enclave */
	char *path;	 /* of the image's file, or NULL */
	char *reference; /* with the image's digest, or NULL */
	char *identity;	 /* path of the key as this process opens it */
	char sha256[65];
	char pcr0[97];
	struct encl_deployment d;
};
void subject_init(struct subject *s);
void subject_clear(struct subject *s);
ENCL_AUTO_VAL(struct subject, subject_clear);

/* The options are those of `deploy`. */
int subject_read(struct cli *cli, const struct args *args, struct subject *out,
		 struct encl_err *e) ENCL_MUST_CHECK;

/* One of the words, or ENCL_USAGE; *out stays where the option is not given. */
int deploy_choose(const struct args *args, const char *name, const char *const *words,
		  unsigned *out, struct encl_err *e) ENCL_MUST_CHECK;

/* On this host the program that runs is the tool. */
int deploy_own_tool(const struct args *args, struct subject *s,
		    struct encl_err *e) ENCL_MUST_CHECK;

/* A list of commands, each a list of words (new reference). */
json_t *deploy_host_commands(const struct args *args, const struct subject *s);
json_t *deploy_cluster_commands(const struct subject *s, const char *folder);

/* *result: "deployed", "unchanged"; also where it fails: "restored", "removed",
 * "lost", or NULL. */
int deploy_host(struct cli *cli, const struct args *args, struct subject *s,
		const char **result, struct encl_err *e) ENCL_MUST_CHECK;
int deploy_kubernetes(struct cli *cli, const struct subject *s,
		      const struct encl_deploy_files *files, const char **result,
		      struct encl_err *e) ENCL_MUST_CHECK;

#endif
