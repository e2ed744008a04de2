/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutate IMAGE COUNT SEED [repair]: makes COUNT mutants of a signed image, each
 * with one byte changed or its end cut off, in memory.  Every one must be
 * refused by strict reading, or show other measurements or metadata; it must
 * not crash.  One that does neither is kept as ./mutant-N.eif, exit 1.
 *
 * With "repair", as somebody would who wants to deceive: each mutant gets the
 * CRC that its bytes have.  Then only what PCR0 covers has to be noticed.
 * IMAGE may be "@SIZE": the vectors with a second ramdisk of SIZE bytes.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "sign/image.h"

struct mutation {
	size_t keep; /* bytes of the image */
	size_t at;   /* changed byte, below keep */
	uint8_t to;
};

struct tally {
	size_t structure, crc, signature, shown, unmeasured, survived;
};

/* xorshift64*: the same mutants on every machine */
static uint64_t
next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* One in eight is cut.  Half of the changes hit the headers, the small
 * sections and the signature, which in a real image are a tiny part. */
static struct mutation
choose(uint64_t *state, const uint8_t *image, size_t n, size_t tail)
{
	struct mutation m = {.keep = n};
	uint64_t where = next(state) % 4;

	if (next(state) % 8 == 0) {
		m.keep = (size_t)(next(state) % n);
		return m;
	}
	m.at = where == 0   ? (size_t)(next(state) % 900) % n
	       : where == 1 ? n - 1 - (size_t)(next(state) % tail)
			    : (size_t)(next(state) % n);
	m.to = (uint8_t)(image[m.at] ^ (1 + next(state) % 255));
	return m;
}

/* What `inspect` shows of the image that fd holds, as far as it can be opened. */
struct view {
	struct encl_eif eif;
	struct encl_image_state state;
};

static void
view_clear(struct view *v)
{
	encl_eif_close(&v->eif);
	encl_image_state_clear(&v->state);
}
ENCL_AUTO_VAL(struct view, view_clear);

static int
look(const char *path, struct view *out, struct encl_err *e)
{
	struct view v = {.eif = {.fd = -1}};

	if (encl_eif_open(path, &v.eif, e))
		return -1;
	if (encl_image_check(&v.eif, 1, &v.state, e)) {
		view_clear(&v);
		return -1;
	}
	*out = v;
	return 0;
}

static bool
differs(const struct view *a, const struct view *b)
{
	return memcmp(&a->state.measurements, &b->state.measurements,
		      sizeof a->state.measurements) != 0 ||
	       strcmp(a->eif.metadata, b->eif.metadata) != 0;
}

/* Whether a change that was not noticed is of bytes that PCR0 covers. */
static bool
is_measured(const struct encl_eif *eif, size_t at)
{
	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		if (at >= s->offset && at < s->offset + s->size)
			return s->type != ENCL_SECTION_METADATA &&
			       s->type != ENCL_SECTION_SIGNATURE;
	}
	return false;
}

/* False: the mutant passed for the original. */
static bool
judge(const char *path, const struct view *original, const struct mutation *m,
      bool repair, struct tally *t)
{
	encl_auto(view_clear) struct view v = {.eif = {.fd = -1}};
	struct encl_err e = {.code = ENCL_OK};

	if (look(path, &v, &e)) {
		t->structure++;
	} else if (encl_image_require(&v.eif, &v.state, &e)) {
		*(v.state.crc_ok ? &t->signature : &t->crc) += 1;
	} else if (differs(&v, original)) {
		t->shown++;
	} else if (repair && !is_measured(&original->eif, m->at)) {
		t->unmeasured++;
	} else {
		t->survived++;
		return false;
	}
	return true;
}

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* The image in a memory file, so that a mutant is one pwrite or ftruncate. */
struct bench {
	const uint8_t *image;
	size_t n;
	int fd;
	char path[64];
	bool repair;
};

static void
put_crc(const struct bench *b, const struct mutation *m)
{
	enum { AT = 544 };
	encl_auto(encl_free) uint8_t *copy = encl_xmemdup(b->image, b->n);
	encl_auto(encl_buf_clear) struct encl_buf crc = {.cap = 4};
	uint32_t sum;

	if (m->keep < AT + 4)
		return;
	if (m->keep == b->n)
		copy[m->at] = m->to;
	sum = encl_crc32(encl_crc32(0, copy, AT), copy + AT + 4, m->keep - AT - 4);
	encl_buf_be32(&crc, sum);
	must(pwrite(b->fd, crc.data, 4, AT) == 4, "pwrite");
}

static void
apply(const struct bench *b, const struct mutation *m)
{
	if (m->keep < b->n)
		must(!ftruncate(b->fd, (off_t)m->keep), "ftruncate");
	else
		must(pwrite(b->fd, &m->to, 1, (off_t)m->at) == 1, "pwrite");
	if (b->repair)
		put_crc(b, m);
}

static void
undo(const struct bench *b, const struct mutation *m)
{
	size_t at = b->repair ? 0 : m->keep < b->n ? m->keep : m->at;
	size_t n = b->repair || m->keep < b->n ? b->n - at : 1;

	must(pwrite(b->fd, b->image + at, n, (off_t)at) == (ssize_t)n, "pwrite");
}

