/* SPDX-License-Identifier: Apache-2.0 */
/* gpgv: files go in by memfd, the signed text comes out of its stdout. */
#include "sources/openpgp.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/spawn.h"
#include "base/stream.h"

enum {
	MAX_KEYRING = 16 << 20,
	MAX_STATUS = 1 << 20,
	MAX_FILES = 64, /* of key material for one call */
	TIMEOUT_S = 60
};

#define STATUS "[GNUPG:] "
#define ARMOR  "-----BEGIN PGP PUBLIC KEY BLOCK-----"

/* What gpgv reads, as descriptors that it inherits. */
struct inputs {
	int fd[MAX_FILES];
	size_t n;
};

static void
inputs_clear(struct inputs *in)
{
	while (in->n)
		close(in->fd[--in->n]);
}
ENCL_AUTO_VAL(struct inputs, inputs_clear);

static int
add_input(struct inputs *in, const void *p, size_t n, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = memfd_create("gpgv", 0);

	if (in->n == MAX_FILES)
		return encl_fail(e, ENCL_FAILED, "more than %d keyrings", MAX_FILES - 2);
	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "memfd_create");
	if (encl_pwrite_full(fd, p, n, 0, "memory", e))
		return -1;
	in->fd[in->n++] = encl_take(fd, -1);
	return 0;
}

/* One block's base64 lines, from behind the BEGIN line to the END line. */
static int
dearmor_block(const char *p, const char *end, const char *what, struct encl_buf *out,
	      struct encl_err *e)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	encl_auto(encl_free) uint8_t *bytes = encl_xmalloc((size_t)(end - p) + 128);
	bool body = false;
	int rc = 0;
	int n = 0;

	EVP_DecodeInit(ctx);
	while (p < end && rc >= 0) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);
		size_t text = len && p[len - 1] == '\r' ? len - 1 : len;

		if (body && text && *p == '=')
			break; /* the checksum */
		if (body)
			rc = EVP_DecodeUpdate(ctx, bytes, &n, (const uint8_t *)p,
					      (int)text);
		else if (strspn(p, " \t") >= text)
			body = true; /* the empty line behind the header lines */
		if (body && rc >= 0)
			encl_buf_add(out, bytes, (size_t)n);
		n = 0;
		p += len + 1;
	}
	if (rc >= 0)
		rc = EVP_DecodeFinal(ctx, bytes, &n);
	EVP_ENCODE_CTX_free(ctx);
	if (rc < 0)
		return encl_fail(e, ENCL_SIGN, "%s: broken ASCII armor", what);
	encl_buf_add(out, bytes, (size_t)n);
	return encl_buf_check(out, what, e);
}

int
encl_openpgp_dearmor(const char *text, size_t n, const char *what, struct encl_buf *out,
		     struct encl_err *e)
{
	const char *end = text + n;
	const char *p = text;
	size_t blocks = 0;

	while ((p = memmem(p, (size_t)(end - p), ARMOR, strlen(ARMOR)))) {
		const char *stop;

		p += strlen(ARMOR);
		p += strspn(p, " \t\r");
		p += p < end && *p == '\n';
		stop = memmem(p, (size_t)(end - p), "-----END", 8);
		if (!stop)
			return encl_fail(e, ENCL_SIGN, "%s: broken ASCII armor", what);
		if (dearmor_block(p, stop, what, out, e))
			return -1;
		p = stop;
		blocks++;
	}
	if (!blocks)
		return encl_fail(e, ENCL_SIGN, "%s: no public key block", what);
	return 0;
}

