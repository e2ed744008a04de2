/* SPDX-License-Identifier: Apache-2.0 */
/* A registry's image into the cache (distribution-spec 1.1, "Pull"). */
#include "sources/image_remote.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "registry/registry.h"
#include "sources/cache.h"
#include "sources/image_open.h"
#include "sources/remote_blob.h"

/* ---- what is missing ---- */

int
encl_image_remote_offline(const char *what, const char *missing, struct encl_err *e)
{
	return encl_fail(e, ENCL_NETWORK,
			 "not in the cache, and --offline forbids to fetch: %s%s%s", what,
			 *what ? " " : "", missing);
}

/* As short as Docker shows them: many have to fit into a message. */
static void
list_digest(struct encl_buf *list, const char *digest)
{
	encl_buf_add_fmt(list, "%s%.19s", list->len ? ", " : "", digest);
}

static int
add_missing(struct encl_env *env, const char *digest, struct encl_buf *missing,
	    struct encl_err *e)
{
	struct encl_digest d;
	bool cached;

	if (!digest)
		return 0;
	if (!encl_digest_parse(digest, &d))
		return encl_fail(e, ENCL_MISMATCH,
				 "enclave.lock: not a digest in the pin of an image");
	if (encl_remote_cached(env, &d, UINT64_MAX, false, &cached, e))
		return -1;
	if (!cached)
		list_digest(missing, digest);
	return 0;
}

