/* SPDX-License-Identifier: Apache-2.0 */
/* A reference to its manifest and config; parts by a few threads, joined. */
#include "push/pull.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/stream.h"
#include "push/document.h"
#include "sources/cache.h"
#include "sources/oci.h"
#include "sources/remote_blob.h"

enum { THREADS = 4, CHUNK = 1 << 18, TURNS = 3 };

void
encl_pulled_clear(struct encl_pulled *p)
{
	free(p->reference);
	encl_received_clear(&p->received);
	encl_close_fd(p->fd);
	memset(p, 0, sizeof *p);
	p->fd = -1;
}

static enum encl_arch
host_arch(void)
{
	struct utsname u;

	return !uname(&u) && !strcmp(u.machine, "aarch64") ? ENCL_ARCH_AARCH64
							   : ENCL_ARCH_X86_64;
}

static int
choose(struct encl_env *env, struct encl_registry *r, const struct encl_reference *where,
       const enum encl_arch *arch, struct encl_pulled *p, json_t **doc,
       struct encl_err *e)
{
	encl_auto(json_decref) json_t *index = encl_take(*doc, NULL);
	struct encl_received_choice c;

	if (encl_received_choose(index, arch, host_arch(), p->reference, &c, e) ||
	    encl_document_get(env, r, where, c.text, p->reference, doc, p->manifest, e))
		return -1;
	if (!arch && !c.only)
		encl_info(env->log, "%s: the image for %s is taken (see --arch)",
			  p->reference, encl_arch_name(c.arch));
	if (encl_received_manifest(*doc, p->reference, &p->received, e))
		return -1;
	p->received.has_arch = true;
	p->received.arch = c.arch;
	return 0;
}

static int
read_config(struct encl_env *env, struct encl_registry *r,
	    const struct encl_reference *where, struct encl_pulled *p, struct encl_err *e)
{
	encl_auto(encl_free) char *what = encl_xasprintf("%s: config", p->reference);
	encl_auto(encl_free) char *text = NULL;
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_received *v = &p->received;
	bool told = v->has_arch;
	enum encl_arch arch = v->arch;
	size_t n = 0;

	if (!v->has_config)
		return 0;
	if (encl_document_blob(env, r, where, &v->config, v->config_size, what, &text, &n,
			       e) ||
	    encl_json_parse(text, n, what, &doc, e) ||
	    encl_received_config(v, doc, what, e))
		return -1;
	if (told && arch != v->arch)
		return encl_fail(e, ENCL_MISMATCH, "%s: is for %s, the index says %s",
				 what, encl_arch_name(v->arch), encl_arch_name(arch));
	return 0;
}

int
encl_pull_find(struct encl_env *env, struct encl_registry *r,
	       const struct encl_reference *where, const enum encl_arch *arch,
	       struct encl_pulled *out, struct encl_err *e)
{
	encl_auto(encl_pulled_clear) struct encl_pulled p = {.fd = -1};
	encl_auto(json_decref) json_t *doc = NULL;

	p.reference = encl_reference_text(where);
	if (encl_document_get(env, r, where, encl_reference_version(where), p.reference,
			      &doc, p.manifest, e))
		return -1;
	if (json_object_get(doc, "manifests")
		    ? choose(env, r, where, arch, &p, &doc, e)
		    : encl_received_manifest(doc, p.reference, &p.received, e))
		return -1;
	if (read_config(env, r, where, &p, e))
		return -1;
	if (arch && p.received.has_arch && p.received.arch != *arch)
		return encl_fail(e, ENCL_FAILED, "%s: is for %s, not for %s", p.reference,
				 encl_arch_name(p.received.arch), encl_arch_name(*arch));
	*out = encl_take(p, (struct encl_pulled){.fd = -1});
	return 0;
}

/* ---- the image ---- */

struct work {
	struct encl_env *env;
	struct encl_registry *r;
	const struct encl_reference *where;
	const struct encl_pulled *p;
};

static int
fetch_part(void *arg, size_t i, struct encl_err *e)
{
	const struct work *w = arg;
	const struct encl_received *v = &w->p->received;
	const char *name = w->where->repository;
	encl_auto(encl_free) char *label =
		v->n_parts == 1 ? encl_xstrdup(name)
				: encl_xasprintf("%s %zu/%zu", name, i + 1, v->n_parts);

	return encl_document_fetch(w->env, w->r, w->where, &v->parts[i].digest,
				   v->parts[i].size, label, e);
}

