/* SPDX-License-Identifier: Apache-2.0 */
#include "sources/local.h"
int
encl_archive_lock(const struct encl_local *l, json_t **pin, struct encl_err *e)
{
	(void)l;
	(void)pin;
	return encl_fail(e, ENCL_FAILED, "archive: not there yet");
}
int
encl_archive_emit(const struct encl_local *l, struct encl_err *e)
{
	(void)l;
	return encl_fail(e, ENCL_FAILED, "archive: not there yet");
}
