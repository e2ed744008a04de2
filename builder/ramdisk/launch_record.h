/* SPDX-License-Identifier: Apache-2.0 */
/* What launch_config.c and launch_unit.c share. */
#ifndef ENCL_RAMDISK_LAUNCH_RECORD_H
#define ENCL_RAMDISK_LAUNCH_RECORD_H

#include "ramdisk/launch_config.h"

/* "KEY LENGTH\n", the value, "\n". */
void encl_launch_record(struct encl_buf *out, const char *key, const char *value);

/* ENCL_USAGE: WHAT "value" WHY, the value escaped and cut. */
int encl_launch_refuse(struct encl_err *e, const char *what, const char *value,
		       const char *why);

/* The records of one unit; failures as encl_launch_config_write. */
int encl_launch_unit_write(const struct encl_launch_unit *u, struct encl_buf *out,
			   struct encl_err *e) ENCL_MUST_CHECK;

#endif