static const char *
text_of(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

int
encl_image_remote_missing(struct encl_env *env, const struct encl_image_ref *ref,
			  const json_t *pin, struct encl_buf *missing, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf list = {.cap = 1 << 20};
	json_t *layer;
	size_t i;

	if (ref->kind != ENCL_IMAGE_REGISTRY)
		return 0;
	if (add_missing(env, text_of(pin, "index"), &list, e) ||
	    add_missing(env, text_of(pin, "manifest"), &list, e) ||
	    add_missing(env, text_of(pin, "config"), &list, e))
		return -1;
	json_array_foreach (json_object_get(pin, "layers"), i, layer)
		if (add_missing(env, text_of(layer, "digest"), &list, e))
			return -1;
	if (list.len)
		encl_buf_add_fmt(missing, "%s%s: %s", missing->len ? "; " : "", ref->path,
				 encl_buf_text(&list));
	return 0;
}

/* ---- documents ---- */

static int
write_document(struct encl_env *env, const struct encl_digest *d, const char *text,
	       size_t n, const char *what, struct encl_err *e)
{
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial p = {.fd = -1};
	bool there;

	if (encl_cache_partial_open(env->cache, env->log, d, n, n, what, &p, &there, e))
		return -1;
	if (there)
		return 0;
	if (encl_cache_partial_restart(&p, e) || encl_sink_write(&p.sink, text, n, e))
		return -1;
	return encl_cache_partial_commit(&p, e);
}

static int
fetch_manifest(struct encl_env *env, const struct encl_reference *where,
	       const struct encl_digest *d, struct encl_cache_partial *p,
	       struct encl_err *e)
{
	encl_auto(encl_registry_manifest_clear) struct encl_registry_manifest m = {0};
	encl_auto(encl_remote_client_clear) struct encl_remote_client c = {0};
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(d, text);
	if (encl_remote_client_open(env, &c, e) ||
	    encl_registry_manifest_get(c.r, where, text, &m, NULL, e) ||
	    encl_cache_partial_restart(p, e) || encl_sink_write(&p->sink, m.text, m.n, e))
		return -1;
	return encl_cache_partial_commit(p, e);
}

int
encl_image_remote_manifest(const struct encl_image_store *s, const struct encl_digest *d,
			   struct encl_err *e)
{
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial p = {.fd = -1};
	char text[ENCL_DIGEST_TEXT];
	bool there;

	if (!s->where)
		return 0;
	if (encl_remote_cached(s->env, d, UINT64_MAX, true, &there, e))
		return -1;
	if (there)
		return 0;
	encl_digest_format(d, text);
	if (s->env->offline)
		return encl_image_remote_offline(s->what, text, e);
	encl_auto(encl_free) char *what = encl_xasprintf("%s: %s", s->what, text);

	if (encl_cache_partial_open(s->env->cache, s->env->log, d, UINT64_MAX,
				    ENCL_IMAGE_JSON_MAX, what, &p, &there, e))
		return -1;
	return there ? 0 : fetch_manifest(s->env, s->where, d, &p, e);
}

int
encl_image_remote_config(const struct encl_image_store *s, const struct encl_digest *d,
			 uint64_t size, struct encl_err *e)
{
	encl_auto(encl_remote_client_clear) struct encl_remote_client c = {0};
	char text[ENCL_DIGEST_TEXT];
	bool there;

	if (!s->where)
		return 0;
	encl_digest_format(d, text);
	if (size > ENCL_IMAGE_JSON_MAX)
		return encl_fail(e, ENCL_FAILED, "%s: config %s is larger than %d bytes",
				 s->what, text, ENCL_IMAGE_JSON_MAX);
	if (encl_remote_cached(s->env, d, size, true, &there, e))
		return -1;
	if (there)
		return 0;
	if (s->env->offline)
		return encl_image_remote_offline(s->what, text, e);
	encl_auto(encl_free) char *what = encl_xasprintf("%s: %s", s->what, text);
	const struct encl_registry_blob blob = {*d, size, NULL};

	if (encl_remote_client_open(s->env, &c, e))
		return -1;
	return encl_remote_blob(s->env, c.r, s->where, &blob, what, e);
}

/* ---- opening ---- */

/* The tag is asked for now. */
static int
resolve(struct encl_env *env, const struct encl_image_ref *ref, struct encl_digest *out,
	struct encl_err *e)
{
	encl_auto(encl_registry_manifest_clear) struct encl_registry_manifest m = {0};
	encl_auto(encl_remote_client_clear) struct encl_remote_client c = {0};
	const char *version = encl_reference_version(ref->reference);

	if (env->offline)
		return encl_fail(e, ENCL_NETWORK,
				 "%s: which image the tag \"%s\" names is asked of the "
				 "registry, and --offline forbids that",
				 ref->path, version);
	if (encl_remote_client_open(env, &c, e) ||
	    encl_registry_manifest_get(c.r, ref->reference, version, &m, NULL, e))
		return -1;
	*out = m.digest;
	return write_document(env, &m.digest, m.text, m.n, ref->path, e);
}

/* Where to begin: the reference's digest, else the pin's, else the tag's. */
static int
find_start(struct encl_env *env, const struct encl_image_ref *ref, const json_t *pin,
	   struct encl_digest *out, struct encl_err *e)
{
	const char *text = ref->digest;

	if (!text)
		text = text_of(pin, "index");
	if (!text)
		text = text_of(pin, "manifest");
	if (!text && !pin)
		return resolve(env, ref, out, e);
	if (!text || !encl_digest_parse(text, out))
		return encl_fail(e, ENCL_MISMATCH,
				 "the lock's words on %s are not what lock writes of it; "
				 "run \"enclavebuild lock\"",
				 ref->path);
	return 0;
}

/* The name that Docker knows it by; a digest alone is none. */
static void
take_name(const struct encl_reference *r, struct encl_image *out)
{
	encl_auto(encl_free) char *name = NULL;

	if (r->digest && !r->tag)
		return;
	name = encl_xasprintf("%s/%s:%s", r->host, r->repository,
			      r->tag ? r->tag : "latest");
	encl_image_add_name(out, name);
}

int
encl_image_remote_open(struct encl_env *env, const struct encl_image_ref *ref,
		       const json_t *pin, enum encl_arch arch,
		       struct encl_image_store *store, struct encl_image *out,
		       struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf missing = {.cap = 1 << 20};
	const struct encl_image_store s = {
		.what = ref->path, .dirfd = -1, .env = env, .where = ref->reference};
	struct encl_digest start;

	if (env->offline && pin && encl_image_remote_missing(env, ref, pin, &missing, e))
		return -1;
	if (missing.len)
		return encl_image_remote_offline("", encl_buf_text(&missing), e);
	if (find_start(env, ref, pin, &start, e) ||
	    encl_image_open_digest(&s, &start, arch, out, e))
		return -1;
	take_name(ref->reference, out);
	*store = s;
	return 0;
}
