/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild push`: images and their evidence into a registry. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/tmpfile.h"
#include "build.h"
#include "cancel.h"
#include "cmd.h"
#include "image.h"
#include "manifest/docker_value.h"
#include "operand.h"
#include "push/artifact.h"
#include "push/push.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"tag", 't', "TAG", "a further tag", true},
	{"split", 0, "SIZE", "as parts of this size (\"512MiB\"), each sent by itself",
	 false},
	{"attach", 0, "TYPE=FILE",
	 "refer to the image from FILE: sbom, spdx, cyclonedx, provenance, bundle, "
	 "measurements, lock, or a media type",
	 true},
	{"lock", 0, "FILE", "the lock to attach (default: enclave.lock beside the image)",
	 false},
	{"no-evidence", 0, NULL, "attach nothing but what --attach and --lock name",
	 false},
	{"annotation", 'a', "KEY=VALUE", "an annotation of the manifest", true},
	{"mount-from", 0, "REPOSITORY",
	 "take blobs from there, where the registry has them already", false},
	{"digest-file", 0, "FILE", "write the digest of what was pushed there", false},
	{NULL, 0, NULL, NULL, false},
};

enum { MOST_BESIDE = 3 }; /* files that are looked for beside an image */

/* What the arguments come to, and what it refers to. */
struct request {
	struct encl_push push;
	struct encl_push_image *images;
	struct encl_push_attach *attach;
	struct encl_push_attach *beside; /* of all images */
	const char **tags;
	char **texts; /* made here */
	size_t n_texts;
	char *mount_from;
	json_t *annotations;
};

static void
request_clear(struct request *r)
{
	for (size_t i = 0; i < r->n_texts; i++)
		free(r->texts[i]);
	free(r->texts);
	free(r->images);
	free(r->attach);
	free(r->beside);
	free(r->tags);
	free(r->mount_from);
	json_decref(r->annotations);
	encl_reference_clear(&r->push.where);
}
ENCL_AUTO_VAL(struct request, request_clear);

static const char *
keep(struct request *r, char *own_text)
{
	r->texts = encl_xrealloc(r->texts, r->n_texts + 1, sizeof *r->texts);
	return r->texts[r->n_texts++] = own_text;
}

/* The name where there is such a file, else NULL. */
static const char *
keep_file(struct request *r, char *own_path)
{
	const char *path = keep(r, own_path);
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) ? path : NULL;
}

static bool
is_attached(const struct args *args, const char *path)
{
	const char *text;

	for (size_t i = 0; (text = args_nth(args, "attach", i)); i++)
		if (strchr(text, '=') && !strcmp(strchr(text, '=') + 1, path))
			return true;
	return false;
}

/* "app.eif" -> "app.spdx.json", and what else of evidence is named so. */
static void
take_beside(const struct args *args, struct request *r, size_t image)
{
	static const struct encl_push_attach kinds[MOST_BESIDE] = {
		{"spdx", ".spdx.json"},
		{"cyclonedx", ".cdx.json"},
		{"provenance", ".intoto.json"}};
	struct encl_push_attach *to = &r->beside[image * MOST_BESIDE];
	const char *path = args->operands[image];
	size_t n = strlen(path);

	if (n > 4 && !strcmp(path + n - 4, ".eif"))
		n -= 4;
	r->images[image].beside = to;
	for (size_t i = 0; i < MOST_BESIDE; i++) {
		const char *file = keep_file(
			r, encl_xasprintf("%.*s%s", (int)n, path, kinds[i].path));

		if (file && !is_attached(args, file))
			to[r->images[image].n_beside++] =
				(struct encl_push_attach){kinds[i].type, file};
	}
}

static void
take_images(const struct args *args, struct request *r)
{
	const char *lock = args_get(args, "lock");
	bool own = !args_has(args, "no-evidence");
	size_t n = args->n_operands - 1;

	r->images = encl_xcalloc(n, sizeof *r->images);
	r->beside = encl_xcalloc(n * MOST_BESIDE, sizeof *r->beside);
	for (size_t i = 0; i < n; i++) {
		const char *path = args->operands[i];
		const char *slash = strrchr(path, '/');
		int dir = slash ? (int)(slash - path) + 1 : 0;

		r->images[i].path = path;
		r->images[i].lock = lock;
		if (!own)
			continue;
		take_beside(args, r, i);
		r->images[i].measurements = keep_file(r, encl_measurements_path(path));
		if (!lock)
			r->images[i].lock = keep_file(
				r, encl_xasprintf("%.*senclave.lock", dir, path));
	}
	r->push.images = r->images;
	r->push.n_images = n;
	r->push.lock_required = lock != NULL;
}

static int
take_attach(const struct args *args, struct request *r, struct encl_err *e)
{
	const char *text;
	size_t n = 0;

	while (args_nth(args, "attach", n))
		n++;
	r->attach = encl_xcalloc(n + 1, sizeof *r->attach);
	for (size_t i = 0; (text = args_nth(args, "attach", i)); i++) {
		const char *equals = strchr(text, '=');

		if (!equals || equals == text || !equals[1])
			return encl_fail(e, ENCL_USAGE, "--attach %s: write TYPE=FILE",
					 text);
		r->attach[i].type = keep(r, encl_xstrndup(text, (size_t)(equals - text)));
		r->attach[i].path = equals + 1;
	}
	r->push.attach = r->attach;
	r->push.n_attach = n;
	return 0;
}

/* "REPOSITORY", or the host of the reference before it. */
static int
take_mount(const struct args *args, struct request *r, struct encl_err *e)
{
	const char *text = args_get(args, "mount-from");
	const char *host = r->push.where.host;
	size_t n = strlen(host);
	encl_auto(encl_free) char *whole = NULL;
	encl_auto(encl_reference_clear) struct encl_reference from = {.host = NULL};

	if (!text)
		return 0;
	if (!strncmp(text, host, n) && text[n] == '/')
		text += n + 1;
	whole = encl_xasprintf("%s/%s", host, text);
	if (encl_reference_parse(whole, &from, e))
		return encl_wrap(e, "--mount-from");
	if (from.tag || from.digest)
		return encl_fail(e, ENCL_USAGE,
				 "--mount-from %s: name a repository, without a tag",
				 text);
	r->mount_from = encl_xstrdup(from.repository);
	r->push.mount_from = r->mount_from;
	return 0;
}

static int
take_rest(const struct args *args, struct request *r, struct encl_err *e)
{
	const char *split = args_get(args, "split");
	const char *text;
	size_t n = 0;

	if (split && (!encl_docker_size(split, &r->push.split) || !r->push.split))
		return encl_fail(e, ENCL_USAGE,
				 "--split %s: is no size such as 512MiB or 1g", split);
	while (args_nth(args, "tag", n))
		n++;
	r->tags = encl_xcalloc(n + 1, sizeof *r->tags);
	for (size_t i = 0; i < n; i++)
		r->tags[i] = args_nth(args, "tag", i);
	r->push.tags = r->tags;
	r->push.n_tags = n;
	r->annotations = json_object();
	for (size_t i = 0; (text = args_nth(args, "annotation", i)); i++)
		if (encl_artifact_annotate(r->annotations, text, e))
			return -1;
	r->push.annotations = r->annotations;
	return 0;
}

static int
read_request(const struct args *args, struct request *r, struct encl_err *e)
{
	const char *where = args->operands[args->n_operands - 1];

	if (operand_reference(where, &r->push.where, e))
		return -1;
	take_images(args, r);
	if (take_attach(args, r, e) || take_mount(args, r, e) || take_rest(args, r, e))
		return -1;
	return 0;
}

static const char *
text_of(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

static void
print_blobs(const json_t *doc)
{
	const json_t *blobs = json_object_get(doc, "Blobs");
	json_t *blob;
	size_t sent = 0;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)blobs, i, blob)
		sent += !strcmp(text_of(blob, "Outcome"), "sent");
	report("blobs     %zu sent (%lld bytes), %zu there already\n", sent,
	       (long long)json_integer_value(json_object_get(doc, "BytesSent")),
	       json_array_size(blobs) - sent);
}

static void
print_text(const json_t *doc)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(doc, "Images"), i, v)
		report("image     %s %s (%s, %.1f MiB)\n", text_of(v, "Digest"),
		       text_of(v, "File"), text_of(v, "Architecture"),
		       (double)json_integer_value(json_object_get(v, "Size")) /
			       (1 << 20));
	json_array_foreach (json_object_get(doc, "Referrers"), i, v)
		report("evidence  %s %s\n", text_of(v, "Digest"), text_of(v, "File"));
	print_blobs(doc);
	report("pushed    %s\n", text_of(doc, "Reference"));
	json_array_foreach (json_object_get(doc, "Tags"), i, v)
		if (i)
			report("tag       %s\n", json_string_value(v));
}

static int
write_digest(const struct args *args, const json_t *doc, struct encl_err *e)
{
	const char *path = args_get(args, "digest-file");
	encl_auto(encl_free) char *line = encl_xasprintf("%s\n", text_of(doc, "Digest"));

	return path ? encl_write_file(path, line, strlen(line), 0644, e) : 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(request_clear) struct request r = {.images = NULL};
	encl_auto(json_decref) json_t *doc = NULL;
	encl_auto(cancel_end) struct cancel cancel = {.started = false};
	const char *digest_file = args_get(args, "digest-file");
	struct encl_err ignored;

	(void)!cli_need_cache(cli, &ignored); /* for ECR's tokens; not needed */
	if (read_request(args, &r, e) || cli_need_registry(cli, e) ||
	    (digest_file && encl_tmpfile_try(digest_file, e)))
		return -1;
	cancel_begin(&cancel, cli->env.registry);
	if (encl_push(&cli->env, cli->env.registry, &r.push, &doc, e) ||
	    write_digest(args, doc, e))
		return -1;
	if (cli->json)
		report_json(doc);
	else
		print_text(doc);
	return 0;
}

const struct command cmd_push = {
	.name = "push",
	.summary = "send images and their evidence to a registry",
	.operands = "IMAGE… REFERENCE",
	.min_operands = 2,
	.max_operands = 8,
	.help = "The image becomes an OCI artifact of the type application/vnd.aws.nitro.eif;\n"
		"several images, one an architecture, become an index.  The measurements file\n"
		"and the enclave.lock beside an image are attached to it, and NAME.spdx.json,\n"
		"NAME.cdx.json and NAME.intoto.json where they are about it.  The manifest's\n"
		"digest is always the same for the same image, so pushing again sends nothing.\n"
		"REFERENCE is HOST/REPOSITORY[:TAG][@DIGEST]: without a tag it is \"latest\";\n"
		"with a digest, nothing is sent unless the manifest has it (exit 3).",
	.options = options,
	.run = run,
};
