/* SPDX-License-Identifier: Apache-2.0 */
/* Digests (OpenSSL EVP, fetched once per hash) and CRC-32 (libdeflate, zlib). */
#include "base/digest.h"

#include <libdeflate.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/parse.h"

static const struct {
	const char *prefix;
	const char *name;
	size_t size;
	bool in_references; /* allowed in an OCI descriptor */
} algos[] = {
	[ENCL_SHA256] = {"sha256:", "SHA256", 32, true},
	[ENCL_SHA384] = {"sha384:", "SHA384", 48, false},
	[ENCL_SHA512] = {"sha512:", "SHA512", 64, true},
	[ENCL_SHA1] = {"sha1:", "SHA1", 20, false},
};

struct encl_hash {
	EVP_MD_CTX *ctx;
	enum encl_algo algo;
};

static void
must(int ok)
{
	if (ok != 1)
		abort();
}

size_t
encl_digest_size(enum encl_algo algo)
{
	return algos[algo].size;
}

bool
encl_digest_equal(const struct encl_digest *a, const struct encl_digest *b)
{
	return a->algo == b->algo && !memcmp(a->bytes, b->bytes, algos[a->algo].size);
}

bool
encl_digest_parse(const char *text, struct encl_digest *out)
{
	for (size_t i = 0; i < sizeof algos / sizeof *algos; i++) {
		size_t skip = strlen(algos[i].prefix);
		struct encl_digest d = {.algo = (enum encl_algo)i};

		if (!algos[i].in_references || strncmp(text, algos[i].prefix, skip) != 0)
			continue;
		if (strpbrk(text + skip, "ABCDEF") ||
		    !encl_unhex(text + skip, d.bytes, algos[i].size))
			return false;
		*out = d;
		return true;
	}
	return false;
}

void
encl_digest_format(const struct encl_digest *d, char out[ENCL_DIGEST_TEXT])
{
	size_t skip = strlen(algos[d->algo].prefix);

	memcpy(out, algos[d->algo].prefix, skip);
	encl_hex(d->bytes, algos[d->algo].size, out + skip);
}

struct encl_hash *
encl_hash_new(enum encl_algo algo)
{
	struct encl_hash *h = encl_xcalloc(1, sizeof *h);
	EVP_MD *md = EVP_MD_fetch(NULL, algos[algo].name, NULL);

	must(md != NULL);
	h->algo = algo;
	h->ctx = EVP_MD_CTX_new();
	must(EVP_DigestInit_ex2(h->ctx, md, NULL));
	EVP_MD_free(md);
	return h;
}

struct encl_hash *
encl_hash_clone(const struct encl_hash *h)
{
	struct encl_hash *c = encl_xcalloc(1, sizeof *c);

	c->algo = h->algo;
	c->ctx = EVP_MD_CTX_new();
	must(EVP_MD_CTX_copy_ex(c->ctx, h->ctx));
	return c;
}

void
encl_hash_free(struct encl_hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void
encl_hash_update(struct encl_hash *h, const void *p, size_t n)
{
	must(EVP_DigestUpdate(h->ctx, p, n));
}

void
encl_hash_final(struct encl_hash *h, struct encl_digest *out)
{
	memset(out, 0, sizeof *out);
	out->algo = h->algo;
	must(EVP_DigestFinal_ex(h->ctx, out->bytes, NULL));
}

void
encl_digest_of(enum encl_algo algo, const void *p, size_t n, struct encl_digest *out)
{
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(algo);

	encl_hash_update(h, p, n);
	encl_hash_final(h, out);
}

int
encl_digest_fd(enum encl_algo algo, int fd, struct encl_digest *out, uint64_t *size,
	       struct encl_err *e)
{
	enum { CHUNK = 256 * 1024 };
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(algo);
	encl_auto(encl_free) uint8_t *buf = encl_xmalloc(CHUNK);
	uint64_t off = 0;

	for (;;) {
		ssize_t n = pread(fd, buf, CHUNK, (off_t)off);

		if (n < 0)
			return encl_fail_sys(e, ENCL_FAILED, "read");
		if (n == 0)
			break;
		encl_hash_update(h, buf, (size_t)n);
		off += (uint64_t)n;
	}
	encl_hash_final(h, out);
	if (size)
		*size = off;
	return 0;
}

uint32_t
encl_crc32(uint32_t crc, const void *p, size_t n)
{
	return libdeflate_crc32(crc, p, n);
}

uint32_t
encl_crc32_combine(uint32_t a, uint32_t b, uint64_t len_b)
{
	return (uint32_t)crc32_combine(a, b, (z_off_t)len_b);
}
