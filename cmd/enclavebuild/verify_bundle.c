/* SPDX-License-Identifier: Apache-2.0 */
/* `verify --bundle`: a sigstore bundle signs this image, for whom it has to. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "cosign.h"
#include "verify.h"
#include "verify/evidence_subject.h"

enum { BUNDLE_MAX = 16 << 20 };

/* What it names by digest, where it can be read: another image's is told as that,
 * and cosign is not asked. */
static int
is_of_another(struct verification *v, const char *path, bool *another, struct encl_err *e)
{
	encl_auto(encl_subjects_clear) struct encl_subjects s = {.kind = NULL};
	encl_auto(encl_free) char *text = NULL;
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_err ignored;
	size_t n;

	*another = false;
	if (encl_read_file(path, BUNDLE_MAX, &text, &n, e) ||
	    encl_json_parse(text, n, path, &doc, e))
		return -1;
	verification_add_input(v, path, text, n);
	if (encl_evidence_subjects(doc, path, &s, &ignored))
		return 0;
	*another = !encl_subjects_have(&s, &v->state.sha256);
	return 0;
}

static char *
signer(const struct cosign_request *r)
{
	return r->key ? encl_xasprintf("the key %s", r->key)
		      : encl_xasprintf("%s (%s)", r->identity, r->issuer);
}

int
verify_bundle(struct verification *v, struct encl_err *e)
{
	encl_auto(encl_free) char *said = NULL;
	encl_auto(encl_free) char *who = NULL;
	struct cosign_request r;
	struct encl_check *c;
	bool given;
	bool another;
	bool good = false;

	if (cosign_read_options(v->args, v->cli->env.offline, &r, &given, e))
		return -1;
	if (!given)
		return 0;
	if (is_of_another(v, r.bundle, &another, e) ||
	    (!another && cosign_verify(&r, v->eif.fd, &good, &said, e)))
		return -1;
	who = signer(&r);
	c = encl_checks_add(&v->checks, "bundle",
			    good ? ENCL_CHECK_PASS : ENCL_CHECK_FAIL,
			    good      ? "%s: signed by %s"
			    : another ? "%s: is of another file"
				      : "%s: not signed by %s: %s",
			    r.bundle, who, said ? said : "");
	c->source = encl_xstrdup(r.bundle);
	c->compares = true;
	return 0;
}
