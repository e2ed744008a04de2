/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's stream of a container's output, taken apart. */
#include "launch/frames.h"

/* A head that is none: then neither are the others; what came is shown. */
static void
not_framed(struct frames *f)
{
	f->raw = true;
	f->out(f->arg, 1, (const char *)f->head, f->head_n);
}

static void
head_byte(struct frames *f, unsigned char c)
{
	unsigned i = f->head_n;

	f->head[f->head_n++] = c;
	if ((i == 0 && c > 2) || (i >= 1 && i <= 3 && c)) {
		not_framed(f);
		return;
	}
	if (f->head_n < sizeof f->head)
		return;
	f->left = (uint32_t)f->head[4] << 24 | (uint32_t)f->head[5] << 16 |
		  (uint32_t)f->head[6] << 8 | f->head[7];
	if (!f->left)
		f->head_n = 0;
}

void
frames_feed(struct frames *f, const char *p, size_t n)
{
	while (n) {
		size_t take = n;

		if (!f->raw && f->head_n < sizeof f->head) {
			head_byte(f, (unsigned char)*p++);
			n--;
			continue;
		}
		if (!f->raw && take > f->left)
			take = f->left;
		f->out(f->arg, f->raw || f->head[0] != 2 ? 1 : 2, p, take);
		p += take;
		n -= take;
		if (f->raw)
			continue;
		f->left -= (uint32_t)take;
		if (!f->left)
			f->head_n = 0;
	}
}
