/* SPDX-License-Identifier: Apache-2.0 */
/* An image, its manifest and its lock to checks: built again, compared, explained. */
#include "rebuild.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/scratch.h"
#include "build_internal.h"
#include "lock/lock.h"
#include "rebuild_internal.h"
#include "sources/cache.h"
#include "verify/diff.h"

enum { MAX_TEXT = 1 << 20, MAX_LINES = 100 };

/* One rebuild. */
struct rebuild {
	struct encl_env *env;
	const struct encl_manifest *given;
	struct encl_manifest m; /* of it: unsigned, from wherever we stand */
	const struct encl_eif *image;
	const struct encl_rebuild_options *o;
	struct encl_checks *checks;
	struct encl_scratch scratch;
};

/* ---- what failed ---- */

/* From the cache that it filled, without the network. */
static int
owners(struct rebuild *r, struct encl_origins **out, struct encl_err *e)
{
	encl_auto(encl_free) char *cache =
		encl_xasprintf("%s/" ENCL_REBUILD_CACHE, r->scratch.path);
	encl_auto(encl_free) char *path =
		encl_xasprintf("%s/" ENCL_REBUILD_LOCK, r->scratch.path);
	encl_auto(encl_cache_free) struct encl_cache *own = NULL;
	struct encl_env env = *r->env;
	encl_auto(encl_free) char *init_bytes = NULL;
	encl_auto(encl_build_clear) struct encl_build b = {
		.env = &env, .m = &r->m, .nitro_cli = r->o->nitro_cli};
	bool locked;

	env.log = NULL; /* it was told already */
	env.offline = true;
	if (!r->o->use_cache) {
		if (encl_cache_open(cache, &own, e))
			return -1;
		env.cache = own;
		env.cache_dir = encl_cache_dir(own);
	}
	if (encl_lock_read(path, &b.lock, e) ||
	    encl_build_prepare(&b, true, &locked, &init_bytes, e))
		return -1;
	return encl_build_owners(&b, out, e);
}

static int
explain(struct rebuild *r, const struct encl_eif *rebuilt, json_t **diff,
	struct encl_err *e)
{
	encl_auto(encl_free) char *name = encl_xasprintf("rebuild of %s", r->m.file);
	encl_auto(encl_origins_free) struct encl_origins *o = NULL;
	encl_auto(encl_inventory_clear) struct encl_inventory a = {0};
	encl_auto(encl_inventory_clear) struct encl_inventory b = {0};
	const struct encl_diff_options options = {
		.name_a = r->o->name,
		.name_b = name,
		.contents = true,
		.max_text = MAX_TEXT,
		.max_lines = MAX_LINES,
		.ignore_signature = true,
	};

	if (owners(r, &o, e) || encl_inventory_read(r->image, o, &a, e) ||
	    encl_inventory_read(rebuilt, o, &b, e) ||
	    encl_diff(&a, &b, &options, diff, e))
		return -1;
	encl_rebuild_explain(r->checks, *diff, o, r->m.file);
	return 0;
}

/* ---- the signature ---- */

static void
tell(struct rebuild *r, enum encl_verdict verdict, const char *text, const char *more)
{
	struct encl_check *c = encl_checks_add(r->checks, "rebuild.signature", verdict,
					       "%s%s", text, more);

	if (verdict != ENCL_CHECK_NOTE)
		c->source = encl_xstrdup(r->given->sign.certificate);
}

/* Does the manifest's key make the image's very bytes?  (By another program it may
 * have made others.)  Without it, as with a key that is no file, nobody can say. */
static const char *
compare_bytes(struct rebuild *r, const char *certificate,
	      const struct encl_image_state *state)
{
	static const char not_here[] =
		"by the manifest's certificate; its key is not here";
	encl_auto(encl_free) char *key = NULL;
	encl_auto(encl_key_signer_free) struct encl_key_signer *signer = NULL;
	encl_auto(encl_free) uint8_t *bytes = NULL;
	struct encl_eif_signer *s;
	struct encl_err ignored;
	size_t n;

	if (!r->given->sign.key)
		return "by the manifest's certificate; its key is no file";
	key = encl_manifest_path(r->given, r->given->sign.key);
	if (access(key, R_OK) ||
	    encl_key_signer_open(certificate, key, 0, &signer, &ignored))
		return not_here;
	s = encl_key_signer_base(signer);
	if (s->sign(s, &state->measurements.pcr0, &bytes, &n, &ignored))
		return not_here;
	if (n == r->image->signature_size && !memcmp(bytes, r->image->signature, n))
		return "the manifest's key makes the same bytes";
	return "by the manifest's certificate, in other bytes: another program signed";
}

