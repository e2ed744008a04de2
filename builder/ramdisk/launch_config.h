/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file /.enclave/config of an image, which cmd/launch reads
 * (docs/guest.md): what to start, as whom, where.  Its values are
 * length-prefixed, so they may hold everything but NUL.
 */
#ifndef ENCL_RAMDISK_LAUNCH_CONFIG_H
#define ENCL_RAMDISK_LAUNCH_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "manifest/manifest.h"

/* Where the two live in the image. */
#define ENCL_LAUNCH_PROGRAM "/.enclave/launch"
#define ENCL_LAUNCH_CONFIG  "/.enclave/config"

/* 1 MiB: what exceeds it could not be started, an argument list and an
 * environment together have 2 MiB at most. */
enum { ENCL_LAUNCH_CONFIG_MAX = 1 << 20, ENCL_LAUNCH_MAX_GROUPS = 65536 };

struct encl_launch_config {
	struct encl_strings argv; /* >= 1; the program is looked up in env's PATH */
	struct encl_strings env;  /* NAME=value; a later one of a name replaces it */
	const char *workdir;	  /* absolute; NULL or "": / */
	uint32_t uid, gid;
	const uint32_t *groups; /* supplementary */
	size_t n_groups;
	const char *hostname;	 /* NULL or "": launch's default */
	const char *home;	 /* HOME where env has none; NULL: / */
	struct encl_pairs hosts; /* name(s) -> address */
	struct encl_strings nameservers;
};

/*
 * Appends the file to out.  ENCL_USAGE where a value cannot be what it is for
 * (no command, no NAME= in a variable, a relative folder, a host name with a
 * space, an address that is none, …), naming the value.
 */
int encl_launch_config_write(const struct encl_launch_config *c, struct encl_buf *out,
			     struct encl_err *e) ENCL_MUST_CHECK;

/*
 * AWS's /cmd and /env have one item a line: ENCL_USAGE, naming it, where one
 * has a newline.  what is "app.command" or "app.env".
 */
int encl_launch_check_lines(const struct encl_strings *items, const char *what,
			    struct encl_err *e) ENCL_MUST_CHECK;

#endif
