/* SPDX-License-Identifier: Apache-2.0 */
/* Strict reading: every check with its message; signing again. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/tmpfile.h"
#include "eif.h"
#include "test.h"

TEST(eif_read_vector)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	static const size_t offsets[] = {548, 567, 592, 828, 848, 869};
	static const size_t sizes[] = {7, 13, 224, 8, 9, 1561};
	struct encl_measurements m;
	struct encl_digest sha256;
	uint32_t crc;

	OK(encl_eif_open(VECTORS "signed.eif", &eif, &e));
	EQ_INT(4, eif.version);
	EQ_INT(ENCL_ARCH_X86_64, eif.arch);
	EQ_INT(0x40000000, eif.default_mem);
	EQ_INT(2, eif.default_cpus);
	EQ_INT(0xb07857df, eif.crc);
	EQ_INT(2442, eif.size);
	EQ_INT(6, eif.n_sections);
	for (size_t i = 0; i < 6; i++) {
		EQ_INT(offsets[i] + 12, eif.sections[i].offset);
		EQ_INT(sizes[i], eif.sections[i].size);
	}
	EQ_STR("console=ttyS0", eif.cmdline);
	EQ_MEM(vector("metadata.json")->p, 224, eif.metadata, strlen(eif.metadata));
	EQ_MEM(vector("sigsection.bin")->p, vector("sigsection.bin")->n, eif.signature,
	       eif.signature_size);
	OK(encl_eif_measure(&eif, 2, &m, &crc, &sha256, &e));
	EQ_INT(eif.crc, crc);
	CHECK(!m.has_pcr8);
}

/* The image with the bytes replaced is refused with "…/patched.eif: want". */
static void
refuses(const char *name, size_t off, const char *bytes, size_t n, const char *want)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	const char *path = patched(name, off, bytes, n);
	encl_auto(encl_free) char *message = encl_xasprintf("%s: %s", path, want);

	FAILS(encl_eif_open(path, &eif, &e), ENCL_FAILED, message);
}
#define REFUSES(off, bytes, want)                                                        \
	refuses("signed.eif", off, bytes, sizeof bytes - 1, want)

TEST(eif_read_header)
{
	REFUSES(0, "ELF", "not an EIF: it does not begin with \".eif\"");
	REFUSES(4, "\0\3", "EIF version 3; only 4 is supported");
	REFUSES(4, "\0\5", "EIF version 5; only 4 is supported");
	REFUSES(6, "\0\2", "header: unknown flags 0x0002");
	REFUSES(6, "\x80\1", "header: unknown flags 0x8001");
	REFUSES(24, "\0\1", "header: reserved bytes are not zero (0x0001, 0x00000000)");
	REFUSES(540, "\1", "header: reserved bytes are not zero (0x0000, 0x01000000)");
	REFUSES(26, "\0\3", "header: 3 sections; 4 to 32 are possible");
	REFUSES(26, "\0\41", "header: 33 sections; 4 to 32 are possible");
	REFUSES(26, "\0\5",
		"header: slot 5 of the section table is not empty, there are 5 "
		"sections");
	REFUSES(0x1c + 8 * 31, "\1",
		"header: slot 31 of the section table is not empty, "
		"there are 6 sections");
	REFUSES(0x11c + 8 * 6, "\1",
		"header: slot 6 of the section table is not empty, "
		"there are 6 sections");
}

TEST(eif_read_table_and_sections)
{
	REFUSES(0x1c, "\0\0\0\0\0\0\2\x25",
		"section 0: the table puts it at 549, the sections before it end at 548");
	REFUSES(0x1c + 8, "\xff\xff\xff\xff\xff\xff\xff\xff",
		"section 1: the table puts it at 18446744073709551615, the sections before "
		"it end at 567");
	REFUSES(0x11c, "\xff\xff\xff\xff\xff\xff\xff\xff",
		"section 0: the table gives it 18446744073709551615 bytes, its own header 7");
	REFUSES(548 + 4, "\xff\xff\xff\xff\xff\xff\xff\xff",
		"section 0: the table gives it 7 bytes, its own header "
		"18446744073709551615");
	REFUSES(548, "\0\0", "section 0: unknown type 0");
	REFUSES(548, "\0\6", "section 0: unknown type 6");
	REFUSES(548 + 2, "\0\1", "section 0: unknown flags 0x0001");
	REFUSES(26, "\0\7",
		"section 6: the table puts it at 0, the sections before it end "
		"at 2442");
}

