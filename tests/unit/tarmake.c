/* SPDX-License-Identifier: Apache-2.0 */
#include "tarmake.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static void
put_number(uint8_t *field, size_t width, int64_t v)
{
	if (v >= 0 && (uint64_t)v < UINT64_C(1) << (3 * (width - 1))) {
		for (size_t i = width - 1; i-- > 0; v >>= 3)
			field[i] = (uint8_t)('0' + (v & 7));
		return;
	}
	for (size_t i = width; i-- > 0; v >>= 8)
		field[i] = (uint8_t)v;
	field[0] |= 0x80;
}

void
tar_sum(struct encl_buf *b, size_t at)
{
	uint8_t *h = b->data + at;
	unsigned sum = 0;
	char text[16];

	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	snprintf(text, sizeof text, "%06o", sum);
	memcpy(h + 148, text, 7);
}

static void
pad(struct encl_buf *b)
{
	static const uint8_t zeros[512];

	encl_buf_add(b, zeros, (512 - b->len % 512) % 512);
}

void
tar_add(struct encl_buf *b, struct tar_member m)
{
	uint8_t h[512] = {0};
	size_t at = b->len;
	uint64_t size = m.size ? m.size : m.data ? strlen(m.data) : 0;

	memcpy(h, m.name, strlen(m.name) < 100 ? strlen(m.name) : 100);
	put_number(h + 100, 8, m.mode ? m.mode : 0644);
	put_number(h + 108, 8, (int64_t)m.uid);
	put_number(h + 116, 8, (int64_t)m.gid);
	put_number(h + 124, 12, (int64_t)size);
	put_number(h + 136, 12, m.mtime);
	h[156] = (uint8_t)(m.type ? m.type : '0');
	if (m.link)
		memcpy(h + 157, m.link, strlen(m.link));
	memcpy(h + 257,
	       "ustar\0"
	       "00",
	       8);
	put_number(h + 329, 8, m.major);
	put_number(h + 337, 8, m.minor);
	encl_buf_add(b, h, sizeof h);
	tar_sum(b, at);
	if (m.data)
		encl_buf_add(b, m.data, size);
	pad(b);
}

void
tar_pax(struct encl_buf *b, const char *const *records)
{
	encl_auto(encl_buf_clear) struct encl_buf text = {.cap = 1 << 22};

	for (; *records; records++) {
		size_t n = strlen(*records) + 2; /* space, newline */
		size_t digits = 1;

		for (size_t limit = 10; n + digits >= limit; limit *= 10)
			digits++;
		encl_buf_add_fmt(&text, "%zu %s\n", n + digits, *records);
	}
	tar_add(b, (struct tar_member){.name = "PaxHeaders/x",
				       .type = 'x',
				       .data = encl_buf_text(&text)});
}

void
tar_gnu_long(struct encl_buf *b, char type, const char *text)
{
	tar_add(b, (struct tar_member){.name = "././@LongLink",
				       .type = type,
				       .data = text,
				       .size = strlen(text) + 1});
}

void
tar_end(struct encl_buf *b)
{
	static const uint8_t zeros[1024];

	encl_buf_add(b, zeros, sizeof zeros);
}
