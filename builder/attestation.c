/* SPDX-License-Identifier: Apache-2.0 */
/* What registers are extended with, to the digests that the module gets. */
#include "attestation.h"

#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/parse.h"
#include "build.h"
#include "rootfs/tree.h"

enum { PIECE = 65536 };

static int
digest_content(const struct encl_content *content, struct encl_digest *out,
	       struct encl_err *e)
{
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(ENCL_SHA384);
	encl_auto(encl_free) uint8_t *piece = encl_xmalloc(PIECE);

	for (uint64_t at = 0; at < content->size;) {
		size_t n =
			content->size - at < PIECE ? (size_t)(content->size - at) : PIECE;

		if (encl_content_read(content, at, piece, n, e))
			return -1;
		encl_hash_update(h, piece, n);
		at += n;
	}
	encl_hash_final(h, out);
	return 0;
}

static int
digest_file(const struct encl_extend *x, struct encl_tree *tree, struct encl_digest *out,
	    struct encl_err *e)
{
	const struct encl_node *n = encl_tree_find_nofollow(tree, x->path);

	if (!n)
		return encl_fail(e, ENCL_USAGE, "%s is not in the image", x->path);
	if (n->inode->type == ENCL_SYMLINK)
		return encl_fail(e, ENCL_USAGE, "%s is a link to %s; name that", x->path,
				 n->inode->link);
	if (n->inode->type != ENCL_REG)
		return encl_fail(e, ENCL_USAGE, "%s is no regular file", x->path);
	return digest_content(&n->inode->content, out, e);
}

static void
digest_value(const char *value, struct encl_digest *out)
{
	const size_t prefix = strlen("hex:");
	size_t n = strlen(value);
	encl_auto(encl_free) uint8_t *bytes = NULL;

	if (strncmp(value, "hex:", prefix) != 0) {
		encl_digest_of(ENCL_SHA384, value, n, out);
		return;
	}
	n = (n - prefix) / 2;
	bytes = encl_xmalloc(n);
	(void)encl_unhex(value + prefix, bytes, n); /* digits, says the schema */
	encl_digest_of(ENCL_SHA384, bytes, n, out);
}

static void
digest_manifest(const struct encl_manifest *m, const json_t *lock,
		struct encl_digest *out)
{
	struct encl_digest digest;
	char text[ENCL_DIGEST_TEXT];

	encl_manifest_digest(m, lock, &digest);
	encl_digest_format(&digest, text);
	encl_digest_of(ENCL_SHA384, text, strlen(text), out);
}

int
encl_attestation_config(const struct encl_manifest *m, const json_t *lock,
			struct encl_tree *tree, struct encl_launch_config *c,
			struct encl_launch_extension **own, struct encl_err *e)
{
	const struct encl_attesting *a = &m->attestation;
	encl_auto(encl_free) struct encl_launch_extension *v =
		encl_xcalloc(a->n_extend + 1, sizeof *v);

	for (size_t i = 0; i < a->n_extend; i++) {
		const struct encl_extend *x = &a->extend[i];
		struct encl_digest *data = &v[i].data;

		v[i].pcr = x->pcr;
		if (x->with == ENCL_EXTEND_MANIFEST) {
			digest_manifest(m, lock, data);
		} else if (x->with == ENCL_EXTEND_VALUE) {
			digest_value(x->value, data);
		} else if (digest_file(x, tree, data, e)) {
			encl_auto(encl_free) char *at = encl_manifest_at(m, x->pos);

			return encl_wrap(e, "%sattestation.extend[%zu].path", at, i);
		}
	}
	c->attest = a->api.given ? a->api.port : 0;
	c->extend = v;
	c->n_extend = a->n_extend;
	c->lock = a->lock;
	*own = encl_take(v, NULL);
	return 0;
}
