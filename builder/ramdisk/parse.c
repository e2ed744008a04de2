/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state machine over newc (see cpio.c for the format), stricter than the
 * kernel's: every field is hex, every padding byte zero, sizes fit types.
 */
#include "ramdisk/parse.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/parse.h"

void
encl_cpio_parser_init(struct encl_cpio_parser *p, struct encl_cpio_visitor *v)
{
	memset(p, 0, sizeof *p);
	p->visitor = v;
}

static void
expect(struct encl_cpio_parser *p, enum encl_cpio_state state, uint64_t n)
{
	p->state = state;
	p->left = n;
	p->have = 0;
}

void
encl_cpio_parser_begin(struct encl_cpio_parser *p, uint64_t base)
{
	p->base = base;
	p->pos = 0;
	p->trailer = false;
	expect(p, ENCL_CPIO_HEAD, ENCL_CPIO_HEADER);
}

static int
bad_head(const struct encl_cpio_parser *p, const char *why, struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "cpio: header at byte %" PRIu64 ": %s",
			 p->pos - ENCL_CPIO_HEADER, why);
}

static int
bad_entry(const struct encl_cpio_parser *p, const char *why, struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_escape(p->name, strnlen(p->name, 200));

	return encl_fail(e, ENCL_FAILED, "cpio: %s: %s", shown, why);
}

static int
parse_head(struct encl_cpio_parser *p, struct encl_err *e)
{
	uint64_t f[13];

	if (memcmp(p->head, "070701", 6) != 0)
		return bad_head(p, "it does not begin with 070701", e);
	for (size_t i = 0; i < 13; i++)
		if (!encl_parse_hex(p->head + 6 + 8 * i, 8, &f[i]))
			return bad_head(p, "a field is not hexadecimal", e);
	if (f[11] < 1 || f[11] > ENCL_CPIO_NAME_MAX)
		return bad_head(p, "the name's size is not within 1 and 4096", e);
	if (f[12])
		return bad_head(p, "the check field is not 0", e);
	if (++p->n_entries > ENCL_TREE_MAX_NODES)
		return bad_head(p, "too many entries", e);
	p->entry = (struct encl_cpio_entry){
		.path = p->name,
		.ino = (uint32_t)f[0],
		.mode = (uint32_t)f[1],
		.uid = (uint32_t)f[2],
		.gid = (uint32_t)f[3],
		.nlink = (uint32_t)f[4],
		.mtime = (uint32_t)f[5],
		.filesize = (uint32_t)f[6],
		.dev_major = (uint32_t)f[7],
		.dev_minor = (uint32_t)f[8],
		.rdev_major = (uint32_t)f[9],
		.rdev_minor = (uint32_t)f[10],
	};
	p->n_name = (size_t)f[11];
	expect(p, ENCL_CPIO_NAME,
	       encl_align_up(ENCL_CPIO_HEADER + p->n_name, 4) - ENCL_CPIO_HEADER);
	return 0;
}

static int
check_name(struct encl_cpio_parser *p, size_t padded, struct encl_err *e)
{
	size_t n = p->n_name - 1;

	if (memchr(p->name, 0, padded) != p->name + n)
		return bad_entry(p, "the name does not end where its size says", e);
	for (size_t i = n; i < padded; i++)
		if (p->name[i])
			return bad_entry(p, "padding that is not zero", e);
	p->slash = n > 1 && p->name[n - 1] == '/';
	if (p->slash)
		p->name[n - 1] = 0;
	if (!*p->name || *p->name == '/')
		return bad_entry(p, "the path is not relative", e);
	for (const char *c = p->name; *c;) {
		size_t len = strcspn(c, "/");

		if (len == 2 && c[0] == '.' && c[1] == '.')
			return bad_entry(p, "the path has a \"..\"", e);
		c += len + (c[len] == '/');
	}
	return 0;
}

static int
announce(struct encl_cpio_parser *p, struct encl_err *e)
{
	p->sink = NULL;
	p->entry.at = p->base == UINT64_MAX ? UINT64_MAX : p->base + p->pos;
	return p->visitor->entry(p->visitor, &p->entry, &p->sink, e);
}

/* After the body, padding to 4. */
static int
end_body(struct encl_cpio_parser *p, struct encl_err *e)
{
	if (!p->trailer && p->visitor->done && p->visitor->done(p->visitor, &p->entry, e))
		return -1;
	expect(p, ENCL_CPIO_PAD, encl_align_up(p->pos, 4) - p->pos);
	return 0;
}