TEST(eif_read_kinds_of_sections)
{
	REFUSES(548, "\0\5", "no kernel section");
	REFUSES(567, "\0\5", "no cmdline section");
	REFUSES(592, "\0\3", "no metadata section");
	REFUSES(869, "\0\1", "2 kernel sections; one is allowed");
	REFUSES(848, "\0\2", "2 cmdline sections; one is allowed");
	REFUSES(848, "\0\4", "2 signature sections; one is allowed");
	REFUSES(848, "\0\5", "2 metadata sections; one is allowed");
}

TEST(eif_read_contents)
{
	REFUSES(567 + 12 + 3, "\0", "cmdline: byte 3 is a NUL");
	REFUSES(604, "[", "metadata:1:13: not valid JSON: ']' expected near ':'");
	REFUSES(604 + 2, "j", "metadata: \"ImageName\" is missing or not a string");
	REFUSES(604 + 20, "i", "metadata: \"ImageVersion\" is missing or not a string");
	REFUSES(604 + 39, "b", "metadata: \"BuildMetadata\" is missing or not an object");
	REFUSES(604 + 56, "b",
		"metadata: BuildMetadata: \"BuildTime\" is missing or not a string");
	REFUSES(604 + 185, "d", "metadata: \"DockerInfo\" is missing");
	REFUSES(604 + 203, "c", "metadata: \"CustomMetadata\" is missing");
}

/* An image from raw sections, with a table that agrees. */
static const char *
assemble(const struct encl_eif_part *parts, size_t n)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 22};
	const char *path = test_path("assembled.eif");
	uint64_t at = 548;

	encl_buf_add(&b, vector("unsigned.eif")->p, 26);
	encl_buf_be16(&b, (uint16_t)n);
	for (size_t i = 0; i < 32; at += i < n ? 12 + parts[i].size : 0, i++)
		encl_buf_be64(&b, i < n ? at : 0);
	for (size_t i = 0; i < 32; i++)
		encl_buf_be64(&b, i < n ? parts[i].size : 0);
	encl_buf_be64(&b, 0);
	for (size_t i = 0; i < n; i++) {
		const struct encl_eif_bytes *bytes = parts[i].arg;

		encl_buf_be16(&b, (uint16_t)parts[i].type);
		encl_buf_be16(&b, 0);
		encl_buf_be64(&b, bytes->n);
		encl_buf_add(&b, bytes->p, bytes->n);
	}
	OK(encl_write_file(path, b.data, b.len, 0644, &e));
	return path;
}

static void
refuses_order(const char *order, const char *want)
{
	static struct encl_eif_bytes big;
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_free) char *message = NULL;
	struct encl_eif_part v[VECTOR_PARTS], parts[33];
	size_t n = strlen(order);
	const char *path;

	big.n = 32769;
	if (!big.p)
		big.p = encl_xcalloc(1, big.n);
	vector_parts(v);
	for (size_t i = 0; i < n; i++)
		parts[i] = order[i] == 's' ? encl_eif_part_bytes(ENCL_SECTION_SIGNATURE,
								 vector("sigsection.bin"))
			   : order[i] == 'S'
				   ? encl_eif_part_bytes(ENCL_SECTION_SIGNATURE, &big)
				   : v[strchr("kcmr", order[i]) - "kcmr"];
	path = assemble(parts, n);
	if (!want) {
		OK(encl_eif_open(path, &eif, &e));
		return;
	}
	message = encl_xasprintf("%s: %s", path, want);
	FAILS(encl_eif_open(path, &eif, &e), ENCL_FAILED, message);
}

TEST(eif_read_order)
{
	refuses_order("kcmr", NULL);
	refuses_order("mckrrr", NULL); /* others' order */
	refuses_order("kcrm", NULL);
	refuses_order("kcmrs", NULL);
	refuses_order("rkcm", "section 0: a ramdisk before the kernel");
	refuses_order("kcmsr", "section 3: the signature is not the last section");
	refuses_order("kcms", "no ramdisk section");
	refuses_order("kcmrS",
		      "section 4: 32769 bytes of signature; at most 32768 are allowed");
}

