/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row for each form of text: the pattern serves the parser and the JSON
 * Schema, `what` serves the errors and the reference.
 */
#include "manifest/format.h"

#include <arpa/inet.h>
#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "base/pkcs11_uri.h"
#include "manifest/report.h"
#include "registry/kms.h"
#include "registry/reference.h"

static const char *
no_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return *text == '\n' ? "contains a line break"
					     : "contains a control character";
	return NULL;
}

static const char *
no_newline(const char *text)
{
	if (strchr(text, '\n'))
		return "contains a line break; enclaves take arguments and variables one "
		       "a line";
	return NULL;
}

static const char *
image(const char *text)
{
	static const char *const kinds[] = {
		"oci:", "oci-archive:", "docker-archive:", "docker-daemon:"};
	encl_auto(encl_reference_clear) struct encl_reference r = {0};
	struct encl_err ignored;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(text, kinds[i], n) != 0)
			continue;
		if (!text[n] || text[n] == ':' || text[n] == '@')
			return i == 3 ? "names no image" : "names no file or folder";
		if (i == 3 && encl_reference_parse(text + n, &r, &ignored))
			return "names no image: NAME[:TAG], in lower case, or an ID";
		return no_control(text);
	}
	if (encl_reference_parse(text, &r, &ignored))
		return "is neither oci:, oci-archive:, docker-archive: or docker-daemon: "
		       "and a name, nor a reference to a registry's image "
		       "(HOST/NAME[:TAG][@DIGEST], in lower case)";
	return NULL;
}

/* The pattern has seen to it that text is "/" or "/part/part". */
static const char *
path_parts(const char *text)
{
	for (const char *p = text + 1; *p;) {
		size_t n = strcspn(p, "/");

		if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return "contains \".\" or \"..\"";
		if (n > 255)
			return "has a part longer than 255 bytes";
		p += n + (p[n] == '/');
	}
	return no_control(text);
}

static const char *
target(const char *text)
{
	const char *wrong = path_parts(text);

	if (!wrong && !strncmp(text, "/.enclave", 9) && (!text[9] || text[9] == '/'))
		return "is in /.enclave, which enclavebuild fills itself";
	return wrong;
}

static const char *
id_range(const char *text)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, ":");
		encl_auto(encl_free) char *part = encl_xstrndup(p, n);
		uint64_t id;

		/* 2^32 - 1 is "no change" to chown(2) */
		if (strspn(part, "0123456789") == n &&
		    !encl_parse_uint(part, 10, UINT32_MAX - 1, &id))
			return "has a number that is not from 0 to 4294967294";
		p += n + (p[n] == ':');
	}
	return NULL;
}

static const char *
address(const char *text)
{
	unsigned char b[16];

	if (inet_pton(AF_INET, text, b) == 1 || inet_pton(AF_INET6, text, b) == 1)
		return NULL;
	return "is not an IPv4 or IPv6 address";
}

static const char *
no_credentials(const char *text)
{
	const char *host = strstr(text, "://") + 3;

	if (memchr(host, '@', strcspn(host, "/")))
		return "contains credentials; leave them out, the lock would publish them";
	return NULL;
}

static const char *
alternative_choice(const char *text)
{
	return *text == '/' ? path_parts(text) : NULL;
}

static const char *
signal_name(const char *text)
{
	return encl_parse_signal(text) ? NULL : "is not a signal of Linux";
}

#define ID "[A-Za-z0-9_][A-Za-z0-9_.-]*"

static const char *
kms_key(const char *text)
{
	return encl_kms_arn_parse(text, NULL);
}

static const char *
pkcs11_key(const char *text)
{
	return encl_pkcs11_uri_parse(text, NULL);
}