/* In deb822 a line of an armored key that is empty is written as ".". */
static char *
undot(const char *text)
{
	char *copy = encl_xasprintf("%s\n", text);

	for (char *p = copy; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (p[0] == '.' && p[1] == '\n')
			p[0] = ' ';
	return copy;
}

static int
add_key(struct inputs *in, const char *data, size_t n, const char *what,
	struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf binary = {.cap = MAX_KEYRING};

	if (!memmem(data, n, ARMOR, strlen(ARMOR)))
		return add_input(in, data, n, e);
	return encl_openpgp_dearmor(data, n, what, &binary, e) ||
			       add_input(in, binary.data, binary.len, e)
		       ? -1
		       : 0;
}

static int
add_keys(struct inputs *in, const struct encl_apt_repo *repo, struct encl_err *e)
{
	if (repo->key_text) {
		encl_auto(encl_free) char *text = undot(repo->key_text);

		return add_key(in, text, strlen(text), "Signed-By", e);
	}
	if (!repo->keyrings.n)
		return encl_fail(e, ENCL_SIGN,
				 "no keyring for %s; give the source a \"keyring\"",
				 repo->suite);
	for (size_t i = 0; i < repo->keyrings.n; i++) {
		encl_auto(encl_free) char *data = NULL;
		size_t n;

		if (encl_read_file(repo->keyrings.v[i], MAX_KEYRING, &data, &n, e)) {
			e->code = ENCL_HOST;
			return encl_wrap(e, "keyring (install debian-archive-keyring or "
					    "give the source a \"keyring\")");
		}
		if (add_key(in, data, n, repo->keyrings.v[i], e))
			return -1;
	}
	return 0;
}

static bool
is_trusted(const struct encl_apt_repo *repo, const char *key, const char *primary)
{
	if (!repo->fingerprints.n)
		return true;
	for (size_t i = 0; i < repo->fingerprints.n; i++)
		if (!strcmp(repo->fingerprints.v[i], key) ||
		    !strcmp(repo->fingerprints.v[i], primary))
			return true;
	return false;
}

/* OpenPGP's numbers of MD5, SHA-1 and RIPEMD-160. */
static bool
is_weak_hash(const char *number)
{
	return !strcmp(number, "1") || !strcmp(number, "2") || !strcmp(number, "3");
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
add_signer(struct encl_arena *a, struct encl_strings *s, const char *fingerprint)
{
	const char **v;

	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i], fingerprint))
			return;
	v = encl_arena_alloc(a, (s->n + 1) * sizeof *v);
	if (s->n)
		memcpy(v, s->v, s->n * sizeof *v);
	v[s->n++] = encl_arena_strdup(a, fingerprint);
	qsort(v, s->n, sizeof *v, by_text);
	s->v = v;
}

/* VALIDSIG fpr date time expires version reserved algo hash class primary */
enum { VALIDSIG_WORDS = 11, WORD_KEY = 1, WORD_HASH = 8, WORD_PRIMARY = 10 };

struct verdict {
	unsigned texts;	 /* signed messages seen: must be one */
	bool bad;	 /* a signature by a known key does not fit the text */
	bool expired;	 /* the signature that is being looked at */
	char *signer;	 /* of it, where it was valid */
	const char *why; /* the last reason not to take a signature */
};

/* The lines of one signature end where the next begins. */
static void
end_signature(struct verdict *v, struct encl_arena *a, struct encl_strings *signers)
{
	encl_auto(encl_free) char *signer = encl_take(v->signer, NULL);

	if (signer && !v->expired)
		add_signer(a, signers, signer);
	v->expired = false;
}

static void
judge_line(struct verdict *v, char *line, const struct encl_apt_repo *repo,
	   struct encl_arena *a, struct encl_strings *signers)
{
	char *word[VALIDSIG_WORDS] = {NULL};
	size_t n = 0;

