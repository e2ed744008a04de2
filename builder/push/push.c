/* SPDX-License-Identifier: Apache-2.0 */
/* A batch into a registry, in an order in which nothing ever refers to what is
 * not there yet. */
#include "push/push.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "push/batch.h"
#include "push/upload.h"

enum { THREADS = 5 };

struct run {
	struct encl_registry *r;
	const struct encl_push *p;
	struct encl_batch batch;
	struct encl_uploads uploads;
	json_t *tags;
	json_t *manifests, *referrers; /* of the report */
};

static void
run_clear(struct run *s)
{
	encl_batch_clear(&s->batch);
	encl_uploads_clear(&s->uploads);
	json_decref(s->tags);
	json_decref(s->manifests);
	json_decref(s->referrers);
}
ENCL_AUTO_VAL(struct run, run_clear);

static int
add_tag(struct run *s, const char *tag, struct encl_err *e)
{
	const struct encl_reference *where = &s->p->where;
	encl_auto(encl_free) char *text =
		encl_xasprintf("%s/%s:%s", where->host, where->repository, tag);
	encl_auto(encl_reference_clear) struct encl_reference checked = {.host = NULL};
	json_t *other;
	size_t i;

	if (encl_reference_parse(text, &checked, e))
		return encl_wrap(e, "--tag");
	json_array_foreach (s->tags, i, other)
		if (!strcmp(json_string_value(other), tag))
			return 0;
	json_array_append_new(s->tags, json_string(tag));
	return 0;
}

static int
collect_tags(struct run *s, struct encl_err *e)
{
	const struct encl_push *p = s->p;

	if (p->where.tag && add_tag(s, p->where.tag, e))
		return -1;
	for (size_t i = 0; i < p->n_tags; i++)
		if (add_tag(s, p->tags[i], e))
			return -1;
	if (!json_array_size(s->tags) && !p->where.digest)
		return add_tag(s, "latest", e);
	return 0;
}

static void
add_text(struct run *s, const char *text, size_t n, const char *label)
{
	struct encl_upload u = {.fd = -1, .data = text, .size = n};

	encl_digest_of(ENCL_SHA256, text, n, &u.digest);
	encl_uploads_add(&s->uploads, &u, label);
}

static void
add_image(struct run *s, const struct encl_batch_image *image)
{
	const struct encl_artifact *a = &image->a;

	for (size_t i = 0; i < a->n_parts; i++) {
		const struct encl_artifact_part *part = &a->parts[i];
		struct encl_upload u = {.digest = part->digest,
					.size = part->size,
					.fd = image->eif.fd,
					.offset = part->offset};
		encl_auto(encl_free) char *label =
			a->n_parts == 1 ? encl_xstrdup(a->title)
					: encl_xasprintf("%s %zu/%zu", a->title, i + 1,
							 a->n_parts);

		encl_uploads_add(&s->uploads, &u, label);
	}
}

/* Configs go last: a registry that has one has the image too. */
static int
send_blobs(struct run *s, struct encl_err *e)
{
	const struct encl_reference *where = &s->p->where;
	const struct encl_batch *b = &s->batch;
	size_t n;

	for (size_t i = 0; i < b->n_images; i++)
		add_image(s, &b->images[i]);
	for (size_t i = 0; i < b->n_evidence; i++)
		add_text(s, b->evidence[i].v.text, b->evidence[i].v.size,
			 b->evidence[i].v.title);
	if (b->n_evidence)
		add_text(s, "{}", 2, "empty config");
	n = s->uploads.n;
	if (encl_uploads_send(s->r, where, &s->uploads, 0, s->p->mount_from, THREADS, e))
		return -1;
	for (size_t i = 0; i < b->n_images; i++)
		add_text(s, b->images[i].config, strlen(b->images[i].config), "config");
	return encl_uploads_send(s->r, where, &s->uploads, n, s->p->mount_from, 1, e);
}

static int
put_manifest(struct run *s, const char *version, const char *type, const char *text,
	     struct encl_err *e)
{
	bool sent;

	if (encl_registry_manifest_put(s->r, &s->p->where, version, type, text,
				       strlen(text), &sent, NULL, e))
		return -1;
	json_array_append_new(s->manifests,
			      json_pack("{s:s, s:b}", "Version", version, "Sent", sent));
	return 0;
}