const struct encl_format encl_format_name = {
	.what = "a name of 1 to 63 lower-case letters, digits, \".\", \"_\" and \"-\" that "
		"begins with a letter or digit",
	.pattern = "^[a-z0-9][a-z0-9._-]{0,62}$",
	.max = 63,
};
const struct encl_format encl_format_line = {
	.what = "one line of text",
	.check = no_control,
	.max = 128,
	.free_text = true,
};
const struct encl_format encl_format_cmdline = {
	.what = "one line of text",
	.check = no_control,
	.max = 2048,
};
const struct encl_format encl_format_content = {
	.what = "text",
	.max = 262144,
	.free_text = true,
	.empty_ok = true,
};
const struct encl_format encl_format_image = {
	.noun = "image ",
	.what = "HOST/NAME[:TAG][@DIGEST] of a registry, oci:FOLDER[:TAG], "
		"oci:FOLDER@DIGEST, oci-archive:FILE[:TAG], "
		"docker-archive:FILE[:REFERENCE] or docker-daemon:NAME[:TAG]",
	.check = image,
	.max = 4095,
};
const struct encl_format encl_format_host_path = {
	.what = "a path, relative to the manifest's folder",
	.check = no_control,
	.max = 4095,
};
const struct encl_format encl_format_kms_key = {
	.what = "the ARN of a key in KMS",
	.check = kms_key,
	.max = 256,
};
const struct encl_format encl_format_pkcs11_key = {
	.noun = "the URI",
	.what = "a pkcs11: URI of a private key",
	.check = pkcs11_key,
	.max = 4096,
	.secret = true, /* somebody may have put a PIN there */
};
const struct encl_format encl_format_folder_in_image = {
	.what = "an absolute path without \".\", \"..\", empty parts and final \"/\"",
	.pattern = "^(/|(/[^/]+)+)$",
	.check = target,
	.max = 4095,
};
const struct encl_format encl_format_path_in_image = {
	.what = "an absolute path below \"/\" without \".\", \"..\", empty parts and final \"/\"",
	.pattern = "^(/[^/]+)+$",
	.check = target,
	.max = 4095,
};
const struct encl_format encl_format_glob = {
	.what = "an absolute path or pattern below \"/\" without \".\", \"..\", empty parts "
		"and final \"/\"",
	.pattern = "^(/[^/]+)+$",
	.check = target,
	.max = 4095,
};
const struct encl_format encl_format_sha256 = {
	.what = "a SHA-256 of 64 lower-case hex digits",
	.pattern = "^[0-9a-f]{64}$",
	.max = 64,
};
const struct encl_format encl_format_pcr = {
	.what = "a measurement of 96 lower-case hex digits",
	.pattern = "^[0-9a-f]{96}$",
	.max = 96,
};
const struct encl_format encl_format_mode = {
	.what = "a mode of four octal digits such as \"0644\"",
	.pattern = "^[0-7]{4}$",
	.max = 4,
};
const struct encl_format encl_format_owner = {
	.what = "an owner such as \"0:0\" or \"www-data:www-data\"",
	.pattern = "^" ID ":" ID "$",
	.check = id_range,
	.max = 128,
};
const struct encl_format encl_format_user = {
	.what = "a user such as \"nobody\", \"1000\" or \"nobody:nogroup\"",
	.pattern = "^" ID "(:" ID ")?$",
	.check = id_range,
	.max = 128,
	.free_text = true,
};
const struct encl_format encl_format_argument = {
	.noun = "argument ",
	.what = "text without line breaks",
	.check = no_newline,
	.max = 65536,
	.free_text = true,
	.empty_ok = true,
};
const struct encl_format encl_format_env_name = {
	.what = "a variable's name of letters, digits and \"_\" that does not begin with a digit",
	.pattern = "^[A-Za-z_][A-Za-z0-9_]*$",
	.max = 256,
};
const struct encl_format encl_format_env_value = {
	.noun = "value ",
	.what = "text without line breaks",
	.check = no_newline,
	.max = 65536,
	.free_text = true,
	.empty_ok = true,
};
const struct encl_format encl_format_host = {
	.what = "a host name",
	.pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]*([.][A-Za-z0-9_-]+)*$",
	.max = 253,
};
const struct encl_format encl_format_hostname = {
	.what = "a host name of at most 64 bytes",
	.pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]*([.][A-Za-z0-9_-]+)*$",
	.max = 64, /* sethostname(2) */
};
const struct encl_format encl_format_address = {
	.what = "an IPv4 or IPv6 address",
	.check = address,
	.max = 45,
};
const struct encl_format encl_format_suite = {
	.what = "a suite such as \"bookworm\"",
	.pattern = "^[A-Za-z0-9][A-Za-z0-9+_-]*([./][A-Za-z0-9+_-]+)*$",
	.max = 128,
};
const struct encl_format encl_format_component = {
	.what = "a component such as \"main\"",
	.pattern = "^[A-Za-z0-9][A-Za-z0-9+_-]*([./][A-Za-z0-9+_-]+)*$",
	.max = 128,
};
const struct encl_format encl_format_mirror = {
	.what = "a URL that begins with http://, https:// or file:///",
	.pattern = "^(https?://[!-.0-~]|file:///)[!-~]*$",
	.check = no_credentials,
	.max = 2048,
};
const struct encl_format encl_format_package = {
	.what = "a package such as \"curl\", \"curl=7.88.1-10\" or \"curl/bookworm-backports\"",
	.pattern =
		"^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9][A-Za-z0-9.+:~-]*|/[A-Za-z0-9][A-Za-z0-9.+_-]*)?$",
	.max = 256,
};
const struct encl_format encl_format_package_name = {
	.what = "a package's name of lower-case letters, digits, \"+\", \"-\" and \".\"",
	.pattern = "^[a-z0-9][a-z0-9+.-]+$",
	.max = 128,
};
const struct encl_format encl_format_alternative = {
	.what = "a name of update-alternatives such as \"iptables\"",
	.pattern = "^[A-Za-z0-9][A-Za-z0-9+._-]*$",
	.max = 128,
};
const struct encl_format encl_format_alternative_choice = {
	.what = "a choice such as \"legacy\" or the path of a program",
	.pattern = "^([A-Za-z0-9][A-Za-z0-9+._-]*|(/[^/]+)+)$",
	.check = alternative_choice,
	.max = 4095,
};
const struct encl_format encl_format_module = {
	.what = "a kernel module's name such as \"overlay\"",
	.pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]*$",
	.max = 64,
};

