/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Nitro Secure Module's driver as launch uses it, over a module of this test's:
 * requests are read by libcbor and registers kept by OpenSSL, nothing of them is
 * launch's.
 */
#include <cbor.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/parse.h"

static int fake_access(const char *path, int mode);
static int fake_open(const char *path, int flags);
static int fake_ioctl(int fd, unsigned long request, void *arg);

/* Other tests compile the real ones into the same program. */
#define guest_say nsm_said
#define open	  fake_open
#define ioctl	  fake_ioctl
#define access	  fake_access
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/base64.c"
#include "../../cmd/launch/extend.c"
#include "../../cmd/launch/nsm.c"
#include "../../cmd/launch/nsm_cbor.c"
#pragma GCC diagnostic pop
#undef open
#undef ioctl
#undef access
#include "test.h"

static struct {
	uint8_t value[NSM_PCRS][NSM_PCR_SIZE];
	bool locked[NSM_PCRS];
	const char *error;   /* it answers that */
	const char *garbage; /* or that, of garbage_n bytes */
	size_t garbage_n;
	int fails; /* errno of the ioctl */
	bool absent, silent;
	char said[8192];
} module;

void
guest_say(const char *const *parts)
{
	size_t n = strlen(module.said);

	for (parts += 2; *parts; parts++)
		n += (size_t)snprintf(module.said + n, sizeof module.said - n, "%s",
				      *parts);
	snprintf(module.said + n, sizeof module.said - n, "\n");
}

static int
fake_access(const char *path, int mode)
{
	EQ_STR("/dev/nsm", path);
	EQ_INT(F_OK, mode);
	return module.absent ? -1 : 0;
}

static int
fake_open(const char *path, int flags)
{
	EQ_STR("/dev/nsm", path);
	EQ_INT(O_RDWR | O_CLOEXEC, flags);
	if (!module.absent)
		return open("/dev/null", flags);
	errno = ENOENT;
	return -1;
}

/* The value of a key in a map, or NULL; borrowed. */
static cbor_item_t *
get(const cbor_item_t *map, const char *key)
{
	for (size_t i = 0; i < cbor_map_size(map); i++) {
		const struct cbor_pair *p = &cbor_map_handle(map)[i];

		if (cbor_string_length(p->key) == strlen(key) &&
		    !memcmp(cbor_string_handle(p->key), key, strlen(key)))
			return p->value;
	}
	return NULL;
}

/* {name: {"data": bytes}} and, of a description, its lock. */
static cbor_item_t *
data_answer(const char *name, const char *key, const void *p, size_t n, int locked)
{
	cbor_item_t *outer = cbor_new_definite_map(1);
	cbor_item_t *inner = cbor_new_definite_map(locked < 0 ? 1 : 2);

	if (locked >= 0)
		CHECK(cbor_map_add(
			inner, (struct cbor_pair){cbor_move(cbor_build_string("lock")),
						  cbor_move(cbor_build_bool(locked))}));
	CHECK(cbor_map_add(inner,
			   (struct cbor_pair){cbor_move(cbor_build_string(key)),
					      cbor_move(cbor_build_bytestring(p, n))}));
	CHECK(cbor_map_add(outer, (struct cbor_pair){cbor_move(cbor_build_string(name)),
						     cbor_move(inner)}));
	return outer;
}

static cbor_item_t *
error_answer(const char *what)
{
	cbor_item_t *map = cbor_new_definite_map(1);

	CHECK(cbor_map_add(map, (struct cbor_pair){cbor_move(cbor_build_string("Error")),
						   cbor_move(cbor_build_string(what))}));
	return map;
}

/* "user data|nonce|public key", as the document that it gives. */
static cbor_item_t *
document_answer(const cbor_item_t *about)
{
	static const char *const keys[] = {"user_data", "nonce", "public_key"};
	char text[4096];
	size_t n = 0;

	EQ_INT(3, cbor_map_size(about));
	for (int i = 0; i < 3; i++) {
		const cbor_item_t *v = get(about, keys[i]);

		text[n++] = '|';
		if (cbor_isa_float_ctrl(v)) {
			CHECK(cbor_is_null(v));
			continue;
		}
		memcpy(text + n, cbor_bytestring_handle(v), cbor_bytestring_length(v));
		n += cbor_bytestring_length(v);
	}
	return data_answer("Attestation", "document", text, n, -1);
}