static int
send_manifests(struct run *s, struct encl_err *e)
{
	const struct encl_batch *b = &s->batch;
	json_t *tag;
	size_t i;

	for (i = 0; i < b->n_images; i++)
		if (put_manifest(s, b->images[i].digest, ENCL_MEDIA_OCI_MANIFEST,
				 b->images[i].manifest, e))
			return -1;
	if (b->index && put_manifest(s, b->top_digest, b->top_type, b->top, e))
		return -1;
	json_array_foreach (s->tags, i, tag)
		if (put_manifest(s, json_string_value(tag), b->top_type, b->top, e))
			return -1;
	return 0;
}

/* A file's name may be any bytes. */
static json_t *
path_value(const char *path)
{
	encl_auto(encl_free) char *escaped = NULL;
	json_t *v = json_string(path);

	if (v)
		return v;
	escaped = encl_escape(path, strlen(path));
	return json_string(escaped);
}

static int
send_referrers(struct run *s, struct encl_err *e)
{
	const struct encl_batch *b = &s->batch;

	for (size_t i = 0; i < b->n_evidence; i++) {
		const struct encl_batch_evidence *v = &b->evidence[i];
		const char *subject = encl_batch_subject(b, v);
		size_t n = strlen(v->manifest);
		char digest[ENCL_DIGEST_TEXT];
		struct encl_digest d;
		bool sent;

		if (encl_registry_referrer_put(s->r, &s->p->where, subject, v->manifest,
					       n, &sent, e))
			return -1;
		encl_digest_of(ENCL_SHA256, v->manifest, n, &d);
		encl_digest_format(&d, digest);
		json_array_append_new(s->referrers,
				      json_pack("{s:s, s:s, s:o, s:s, s:b}", "Digest",
						digest, "ArtifactType",
						v->v.artifact_type, "File",
						path_value(v->v.path), "Subject", subject,
						"Sent", sent));
	}
	return 0;
}

static json_t *
image_json(const struct encl_batch_image *image, const char *path)
{
	const struct encl_artifact *a = &image->a;
	char file[ENCL_DIGEST_TEXT];

	encl_digest_format(&a->sha256, file);
	return json_pack("{s:o, s:s, s:s, s:I, s:I, s:s}", "File", path_value(path),
			 "Architecture", encl_arch_name(a->arch), "Digest", file, "Size",
			 (json_int_t)a->size, "Parts", (json_int_t)a->n_parts, "Manifest",
			 image->digest);
}

static json_t *
report_of(const struct run *s)
{
	const struct encl_reference *where = &s->p->where;
	const struct encl_batch *b = &s->batch;
	const char *tag = json_string_value(json_array_get(s->tags, 0));
	encl_auto(encl_free) char *text =
		encl_xasprintf("%s/%s%s%s@%s", where->host, where->repository,
			       tag ? ":" : "", tag ? tag : "", b->top_digest);
	json_t *images = json_array();
	uint64_t sent;
	json_t *blobs = encl_uploads_json(&s->uploads, &sent);

	for (size_t i = 0; i < b->n_images; i++)
		json_array_append_new(images,
				      image_json(&b->images[i], s->p->images[i].path));
	return json_pack("{s:s, s:s, s:s, s:O, s:o, s:O, s:O, s:o, s:I}", "Reference",
			 text, "Digest", b->top_digest, "MediaType", b->top_type, "Tags",
			 s->tags, "Images", images, "Manifests", s->manifests,
			 "Referrers", s->referrers, "Blobs", blobs, "BytesSent",
			 (json_int_t)sent);
}

int
encl_push(struct encl_env *env, struct encl_registry *r, const struct encl_push *p,
	  json_t **report, struct encl_err *e)
{
	encl_auto(run_clear) struct run s = {.r = r, .p = p};

	s.tags = json_array();
	s.manifests = json_array();
	s.referrers = json_array();
	if (collect_tags(&s, e) || encl_batch_read(env, p, &s.batch, e) ||
	    send_blobs(&s, e) || send_manifests(&s, e) || send_referrers(&s, e))
		return -1;
	*report = report_of(&s);
	return 0;
}
