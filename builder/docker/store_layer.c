/* SPDX-License-Identifier: Apache-2.0 */
/* What overlay2 and Docker's image store keep of one layer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "docker/store.h"

enum { LINK_BYTES = 26, LOWER_CAP = ENCL_DOCKER_MAX_LAYERS * (LINK_BYTES + 3) };

/* 130 bits of the chain ID in the alphabet of RFC 4648's base 32. */
static void
link_name(const struct encl_digest *chain_id, char out[LINK_BYTES + 1])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

	for (size_t i = 0; i < LINK_BYTES; i++) {
		size_t bit = 5 * i;
		unsigned two = (unsigned)chain_id->bytes[bit / 8] << 8 |
			       chain_id->bytes[bit / 8 + 1];

		out[i] = alphabet[two >> (11 - bit % 8) & 31];
	}
	out[LINK_BYTES] = 0;
}

/* overlay2/<cache-id>: link, lower, committed, diff; overlay2/l/<link>. */
static int
add_driver(const struct encl_docker_place *s, const struct encl_docker_opened *o,
	   size_t at, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf lower = {.cap = LOWER_CAP};
	char text[ENCL_DIGEST_TEXT];
	char link[LINK_BYTES + 1];
	const char *id = encl_docker_hex(&o->chain_ids[at], text);
	encl_auto(encl_free) char *folder =
		encl_xasprintf(ENCL_DOCKER_STORE "/overlay2/%s", id);
	encl_auto(encl_free) char *diff = encl_xasprintf("%s/diff", folder);
	encl_auto(encl_free) char *content = encl_xasprintf(ENCL_DOCKER_LAYERS "/%s", id);
	encl_auto(encl_free) char *back = encl_xasprintf("../%s/diff", id);

	for (size_t i = at; i-- > 0;) {
		link_name(&o->chain_ids[i], link);
		encl_buf_add_fmt(&lower, "%sl/%s", lower.len ? ":" : "", link);
	}
	link_name(&o->chain_ids[at], link);
	encl_auto(encl_free) char *l =
		encl_xasprintf(ENCL_DOCKER_STORE "/overlay2/l/%s", link);

	if (encl_docker_add_folder(s->tree, folder, 0710, s->sde, e) ||
	    encl_docker_add_text(s, folder, "committed", 0600, "", e) ||
	    encl_docker_add_link(s->tree, diff, content, s->sde, e) ||
	    encl_docker_add_text(s, folder, "link", 0644, link, e) ||
	    (at &&
	     encl_docker_add_text(s, folder, "lower", 0644, encl_buf_text(&lower), e)))
		return -1;
	return encl_docker_add_link(s->tree, l, back, s->sde, e);
}

/* layerdb/sha256/<chain ID>: cache-id, diff, size, parent. */
static int
add_layerdb(const struct encl_docker_place *s, const struct encl_docker_opened *o,
	    size_t at, uint64_t bytes, struct encl_err *e)
{
	char text[ENCL_DIGEST_TEXT];
	char diff[ENCL_DIGEST_TEXT];
	char parent[ENCL_DIGEST_TEXT];
	char size[24];
	const char *id = encl_docker_hex(&o->chain_ids[at], text);
	encl_auto(encl_free) char *folder =
		encl_xasprintf(ENCL_DOCKER_IMAGE_STORE "/layerdb/sha256/%s", id);

	encl_digest_format(&o->diff_ids[at], diff);
	if (at)
		encl_digest_format(&o->chain_ids[at - 1], parent);
	snprintf(size, sizeof size, "%" PRIu64, bytes);
	if (encl_docker_add_folder(s->tree, folder, 0700, s->sde, e) ||
	    encl_docker_add_text(s, folder, "cache-id", 0644, id, e) ||
	    encl_docker_add_text(s, folder, "diff", 0644, diff, e) ||
	    (at && encl_docker_add_text(s, folder, "parent", 0644, parent, e)))
		return -1;
	return encl_docker_add_text(s, folder, "size", 0644, size, e);
}

int
encl_docker_add_text(const struct encl_docker_place *p, const char *folder,
		     const char *name, uint32_t mode, const char *text,
		     struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/%s", folder, name);

	return encl_docker_add_file(p->tree, path, mode, p->sde, text, strlen(text), e);
}

int
encl_docker_add_layer(const struct encl_docker_place *p,
		      const struct encl_docker_opened *o, size_t at, uint64_t bytes,
		      struct encl_err *e)
{
	return add_driver(p, o, at, e) ? -1 : add_layerdb(p, o, at, bytes, e);
}