static cbor_item_t *
extend_answer(unsigned i, const cbor_item_t *data)
{
	uint8_t both[2 * NSM_PCR_SIZE];
	struct encl_digest d;

	if (module.locked[i])
		return error_answer("ReadOnlyIndex");
	EQ_INT(NSM_PCR_SIZE, cbor_bytestring_length(data));
	memcpy(both, module.value[i], NSM_PCR_SIZE);
	memcpy(both + NSM_PCR_SIZE, cbor_bytestring_handle(data), NSM_PCR_SIZE);
	encl_digest_of(ENCL_SHA384, both, sizeof both, &d);
	memcpy(module.value[i], d.bytes, NSM_PCR_SIZE);
	return data_answer("ExtendPCR", "data", d.bytes, NSM_PCR_SIZE, -1);
}

static cbor_item_t *
answer_to(const cbor_item_t *request)
{
	const struct cbor_pair *p = cbor_map_handle(request);
	const char *name = (const char *)cbor_string_handle(p->key);
	const cbor_item_t *index = get(p->value, "index");
	unsigned i = index ? cbor_get_uint8(index) : 0;

	EQ_INT(1, cbor_map_size(request));
	CHECK(i < NSM_PCRS);
	if (module.error)
		return error_answer(module.error);
	if (!strncmp(name, "Attestation", 11))
		return document_answer(p->value);
	if (!strncmp(name, "ExtendPCR", 9))
		return extend_answer(i, get(p->value, "data"));
	if (!strncmp(name, "DescribePCR", 11))
		return data_answer("DescribePCR", "data", module.value[i], NSM_PCR_SIZE,
				   module.locked[i]);
	CHECK(!strncmp(name, "LockPCR", 7));
	if (module.locked[i])
		return error_answer("ReadOnlyIndex");
	module.locked[i] = true;
	return cbor_build_string("LockPCR");
}

static int
fake_ioctl(int fd, unsigned long request, void *arg)
{
	struct nsm_raw *raw = arg;
	struct cbor_load_result result;
	cbor_item_t *item;
	cbor_item_t *answer;

	CHECK(fd >= 0);
	EQ_INT(0xc0200a00, request);
	EQ_INT(0x3000, raw->response.length);
	if (module.silent)
		for (;;)
			pause();
	errno = module.fails;
	if (module.fails)
		return -1;
	item = cbor_load((uint8_t *)(uintptr_t)raw->request.address, raw->request.length,
			 &result);
	CHECK(item && result.read == raw->request.length);
	if (module.garbage) {
		memcpy((void *)(uintptr_t)raw->response.address, module.garbage,
		       module.garbage_n);
		raw->response.length = module.garbage_n;
	} else {
		answer = answer_to(item);
		raw->response.length = cbor_serialize(
			answer, (uint8_t *)(uintptr_t)raw->response.address,
			NSM_ANSWER_MAX);
		CHECK(raw->response.length > 0);
		cbor_decref(&answer);
	}
	cbor_decref(&item);
	return 0;
}

static void
begin_module(void)
{
	memset(&module, 0, sizeof module);
	for (int i = 0; i < 16; i++)
		module.locked[i] = true;
}

/* SHA384(value || SHA384(text)), over and over. */
static void
expect(const char *const *texts, uint8_t value[NSM_PCR_SIZE])
{
	memset(value, 0, NSM_PCR_SIZE);
	for (; *texts; texts++) {
		uint8_t both[2 * NSM_PCR_SIZE];
		struct encl_digest d;

		memcpy(both, value, NSM_PCR_SIZE);
		encl_digest_of(ENCL_SHA384, *texts, strlen(*texts), &d);
		memcpy(both + NSM_PCR_SIZE, d.bytes, NSM_PCR_SIZE);
		encl_digest_of(ENCL_SHA384, both, sizeof both, &d);
		memcpy(value, d.bytes, NSM_PCR_SIZE);
	}
}

static struct extension
extension(unsigned pcr, const char *text)
{
	struct extension x = {.pcr = pcr};
	struct encl_digest d;

	encl_digest_of(ENCL_SHA384, text, strlen(text), &d);
	memcpy(x.data, d.bytes, sizeof x.data);
	return x;
}

/* ---- extension at the start ---- */

