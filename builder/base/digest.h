/* SPDX-License-Identifier: Apache-2.0 */
/* Digests over OpenSSL's EVP, and their text form "sha256:<hex>". */
#ifndef ENCL_BASE_DIGEST_H
#define ENCL_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

/* SHA-1 only where a format wants it (SPDX): it proves nothing. */
enum encl_algo { ENCL_SHA256, ENCL_SHA384, ENCL_SHA512, ENCL_SHA1 };

enum { ENCL_DIGEST_MAX = 64, ENCL_DIGEST_TEXT = 8 + 128 };

struct encl_digest {
	enum encl_algo algo;
	uint8_t bytes[ENCL_DIGEST_MAX];
};

size_t encl_digest_size(enum encl_algo algo);
bool encl_digest_equal(const struct encl_digest *a, const struct encl_digest *b);

/*
 * "sha256:" and 64 lower-case hex digits, or "sha512:" and 128, nothing else
 * (image-spec descriptor.md); safe to use in a path afterwards.
 */
bool encl_digest_parse(const char *text, struct encl_digest *out);
void encl_digest_format(const struct encl_digest *d, char out[ENCL_DIGEST_TEXT]);

/* Incremental hash.  Cannot fail: OpenSSL without the algorithm aborts. */
struct encl_hash;

struct encl_hash *encl_hash_new(enum encl_algo algo);
struct encl_hash *encl_hash_clone(const struct encl_hash *h);
void encl_hash_free(struct encl_hash *h);
ENCL_AUTO_PTR(struct encl_hash, encl_hash_free);
void encl_hash_update(struct encl_hash *h, const void *p, size_t n);
/* Ends the hash; h may only be freed afterwards. */
void encl_hash_final(struct encl_hash *h, struct encl_digest *out);

void encl_digest_of(enum encl_algo algo, const void *p, size_t n,
		    struct encl_digest *out);

/* Digest and size of what fd holds from offset 0, read with pread. */
int encl_digest_fd(enum encl_algo algo, int fd, struct encl_digest *out, uint64_t *size,
		   struct encl_err *e) ENCL_MUST_CHECK;

/* CRC-32/ISO-HDLC (zlib's), and the CRC of a concatenation. */
uint32_t encl_crc32(uint32_t crc, const void *p, size_t n);
uint32_t encl_crc32_combine(uint32_t a, uint32_t b, uint64_t len_b);

#endif
