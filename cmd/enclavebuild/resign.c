/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of an image with another signature, and of what is written about it. */
#include "resign.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "build.h"
#include "push/evidence.h"
#include "sign/image.h"
#include "sign/sign.h"

enum { ABOUT_MAX = 1024 * 1024 };

/* Whole and undamaged; an old signature may be wrong, it is not kept. */
static int
check_source(const struct encl_eif *eif, unsigned jobs, struct encl_measurements *out,
	     struct encl_err *e)
{
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};

	if (encl_image_check(eif, jobs, &s, e))
		return -1;
	*out = s.measurements;
	return s.crc_ok ? 0 : encl_image_require(eif, &s, e);
}

/* What was written, read as a stranger would. */
static int
check_result(const char *path, const struct encl_eif_result *want, unsigned jobs,
	     struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};

	if (encl_image_reopen(path, want, e) || encl_eif_open(path, &eif, e) ||
	    encl_image_check(&eif, jobs, &s, e))
		return -1;
	return encl_image_require(&eif, &s, e);
}

/* The file itself is replaced where image is a link to it. */
static char *
target(const struct resign *how)
{
	char *real = how->output ? NULL : realpath(how->image, NULL);

	return real ? real : encl_xstrdup(how->output ? how->output : how->image);
}

/* The document beside the image as one of the result, in a temporary; t stays
 * closed where there is none about this image. */
static int
write_about(const struct resign *how, const struct encl_measurements *before,
	    const struct encl_tmpfile *image, const struct encl_eif_result *r,
	    struct encl_tmpfile *t, struct encl_err *e)
{
	encl_auto(encl_free) char *from = encl_measurements_path(how->image);
	encl_auto(encl_free) char *to = encl_measurements_path(image->path);
	encl_auto(json_decref) json_t *doc = NULL;
	encl_auto(encl_free) char *text = NULL;
	struct encl_err none;

	if (!how->attach || encl_json_read(from, ABOUT_MAX, &doc, &none) ||
	    !encl_evidence_is_of(doc, before))
		return 0;
	if (encl_measurements_resigned(doc, image->temp, r, e))
		return -1;
	text = encl_json_pretty(doc);
	if (encl_tmpfile_open(t, to, 0644, e))
		return -1;
	return encl_pwrite_full(t->fd, text, strlen(text), 0, to, e);
}

/* Whether a signature is this image's, before there is a file. */
static int
try_signature(const struct resign *how, const struct encl_measurements *m,
	      struct encl_err *e)
{
	struct encl_eif_signer *signer = encl_key_signer_base(how->signer);
	encl_auto(encl_free) uint8_t *section = NULL;
	size_t n;

	if (signer->sign(signer, &m->pcr0, &section, &n, e))
		return encl_wrap(e, "%s", how->image);
	return 0;
}

static int
write_signed(struct cli *cli, const struct resign *how, const struct encl_eif *eif,
	     const struct encl_measurements *before, struct encl_eif_result *r,
	     struct encl_err *e)
{
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile t = {.fd = -1};
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile about = {.fd = -1};
	encl_auto(encl_free) char *path = target(how);
	struct encl_eif_signer *signer =
		how->signer ? encl_key_signer_base(how->signer) : NULL;
	struct stat st;

	if (fstat(eif->fd, &st))
		return encl_fail_sys(e, ENCL_FAILED, "stat %s", how->image);
	if (encl_tmpfile_open(&t, path, st.st_mode & 0777, e) ||
	    encl_eif_resign(eif, t.fd, signer, cli->env.jobs, r, e) ||
	    check_result(t.temp, r, cli->env.jobs, e) ||
	    write_about(how, before, &t, r, &about, e) || encl_tmpfile_sync(&t, e) ||
	    (about.temp && encl_tmpfile_sync(&about, e)) || encl_tmpfile_place(&t, e))
		return -1;
	return about.temp ? encl_tmpfile_place(&about, e) : 0;
}

int
resign_output(const struct args *a, struct encl_err *e)
{
	struct args others = *a;

	others.n_operands = 0;
	return args_output(&others, "output", e);
}

int
resign(struct cli *cli, const struct resign *how, struct encl_eif_result *out,
       struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	struct encl_measurements before;
	struct encl_eif_result r;

	if (encl_eif_open(how->image, &eif, e) ||
	    check_source(&eif, cli->env.jobs, &before, e) ||
	    (how->attach && try_signature(how, &before, e)) ||
	    write_signed(cli, how, &eif, &before, &r, e))
		return -1;
	*out = r;
	return 0;
}
