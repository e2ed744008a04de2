/* SPDX-License-Identifier: Apache-2.0 */
/*
 * newc (070701): every header byte assigned.  A header is 6 bytes of magic and
 * 13 fields of 8 hex digits: ino mode uid gid nlink mtime filesize devmajor
 * devminor rdevmajor rdevminor namesize check; then the name with its NUL,
 * padded to 4, then the body, padded to 4.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "ramdisk/internal.h"

enum { N_FIELDS = 13 };

static const struct {
	const char *digits;
	uint32_t dev_major, dev_minor;
	uint64_t block;
} styles[] = {
	[ENCL_CPIO_OURS] = {"0123456789ABCDEF", 0, 0, 4096},
	[ENCL_CPIO_LINUXKIT] = {"0123456789abcdef", 3, 1, 512},
};

static uint8_t *
put_hex(uint8_t *p, const char *digits, uint32_t v)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		*p++ = (uint8_t)digits[v >> shift & 15];
	return p;
}

static uint8_t *
put_bytes(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

size_t
encl_cpio_head(enum encl_cpio_style style, const struct encl_cpio_item *item,
	       uint8_t out[ENCL_CPIO_HEAD_MAX])
{
	size_t n_name = strlen(item->path) + 1;
	size_t end = (size_t)encl_align_up(ENCL_CPIO_HEADER + n_name, 4);
	const uint32_t fields[N_FIELDS] = {
		item->ino,
		item->mode,
		item->uid,
		item->gid,
		item->nlink,
		item->mtime,
		item->size,
		styles[style].dev_major,
		styles[style].dev_minor,
		item->rdev_major,
		item->rdev_minor,
		(uint32_t)n_name,
		0,
	};
	uint8_t *p = out;

	p = put_bytes(p, "070701", 6);
	for (size_t i = 0; i < N_FIELDS; i++)
		p = put_hex(p, styles[style].digits, fields[i]);
	p = put_bytes(p, item->path, n_name);
	memset(p, 0, (size_t)(out + end - p));
	return end;
}

void
encl_cpio_trailer(const struct encl_ramdisk *r, struct encl_cpio_item *out)
{
	*out = (struct encl_cpio_item){
		.path = ENCL_CPIO_TRAILER,
		.nlink = 1,
		.ino = r->style == ENCL_CPIO_LINUXKIT ? r->next_ino : 0,
	};
}

uint64_t
encl_cpio_block(enum encl_cpio_style style)
{
	return styles[style].block;
}
