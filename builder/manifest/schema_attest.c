/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of `attestation`, and the forms of their texts. */
#include <stdlib.h>
#include <string.h>

#include "manifest/schema_rows.h"

#define A   struct encl_attesting
#define EX  struct encl_extend
#define API struct encl_attesting_api

enum { VALUE_MAX = 65536 };

static const char *const withs[] = {"manifest", "file", "value", NULL};

static const char *
pcr_number(const char *text)
{
	unsigned long n = strtoul(text, NULL, 10); /* digits, says the pattern */

	if (n < ENCL_EXTEND_FIRST)
		return "is a register of the hypervisor's; 16 to 31 are yours";
	return n > ENCL_EXTEND_LAST ? "is none: there are 16 to 31" : NULL;
}

static const char *
extension(const char *text)
{
	const char *digits = text + strlen("hex:");
	size_t n;

	if (strncmp(text, "hex:", strlen("hex:")) != 0)
		return NULL;
	n = strspn(digits, "0123456789abcdefABCDEF");
	return !n || n % 2 || digits[n]
		       ? "has no pairs of hexadecimal digits behind \"hex:\""
		       : NULL;
}

static const struct encl_format format_pcr_number = {
	.noun = "register ",
	.what = "the number of a register, 16 to 31",
	.pattern = "^(0|[1-9][0-9]{0,4})$",
	.check = pcr_number,
	.max = 5,
	.free_text = true,
};
static const struct encl_format format_extension = {
	.what = "text, or \"hex:\" and pairs of hexadecimal digits",
	.check = extension,
	.max = VALUE_MAX,
	.free_text = true,
};

static const struct encl_key api_keys[] = {
	{.name = "port",
	 .type = ENCL_KEY_NUMBER,
	 .flags = ENCL_KEY_REQUIRED,
	 .min = 1,
	 .max = 65535,
	 FIELD(API, port),
	 .example = "7777",
	 .help = "Port of 127.0.0.1 in the enclave, and of the containers' gateway."},
	END,
};

static const struct encl_key extend_keys[] = {
	{.name = "pcr",
	 .type = ENCL_KEY_NUMBER,
	 .flags = ENCL_KEY_REQUIRED,
	 .min = ENCL_EXTEND_FIRST,
	 .max = ENCL_EXTEND_LAST,
	 FIELD(EX, pcr),
	 .example = "16",
	 .help = "The register.  0 to 15 are the hypervisor's and locked."},
	{.name = "with",
	 .type = ENCL_KEY_ENUM,
	 .flags = ENCL_KEY_REQUIRED,
	 .words = withs,
	 FIELD(EX, with),
	 .help = "What it is extended with: the manifest's digest (the text `Manifest` of "
		 "measurements.json), the content of a file of the image, or a value."},
	{.name = "path",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_path_in_image,
	 FIELD(EX, path),
	 .example = "/etc/app.conf",
	 .help = "with file: which one.  Its content when the image is built counts."},
	{.name = "value",
	 .type = ENCL_KEY_TEXT,
	 .format = &format_extension,
	 FIELD(EX, value),
	 .example = "production",
	 .help = "with value: the text itself, or bytes as \"hex:00ff\"."},
	END,
};

const struct encl_key encl_manifest_attestation_keys[] = {
	{.name = "api",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_IF_GIVEN,
	 .keys = api_keys,
	 FIELD(A, api),
	 POS(API, pos),
	 GIVEN(API, given),
	 .help = "An HTTP API that gives attestation documents to programs and containers of "
		 "the enclave.  Without it there is none."},
	{.name = "extend",
	 .type = ENCL_KEY_MAPS,
	 .keys = extend_keys,
	 .min = 1,
	 .max = 64,
	 LIST_OF(A, extend, n_extend, EX),
	 ITEM_POS(EX, pos),
	 .example = "[{pcr: 16, with: manifest}]",
	 .help = "Registers that are extended in this order before the first program "
		 "starts, each to SHA384(PCR || SHA384(content))."},
	{.name = "lock",
	 .type = ENCL_KEY_TEXTS,
	 .flags = ENCL_KEY_UNIQUE,
	 .format = &format_pcr_number,
	 .min = 1,
	 .max = 16,
	 FIELD(A, lock),
	 .example = "[16]",
	 .help = "Registers that nobody can extend any more after that.  Documents have "
		 "locked registers only."},
	END,
};
