/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of this machine that an enclave sees: a thread each (exchange.h). */
#ifndef ENCL_LAUNCH_FOLDERS_H
#define ENCL_LAUNCH_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

struct encl_folder {
	const char *name;
	const char *path; /* a folder */
	uint32_t vsock;
	bool writable; /* changes of the enclave are applied */
	uint64_t max_bytes;
};

struct encl_folders;
struct encl_wall;

/* Opens the folders, or ENCL_HOST naming one: it is not there, or it is writable and
 * another one writes there too. */
int encl_folders_open(const struct encl_folder *v, size_t n, struct encl_log *log,
		      struct encl_folders **out, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Connects through the wall, which stays as it is, and keeps them alike.  Where the
 * enclave does not listen it is tried for 30 s; what ends one is a warning.
 */
void encl_folders_start(struct encl_folders *f, const struct encl_wall *wall);

/* Ends all of it and waits for that; NULL is fine. */
void encl_folders_free(struct encl_folders *f);

#endif