static void
check_signature(struct rebuild *r, const struct encl_image_state *state)
{
	const struct encl_sign *sign = &r->given->sign;
	encl_auto(encl_free) char *certificate = NULL;
	struct encl_pcr pcr8;
	struct encl_err why;

	if (!sign->given || !r->image->signature) {
		tell(r, ENCL_CHECK_NOTE,
		     sign->given ? "the image is not signed, its manifest asks for a "
				   "signature"
		     : r->image->signature ? "not compared: the manifest does not sign"
					   : "neither image nor manifest has one",
		     "");
		return;
	}
	certificate = encl_manifest_path(r->given, sign->certificate);
	if (encl_certificate_pcr8(certificate, &pcr8, &why))
		tell(r, ENCL_CHECK_FAIL, "cannot be compared: ", why.msg);
	else if (!state->has_signature ||
		 memcmp(pcr8.bytes, state->measurements.pcr8.bytes, ENCL_PCR_SIZE) != 0)
		tell(r, ENCL_CHECK_FAIL, "not by the manifest's certificate ",
		     sign->certificate);
	else if (!state->signature_ok)
		tell(r, ENCL_CHECK_FAIL,
		     "by the manifest's certificate, but: ", state->why);
	else
		tell(r, ENCL_CHECK_PASS, compare_bytes(r, certificate, state), "");
}

/* ---- all ---- */

static int
compare(struct rebuild *r, const struct encl_image_state *state, json_t **diff,
	struct encl_err *e)
{
	encl_auto(encl_free) char *path =
		encl_xasprintf("%s/" ENCL_REBUILD_IMAGE, r->scratch.path);
	encl_auto(encl_free) char *source = encl_xasprintf("rebuild of %s", r->m.file);
	encl_auto(encl_eif_close) struct encl_eif rebuilt = {.fd = -1};
	bool same;

	if (encl_eif_open(path, &rebuilt, e) ||
	    encl_rebuild_compare(r->image, &rebuilt, source, r->o->nitro_cli, r->checks,
				 &same, e))
		return -1;
	check_signature(r, state);
	return same ? 0 : explain(r, &rebuilt, diff, e);
}

static void
check_lock(struct rebuild *r, const struct encl_rebuilt *rebuilt, const char *lock)
{
	struct encl_check *c;

	if (rebuilt->lock_differs)
		c = encl_checks_add(r->checks, "rebuild.lock", ENCL_CHECK_FAIL, "%s",
				    rebuilt->why);
	else
		c = encl_checks_add(r->checks, "rebuild.lock", ENCL_CHECK_PASS,
				    "the inputs are those of the lock");
	c->source = encl_xstrdup(lock);
}

static void
rebuild_clear(struct rebuild *r)
{
	encl_scratch_clear(&r->scratch);
}
ENCL_AUTO_VAL(struct rebuild, rebuild_clear);

int
encl_rebuild(struct encl_env *env, const struct encl_manifest *m,
	     const struct encl_eif *image, const struct encl_image_state *state,
	     const struct encl_rebuild_options *o, struct encl_checks *checks,
	     json_t **diff, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_lock_path(m);
	encl_auto(encl_free) char *folder = realpath(m->folder, NULL);
	encl_auto(json_decref) json_t *lock = NULL;
	encl_auto(json_decref) json_t *found = NULL;
	encl_auto(rebuild_clear) struct rebuild r = {env, m, *m, image, o, checks, {0}};
	struct encl_rebuilt rebuilt = {0};

	if (!folder)
		return encl_fail_sys(e, ENCL_FAILED, "%s", m->folder);
	r.m.folder = folder;
	r.m.sign = (struct encl_sign){0};
	r.m.expect = (struct encl_expect){0};
	if (encl_lock_read(path, &lock, e))
		return -1;
	if (!lock)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s is not there: without it nothing says what was "
				 "built from",
				 path);
	if (encl_scratch_open("enclavebuild-rebuild", &r.scratch, e) ||
	    encl_rebuild_run(env, &r.m, lock, r.scratch.path, o, &rebuilt, e))
		return encl_wrap(e, "rebuild");
	check_lock(&r, &rebuilt, path);
	if (compare(&r, state, &found, e))
		return encl_wrap(e, "rebuild");
	*diff = encl_take(found, NULL);
	return 0;
}
