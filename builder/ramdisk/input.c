/* SPDX-License-Identifier: Apache-2.0 */
/* A range of a descriptor read forward through one buffer. */
#include <string.h>

#include "base/stream.h"
#include "ramdisk/internal.h"

uint64_t
encl_input_left(const struct encl_input *in)
{
	return in->end - in->at + (in->len - in->pos);
}

uint64_t
encl_input_offset(const struct encl_input *in)
{
	return in->at - (in->len - in->pos) - in->start;
}

int
encl_input_fill(struct encl_input *in, size_t n, struct encl_err *e)
{
	size_t have = in->len - in->pos;
	uint64_t more = in->end - in->at;

	if (have >= n || !more)
		return 0;
	memmove(in->buf, in->buf + in->pos, have);
	in->pos = 0;
	in->len = have;
	if (more > ENCL_INPUT_BUFFER - have)
		more = ENCL_INPUT_BUFFER - have;
	if (encl_pread_full(in->fd, in->buf + have, (size_t)more, in->at, "the ramdisk",
			    e))
		return -1;
	in->len += (size_t)more;
	in->at += more;
	return 0;
}

void
encl_input_skip(struct encl_input *in, uint64_t n)
{
	size_t have = in->len - in->pos;

	if (n <= have) {
		in->pos += (size_t)n;
		return;
	}
	in->at += n - have;
	in->pos = in->len = 0;
}
