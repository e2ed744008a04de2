/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle and what it has to be signed by, to one run of cosign. */
#include "cosign.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "base/tmpfile.h"
#include "verify/evidence_subject.h"

enum {
	BUNDLE_MAX = 16 << 20,
	SAID_MAX = 64 << 10,
	MOST_ARGS = 12,
	SECONDS = 300,
	LEAST_MAJOR = 2,
	LEAST_MINOR = 4
};

#define HOW_TO                                                                           \
	"(\"go install github.com/sigstore/cosign/v3/cmd/cosign@latest\", or "           \
	"docs.sigstore.dev)"

struct version {
	unsigned major, minor;
};

/* argv of one run; texts are owned. */
struct command_line {
	char *v[MOST_ARGS + 1];
	size_t n;
};

static void
command_line_clear(struct command_line *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i]);
}
ENCL_AUTO_VAL(struct command_line, command_line_clear);

static void
add(struct command_line *c, char *own_text)
{
	c->v[c->n++] = own_text;
}

static void
add_option(struct command_line *c, const char *name, const char *value)
{
	if (value)
		add(c, encl_xasprintf("--%s=%s", name, value));
}

/* ---- options ---- */

int
cosign_read_options(const struct args *args, bool offline, struct cosign_request *out,
		    bool *given, struct encl_err *e)
{
	static const char *const of_bundle[] = {"key", "identity", "issuer",
						"trusted-root"};
	struct cosign_request r = {.bundle = args_get(args, "bundle"),
				   .key = args_get(args, "key"),
				   .identity = args_get(args, "identity"),
				   .issuer = args_get(args, "issuer"),
				   .trusted_root = args_get(args, "trusted-root")};

	for (size_t i = 0; i < sizeof of_bundle / sizeof *of_bundle; i++)
		if (!r.bundle && args_has(args, of_bundle[i]))
			return encl_fail(e, ENCL_USAGE, "--%s is for --bundle",
					 of_bundle[i]);
	if (r.bundle && !r.key && !r.identity)
		return encl_fail(
			e, ENCL_USAGE,
			"--bundle: say who has to have signed it, with --key, or "
			"--identity and --issuer");
	if (r.key && r.identity)
		return encl_fail(e, ENCL_USAGE, "--key and --identity: one of the two");
	if (!r.identity != !r.issuer)
		return encl_fail(e, ENCL_USAGE,
				 "--identity needs --issuer, and the other way round: a "
				 "name says nothing without who vouches for it");
	if (r.identity && offline && !r.trusted_root)
		return encl_fail(e, ENCL_USAGE,
				 "--identity with --offline needs --trusted-root");
	*given = r.bundle != NULL;
	*out = r;
	return 0;
}

/* ---- the program ---- */

static int
absent(struct encl_err *e)
{
	return encl_fail(e, ENCL_HOST,
			 "--bundle: cosign checks it, and is not installed " HOW_TO);
}

/* "v2.6.5", "3.1.3"; one built from a checkout says "devel" and is taken for new. */
static struct version
parse_version(const char *text)
{
	struct version v = {UINT16_MAX, 0};
	char *end;

	text += text[0] == 'v';
	if (*text < '0' || *text > '9')
		return v;
	v.major = (unsigned)strtoul(text, &end, 10);
	if (*end == '.' && end[1] >= '0' && end[1] <= '9')
		v.minor = (unsigned)strtoul(end + 1, NULL, 10);
	return v;
}

static int
read_version(struct version *out, struct encl_err *e)
{
	static const char *const argv[] = {"cosign", "version", "--json", NULL};
	encl_auto(encl_buf_clear) struct encl_buf said = {.cap = SAID_MAX};
	encl_auto(encl_free) char *path = encl_find_program("cosign");
	encl_auto(json_decref) json_t *doc = NULL;
	const char *text;
	struct encl_err ignored;
	int status;

	if (!path)
		return absent(e);
	if (encl_spawn(argv, &said, NULL, SECONDS, &status, e))
		return -1;
	if (status ||
	    encl_json_parse(encl_buf_text(&said), said.len, "version", &doc, &ignored))
		return encl_fail(e, ENCL_HOST,
				 "%s: \"cosign version --json\" says nothing that it "
				 "should; version %d.%d or later is needed " HOW_TO,
				 path, LEAST_MAJOR, LEAST_MINOR);
	text = json_string_value(json_object_get(doc, "gitVersion"));
	*out = parse_version(text ? text : "");
	if (out->major < LEAST_MAJOR ||
	    (out->major == LEAST_MAJOR && out->minor < LEAST_MINOR))
		return encl_fail(e, ENCL_HOST,
				 "%s is version %u.%u; %d.%d or later is needed " HOW_TO,
				 path, out->major, out->minor, LEAST_MAJOR, LEAST_MINOR);
	return 0;
}

