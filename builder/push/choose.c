/* SPDX-License-Identifier: Apache-2.0 */
/* Out of an index, the image for an architecture. */
#include <string.h>

#include "base/json.h"
#include "push/received.h"
#include "sources/oci.h"

struct choice {
	struct encl_received_choice found[2]; /* by architecture */
	bool has[2];
};

/* No artifactType may be an image's, too: its manifest tells. */
static bool
is_image(const json_t *type)
{
	const char *text = json_string_value(type);

	return !type || (text && !strcmp(text, ENCL_ARTIFACT_EIF));
}

static int
consider(struct choice *c, const json_t *entry, const char *what, struct encl_err *e)
{
	const json_t *platform = json_object_get(entry, "platform");
	const char *os = json_string_value(json_object_get(platform, "os"));
	const char *name = json_string_value(json_object_get(platform, "architecture"));
	struct encl_oci_descriptor d = {.media_type = ""};
	enum encl_arch arch;

	if (encl_oci_descriptor(entry, what, &d, e))
		return -1;
	if (d.kind != ENCL_OCI_MANIFEST || !os || !name || strcmp(os, "linux") != 0 ||
	    !encl_received_arch(name, &arch) ||
	    !is_image(json_object_get(entry, "artifactType")) || c->has[arch])
		return 0;
	c->found[arch].digest = d.digest;
	memcpy(c->found[arch].text, d.text, sizeof d.text);
	c->found[arch].arch = arch;
	c->has[arch] = true;
	return 0;
}

static enum encl_arch
other(enum encl_arch arch)
{
	return arch == ENCL_ARCH_X86_64 ? ENCL_ARCH_AARCH64 : ENCL_ARCH_X86_64;
}

int
encl_received_choose(const json_t *index, const enum encl_arch *wanted,
		     enum encl_arch host, const char *what,
		     struct encl_received_choice *out, struct encl_err *e)
{
	struct encl_oci_descriptor any = {.kind = ENCL_OCI_OTHER};
	struct choice c = {.has = {false}};
	enum encl_arch arch = wanted ? *wanted : host;
	json_t *list = NULL;
	json_t *entry;
	size_t i;

	if (encl_oci_check(index, &any, what, NULL, e) ||
	    encl_json_array(index, "manifests", what, &list, e))
		return -1;
	json_array_foreach (list, i, entry)
		if (consider(&c, entry, what, e))
			return -1;
	if (!wanted && !c.has[arch])
		arch = other(arch);
	if (!c.has[arch])
		return encl_fail(e, ENCL_FAILED, "%s: no enclave image%s%s%s%s", what,
				 wanted ? " for " : "",
				 wanted ? encl_arch_name(arch) : "",
				 c.has[other(arch)] ? ", only for " : "",
				 c.has[other(arch)] ? encl_arch_name(other(arch)) : "");
	*out = c.found[arch];
	out->only = !c.has[other(arch)];
	return 0;
}