static int
begin_body(struct encl_cpio_parser *p, struct encl_err *e)
{
	uint32_t type = p->entry.mode & S_IFMT;
	uint32_t size = p->entry.filesize;

	if (!strcmp(p->name, ENCL_CPIO_TRAILER)) {
		if (size)
			return bad_entry(p, "a trailer with content", e);
		/* for the kernel these are a folder and a symlink of that name */
		if (p->slash || type)
			return bad_entry(p, "a trailer with a type", e);
		p->trailer = true;
		return end_body(p, e);
	}
	if (p->entry.mode & ~(uint32_t)(S_IFMT | 07777))
		return bad_entry(p, "unknown bits in the mode", e);
	if (type != S_IFDIR && p->slash)
		return bad_entry(p, "a slash behind the name of what is not a folder", e);
	if (type == S_IFLNK) {
		if (!size || size > ENCL_PATH_MAX)
			return bad_entry(p, "a symlink's target of 0 or over 4095 bytes",
					 e);
		expect(p, ENCL_CPIO_LINK, size);
		return 0;
	}
	if (type != S_IFREG && type != S_IFDIR && type != S_IFCHR && type != S_IFBLK &&
	    type != S_IFIFO)
		return bad_entry(p, "an unknown type", e);
	if (type != S_IFREG && size)
		return bad_entry(p, "content in what is not a file", e);
	if (announce(p, e))
		return -1;
	if (!size)
		return end_body(p, e);
	expect(p, ENCL_CPIO_CONTENT, size);
	return 0;
}

static int
end_link(struct encl_cpio_parser *p, struct encl_err *e)
{
	p->link[p->entry.filesize] = 0;
	if (strlen(p->link) != p->entry.filesize)
		return bad_entry(p, "a symlink's target with a zero in it", e);
	p->entry.link = p->link;
	if (announce(p, e))
		return -1;
	return end_body(p, e);
}

static void
end_entry(struct encl_cpio_parser *p)
{
	if (!p->trailer) {
		expect(p, ENCL_CPIO_HEAD, ENCL_CPIO_HEADER);
		return;
	}
	p->state = ENCL_CPIO_BETWEEN;
	if (p->visitor->end)
		p->visitor->end(p->visitor);
}

/* What is next once a state has all its bytes. */
static int
advance(struct encl_cpio_parser *p, struct encl_err *e)
{
	switch (p->state) {
	case ENCL_CPIO_HEAD:
		return parse_head(p, e);
	case ENCL_CPIO_NAME:
		return check_name(p, p->have, e) ? -1 : begin_body(p, e);
	case ENCL_CPIO_LINK:
		return end_link(p, e);
	case ENCL_CPIO_CONTENT:
		return end_body(p, e);
	case ENCL_CPIO_PAD:
		end_entry(p);
		return 0;
	case ENCL_CPIO_BETWEEN:
		break;
	}
	return 0;
}

static int
take(struct encl_cpio_parser *p, const uint8_t *bytes, size_t n, struct encl_err *e)
{
	char *to = p->state == ENCL_CPIO_HEAD	? p->head
		   : p->state == ENCL_CPIO_NAME ? p->name
		   : p->state == ENCL_CPIO_LINK ? p->link
						: NULL;

	if (to)
		memcpy(to + p->have, bytes, n);
	p->have += n;
	p->pos += n;
	p->left -= n;
	if (p->state == ENCL_CPIO_CONTENT && p->sink)
		return encl_sink_write(p->sink, bytes, n, e);
	for (size_t i = 0; p->state == ENCL_CPIO_PAD && i < n; i++)
		if (bytes[i])
			return bad_entry(p, "padding that is not zero", e);
	return 0;
}

int
encl_cpio_parser_feed(struct encl_cpio_parser *p, const uint8_t *bytes, size_t n,
		      size_t *used, struct encl_err *e)
{
	*used = 0;
	for (;;) {
		size_t now = n - *used;

		while (p->state != ENCL_CPIO_BETWEEN && !p->left)
			if (advance(p, e))
				return -1;
		if (p->state == ENCL_CPIO_BETWEEN || !now)
			return 0;
		if (now > p->left)
			now = (size_t)p->left;
		if (take(p, bytes + *used, now, e))
			return -1;
		*used += now;
	}
}

uint64_t
encl_cpio_parser_unwanted(const struct encl_cpio_parser *p)
{
	return p->state == ENCL_CPIO_CONTENT && !p->sink ? p->left : 0;
}

int
encl_cpio_parser_skip(struct encl_cpio_parser *p, uint64_t n, struct encl_err *e)
{
	size_t used;

	p->left -= n;
	p->pos += n;
	return encl_cpio_parser_feed(p, NULL, 0, &used, e);
}