static void
keep_mutant(const struct bench *b, size_t number, const struct mutation *m)
{
	encl_auto(encl_free) uint8_t *copy = encl_xmalloc(b->n);
	struct encl_err e = {.code = ENCL_OK};
	char name[64];

	snprintf(name, sizeof name, "mutant-%zu.eif", number);
	printf("%s: byte %zu of %zu, not refused\n", name, m->at, m->keep);
	must(pread(b->fd, copy, m->keep, 0) == (ssize_t)m->keep, "pread");
	if (encl_write_file(name, copy, m->keep, 0644, &e))
		fprintf(stderr, "%s\n", e.msg);
}

static void
run(struct bench *b, size_t count, uint64_t seed, struct tally *t)
{
	encl_auto(encl_close_fd) int fd = memfd_create("mutant", MFD_CLOEXEC);
	encl_auto(view_clear) struct view original = {.eif = {.fd = -1}};
	struct encl_err e = {.code = ENCL_OK};

	b->fd = fd;
	snprintf(b->path, sizeof b->path, "/proc/self/fd/%d", fd);
	must(fd >= 0 && pwrite(fd, b->image, b->n, 0) == (ssize_t)b->n, "memory file");
	if (look(b->path, &original, &e) ||
	    encl_image_require(&original.eif, &original.state, &e) ||
	    !original.state.is_signed) {
		fprintf(stderr, "mutate: not a good signed image: %s\n", e.msg);
		exit(1);
	}
	for (size_t i = 0; i < count; i++) {
		struct mutation m =
			choose(&seed, b->image, b->n, original.eif.signature_size + 12);

		apply(b, &m);
		if (!judge(b->path, &original, &m, b->repair, t))
			keep_mutant(b, i, &m);
		undo(b, &m);
	}
}

/* The vectors' parts, the second ramdisk of another size, signed. */
static char *
make_image(uint64_t size, size_t *n)
{
	static const char *const names[] = {"kernel", "cmdline", "metadata.json",
					    "ramdisk0"};
	static const enum encl_section_type types[] = {
		ENCL_SECTION_KERNEL, ENCL_SECTION_CMDLINE, ENCL_SECTION_METADATA,
		ENCL_SECTION_RAMDISK};
	encl_auto(encl_key_signer_free) struct encl_key_signer *signer = NULL;
	encl_auto(encl_free) uint8_t *pattern = encl_xmalloc(size);
	encl_auto(encl_close_fd) int fd = memfd_create("image", MFD_CLOEXEC);
	struct encl_eif_bytes bytes[5] = {[4] = {pattern, size}};
	struct encl_eif_part parts[5];
	struct encl_err e = {.code = ENCL_OK};
	struct encl_eif_result r;
	uint64_t state = 1;
	char *image = NULL;

	for (size_t i = 0; i < size; i++)
		pattern[i] = (uint8_t)next(&state);
	parts[4] = encl_eif_part_bytes(ENCL_SECTION_RAMDISK, &bytes[4]);
	for (size_t i = 0; i < 4; i++) {
		char path[128];
		char *p;

		snprintf(path, sizeof path, "tests/golden/vectors/%s", names[i]);
		must(!encl_read_file(path, 65536, &p, &bytes[i].n, &e), path);
		bytes[i].p = p;
		parts[i] = encl_eif_part_bytes(types[i], &bytes[i]);
	}
	must(!encl_key_signer_open("tests/golden/vectors/cert.pem",
				   "tests/golden/vectors/key.pem", 0, &signer, &e),
	     "the vectors' key");
	must(!encl_eif_write(fd, ENCL_ARCH_X86_64, parts, 5, encl_key_signer_base(signer),
			     1, &r, &e),
	     e.msg);
	image = encl_xmalloc((size_t)r.size);
	must(!encl_pread_full(fd, image, (size_t)r.size, 0, "image", &e), "image");
	for (size_t i = 0; i < 4; i++)
		free((void *)(uintptr_t)bytes[i].p);
	*n = (size_t)r.size;
	return image;
}

int
main(int argc, char **argv)
{
	encl_auto(encl_free) char *image = NULL;
	struct encl_err e = {.code = ENCL_OK};
	struct tally t = {0};
	struct bench b = {.fd = -1, .repair = argc == 5 && !strcmp(argv[4], "repair")};
	uint64_t count, seed, size;

	if (argc < 4 || argc > 5 || !encl_parse_uint(argv[2], 10, 10000000, &count) ||
	    !encl_parse_uint(argv[3], 10, UINT64_MAX, &seed) || seed == 0) {
		fprintf(stderr,
			"usage: mutate IMAGE COUNT SEED [repair]; SEED is not 0\n");
		return 2;
	}
	if (argv[1][0] == '@' && encl_parse_uint(argv[1] + 1, 10, 1 << 28, &size)) {
		image = make_image(size, &b.n);
	} else if (encl_read_file(argv[1], 1 << 28, &image, &b.n, &e)) {
		fprintf(stderr, "mutate: %s\n", e.msg);
		return 1;
	}
	b.image = (const uint8_t *)image;
	run(&b, (size_t)count, seed, &t);
	printf("%s, %zu bytes, seed %" PRIu64 ": %" PRIu64
	       " mutants; refused for structure %zu, CRC %zu, signature %zu; shown as "
	       "different %zu; not measured %zu; not noticed %zu\n",
	       argv[1], b.n, seed, count, t.structure, t.crc, t.signature, t.shown,
	       t.unmeasured, t.survived);
	return t.survived != 0;
}