TEST(launch_extend_and_lock)
{
	static const char *const texts[] = {"one", "two", NULL};
	struct extension v[] = {extension(16, "one"), extension(31, "x"),
				extension(16, "two")};
	const struct config c = {.extend = v, .n_extend = 3, .lock = 0x10000 | 0x40000};
	uint8_t want[NSM_PCR_SIZE];
	char hex[2 * NSM_PCR_SIZE + 1];
	char line[200];

	begin_module();
	CHECK(launch_extend(&c));
	expect(texts, want);
	EQ_MEM(want, sizeof want, module.value[16], NSM_PCR_SIZE);
	expect((const char *[]){"x", NULL}, want);
	EQ_MEM(want, sizeof want, module.value[31], NSM_PCR_SIZE);
	for (int i = 16; i < NSM_PCRS; i++)
		EQ_INT(i == 16 || i == 18, module.locked[i]);
	encl_hex(module.value[16], NSM_PCR_SIZE, hex);
	snprintf(line, sizeof line,
		 "attestation: PCR16 is %s\nattestation: PCR16 is locked\n", hex);
	CHECK(strstr(module.said, line));
	CHECK(strstr(module.said, "attestation: PCR18 is locked\n"));
}

TEST(launch_extend_nothing)
{
	const struct config c = {.n_extend = 0};

	begin_module();
	module.absent = true;
	CHECK(launch_extend(&c));
	EQ_STR("", module.said);
}

TEST(launch_extend_no_module)
{
	struct extension v[] = {extension(16, "one")};
	const struct config c = {.extend = v, .n_extend = 1};

	begin_module();
	module.absent = true;
	CHECK(launch_extend(&c));
	EQ_STR("attestation: there is no Nitro Secure Module: no register is extended or "
	       "locked, and nothing attests this machine\n",
	       module.said);
}

TEST(launch_extend_fails)
{
	static const struct {
		const char *error, *garbage;
		size_t garbage_n;
		int fails;
		bool locked;
		const char *want;
	} rows[] = {
		{"InternalError", NULL, 0, 0, false,
		 "attestation: extend PCR16: the Nitro Secure Module says InternalError; the "
		 "enclave ends\n"},
		{NULL, NULL, 0, 0, true,
		 "attestation: extend PCR16: the Nitro Secure Module says ReadOnlyIndex; the "
		 "enclave ends\n"},
		{NULL, NULL, 0, ETIMEDOUT, false,
		 "attestation: extend PCR16: /dev/nsm: Connection timed out; the enclave "
		 "ends\n"},
		{NULL, "", 0, 0, false,
		 "attestation: extend PCR16: the Nitro Secure Module says what is not known; "
		 "the enclave ends\n"},
		{NULL,
		 "\xa1\x69"
		 "ExtendPCR\xa1\x64"
		 "data\x41x",
		 18, 0, false,
		 "attestation: extend PCR16: the Nitro Secure Module says what is not known; "
		 "the enclave ends\n"},
	};
	struct extension v[] = {extension(16, "one")};
	const struct config c = {.extend = v, .n_extend = 1, .lock = 0x10000};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		begin_module();
		module.error = rows[i].error;
		module.garbage = rows[i].garbage;
		module.garbage_n = rows[i].garbage_n;
		module.fails = rows[i].fails;
		module.locked[16] = rows[i].locked;
		CHECK(!launch_extend(&c));
		EQ_STR(rows[i].want, module.said);
	}
}

/* The register is as it should be, and stays open: that is no success. */
TEST(launch_lock_fails)
{
	const struct config c = {.lock = 0x80000000};

	begin_module();
	module.locked[31] = true;
	CHECK(!launch_extend(&c));
	EQ_STR("attestation: lock PCR31: the Nitro Secure Module says ReadOnlyIndex; the "
	       "enclave ends\n",
	       module.said);
	begin_module();
	module.garbage = "\x67"
			 "LockPCRs";
	module.garbage_n = 9;
	CHECK(!launch_extend(&c));
	EQ_STR("attestation: lock PCR31: the Nitro Secure Module says what is not known; the "
	       "enclave ends\n",
	       module.said);
}

/* ---- by the loop ---- */

struct asked {
	struct nsm_call call;
	bool told, refused;
	char why[NSM_WHY + 1];
	uint8_t answer[NSM_ANSWER_MAX];
	size_t n;
	unsigned *order, place;
};

static unsigned left; /* the loop ends with the last answer */