TEST(eif_read_size_of_file)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	const struct encl_eif_bytes *v = vector("signed.eif");
	encl_auto(encl_free) uint8_t *copy = encl_xcalloc(1, v->n + 1);
	encl_auto(encl_free) char *path = encl_xstrdup(test_path("cut.eif"));
	static const struct {
		size_t n;
		const char *want;
	} cases[] = {
		{0, "not an EIF: 0 bytes, the header alone has 548"},
		{547, "not an EIF: 547 bytes, the header alone has 548"},
		{548, "section 0: its header goes beyond the end of the file"},
		{559, "section 0: its header goes beyond the end of the file"},
		{566, "section 0: its 7 bytes go beyond the end of the file"},
		{567, "section 1: its header goes beyond the end of the file"},
		{2441, "section 5: its 1561 bytes go beyond the end of the file"},
		{2443, "1 bytes follow the last section"},
	};

	memcpy(copy, v->p, v->n);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		encl_auto(encl_free) char *message =
			encl_xasprintf("%s: %s", path, cases[i].want);

		OK(encl_write_file(path, copy, cases[i].n, 0644, &e));
		FAILS(encl_eif_open(path, &eif, &e), ENCL_FAILED, message);
	}
}

TEST(eif_read_not_a_file)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_free) char *fifo = encl_xstrdup(test_path("fifo"));
	encl_auto(encl_free) char *message =
		encl_xasprintf("%s: not a regular file", fifo);

	EQ_INT(0, mkfifo(fifo, 0600));
	FAILS(encl_eif_open(fifo, &eif, &e), ENCL_FAILED, message);
	FAILS(encl_eif_open("/", &eif, &e), ENCL_FAILED, "/: not a regular file");
	FAILS(encl_eif_open("/no/such", &eif, &e), ENCL_FAILED,
	      "open /no/such: No such file or directory");
}

/* A size of 2^62 in table and header of a tiny file is refused before anything
 * is allocated for it. */
TEST(eif_read_absurd_size)
{
	static const char size[8] = {0x40, 0, 0, 0, 0, 0, 0, 0};
	const struct encl_eif_bytes *v = vector("unsigned.eif");
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_free) uint8_t *copy = encl_xmemdup(v->p, v->n);
	const char *path = test_path("absurd.eif");
	encl_auto(encl_free) char *message = encl_xasprintf(
		"%s: section 2: its 4611686018427387904 bytes go beyond the end of the file",
		path);

	memcpy(copy + 0x11c + 16, size, 8);
	memcpy(copy + 592 + 4, size, 8);
	OK(encl_write_file(path, copy, v->n, 0644, &e));
	FAILS(encl_eif_open(path, &eif, &e), ENCL_FAILED, message);
}

static void
resign(const char *from, const char *to, struct encl_key_signer *signer)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_close_fd) int fd = open(to, O_RDWR | O_CREAT | O_TRUNC, 0644);
	struct encl_eif_result r;

	OK(encl_eif_open(from, &eif, &e));
	OK(encl_eif_resign(&eif, fd, signer ? encl_key_signer_base(signer) : NULL, 2, &r,
			   &e));
}

TEST(eif_resign_vector_there_and_back)
{
	encl_auto(encl_key_signer_free) struct encl_key_signer *s = vector_signer();

	resign(VECTORS "unsigned.eif", test_path("s.eif"), s);
	eq_file(vector("signed.eif"), test_path("s.eif"));
	resign(VECTORS "signed.eif", test_path("again.eif"), s);
	eq_file(vector("signed.eif"), test_path("again.eif"));
	resign(VECTORS "signed.eif", test_path("u.eif"), NULL);
	eq_file(vector("unsigned.eif"), test_path("u.eif"));
	resign(VECTORS "unsigned.eif", test_path("u2.eif"), NULL);
	eq_file(vector("unsigned.eif"), test_path("u2.eif"));
}

TEST(eif_resign_keeps_what_another_tool_wrote)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	const char *path =
		patched("unsigned.eif", 8, "\0\0\0\0\x80\0\0\0\0\0\0\0\0\0\0\4", 16);
	const char *to = test_path("signed.eif");
	encl_auto(encl_key_signer_free) struct encl_key_signer *s = vector_signer();

	resign(path, to, s);
	OK(encl_eif_open(to, &eif, &e));
	EQ_INT(0x80000000, eif.default_mem);
	EQ_INT(4, eif.default_cpus);
	EQ_MEM(vector("sigsection.bin")->p, vector("sigsection.bin")->n, eif.signature,
	       eif.signature_size);
}
