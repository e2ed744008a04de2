/* SPDX-License-Identifier: Apache-2.0 */
#include "sources/inflate.h"

#include <fcntl.h>
#include <lzma.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/spawn.h"
#include "base/tmpfile.h"
#include "test.h"

struct packed {
	struct encl_buf in;
	struct encl_buf out;
	struct encl_digest digest;
	unsigned threads;
};

static void
packed_clear(struct packed *p)
{
	encl_buf_clear(&p->in);
	encl_buf_clear(&p->out);
}
ENCL_AUTO_VAL(struct packed, packed_clear);

static int
run(struct packed *p)
{
	encl_auto(encl_free) char *path = encl_xstrdup(test_path("in"));
	encl_auto(encl_close_fd) int fd = -1;
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(ENCL_SHA256);
	struct encl_inflate in = {
		.size = p->in.len, .hash = h, .what = "blob", .threads = p->threads};
	struct encl_sink_buf sink;

	OK(encl_write_file(path, p->in.data, p->in.len, 0644, &e));
	fd = in.fd = open(path, O_RDONLY | O_CLOEXEC);
	OK(encl_codec_probe(fd, 0, in.size, "blob", &in.codec, &e));
	encl_buf_clear(&p->out);
	p->out.cap = 1 << 26;
	encl_sink_buf_init(&sink, &p->out, "out");
	if (encl_inflate(&in, &sink.sink, &e))
		return -1;
	encl_hash_final(h, &p->digest);
	return 0;
}

/* Compresses with a program of the system: data is not ours. */
static void
pack(struct packed *p, const char *const argv[])
{
	int status = -1;

	encl_buf_clear(&p->in);
	p->in.cap = 1 << 26;
	OK(encl_spawn(argv, &p->in, NULL, 60, &status, &e));
	EQ_INT(0, status);
}

static char *
sample(size_t n)
{
	char *s = encl_xmalloc(n);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)("enclave"[i % 7] + (char)(i * i / 4099 % 11));
	return s;
}

TEST(sources_inflate_codecs)
{
	static const char *const programs[][3] = {{"gzip", "-c", "-9"},
						  {"zstd", "-qc", "-19"},
						  {"xz", "-c", "--block-size=100000"},
						  {"bzip2", "-c", "-1"},
						  {"cat", "-u", "--"}};
	static const size_t sizes[] = {0, 1, 262143, 262144, 262145, 1500000};
	encl_auto(packed_clear) struct packed p = {0};

	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
			encl_auto(encl_free) char *text = sample(sizes[j] + 1);
			encl_auto(encl_free) char *path = encl_xstrdup(test_path("data"));
			const char *const argv[] = {programs[i][0], programs[i][1],
						    programs[i][2], path, NULL};
			struct encl_digest want;

			OK(encl_write_file(path, text, sizes[j], 0644, &e));
			pack(&p, argv);
			p.threads = (unsigned)j % 3;
			OK(run(&p));
			EQ_MEM(text, sizes[j], p.out.data, p.out.len);
			encl_digest_of(ENCL_SHA256, p.in.data, p.in.len, &want);
			CHECK(encl_digest_equal(&want, &p.digest));
		}
}

/* Two members, frames or streams one after the other are one file. */
TEST(sources_inflate_concatenated)
{
	static const char *const programs[][2] = {
		{"gzip", "-c"}, {"zstd", "-qc"}, {"xz", "-c"}, {"bzip2", "-c"}};
	encl_auto(packed_clear) struct packed p = {0};
	encl_auto(encl_free) char *path = encl_xstrdup(test_path("data"));

	OK(encl_write_file(path, "hello\n", 6, 0644, &e));
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		const char *const argv[] = {programs[i][0], programs[i][1], path, NULL};
		encl_auto(encl_buf_clear) struct encl_buf one = {.cap = 1000};

		pack(&p, argv);
		encl_buf_add(&one, p.in.data, p.in.len);
		encl_buf_add(&p.in, one.data, one.len);
		OK(run(&p));
		EQ_MEM("hello\nhello\n", 12, p.out.data, p.out.len);
	}
}

TEST(sources_inflate_truncated)
{
	static const struct {
		const char *argv[2];
		const char *message;
	} rows[] = {
		{{"gzip", "-c"}, "blob: gzip data ends too early"},
		{{"zstd", "-qc"}, "blob: zstd data ends too early"},
		{{"xz", "-c"}, "blob: xz data ends too early"},
		{{"bzip2", "-c"}, "blob: bzip2 data is damaged: truncated bzip2 input"},
	};
	encl_auto(packed_clear) struct packed p = {0};
	encl_auto(encl_free) char *text = sample(300000);
	encl_auto(encl_free) char *path = encl_xstrdup(test_path("data"));

	OK(encl_write_file(path, text, 300000, 0644, &e));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *const argv[] = {rows[i].argv[0], rows[i].argv[1], path, NULL};

		pack(&p, argv);
		for (size_t cut = 1; cut < 9; cut += 3) {
			p.in.len -= cut;
			FAILS(run(&p), ENCL_FAILED, rows[i].message);
		}
		p.in.len /= 2;
		FAILS(run(&p), ENCL_FAILED, rows[i].message);
	}
}