static void
note(struct nsm_call *c, const uint8_t *answer, size_t n, const char *why, bool refused)
{
	struct asked *a = c->arg;

	CHECK(!a->told && (answer == NULL) == (why != NULL));
	a->told = true;
	a->refused = refused;
	a->n = n;
	if (answer)
		memcpy(a->answer, answer, n);
	else
		snprintf(a->why, sizeof a->why, "%s", why);
	if (a->order)
		a->place = ++*a->order;
	if (!--left)
		loop_stop();
}

static void
ask_about(struct asked *a, enum nsm_question question,
	  const struct nsm_attestation *about)
{
	static const struct nsm_attestation nothing;

	memset(a, 0, sizeof *a);
	a->call = (struct nsm_call){.question = question,
				    .ask = about ? *about : nothing,
				    .told = note,
				    .arg = a};
	left++;
	nsm_ask(&a->call);
}

static void
reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

TEST(launch_nsm_documents)
{
	static const struct nsm_attestation all = {{(const uint8_t *)"u", 1},
						   {(const uint8_t *)"nn", 2},
						   {(const uint8_t *)"k", 1}};
	static struct asked a, b, c;
	unsigned order = 0;

	begin_module();
	ask_about(&a, NSM_DOCUMENT, &all);
	ask_about(&b, NSM_DOCUMENT, NULL);
	ask_about(&c, NSM_DOCUMENT,
		  &(struct nsm_attestation){.nonce = {(const uint8_t *)"x", 1}});
	a.order = b.order = c.order = &order;
	loop_run();
	EQ_MEM("|u|nn|k", 7, a.answer, a.n);
	EQ_MEM("|||", 3, b.answer, b.n);
	EQ_MEM("||x|", 4, c.answer, c.n);
	CHECK(a.place == 1 && b.place == 2 && c.place == 3);
	reap();
}

TEST(launch_nsm_registers)
{
	static struct asked a;
	struct nsm_pcr pcrs[NSM_PCRS];

	begin_module();
	memset(module.value[2], 0x22, NSM_PCR_SIZE);
	memset(module.value[31], 0x31, NSM_PCR_SIZE);
	module.locked[17] = true;
	ask_about(&a, NSM_REGISTERS, NULL);
	loop_run();
	EQ_INT(sizeof pcrs, a.n);
	memcpy(pcrs, a.answer, sizeof pcrs);
	for (int i = 0; i < NSM_PCRS; i++) {
		EQ_MEM(module.value[i], NSM_PCR_SIZE, pcrs[i].value, NSM_PCR_SIZE);
		EQ_INT(i < 16 || i == 17, pcrs[i].locked);
	}
	reap();
}

TEST(launch_nsm_fails)
{
	static const struct {
		const char *error;
		int fails;
		bool absent, refused;
		const char *why;
	} rows[] = {
		{"InvalidArgument", 0, false, true,
		 "the Nitro Secure Module says InvalidArgument"},
		{"InputTooLarge", 0, false, true,
		 "the Nitro Secure Module says InputTooLarge"},
		{"InternalError", 0, false, false,
		 "the Nitro Secure Module says InternalError"},
		{NULL, ETIMEDOUT, false, false, "/dev/nsm: Connection timed out"},
		{NULL, 0, true, false, "/dev/nsm: No such file or directory"},
	};
	static struct asked a, b;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		begin_module();
		module.error = rows[i].error;
		module.fails = rows[i].fails;
		module.absent = rows[i].absent;
		CHECK(nsm_there() == !rows[i].absent);
		ask_about(&a, NSM_DOCUMENT, NULL);
		ask_about(&b, NSM_REGISTERS, NULL);
		loop_run();
		EQ_STR(rows[i].why, a.why);
		EQ_INT(rows[i].refused, a.refused);
		EQ_STR(rows[i].why, b.why);
		CHECK(!b.refused);
	}
	reap();
}

/* Who has left is not told, and the others are served. */
TEST(launch_nsm_forgotten)
{
	static struct asked a, b, c;

	begin_module();
	ask_about(&a, NSM_DOCUMENT, NULL);
	ask_about(&b, NSM_DOCUMENT, NULL);
	ask_about(&c, NSM_REGISTERS, NULL);
	nsm_forget(&a.call); /* asked already */
	nsm_forget(&b.call); /* it waits */
	nsm_forget(&b.call);
	left = 1;
	loop_run();
	CHECK(!a.told && !b.told && c.told && c.n == NSM_PCRS * sizeof(struct nsm_pcr));
	nsm_forget(&c.call);
	reap();
}

