/* SPDX-License-Identifier: Apache-2.0 */
/* Small images for the tests of eif and sign. */
#include "eif.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "test.h"

struct encl_eif_bytes *
vector(const char *name)
{
	static struct {
		char name[32];
		struct encl_eif_bytes bytes;
	} cache[16];
	char path[256];
	char *p;
	size_t i = 0;

	for (; i < 16 && *cache[i].name; i++)
		if (!strcmp(cache[i].name, name))
			return &cache[i].bytes;
	if (i == 16)
		abort();
	snprintf(path, sizeof path, "%s%s", VECTORS, name);
	OK(encl_read_file(path, 1 << 20, &p, &cache[i].bytes.n, &e));
	cache[i].bytes.p = p;
	snprintf(cache[i].name, sizeof cache[i].name, "%s", name);
	return &cache[i].bytes;
}

void
vector_parts(struct encl_eif_part out[VECTOR_PARTS])
{
	out[0] = encl_eif_part_bytes(ENCL_SECTION_KERNEL, vector("kernel"));
	out[1] = encl_eif_part_bytes(ENCL_SECTION_CMDLINE, vector("cmdline"));
	out[2] = encl_eif_part_bytes(ENCL_SECTION_METADATA, vector("metadata.json"));
	out[3] = encl_eif_part_bytes(ENCL_SECTION_RAMDISK, vector("ramdisk0"));
	out[4] = encl_eif_part_bytes(ENCL_SECTION_RAMDISK, vector("ramdisk1"));
}

struct encl_key_signer *
vector_signer(void)
{
	struct encl_key_signer *s = NULL;

	OK(encl_key_signer_open(VECTORS "cert.pem", VECTORS "key.pem", 0, &s, &e));
	return s;
}

int
write_image(const char *path, enum encl_arch arch, const struct encl_eif_part *parts,
	    size_t n, struct encl_eif_signer *signer, unsigned jobs,
	    struct encl_eif_result *out)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0);
	return encl_eif_write(fd, arch, parts, n, signer, jobs, out, &e);
}

const char *
patched(const char *name, size_t off, const void *bytes, size_t n)
{
	const struct encl_eif_bytes *v = vector(name);
	encl_auto(encl_free) uint8_t *copy = encl_xmemdup(v->p, v->n);
	const char *path = test_path("patched.eif");

	CHECK(off + n <= v->n);
	memcpy(copy + off, bytes, n);
	OK(encl_write_file(path, copy, v->n, 0644, &e));
	return path;
}

void
eq_file(const struct encl_eif_bytes *want, const char *path)
{
	encl_auto(encl_free) char *got = NULL;
	size_t n;

	OK(encl_read_file(path, 64 << 20, &got, &n, &e));
	EQ_MEM(want->p, want->n, got, n);
}

const char *
pcr_hex(const struct encl_pcr *pcr)
{
	static char hex[4][2 * ENCL_PCR_SIZE + 1];
	static unsigned next;

	encl_hex(pcr->bytes, ENCL_PCR_SIZE, hex[next %= 4]);
	return hex[next++];
}
