/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild attest verify|decode|get`: attestation documents. */
#include "attest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/parse.h"
#include "expectations.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"nonce", 'n', "HEX|@FILE", "verify: what it has to answer to; get: to ask with",
	 false},
	{"max-age", 0, "S", "verify: it was made at most S seconds ago", false},
	{"user-data", 0, "HEX|@FILE", "verify: the user data it has to carry", false},
	{"public-key", 0, "HEX|@FILE", "verify: the public key (DER) it has to carry",
	 false},
	EXPECTATIONS_OPTIONS,
	{"role", 0, "ARN", "verify: role of the parent instance (PCR3)", false},
	{"instance", 0, "ID", "verify: the parent instance (PCR4)", false},
	{"module-id", 0, "ID", "verify: the module that made it", false},
	{"at", 0, "TIME",
	 "verify: certificates have to be valid then (2026-01-31T12:00:00Z; or \"document\": "
	 "when it was made); default: now",
	 false},
	{"root", 0, "FILE", "verify: the CA to trust (PEM) instead of AWS's", false},
	{"allow-debug", 0, NULL, "verify: an enclave in debug mode passes, unmeasured",
	 false},
	{"output", 'o', "FILE", "get: write the document there", false},
	{NULL, 0, NULL, NULL, false},
};

/* ---- shared ---- */

static int
read_all(int fd, const char *what, struct encl_buf *out, struct encl_err *e)
{
	uint8_t chunk[8192];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return encl_fail_sys(e, ENCL_FAILED, "read %s", what);
		if (n == 0)
			return encl_buf_check(out, what, e);
		encl_buf_add(out, chunk, (size_t)n);
		if (out->over)
			return encl_buf_check(out, what, e);
	}
}

static int
read_path(const char *path, struct encl_buf *out, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;

	if (!strcmp(path, "-"))
		return read_all(STDIN_FILENO, "standard input", out, e);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	return read_all(fd, path, out, e);
}

int
attest_open(const char *path, struct encl_buf *bytes, struct encl_attestation *out,
	    struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf text = {.cap = ENCL_ATTESTATION_TEXT};

	if (read_path(path, &text, e))
		return -1;
	if (encl_attestation_unwrap(text.data, text.len, bytes, e) ||
	    encl_attestation_read(bytes->data, bytes->len, out, e))
		return encl_wrap(e, "%s", path);
	return 0;
}

int
attest_bytes(const struct args *args, const char *name, struct encl_buf *out,
	     struct encl_err *e)
{
	const char *text = args_get(args, name);
	uint8_t byte;

	if (!text)
		return 0;
	if (*text == '@') {
		if (read_path(text + 1, out, e))
			return -1;
	} else {
		for (size_t i = 0; text[i]; i += 2) {
			char two[3] = {text[i], text[i + 1], 0};

			if (!encl_unhex(two, &byte, 1))
				return encl_fail(e, ENCL_USAGE,
						 "--%s: \"%s\" is neither hex nor @FILE",
						 name, text);
			encl_buf_add_byte(out, byte);
		}
	}
	if (!out->len)
		return encl_fail(e, ENCL_USAGE, "--%s: empty", name);
	return encl_buf_check(out, name, e);
}

/* ---- decode ---- */

static void
line(const char *label, const json_t *v)
{
	report("%-12s %s\n", label, json_is_string(v) ? json_string_value(v) : "none");
}

static void
print_certificate(const char *label, const json_t *c)
{
	report("%-12s %s, from %s to %s\n", label,
	       json_is_string(json_object_get(c, "Subject"))
		       ? json_string_value(json_object_get(c, "Subject"))
		       : "cannot be read",
	       json_is_string(json_object_get(c, "NotBefore"))
		       ? json_string_value(json_object_get(c, "NotBefore"))
		       : "?",
	       json_is_string(json_object_get(c, "NotAfter"))
		       ? json_string_value(json_object_get(c, "NotAfter"))
		       : "?");
}

static void
print(const json_t *v)
{
	const char *key;
	json_t *value;
	size_t i;

	report("NOT VERIFIED: this is only what the document says\n");
	line("module", json_object_get(v, "ModuleId"));
	line("time", json_object_get(v, "Time"));
	report("%-12s %s\n", "debug",
	       json_is_true(json_object_get(v, "Debug")) ? "yes: nothing is measured"
							 : "no");
	json_object_foreach (json_object_get(v, "PCRs"), key, value)
		line(key, value);
	line("nonce", json_object_get(v, "Nonce"));
	line("user data", json_object_get(v, "UserData"));
	line("public key", json_object_get(v, "PublicKey"));
	print_certificate("certificate", json_object_get(v, "Certificate"));
	json_array_foreach (json_object_get(v, "CABundle"), i, value)
		print_certificate("cabundle", value);
}

static int
decode(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf bytes = {.cap = ENCL_ATTESTATION_MAX};
	encl_auto(json_decref) json_t *v = NULL;
	struct encl_attestation a;

	for (const struct option_spec *o = options; o->name; o++)
		if (args_has(args, o->name))
			return encl_fail(e, ENCL_USAGE,
					 "attest decode: takes no --%s: it verifies "
					 "nothing",
					 o->name);
	if (attest_open(args->operands[1], &bytes, &a, e))
		return -1;
	v = encl_attestation_json(&a);
	json_object_set_new(v, "Verified", json_false());
	if (cli->json)
		report_json(v);
	else
		print(v);
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	static const struct {
		const char *name;
		int (*run)(struct cli *cli, const struct args *args, struct encl_err *e);
	} verbs[] = {{"verify", attest_verify}, {"decode", decode}, {"get", attest_get}};

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (!strcmp(args->operands[0], verbs[i].name))
			return verbs[i].run(cli, args, e);
	return encl_fail(e, ENCL_USAGE,
			 "attest: \"%s\" is not one of verify, decode, get",
			 args->operands[0]);
}

const struct command cmd_attest = {
	.name = "attest",
	.summary = "verify or show an attestation document, or get one",
	.operands = "verify DOCUMENT|@NAME | decode DOCUMENT | get NAME",
	.min_operands = 2,
	.max_operands = 2,
	.help = "verify takes a document (file, or - for standard input; raw, hex or base64)\n"
		"and holds it against AWS's root, the clock and what the options say; @NAME\n"
		"asks the enclave of that name, which runs here, for one, with a nonce of its\n"
		"own.  It needs a nonce or --max-age, since an old document proves nothing, and\n"
		"something to compare the measurements with.  Ends with 0 where all is as\n"
		"asked, 3 where anything is not, 1 where it is no attestation document.\n"
		"decode shows what is in a document, and verifies nothing.\n"
		"get only gets one: without --nonce with a random one, which it tells.",
	.options = options,
	.run = run,
};
