/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms of texts below `deploy`.  Each ends up in the argument list of a program
 * (ssh, kubectl) or in a file for one: none may begin with "-" or hold white space.
 */
#include <string.h>

#include "manifest/format.h"
#include "registry/reference.h"

static const char *
reference(const char *text)
{
	encl_auto(encl_reference_clear) struct encl_reference r = {0};
	struct encl_err e;

	if (encl_reference_parse(text, &r, &e))
		return "is no reference to an image in a registry "
		       "(HOST/NAME[:TAG][@DIGEST])";
	return NULL;
}

const struct encl_format encl_format_reference = {
	.what = "a reference HOST/NAME[:TAG][@DIGEST]",
	.pattern = "^[A-Za-z0-9[][!-~]*$",
	.check = reference,
	.max = 512,
};
const struct encl_format encl_format_ssh_host = {
	.what = "a host's name or address, or an entry of ssh_config",
	.pattern = "^[A-Za-z0-9_][A-Za-z0-9._:-]*$",
	.max = 253,
};
const struct encl_format encl_format_login = {
	.what = "a user's name",
	.pattern = "^[A-Za-z0-9_][A-Za-z0-9._-]*$",
	.max = 64,
};
const struct encl_format encl_format_aws_name = {
	.what = "a name or ID of AWS",
	.pattern = "^[A-Za-z0-9/_+=.@][A-Za-z0-9/_+=,.@:-]*$",
	.max = 256,
};
const struct encl_format encl_format_https = {
	.what = "a URL that begins with https://",
	.pattern = "^https://[A-Za-z0-9][!-~]*$",
	.max = 2048,
};
const struct encl_format encl_format_kube_name = {
	.what = "a name of 1 to 63 lower-case letters, digits and \"-\" that begins and "
		"ends with a letter or digit",
	.pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
	.max = 63,
};