/* One that is there already is hashed: it is not, when it is joined. */
static int
take_part(void *arg, size_t i, struct encl_err *e)
{
	const struct work *w = arg;
	const struct encl_artifact_part *part = &w->p->received.parts[i];
	bool cached;

	if (encl_remote_cached(w->env, &part->digest, part->size, true, &cached, e))
		return -1;
	return cached ? 0 : fetch_part(arg, i, e);
}

/* Another pull, of an image that shares it, may have removed it meanwhile. */
static int
open_part(struct work *w, size_t i, int *fd, struct encl_err *e)
{
	const struct encl_artifact_part *part = &w->p->received.parts[i];
	uint64_t size = 0;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		if (encl_cache_find(w->env->cache, &part->digest, fd, &size, e))
			return -1;
		if (*fd >= 0 && size == part->size)
			return 0;
		encl_close_fd(encl_take(*fd, -1));
		if (fetch_part(w, i, e))
			return -1;
	}
	return encl_fail(e, ENCL_FAILED, "%s: a part is not in the cache any more",
			 w->p->reference);
}

static int
append_part(struct work *w, size_t i, struct encl_sink *to, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;
	encl_auto(encl_free) uint8_t *buf = encl_xmalloc(CHUNK);
	uint64_t size = w->p->received.parts[i].size;
	const char *what = w->p->reference;

	if (open_part(w, i, &fd, e))
		return -1;
	for (uint64_t done = 0; done < size;) {
		size_t n = size - done < CHUNK ? (size_t)(size - done) : CHUNK;

		if (encl_pread_full(fd, buf, n, done, what, e) ||
		    encl_sink_write(to, buf, n, e))
			return -1;
		done += n;
	}
	return 0;
}

static int
append_parts(struct work *w, struct encl_sink *to, struct encl_err *e)
{
	for (size_t i = 0; i < w->p->received.n_parts; i++)
		if (append_part(w, i, to, e))
			return -1;
	return 0;
}

/* Of an image whose digest nobody tells the parts stay: they are all that the
 * next pull can find. */
static int
join_unnamed(struct work *w, int *fd, struct encl_err *e)
{
	encl_auto(encl_cache_writer_clear) struct encl_cache_writer to = {.cache = NULL};
	const struct encl_received *v = &w->p->received;
	struct encl_digest digest;

	if (encl_parallel(THREADS, v->n_parts, take_part, w, e) ||
	    encl_cache_write(w->env->cache, &to, v->size, w->p->reference, e) ||
	    append_parts(w, &to.sink, e))
		return -1;
	return encl_cache_commit(&to, NULL, &digest, fd, e);
}

/* The lock of the whole is held while its parts are fetched: of several pulls
 * at once one does the work.  The parts are not needed behind it. */
static int
join_named(struct work *w, struct encl_err *e)
{
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial to = {.fd = -1};
	const struct encl_received *v = &w->p->received;
	bool there;

	if (encl_cache_partial_open(w->env->cache, w->env->log, &v->sha256, v->size,
				    v->size, w->p->reference, &to, &there, e))
		return -1;
	if (there)
		return 0;
	if (encl_cache_partial_restart(&to, e) ||
	    encl_parallel(THREADS, v->n_parts, take_part, w, e) ||
	    append_parts(w, &to.sink, e) || encl_cache_partial_commit(&to, e))
		return -1;
	for (size_t i = 0; i < v->n_parts; i++)
		encl_cache_remove(w->env->cache, &v->parts[i].digest);
	return 0;
}

int
encl_pull_fetch(struct encl_env *env, struct encl_registry *r,
		const struct encl_reference *where, struct encl_pulled *p,
		struct encl_err *e)
{
	struct work w = {env, r, where, p};
	const struct encl_received *v = &p->received;
	uint64_t size;

