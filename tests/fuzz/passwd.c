/* SPDX-License-Identifier: Apache-2.0 */
/* Three parts, each up to a 0xff byte: the user asked for, passwd, group. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "rootfs/passwd.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *first = size ? memchr(data, 0xff, size) : NULL;
	size_t spec_len = first ? (size_t)(first - data) : size;
	const uint8_t *rest = first ? first + 1 : data + size;
	size_t rest_len = size - (size_t)(rest - data);
	const uint8_t *second = rest_len ? memchr(rest, 0xff, rest_len) : NULL;
	encl_auto(encl_free) char *spec = encl_xstrndup((const char *)data, spec_len);
	encl_auto(encl_user_clear) struct encl_user u = {0};
	struct encl_passwd files = {(const char *)rest, rest_len, NULL, 0};
	struct encl_err e;

	if (second) {
		files.passwd_len = (size_t)(second - rest);
		files.group = (const char *)second + 1;
		files.group_len = rest_len - files.passwd_len - 1;
	}
	if (encl_passwd_lookup(&files, spec, &u, &e) == 0 && !u.n_groups)
		abort(); /* the primary group is always among them */
	return 0;
}
