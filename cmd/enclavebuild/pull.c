/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild pull`: an image out of a registry, checked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "build.h"
#include "cmd.h"
#include "image.h"
#include "operand.h"
#include "push/evidence.h"
#include "push/pull.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"output", 'o', "FILE", "the file (default: the image's own name)", false},
	{"arch", 0, "ARCH",
	 "of several images: x86_64 or aarch64 (default: this machine's)", false},
	{"measurements", 0, NULL,
	 "also its measurements file, which has to be attached to it", false},
	{NULL, 0, NULL, NULL, false},
};

/* The name that it was pushed with, else that of its repository. */
static char *
default_name(const struct encl_pulled *p, const struct encl_reference *where)
{
	const char *slash = strrchr(where->repository, '/');

	if (p->received.title)
		return encl_xstrdup(p->received.title);
	return encl_xasprintf("%s.eif", slash ? slash + 1 : where->repository);
}

/* Whether the file is there with these bytes; any other one, where its name
 * was not given, is not overwritten. */
static int
look(const struct encl_pulled *p, const char *path, bool given, bool *same,
     struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	const struct encl_received *v = &p->received;
	struct encl_digest digest;
	struct stat st;

	*same = false;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && v->has_digest &&
	    (uint64_t)st.st_size == v->size) {
		if (encl_digest_fd(ENCL_SHA256, fd, &digest, NULL, e))
			return encl_wrap(e, "%s", path);
		*same = encl_digest_equal(&digest, &v->sha256);
	}
	return *same || given
		       ? 0
		       : encl_fail(e, ENCL_FAILED,
				   "%s is there already and is another file; remove it, "
				   "or name a file with --output",
				   path);
}

static int
copy(int from, int to, uint64_t size, const char *what, struct encl_err *e)
{
	enum { CHUNK = 1 << 18 };
	encl_auto(encl_free) uint8_t *buf = NULL;
	uint64_t done = 0;
	off_t in = 0;
	off_t out = 0;

	while (done < size) {
		ssize_t n = copy_file_range(from, &in, to, &out, size - done, 0);

		if (n <= 0)
			break;
		done += (uint64_t)n;
	}
	/* not all file systems can do that between them */
	buf = done < size ? encl_xmalloc(CHUNK) : NULL;
	while (done < size) {
		size_t n = size - done < CHUNK ? (size_t)(size - done) : CHUNK;

		if (encl_pread_full(from, buf, n, done, what, e) ||
		    encl_pwrite_full(to, buf, n, done, what, e))
			return -1;
		done += n;
	}
	return 0;
}

/* The measurements file that is attached; it says more than the registers, so
 * it is kept as it is. */
struct about {
	char *text; /* NULL: not asked for */
	size_t n;
	json_t *doc;
};

static void
about_clear(struct about *a)
{
	free(a->text);
	json_decref(a->doc);
}
ENCL_AUTO_VAL(struct about, about_clear);

static int
fetch_about(struct cli *cli, const struct encl_reference *where,
	    const struct encl_pulled *p, struct about *a, struct encl_err *e)
{
	enum { MAX = 1 << 20 };

	if (encl_pull_referrer(&cli->env, cli->env.registry, where, p,
			       ENCL_ARTIFACT_MEASUREMENTS, MAX, &a->text, &a->n, e))
		return -1;
	if (!a->text)
		return encl_fail(e, ENCL_FAILED,
				 "%s: no measurements file is attached to it",
				 p->reference);
	if (encl_json_parse(a->text, a->n, "measurements", &a->doc, e))
		return encl_wrap(e, "%s", p->reference);
	return 0;
}

/* The image behind fd is what was announced, and so is the file about it. */
static int
check(struct cli *cli, const struct encl_pulled *p, const struct about *a, int fd,
      struct encl_image_state *s, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};

	if (encl_pull_check(p, fd, cli->env.jobs, &eif, s, e))
		return -1;
	if (a->text && !encl_evidence_is_of(a->doc, &s->measurements))
		return encl_fail(e, ENCL_MISMATCH,
				 "%s: the measurements file attached to it is not of "
				 "this image",
				 p->reference);
	return 0;
}

/* It gets its name when it was read back from where it is. */
static int
write_image(struct cli *cli, const struct encl_pulled *p, const struct about *a,
	    const char *path, struct encl_image_state *s, struct encl_err *e)
{
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile t = {.fd = -1};

	if (encl_tmpfile_open(&t, path, 0644, e) ||
	    copy(p->fd, t.fd, p->received.size, path, e) || check(cli, p, a, t.fd, s, e))
		return -1;
	return encl_tmpfile_commit(&t, e);
}

static int
check_there(struct cli *cli, const struct encl_pulled *p, const struct about *a,
	    const char *path, struct encl_image_state *s, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	if (check(cli, p, a, fd, s, e))
		return -1;
	encl_info(&cli->log, "%s is there already", path);
	return 0;
}

static int
write_about(const struct about *a, const char *image, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_measurements_path(image);

	return a->text ? encl_write_file(path, a->text, a->n, 0644, e) : 0;
}

/* It is known before the image comes whether it can be written. */
static int
try_outputs(const char *image, bool same, bool measurements, struct encl_err *e)
{
	encl_auto(encl_free) char *about = encl_measurements_path(image);

	if (!same && encl_tmpfile_try(image, e))
		return -1;
	return measurements ? encl_tmpfile_try(about, e) : 0;
}

static void
show(const struct cli *cli, const struct encl_pulled *p, const char *path,
     const struct encl_image_state *s)
{
	char digest[ENCL_DIGEST_TEXT];

	encl_digest_format(&s->sha256, digest);
	if (cli->json) {
		encl_auto(json_decref) json_t *doc =
			encl_measurements_json(&s->measurements);

		json_object_set_new(doc, "Reference", json_string(p->reference));
		json_object_set_new(doc, "Manifest", json_string(p->manifest));
		json_object_set_new(doc, "Image", json_string(path));
		json_object_set_new(doc, "Digest", json_string(digest));
		json_object_set_new(doc, "Size",
				    json_integer((json_int_t)p->received.size));
		report_json(doc);
		return;
	}
	report("image  %s (%.1f MiB)\ndigest %s\nmanifest %s\n", path,
	       (double)p->received.size / (1 << 20), digest, p->manifest);
	report_measurements(cli, &s->measurements);
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(encl_reference_clear) struct encl_reference where = {.host = NULL};
	encl_auto(encl_pulled_clear) struct encl_pulled p = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};
	encl_auto(about_clear) struct about about = {.text = NULL};
	const char *given = args_get(args, "output");
	encl_auto(encl_free) char *path = NULL;
	enum encl_arch arch;
	bool same, one;

	if (operand_reference(args->operands[0], &where, e) ||
	    operand_arch(args, &arch, &one, e) || cli_need_cache(cli, e) ||
	    cli_need_registry(cli, e) ||
	    encl_pull_find(&cli->env, cli->env.registry, &where, one ? &arch : NULL, &p,
			   e))
		return -1;
	path = given ? encl_xstrdup(given) : default_name(&p, &where);
	if (look(&p, path, given != NULL, &same, e) ||
	    try_outputs(path, same, args_has(args, "measurements"), e))
		return -1;
	if (args_has(args, "measurements") && fetch_about(cli, &where, &p, &about, e))
		return -1;
	if (same ? check_there(cli, &p, &about, path, &s, e)
		 : encl_pull_fetch(&cli->env, cli->env.registry, &where, &p, e) ||
			    write_image(cli, &p, &about, path, &s, e))
		return -1;
	if (write_about(&about, path, e))
		return -1;
	show(cli, &p, path, &s);
	return 0;
}

const struct command cmd_pull = {
	.name = "pull",
	.summary = "fetch an image from a registry and check it",
	.operands = "REFERENCE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "Every digest is verified, parts are joined, the image is read strictly and\n"
		"its PCRs are compared with what its manifest and config say; only then does\n"
		"the file get its name.  What was fetched stays in the cache: a pull that was\n"
		"cut off goes on from there.",
	.options = options,
	.run = run,
};