	if (v->has_digest &&
	    encl_cache_get(env->cache, &v->sha256, env->log, &p->fd, &size, e))
		return -1;
	if (p->fd >= 0)
		return 0;
	if (v->n_parts > 1 && !v->has_digest)
		return join_unnamed(&w, &p->fd, e);
	if (v->n_parts > 1 ? join_named(&w, e) : fetch_part(&w, 0, e))
		return -1;
	if (encl_cache_find(env->cache, v->n_parts > 1 ? &v->sha256 : &v->parts[0].digest,
			    &p->fd, &size, e))
		return -1;
	return p->fd >= 0 ? 0
			  : encl_fail(e, ENCL_FAILED, "%s: is not in the cache any more",
				      p->reference);
}

int
encl_pull_check(const struct encl_pulled *p, int fd, unsigned jobs, struct encl_eif *eif,
		struct encl_image_state *state, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif v = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return encl_fail_sys(e, ENCL_HOST, "%s", p->reference);
	if (encl_eif_open_fd(own, p->reference, &v, e) ||
	    encl_image_check(&v, jobs, &s, e) ||
	    encl_received_compare(&p->received, &v, &s, p->reference, e) ||
	    encl_image_require(&v, &s, e))
		return -1;
	*eif = encl_take(v, (struct encl_eif){.fd = -1});
	*state = encl_take(s, (struct encl_image_state){.crc = 0});
	return 0;
}

/* ---- what refers to it ---- */

/* The first file of a referrer, where it is small enough. */
static int
referrer_file(struct encl_env *env, struct encl_registry *r,
	      const struct encl_reference *where, const char *digest, const char *what,
	      size_t max, char **text, size_t *n, struct encl_err *e)
{
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_oci_descriptor d = {.media_type = ""};
	char got[ENCL_DIGEST_TEXT];
	json_t *layers = NULL;

	if (encl_document_get(env, r, where, digest, what, &doc, got, e) ||
	    encl_json_array(doc, "layers", what, &layers, e) ||
	    encl_oci_descriptor(json_array_get(layers, 0), what, &d, e))
		return -1;
	if (d.size > max)
		return encl_fail(e, ENCL_FAILED, "%s: larger than %zu bytes", what, max);
	return encl_document_blob(env, r, where, &d.digest, d.size, what, text, n, e);
}

int
encl_pull_referrer(struct encl_env *env, struct encl_registry *r,
		   const struct encl_reference *where, const struct encl_pulled *p,
		   const char *artifact_type, size_t max, char **text, size_t *n,
		   struct encl_err *e)
{
	encl_auto(json_decref) json_t *list = NULL;
	encl_auto(encl_free) char *what =
		encl_xasprintf("%s: %s", p->reference, artifact_type);
	struct encl_oci_descriptor d = {.media_type = ""};

	*text = NULL;
	if (encl_registry_referrers(r, where, p->manifest, artifact_type, &list, e))
		return -1;
	if (!json_array_size(list))
		return 0;
	if (encl_oci_descriptor(json_array_get(list, 0), what, &d, e))
		return -1;
	return referrer_file(env, r, where, d.text, what, max, text, n, e);
}

int
encl_pull_referrers(struct encl_env *env, struct encl_registry *r,
		    const struct encl_reference *where, const struct encl_pulled *p,
		    size_t max,
		    int (*fn)(void *arg, const char *type, const char *digest,
			      const char *text, size_t n, struct encl_err *e),
		    void *arg, struct encl_err *e)
{
	encl_auto(json_decref) json_t *list = NULL;
	const json_t *entry;
	size_t i;

	if (encl_registry_referrers(r, where, p->manifest, NULL, &list, e))
		return -1;
	if (json_array_size(list) > ENCL_PULL_REFERRERS)
		return encl_fail(e, ENCL_FAILED, "%s: more than %d documents refer to it",
				 p->reference, ENCL_PULL_REFERRERS);
	json_array_foreach (list, i, entry) {
		encl_auto(encl_free) char *what =
			encl_xasprintf("%s: referrer %zu", p->reference, i);
		const char *type =
			json_string_value(json_object_get(entry, "artifactType"));
		encl_auto(encl_free) char *text = NULL;
		struct encl_oci_descriptor d = {.media_type = ""};
		size_t n = 0;

		if (encl_oci_descriptor(entry, what, &d, e) ||
		    referrer_file(env, r, where, d.text, what, max, &text, &n, e) ||
		    fn(arg, type ? type : "", d.text, text, n, e))
			return -1;
	}
	return 0;
}
