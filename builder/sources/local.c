/* SPDX-License-Identifier: Apache-2.0 */
/* archive, directory, file: dispatch, owners and pins. */
#include "sources/local.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"

static int
parse_owner(const char *text, struct encl_local_owner *out, struct encl_err *e)
{
	const char *colon = strchr(text, ':');
	encl_auto(encl_free) char *user =
		encl_xstrndup(text, colon ? (size_t)(colon - text) : strlen(text));
	uint64_t uid;
	uint64_t gid;

	/* 2^32-1 means "no change" to chown and the kernel refuses it */
	if (!encl_parse_uint(user, 10, UINT32_MAX - 1, &uid) ||
	    !encl_parse_uint(colon ? colon + 1 : user, 10, UINT32_MAX - 1, &gid))
		return encl_fail(e, ENCL_USAGE, "owner: \"%s\" is not UID:GID in numbers",
				 text);
	*out = (struct encl_local_owner){true, (uint32_t)uid, (uint32_t)gid};
	return 0;
}

int
encl_local_lock(struct encl_env *env, const struct encl_manifest *m,
		const struct encl_layer *layer, json_t **pin, struct encl_err *e)
{
	struct encl_local l = {.env = env, .m = m, .layer = layer};

	switch (layer->kind) {
	case ENCL_LAYER_ARCHIVE:
		return encl_archive_lock(&l, pin, e);
	case ENCL_LAYER_DIRECTORY:
		return encl_directory_lock(&l, pin, e);
	case ENCL_LAYER_FILE:
		return encl_file_lock(&l, pin, e);
	case ENCL_LAYER_IMAGE:
	case ENCL_LAYER_PACKAGES:
	case ENCL_LAYER_REMOVE:
		break;
	}
	return encl_fail(e, ENCL_FAILED, "not a local source");
}

int
encl_local_emit(struct encl_env *env, const struct encl_manifest *m,
		const struct encl_layer *layer, const json_t *pin,
		struct encl_entry_sink *sink, struct encl_err *e)
{
	struct encl_local l = {
		.env = env, .m = m, .layer = layer, .pin = pin, .sink = sink};

	if (layer->owner && parse_owner(layer->owner, &l.owner, e))
		return -1;
	switch (layer->kind) {
	case ENCL_LAYER_ARCHIVE:
		return encl_archive_emit(&l, e);
	case ENCL_LAYER_DIRECTORY:
		return encl_directory_emit(&l, e);
	case ENCL_LAYER_FILE:
		return encl_file_emit(&l, e);
	case ENCL_LAYER_IMAGE:
	case ENCL_LAYER_PACKAGES:
	case ENCL_LAYER_REMOVE:
		break;
	}
	return encl_fail(e, ENCL_FAILED, "not a local source");
}

json_t *
encl_local_pin(const struct encl_digest *sha256, uint64_t size)
{
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(sha256, text);
	return json_pack("{s:s, s:I}", "sha256", strchr(text, ':') + 1, "size",
			 (json_int_t)size);
}

/* The digest fits, other words do not: somebody edited the lock. */
int
encl_local_fail_pin(const char *what, struct encl_err *e)
{
	return encl_fail(e, ENCL_MISMATCH,
			 "%s: the lock's words on it are not what lock writes; run "
			 "\"enclavebuild lock\"",
			 what);
}

int
encl_local_check_pin(const json_t *pin, const char *what,
		     const struct encl_digest *sha256, uint64_t size, struct encl_err *e)
{
	encl_auto(json_decref) json_t *fresh = encl_local_pin(sha256, size);
	char have[ENCL_DIGEST_TEXT];
	const char *want;

	if (encl_json_str(pin, "sha256", "enclave.lock", &want, e))
		return -1;
	encl_digest_format(sha256, have);
	if (json_equal(pin, fresh))
		return 0;
	if (!strcmp(want, strchr(have, ':') + 1))
		return encl_local_fail_pin(what, e);
	return encl_fail(e, ENCL_MISMATCH,
			 "%s: lock has sha256:%s, the file has %s; run \"enclavebuild "
			 "lock\"",
			 what, want, have);
}

int
encl_local_check_manifest(const char *manifest_sha256, const char *what,
			  const struct encl_digest *sha256, struct encl_err *e)
{
	char have[ENCL_DIGEST_TEXT];

	encl_digest_format(sha256, have);
	if (!manifest_sha256 || !strcmp(manifest_sha256, strchr(have, ':') + 1))
		return 0;
	return encl_fail(e, ENCL_MISMATCH, "%s: manifest has sha256:%s, the file has %s",
			 what, manifest_sha256, have);
}

char *
encl_local_join(const char *at, const char *path)
{
	size_t n;

	while (*at == '/')
		at++;
	n = strlen(at);
	while (n && at[n - 1] == '/')
		n--;
	while (*path == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	if (!strcmp(path, "."))
		path++;
	if (!n && !*path)
		return encl_xstrdup(".");
	return encl_xasprintf("%.*s%s%s", (int)n, at, n && *path ? "/" : "", path);
}
