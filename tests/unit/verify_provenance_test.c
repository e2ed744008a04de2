/* SPDX-License-Identifier: Apache-2.0 */
/* Provenance: each dependency once, no field where nothing is known. */
#include "verify/provenance.h"

#include <string.h>

#include "base/json.h"
#include "base/parse.h"
#include "test.h"

#define HEX16 "0123456789abcdef"
#define HEX   HEX16 HEX16 HEX16 HEX16

static struct encl_pin
pin(enum encl_pin_kind kind, const char *item, const char *name)
{
	struct encl_pin p = {.kind = kind, .item = item, .name = name};

	CHECK(encl_digest_parse("sha256:" HEX, &p.digest));
	return p;
}

TEST(verify_provenance_dependencies)
{
	struct encl_pin v[] = {pin(ENCL_PIN_PACKAGE, "rootfs[0]", "a"),
			       pin(ENCL_PIN_PACKAGE, "docker.engine", "a"),
			       pin(ENCL_PIN_DIRECTORY, "rootfs[1]", "a\xff"),
			       pin(ENCL_PIN_DIRECTORY, "rootfs[2]", "a\xff"),
			       pin(ENCL_PIN_MANIFEST, "rootfs[3]", "r")};
	const struct encl_pins pins = {.v = v, .n = 5};
	struct encl_provenance p = {.name = "x.eif",
				    .sha256 = v[0].digest,
				    .manifest = "m",
				    .meaning = v[0].digest,
				    .lock_name = "l",
				    .lock_digest = v[0].digest,
				    .pins = &pins,
				    .metadata = "{}"};
	encl_auto(json_decref) json_t *doc = NULL;
	encl_auto(encl_free) char *text = NULL;
	const json_t *build;

	v[0].version = v[1].version = "1~2";
	v[0].arch = v[1].arch = "amd64";
	v[4].reference = "docker.io/library/redis:7";
	doc = encl_provenance(&p);
	build = json_object_get(json_object_get(doc, "predicate"), "buildDefinition");
	text = encl_json_compact(json_object_get(build, "resolvedDependencies"));
	EQ_STR("[{\"uri\":\"pkg:deb/debian/a@1~2?arch=amd64\",\"digest\":{\"sha256\":\"" HEX
	       "\"},\"name\":\"a\",\"annotations\":{\"kind\":\"package\",\"items\":["
	       "\"rootfs[0]\",\"docker.engine\"],\"version\":\"1~2\"}},"
	       "{\"digest\":{\"enclavebuildTree\":\"" HEX
	       "\"},\"name\":\"a\\\\xff\",\"annotations\":{\"kind\":\"directory\","
	       "\"items\":[\"rootfs[1]\",\"rootfs[2]\"]}},"
	       "{\"uri\":\"pkg:oci/redis@sha256:" HEX
	       "?repository_url=docker.io/library/redis&tag=7\",\"digest\":{\"sha256\":\"" HEX
	       "\"},\"name\":\"r\",\"annotations\":{\"kind\":\"image manifest\",\"items\":["
	       "\"rootfs[3]\"]}}]",
	       text);
	EQ_INT(0, json_object_size(json_object_get(
			  json_object_get(build, "internalParameters"), "tool")));
}