/* It never answers: the time is over, its process is ended, the next one is asked. */
TEST(launch_nsm_silent)
{
	static struct asked a, b;
	int status;

	begin_module();
	module.silent = true;
	ask_about(&a, NSM_DOCUMENT, NULL);
	module.silent = false;
	ask_about(&b, NSM_DOCUMENT, NULL);
	CHECK(the.timer.at > loop_ms() + 5000 && the.pid > 0);
	loop_timer(&the.timer, 1); /* sooner */
	loop_run();
	EQ_STR("the Nitro Secure Module did not answer within 10 s", a.why);
	CHECK(!a.refused);
	EQ_MEM("|||", 3, b.answer, b.n);
	CHECK(waitpid(-1, &status, 0) > 0);
	reap();
}

/* ---- words ---- */

TEST(launch_nsm_request)
{
	static const uint8_t nonce[24] = {1, 2, 3};
	static const char want[] = "\xa1\x6b"
				   "Attestation\xa3\x69user_data\xf6\x65nonce\x48"
				   "\1\2\3\0\0\0\0\0\x6apublic_key\xf6";
	static const uint8_t big[1024] = {1};
	static const struct nsm_attestation most = {{big, 512}, {big, 512}, {big, 1024}};
	struct nsm_attestation a = {.nonce = {nonce, 8}};
	uint8_t out[NSM_REQUEST_MAX];
	size_t n = nsm_request(&a, out);

	EQ_MEM(want, sizeof want - 1, out, n);
	a.nonce.n = 24;
	n = nsm_request(&a, out);
	EQ_INT(sizeof want - 1 + 17, n);
	EQ_INT(0x58, out[31]);
	EQ_INT(24, out[32]);
	n = nsm_request(&most, out);
	CHECK(n > 2048 && n < NSM_REQUEST_MAX);
	EQ_MEM("\x59\x02\x00\x01", 4, out + 24, 4);
}

TEST(launch_nsm_document)
{
#define ROW(bytes, ...)                                                                  \
	{                                                                                \
		bytes, sizeof bytes - 1, __VA_ARGS__                                     \
	}
	static const struct {
		const char *answer;
		size_t n;
		const char *document, *why;
	} rows[] = {
		ROW("\xa1\x6b"
		    "Attestation\xa1\x68"
		    "document\x43"
		    "abc",
		    "abc", NULL),
		ROW("\xa1\x6b"
		    "Attestation\xa1\x68"
		    "document\x59\0\3"
		    "abc",
		    "abc", NULL),
		ROW("\xa1\x65"
		    "Error\x6f"
		    "InvalidArgument",
		    NULL, "InvalidArgument"),
		ROW("\xa1\x65"
		    "Error\x63"
		    "a\nb",
		    NULL, "a?b"),
		ROW("\xa1\x65"
		    "Error\x64"
		    "abc",
		    NULL, "what is not known"),
		/* too short, too long, empty, endless, nothing */
		ROW("\xa1\x6b"
		    "Attestation\xa1\x68"
		    "document\x44"
		    "abc",
		    NULL, "what is not known"),
		ROW("\xa1\x6b"
		    "Attestation\xa1\x68"
		    "document\x42"
		    "abc",
		    NULL, "what is not known"),
		ROW("\xa1\x6b"
		    "Attestation\xa1\x68"
		    "document\x40",
		    NULL, "what is not known"),
		ROW("\xa1\x6b"
		    "Attestation\xa1\x68"
		    "document\x5f\x43"
		    "abc\xff",
		    NULL, "what is not known"),
		ROW("\xa1\x6b"
		    "Attestation\xa1\x68"
		    "document\x5b\0\0\0\0\0\0\0\3"
		    "abc",
		    NULL, "what is not known"),
		ROW("\xa2\x6b"
		    "Attestation\xa1\x68"
		    "document\x43"
		    "abc",
		    NULL, "what is not known"),
		ROW("", NULL, "what is not known"),
		ROW("\xa1", NULL, "what is not known"),
	};
#undef ROW

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char why[NSM_WHY] = "";
		char want[80];
		size_t n = 0;
		const uint8_t *got =
			nsm_document((const uint8_t *)rows[i].answer, rows[i].n, &n, why);

		if (rows[i].document) {
			CHECK(got);
			EQ_MEM(rows[i].document, strlen(rows[i].document), got, n);
			continue;
		}
		CHECK(!got);
		snprintf(want, sizeof want, "the Nitro Secure Module says %s",
			 rows[i].why);
		EQ_STR(want, why);
	}
}

