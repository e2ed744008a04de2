/* SPDX-License-Identifier: Apache-2.0 */
/* EIF files and what lies beside them into documents. */
#include "push/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "registry/registry.h"
#include "verify/evidence_subject.h"

void
encl_batch_clear(struct encl_batch *b)
{
	for (size_t i = 0; i < b->n_images; i++) {
		encl_eif_close(&b->images[i].eif);
		encl_artifact_clear(&b->images[i].a);
		free(b->images[i].config);
		free(b->images[i].manifest);
	}
	for (size_t i = 0; i < b->n_evidence; i++) {
		encl_evidence_clear(&b->evidence[i].v);
		free(b->evidence[i].manifest);
	}
	free(b->images);
	free(b->evidence);
	free(b->index);
	memset(b, 0, sizeof *b);
}

static void
text_digest(const char *text, char out[ENCL_DIGEST_TEXT])
{
	struct encl_digest d;

	encl_digest_of(ENCL_SHA256, text, strlen(text), &d);
	encl_digest_format(&d, out);
}

static int
read_image(struct encl_env *env, const struct encl_push *p, const char *path,
	   struct encl_batch_image *image, struct encl_err *e)
{
	const char *slash = strrchr(path, '/');

	encl_progress(env->log, "measuring", 0, 0);
	if (encl_eif_open(path, &image->eif, e) ||
	    encl_artifact_read(&image->eif, slash ? slash + 1 : path, p->split, env->jobs,
			       &image->a, e))
		return -1;
	encl_progress(env->log, "measuring", 1, 1);
	image->config = encl_artifact_config(&image->a);
	image->manifest =
		encl_artifact_manifest(&image->a, image->config, p->annotations);
	text_digest(image->manifest, image->digest);
	return 0;
}

/* An index is as old as its youngest image, whatever their order. */
static void
note_time(const struct encl_batch_image *image, struct encl_batch *b)
{
	if (!b->created || strcmp(image->a.created, b->created) > 0)
		b->created = image->a.created;
}

static int
read_images(struct encl_env *env, const struct encl_push *p, struct encl_batch *b,
	    struct encl_err *e)
{
	b->images = encl_xcalloc(p->n_images, sizeof *b->images);
	for (size_t i = 0; i < p->n_images; i++) {
		b->images[i].eif.fd = -1;
		b->n_images = i + 1;
		if (read_image(env, p, p->images[i].path, &b->images[i], e))
			return -1;
		note_time(&b->images[i], b);
		for (size_t j = 0; j < i; j++)
			if (b->images[j].a.arch == b->images[i].a.arch)
				return encl_fail(e, ENCL_USAGE,
						 "%s and %s are both for %s; an index "
						 "has one image an architecture",
						 p->images[j].path, p->images[i].path,
						 encl_arch_name(b->images[i].a.arch));
	}
	return 0;
}

static void
make_top(const struct encl_push *p, struct encl_batch *b)
{
	encl_auto(encl_free) struct encl_artifact_child *v =
		encl_xcalloc(b->n_images, sizeof *v);

	for (size_t i = 0; i < b->n_images; i++)
		v[i] = (struct encl_artifact_child){b->images[i].a.arch,
						    b->images[i].manifest};
	if (b->n_images > 1)
		b->index =
			encl_artifact_index(v, b->n_images, b->created, p->annotations);
	b->top = b->index ? b->index : b->images[0].manifest;
	b->top_type = b->index ? ENCL_MEDIA_OCI_INDEX : ENCL_MEDIA_OCI_MANIFEST;
	text_digest(b->top, b->top_digest);
}

static struct encl_evidence *
add_evidence(struct encl_batch *b, int subject)
{
	b->evidence = encl_xrealloc(b->evidence, b->n_evidence + 1, sizeof *b->evidence);
	b->evidence[b->n_evidence] = (struct encl_batch_evidence){.subject = subject};
	return &b->evidence[b->n_evidence++].v;
}

static int
add_measurements(const char *path, struct encl_batch *b, size_t i, struct encl_err *e)
{
	struct encl_evidence *v = add_evidence(b, (int)i);

	if (encl_evidence_open("measurements", path, v, e))
		return -1;
	return encl_evidence_fit(v, &b->images[i].a, e);
}