TEST(sources_inflate_damaged)
{
	static const struct {
		const char *argv[2];
		size_t from_end;
		const char *message;
	} rows[] = {
		{{"gzip", "-c"}, 8, "blob: gzip data is damaged: incorrect data check"},
		{{"gzip", "-c"}, 4, "blob: gzip data is damaged: incorrect length check"},
		{{"zstd", "-qc"},
		 1,
		 "blob: zstd data is damaged: Restored data doesn't match checksum"},
		{{"xz", "-c"}, 40, "blob: xz data is damaged: corrupt"},
	};
	encl_auto(packed_clear) struct packed p = {0};
	encl_auto(encl_free) char *path = encl_xstrdup(test_path("data"));

	OK(encl_write_file(path, "hello\n", 6, 0644, &e));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *const argv[] = {rows[i].argv[0], rows[i].argv[1], path, NULL};

		pack(&p, argv);
		p.in.data[p.in.len - rows[i].from_end] ^= 1;
		FAILS(run(&p), ENCL_FAILED, rows[i].message);
	}
}

TEST(sources_inflate_trailing_garbage)
{
	static const struct {
		const char *argv[2];
		const char *message;
	} rows[] = {
		{{"gzip", "-c"}, "blob: gzip data is damaged: incorrect header check"},
		{{"zstd", "-qc"}, "blob: zstd data is damaged: Unknown frame descriptor"},
		{{"xz", "-c"}, "blob: xz data is damaged: corrupt"},
	};
	encl_auto(packed_clear) struct packed p = {0};
	encl_auto(encl_free) char *path = encl_xstrdup(test_path("data"));

	OK(encl_write_file(path, "hello\n", 6, 0644, &e));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *const argv[] = {rows[i].argv[0], rows[i].argv[1], path, NULL};

		pack(&p, argv);
		encl_buf_add_str(&p.in, "garbage!!!!!");
		FAILS(run(&p), ENCL_FAILED, rows[i].message);
	}
}

/* 2^31 bytes of window are asked for by a frame of a few bytes. */
TEST(sources_inflate_zstd_window)
{
	static const uint8_t frame[] = {0x28,		0xb5, 0x2f, 0xfd, 0x00,
					(31 - 10) << 3, 0x01, 0x00, 0x00};
	encl_auto(packed_clear) struct packed p = {.in = {.cap = 100}};

	encl_buf_add(&p.in, frame, sizeof frame);
	FAILS(run(&p), ENCL_FAILED,
	      "blob: zstd data is damaged: Frame requires too much memory for decoding");
}

TEST(sources_inflate_xz_memory)
{
	encl_auto(packed_clear) struct packed p = {.in = {.cap = 1 << 20}};
	uint8_t out[4096];
	size_t n = 0;
	lzma_options_lzma o;
	lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &o}, {LZMA_VLI_UNKNOWN, NULL}};

	CHECK(!lzma_lzma_preset(&o, 0));
	CHECK(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL,
					(const uint8_t *)"hello", 5, out, &n,
					sizeof out) == LZMA_OK);
	/* block header: its size, flags, two sizes, filter, size of properties,
	 * dictionary size, padding, CRC */
	size_t header = (size_t)(out[12] + 1) * 4;

	EQ_INT(0x21, out[16]);
	out[18] = 37; /* 1.5 GiB */
	uint32_t crc = (uint32_t)crc32(0, out + 12, (uInt)header - 4);

	for (size_t i = 0; i < 4; i++)
		out[12 + header - 4 + i] = (uint8_t)(crc >> (8 * i));
	encl_buf_add(&p.in, out, n);
	FAILS(run(&p), ENCL_FAILED,
	      "blob: xz data is damaged: needs more than 256 MiB of memory");
}

static int
ignore(struct encl_sink *s, const void *p, size_t n, struct encl_err *err)
{
	(void)s;
	(void)p;
	(void)n;
	(void)err;
	return 0;
}

TEST(sources_inflate_bomb)
{
	enum { BLOCK = 128 * 1024, BLOCKS = 10000 };
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 20};
	struct encl_sink sink = {ignore};
	struct encl_inflate in = {.codec = ENCL_CODEC_ZSTD, .what = "blob"};

	/* a frame of RLE blocks of zeros: 4 bytes make 128 KiB */
	encl_buf_add(&b, (const uint8_t[]){0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58}, 6);
	for (unsigned i = 0; i < BLOCKS; i++) {
		unsigned h = (BLOCK << 3) | 2 | (i == BLOCKS - 1);

		encl_buf_add(&b,
			     (const uint8_t[]){(uint8_t)h, (uint8_t)(h >> 8),
					       (uint8_t)(h >> 16), 0},
			     4);
	}
	OK(encl_write_file(test_path("bomb"), b.data, b.len, 0644, &e));
	encl_auto(encl_close_fd) int fd = open(test_path("bomb"), O_RDONLY | O_CLOEXEC);

	in.fd = fd;
	in.size = b.len;
	FAILS(encl_inflate(&in, &sink, &e), ENCL_FAILED,
	      "blob: expands to more than 1000 times its size; refused as a decompression "
	      "bomb");
}