	for (char *save = NULL, *w = strtok_r(line, " ", &save); w && n < VALIDSIG_WORDS;
	     w = strtok_r(NULL, " ", &save))
		word[n++] = w;
	if (!n)
		return;
	if (!strcmp(word[0], "PLAINTEXT"))
		v->texts++;
	else if (!strcmp(word[0], "NEWSIG"))
		end_signature(v, a, signers);
	else if (!strcmp(word[0], "BADSIG"))
		v->bad = true;
	else if (!strcmp(word[0], "EXPSIG") || !strcmp(word[0], "EXPKEYSIG") ||
		 !strcmp(word[0], "REVKEYSIG")) {
		v->expired = true;
		v->why = "its key or signature has expired or is revoked";
	} else if (!strcmp(word[0], "NO_PUBKEY") && !v->why) {
		v->why = "the keyring has no key that signed it";
	} else if (!strcmp(word[0], "VALIDSIG") && n == VALIDSIG_WORDS) {
		if (is_weak_hash(word[WORD_HASH])) {
			v->why = "its signature uses a weak hash";
		} else if (!is_trusted(repo, word[WORD_KEY], word[WORD_PRIMARY])) {
			v->why = "it is signed by a key other than Signed-By names";
		} else {
			free(v->signer);
			v->signer = encl_xstrdup(word[WORD_PRIMARY]);
		}
	}
}

int
encl_openpgp_judge(const char *status, const char *what, const struct encl_apt_repo *repo,
		   struct encl_arena *a, struct encl_strings *signers, struct encl_err *e)
{
	encl_auto(encl_free) char *copy = encl_xstrdup(status);
	struct encl_strings found = {.n = 0};
	struct verdict v = {.texts = 0};

	for (char *save = NULL, *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, STATUS, strlen(STATUS)))
			judge_line(&v, line + strlen(STATUS), repo, a, &found);
	end_signature(&v, a, &found);
	if (v.bad)
		return encl_fail(
			e, ENCL_SIGN,
			"%s: its text does not fit its signature; it was changed", what);
	if (v.texts != 1)
		return encl_fail(e, ENCL_SIGN, "%s: not one signed text", what);
	if (!found.n)
		return encl_fail(e, ENCL_SIGN, "%s: no valid signature: %s", what,
				 v.why ? v.why : "it has none");
	*signers = found;
	return 0;
}

static int
run_gpgv(const struct inputs *in, int null_fd, struct encl_buf *text,
	 struct encl_buf *status, struct encl_err *e)
{
	encl_auto(encl_free) char *log = encl_xasprintf("%d", null_fd);
	char names[MAX_FILES][32];
	const char *argv[2 * MAX_FILES + 16] = {"gpgv", "--status-fd", "2", "--logger-fd",
						log,	"--output",    "-"};
	size_t n = 7;
	int code;

	for (size_t i = 0; i < in->n; i++)
		snprintf(names[i], sizeof names[i], "/proc/self/fd/%d", in->fd[i]);
	for (size_t i = 1; i < in->n; i++) {
		argv[n++] = "--keyring";
		argv[n++] = names[i];
	}
	argv[n++] = names[0];
	argv[n] = NULL;
	if (encl_spawn(argv, text, status, TIMEOUT_S, &code, e))
		return e->code == ENCL_HOST ? encl_wrap(e, "apt install gpgv") : -1;
	return 0;
}

int
encl_openpgp_verify(const void *message, size_t n, const char *what,
		    const struct encl_apt_repo *repo, struct encl_arena *a, char **text,
		    size_t *text_n, struct encl_strings *signers, struct encl_err *e)
{
	encl_auto(inputs_clear) struct inputs in = {.n = 0};
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = n + 4096};
	encl_auto(encl_buf_clear) struct encl_buf status = {.cap = MAX_STATUS};
	encl_auto(encl_close_fd) int null_fd =
		open("/dev/null", O_WRONLY); /* inherited */

	if (null_fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open /dev/null");
	if (add_input(&in, message, n, e) || add_keys(&in, repo, e) ||
	    run_gpgv(&in, null_fd, &out, &status, e) ||
	    encl_openpgp_judge(encl_buf_text(&status), what, repo, a, signers, e))
		return -1;
	*text = (char *)encl_buf_steal(&out, text_n);
	return 0;
}
