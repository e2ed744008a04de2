/* SPDX-License-Identifier: Apache-2.0 */
/* `attest verify`: options to a wish, a document to checks. */
#include <string.h>
#include <time.h>

#include "attest.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/stream.h"
#include "expectations.h"
#include "verdict.h"

enum { ROOT_MAX = 65536, AGE_MAX = 315360000 };

/* Everything that a wish borrows. */
struct inputs {
	struct encl_buf nonce, user_data, public_key;
	char *root;
	struct expectations expected;
};

static void
inputs_clear(struct inputs *in)
{
	encl_buf_clear(&in->nonce);
	encl_buf_clear(&in->user_data);
	encl_buf_clear(&in->public_key);
	encl_free_at(&in->root);
	expectations_clear(&in->expected);
}
ENCL_AUTO_VAL(struct inputs, inputs_clear);

static bool
read_time(const char *text, uint64_t *out)
{
	struct tm tm = {.tm_isdst = 0};
	char again[32];
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t s;

	if (!rest || strcmp(rest, "Z") != 0)
		return encl_parse_uint(text, 10, UINT32_MAX, out);
	s = timegm(&tm);
	if (s < 0)
		return false;
	*out = (uint64_t)s;
	/* timegm takes the 30th of February for the 2nd of March */
	encl_format_time(*out, again);
	return !strncmp(text, again, strlen("2026-01-31T12:00:00"));
}

static int
read_at(const struct args *args, struct encl_attestation_wish *w, struct encl_err *e)
{
	const char *text = args_get(args, "at");

	w->at = encl_now();
	w->at_timestamp = text && !strcmp(text, "document");
	if (!text || w->at_timestamp || read_time(text, &w->at))
		return 0;
	return encl_fail(e, ENCL_USAGE,
			 "--at: \"%s\" is neither a time (2026-01-31T12:00:00Z) nor "
			 "\"document\"",
			 text);
}

static struct encl_span
span(const struct encl_buf *b)
{
	return (struct encl_span){b->len ? b->data : NULL, b->len};
}

static int
read_wish(const struct args *args, struct inputs *in, struct encl_attestation_wish *w,
	  struct encl_err *e)
{
	const char *root = args_get(args, "root");
	size_t n = 0;

	if (args_has(args, "output"))
		return encl_fail(e, ENCL_USAGE, "attest verify: takes no --output");
	if (read_at(args, w, e) ||
	    args_number(args, "max-age", 1, AGE_MAX, 0, &w->max_age, e) ||
	    attest_bytes(args, "nonce", &in->nonce, e) ||
	    attest_bytes(args, "user-data", &in->user_data, e) ||
	    attest_bytes(args, "public-key", &in->public_key, e) ||
	    (root && encl_read_file(root, ROOT_MAX, &in->root, &n, e)))
		return -1;
	w->aged = args_has(args, "max-age");
	if (w->aged && w->at_timestamp)
		return encl_fail(e, ENCL_USAGE,
				 "--max-age says nothing with --at document, where each "
				 "document has no age: give --nonce");
	w->nonce = span(&in->nonce);
	w->user_data = span(&in->user_data);
	w->public_key = span(&in->public_key);
	w->root = in->root;
	w->root_size = n;
	w->root_name = root;
	w->module = args_get(args, "module-id");
	w->allow_debug = args_has(args, "allow-debug");
	return 0;
}

/* PCR3 and PCR4 are of the parent: they are no measurement of the enclave. */
static void
check_parent(const char *option, const char *source, unsigned pcr, const char *name,
	     const struct args *args, const struct encl_attestation *a,
	     struct encl_checks *checks)
{
	const char *text = args_get(args, option);
	char expected[2 * ENCL_PCR_SIZE + 1];
	char got[2 * ENCL_PCR_SIZE + 1];
	struct encl_pcr want;

	if (!text)
		return;
	encl_attestation_text_pcr(text, &want);
	encl_hex(want.bytes, ENCL_PCR_SIZE, expected);
	encl_hex(a->pcrs[pcr].bytes, ENCL_PCR_SIZE, got);
	encl_checks_compare(checks, name, source, expected,
			    a->has >> pcr & 1 ? got : NULL);
	checks->v[checks->n - 1].compares = false;
}

static int
check_registers(const struct args *args, const struct expectations *expected,
		const struct encl_attestation *a, const struct encl_attestation_wish *w,
		struct encl_checks *checks, struct encl_err *e)
{
	struct encl_registers registers;

	check_parent("role", "--role", 3, "PCR3", args, a, checks);
	check_parent("instance", "--instance", 4, "PCR4", args, a, checks);
	if (w->allow_debug && encl_attestation_is_debug(a)) {
		(void)encl_checks_add(
			checks, "comparison", ENCL_CHECK_NOTE,
			"measurements are not compared: in debug mode there "
			"are none");
		return 0;
	}
	encl_attestation_registers(a, &registers);
	if (expectations_check(expected, &registers, checks, e))
		return -1;
	verdict_need_comparison(checks, "--pcr0, --measurements, --image or --policy");
	return 0;
}

/* @NAME: of an enclave that runs here, with a nonce of our own where none is given. */
static int
open_document(const char *text, struct inputs *in, struct encl_attestation_wish *w,
	      struct encl_buf *bytes, struct encl_attestation *out, struct encl_err *e)
{
	if (*text != '@')
		return attest_open(text, bytes, out, e);
	if ((!in->nonce.len && attest_nonce(&in->nonce, e)) ||
	    attest_ask(text + 1, &in->nonce, bytes, e))
		return -1;
	w->nonce = span(&in->nonce);
	if (encl_attestation_read(bytes->data, bytes->len, out, e))
		return encl_wrap(e, "%s", text + 1);
	return 0;
}

int
attest_verify(struct cli *cli, const struct args *args, struct encl_err *e)
{
	const char *path = args->operands[1];
	encl_auto(inputs_clear) struct inputs in = {
		.nonce = {.cap = ENCL_ATTESTATION_FIELD},
		.user_data = {.cap = ENCL_ATTESTATION_FIELD},
		.public_key = {.cap = ENCL_ATTESTATION_FIELD}};
	encl_auto(encl_buf_clear) struct encl_buf bytes = {.cap = ENCL_ATTESTATION_MAX};
	encl_auto(encl_checks_clear) struct encl_checks checks = {.n = 0};
	struct encl_attestation_wish wish = {.root = NULL};
	struct encl_attestation a;

	if (read_wish(args, &in, &wish, e) ||
	    expectations_read(cli, args, &in.expected, e) ||
	    open_document(path, &in, &wish, &bytes, &a, e) ||
	    encl_attestation_check(&a, &wish, &checks, e) ||
	    check_registers(args, &in.expected, &a, &wish, &checks, e))
		return -1;
	return verdict_report(cli, strcmp(path, "-") != 0 ? path : "standard input",
			      &checks, cli->json ? encl_attestation_json(&a) : NULL, e);
}