/* ---- the bundle ---- */

static int
read_bundle(const char *path, json_t **out, struct encl_err *e)
{
	static const char type[] = "application/vnd.dev.sigstore.bundle";
	encl_auto(json_decref) json_t *doc = NULL;
	const char *text;

	if (encl_json_read(path, BUNDLE_MAX, &doc, e))
		return -1;
	text = json_string_value(json_object_get(doc, "mediaType"));
	if (!text || strncmp(text, type, sizeof type - 1) != 0)
		return encl_fail(e, ENCL_FAILED,
				 "%s: is not a sigstore bundle; cosign 2 writes one with "
				 "--new-bundle-format",
				 path);
	*out = encl_take(doc, NULL);
	return 0;
}

static bool
is_logged(const json_t *bundle)
{
	return json_array_size(json_object_get(
		       json_object_get(bundle, "verificationMaterial"), "tlogEntries")) >
	       0;
}

/* ---- the run ---- */

/* cosign 2 wants a trusted root even where nothing of it is used. */
static int
empty_root(struct encl_tmpfile *t, struct encl_err *e)
{
	static const char text[] =
		"{\"mediaType\":\"application/vnd.dev.sigstore.trustedroot+json;"
		"version=0.1\"}";
	const char *dir = getenv("TMPDIR");
	encl_auto(encl_free) char *path =
		encl_xasprintf("%s/enclavebuild-root.json", dir && *dir ? dir : "/tmp");

	if (encl_tmpfile_open(t, path, 0600, e))
		return -1;
	return encl_pwrite_full(t->fd, text, sizeof text - 1, 0, t->temp, e);
}

static void
make_command(const struct cosign_request *r, const struct version *version,
	     const json_t *bundle, const char *root, int fd, struct command_line *c)
{
	encl_auto(json_decref) json_t *statement =
		json_object_get(bundle, "dsseEnvelope") ? encl_evidence_statement(bundle)
							: NULL;
	const char *type = json_string_value(json_object_get(statement, "predicateType"));

	add(c, encl_xstrdup("cosign"));
	add(c, encl_xstrdup(json_object_get(bundle, "dsseEnvelope")
				    ? "verify-blob-attestation"
				    : "verify-blob"));
	add_option(c, "bundle", r->bundle);
	add_option(c, "type", type);
	add_option(c, "key", r->key);
	add_option(c, "certificate-identity", r->identity);
	add_option(c, "certificate-oidc-issuer", r->issuer);
	add_option(c, "trusted-root", r->trusted_root ? r->trusted_root : root);
	if (r->key && !(r->trusted_root && is_logged(bundle)))
		add(c, encl_xstrdup("--insecure-ignore-tlog"));
	if (version->major < 3) {
		add(c, encl_xstrdup("--new-bundle-format"));
		add(c, encl_xstrdup("--offline"));
	}
	/* this very file, whatever its name stands for by then */
	add(c, encl_xasprintf("/proc/%ld/fd/%d", (long)getpid(), fd));
}

/* "Error: …" of what it said, else its first line. */
static char *
reason(const char *text)
{
	const char *error = strstr(text, "Error: ");
	const char *start = error ? error + strlen("Error: ") : text;
	size_t n = strcspn(start, "\n");

	return n ? encl_xstrndup(start, n < 300 ? n : 300) : encl_xstrdup("no reason");
}

int
cosign_verify(const struct cosign_request *r, int fd, bool *good, char **said,
	      struct encl_err *e)
{
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile root = {.fd = -1};
	encl_auto(command_line_clear) struct command_line c = {.n = 0};
	encl_auto(encl_buf_clear) struct encl_buf err_out = {.cap = SAID_MAX};
	encl_auto(json_decref) json_t *bundle = NULL;
	struct version version = {0, 0};
	int status;

	if (read_bundle(r->bundle, &bundle, e) || read_version(&version, e) ||
	    (r->key && !r->trusted_root && empty_root(&root, e)))
		return -1;
	make_command(r, &version, bundle, root.temp, fd, &c);
	if (encl_spawn((const char *const *)c.v, NULL, &err_out, SECONDS, &status, e))
		return -1;
	*good = status == 0;
	*said = *good ? NULL : reason(encl_buf_text(&err_out));
	return 0;
}