/* A lock that only lies beside an image is attached if both are ours. */
static int
add_lock(const char *path, bool required, struct encl_batch *b, size_t i, bool *used,
	 struct encl_err *e)
{
	encl_auto(encl_evidence_clear) struct encl_evidence v = {.path = NULL};

	if (!required && !b->images[i].a.manifest)
		return 0;
	if (encl_evidence_open("lock", path, &v, e))
		return -1;
	if (!encl_evidence_lock_is_for(&v, b->images[i].a.arch))
		return 0;
	*add_evidence(b, (int)i) = encl_take(v, (struct encl_evidence){.path = NULL});
	*used = true;
	return 0;
}

/* An SBOM or provenance that was left from another image is no evidence of this. */
static int
add_beside(struct encl_env *env, const struct encl_push_attach *attach,
	   struct encl_batch *b, size_t i, struct encl_err *e)
{
	encl_auto(encl_evidence_clear) struct encl_evidence v = {.path = NULL};
	encl_auto(encl_subjects_clear) struct encl_subjects s = {.n = 0};
	encl_auto(json_decref) json_t *doc = NULL;

	if (encl_evidence_open(attach->type, attach->path, &v, e) ||
	    encl_json_parse(v.text, v.size, v.path, &doc, e) ||
	    encl_evidence_subjects(doc, v.path, &s, e))
		return -1;
	if (!encl_subjects_have(&s, &b->images[i].a.sha256)) {
		encl_warn(env->log, "%s: is not about %s as it is now: not attached",
			  v.path, b->images[i].a.title);
		return 0;
	}
	*add_evidence(b, (int)i) = encl_take(v, (struct encl_evidence){.path = NULL});
	return 0;
}

static int
read_all_beside(struct encl_env *env, const struct encl_push_image *image,
		struct encl_batch *b, size_t i, struct encl_err *e)
{
	for (size_t k = 0; k < image->n_beside; k++)
		if (add_beside(env, &image->beside[k], b, i, e))
			return -1;
	return 0;
}

static int
read_evidence(struct encl_env *env, const struct encl_push *p, struct encl_batch *b,
	      struct encl_err *e)
{
	bool used = false;

	for (size_t i = 0; i < p->n_images; i++) {
		const struct encl_push_image *image = &p->images[i];

		if ((image->measurements &&
		     add_measurements(image->measurements, b, i, e)) ||
		    (image->lock &&
		     add_lock(image->lock, p->lock_required, b, i, &used, e)) ||
		    read_all_beside(env, image, b, i, e))
			return -1;
	}
	if (p->lock_required && !used)
		return encl_fail(e, ENCL_USAGE, "%s: is for another architecture",
				 p->images[0].lock);
	for (size_t i = 0; i < p->n_attach; i++)
		if (encl_evidence_open(p->attach[i].type, p->attach[i].path,
				       add_evidence(b, ENCL_BATCH_TOP), e))
			return -1;
	return 0;
}

static void
make_referrers(struct encl_batch *b)
{
	for (size_t i = 0; i < b->n_evidence; i++) {
		struct encl_batch_evidence *v = &b->evidence[i];
		const struct encl_batch_image *image =
			v->subject == ENCL_BATCH_TOP ? NULL : &b->images[v->subject];

		v->manifest =
			image ? encl_evidence_manifest(&v->v, ENCL_MEDIA_OCI_MANIFEST,
						       image->manifest, image->a.created)
			      : encl_evidence_manifest(&v->v, b->top_type, b->top,
						       b->created);
	}
}

const char *
encl_batch_subject(const struct encl_batch *b, const struct encl_batch_evidence *v)
{
	return v->subject == ENCL_BATCH_TOP ? b->top_digest
					    : b->images[v->subject].digest;
}

int
encl_batch_read(struct encl_env *env, const struct encl_push *p, struct encl_batch *out,
		struct encl_err *e)
{
	encl_auto(encl_batch_clear) struct encl_batch b = {.images = NULL};
	const char *want = p->where.digest;

	if (read_images(env, p, &b, e))
		return -1;
	make_top(p, &b);
	if (want && strcmp(want, b.top_digest) != 0)
		return encl_fail(e, ENCL_MISMATCH,
				 "the manifest would be %s, not %s as was asked for",
				 b.top_digest, want);
	if (read_evidence(env, p, &b, e))
		return -1;
	make_referrers(&b);
	*out = encl_take(b, (struct encl_batch){.images = NULL});
	return 0;
}
