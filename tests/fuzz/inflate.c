/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed bytes, or a zip: whatever they are, output is bounded and every byte of the
 * input was hashed where it succeeded. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "sources/inflate.h"
#include "sources/zip.h"

enum { MAX_OUT = 1 << 24 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encl_err e;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct encl_hash *h = encl_hash_new(ENCL_SHA256);
	struct encl_inflate in = {.fd = fd, .size = size, .hash = h, .what = "fuzz"};
	struct encl_sink_digest out;
	struct encl_digest want;
	struct encl_digest got;

	if (fd < 0 || encl_pwrite_full(fd, data, size, 0, "memfd", &e) ||
	    encl_codec_probe(fd, 0, size, "fuzz", &in.codec, &e))
		abort();
	encl_sink_digest_init(&out, NULL, NULL, MAX_OUT, "fuzz");
	if (encl_zip_detect(data, size)) {
		struct encl_sink_digest tar;

		encl_sink_digest_init(&tar, NULL, NULL, MAX_OUT, "fuzz");
		(void)!encl_zip_to_tar(fd, size, "fuzz", &tar.sink, &e);
	}
	if (!encl_inflate(&in, &out.sink, &e)) {
		encl_hash_final(h, &got);
		encl_digest_of(ENCL_SHA256, data, size, &want);
		if (!encl_digest_equal(&want, &got))
			abort();
	}
	encl_hash_free(h);
	close(fd);
	return 0;
}