TEST(launch_nsm_words_of_registers)
{
	static const char value[] = "012345678901234567890123456789012345678901234567";
	static const struct {
		const char *head;
		size_t head_n;
		const char *tail;
		size_t tail_n;
		int locked; /* -1: is none */
	} rows[] = {
		{"\xa1\x6b"
		 "DescribePCR\xa2\x64"
		 "lock\xf5\x64"
		 "data\x58\x30",
		 27, "", 0, 1},
		{"\xa1\x6b"
		 "DescribePCR\xa2\x64"
		 "data\x58\x30",
		 21,
		 "\x64"
		 "lock\xf4",
		 6, 0},
		{"\xa1\x6b"
		 "DescribePCR\xa2\x64"
		 "data\x58\x30",
		 21,
		 "\x64"
		 "lock\xf6",
		 6, -1},
		{"\xa1\x6b"
		 "DescribePCR\xa2\x64"
		 "data\x58\x30",
		 21, "", 0, -1},
		{"\xa1\x6b"
		 "DescribePCR\xa2\x64"
		 "data\x58\x30",
		 21,
		 "\x64"
		 "lock\xf4x",
		 7, -1},
		{"\xa1\x6b"
		 "DescribePCR\xa1\x64"
		 "data\x58\x30",
		 21, "", 0, -1},
		{"\xa1\x6b"
		 "DescribePCR\xa2\x64"
		 "lock\xf5\x64"
		 "data\x58\x2f",
		 27, "", 0, -1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t text[128];
		size_t n = rows[i].head_n;
		struct nsm_pcr got = {.locked = 7};
		char why[NSM_WHY] = "";

		memcpy(text, rows[i].head, n);
		memcpy(text + n, value, NSM_PCR_SIZE);
		memcpy(text + n + NSM_PCR_SIZE, rows[i].tail, rows[i].tail_n);
		n += NSM_PCR_SIZE + rows[i].tail_n;
		EQ_INT(rows[i].locked >= 0, nsm_described(text, n, &got, why));
		if (rows[i].locked < 0) {
			EQ_STR("the Nitro Secure Module says what is not known", why);
			continue;
		}
		EQ_MEM(value, NSM_PCR_SIZE, got.value, NSM_PCR_SIZE);
		EQ_INT(rows[i].locked, got.locked);
	}
}

TEST(launch_base64)
{
	static const struct {
		const char *bytes, *text;
	} good[] = {{"", ""},
		    {"f", "Zg=="},
		    {"fo", "Zm8="},
		    {"foo", "Zm9v"},
		    {"foob", "Zm9vYg=="},
		    {"\xff\xfe\xfd", "//79"},
		    {"\xfb\xef\xbe", "++++"}};
	static const char *const bad[] = {
		"Z",	    "Zg",   "Zg=",  "Zh==", "Zm9=",   "====",
		"Zg==Zg==", "Z===", "Zm9-", "Zm 9", "Zm9v\n", "=AAA"};
	uint8_t out[16];
	size_t n;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		const size_t len = strlen(good[i].bytes);
		char text[16];

		text[base64_encode((const uint8_t *)good[i].bytes, len, text)] = 0;
		EQ_STR(good[i].text, text);
		CHECK(base64_decode(text, out, sizeof out, &n));
		EQ_MEM(good[i].bytes, len, out, n);
		CHECK(base64_decode(text, out, len, &n));
		CHECK(!len || !base64_decode(text, out, len - 1, &n));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (base64_decode(bad[i], out, sizeof out, &n))
			test_fail(__FILE__, __LINE__, "is taken: %s", bad[i]);
	CHECK(hex_decode("00fFaB", 6, out, 3, &n));
	EQ_MEM("\0\xff\xab", 3, out, n);
	CHECK(!hex_decode("00f", 3, out, 3, &n));
	CHECK(!hex_decode("00fg", 4, out, 3, &n));
	CHECK(!hex_decode("00ffab", 6, out, 2, &n));
}