const struct encl_format encl_format_signal = {
	.what = "a signal such as \"SIGTERM\"",
	.pattern = "^(SIG)?[A-Z0-9]+([+-][0-9]+)?$",
	.check = signal_name,
	.max = 16,
	.free_text = true,
};
const struct encl_format encl_format_url_path = {
	.what = "a path of a URL, which begins with \"/\" and has no spaces",
	.pattern = "^/[!-~]*$",
	.max = 1024,
};

ENCL_AUTO_VAL(regex_t, regfree);

static bool
matches(const char *pattern, const char *text)
{
	encl_auto(regfree) regex_t re;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		abort();
	return regexec(&re, text, 0, NULL, 0) == 0;
}

char *
encl_manifest_format_check(const struct encl_format *f, const char *text, size_t n)
{
	const char *noun = f->noun ? f->noun : "";
	encl_auto(encl_free) char *quoted =
		f->secret ? encl_xstrdup("") : encl_manifest_quote(text, n);
	const char *wrong;

	if (!n && !f->empty_ok)
		return encl_xasprintf("the text is empty; it must be %s", f->what);
	if (n > f->max)
		return encl_xasprintf("%s%s is longer than %zu bytes", noun, quoted,
				      f->max);
	if (f->pattern && !matches(f->pattern, text))
		return encl_xasprintf("%s%s is not %s", noun, quoted, f->what);
	wrong = f->check ? f->check(text) : NULL;
	if (wrong)
		return encl_xasprintf("%s%s %s", noun, quoted, wrong);
	return NULL;
}
