/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on a host: this one, or another one by OpenSSH's ssh. */
#ifndef ENCL_CMD_TRANSPORT_H
#define ENCL_CMD_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "manifest/manifest.h"

struct transport {
	const struct encl_target *target; /* LOCAL or SSH */
	const char *ssh_config;		  /* file, or NULL: ssh's own */
	bool sudo;			  /* commands of transport_root go by sudo */
};

/* Words that run a shell's command there, NULL at the end (each and the list
 * malloc'ed). */
char **transport_argv(const struct transport *t, const char *command);
void transport_argv_free(char **argv);
ENCL_AUTO_PTR(char *, transport_argv_free);

/* "sudo -n " or nothing before it (malloc'ed). */
char *transport_root(const struct transport *t, const char *command);

/*
 * Runs it with input (or input_fd, where that is not 0) as its stdin; what it prints
 * on stdout goes to out, its stderr is ours.  *status is its exit code.
 * ENCL_NETWORK: ssh did not come through.
 */
int transport_run(const struct transport *t, const char *command, const char *input,
		  int input_fd, struct encl_buf *out, int *status,
		  struct encl_err *e) ENCL_MUST_CHECK;

/* "ssh://[USER@]HOST[:PORT]" into a target; its strings point into text, which is cut
 * up.  ENCL_USAGE. */
int transport_parse(char *text, struct encl_target *out,
		    struct encl_err *e) ENCL_MUST_CHECK;

/*
 * What --target means: "local", a name of the manifest's list, or ssh://….  Without
 * text: the only one of the list, or local where it is empty.  own holds strings.
 */
int transport_choose(const char *text, const struct encl_manifest *m,
		     struct encl_target *out, char **own,
		     struct encl_err *e) ENCL_MUST_CHECK;

/* "local", "ssh://host" (malloc'ed): for messages. */
char *transport_name(const struct encl_target *t);

#endif
