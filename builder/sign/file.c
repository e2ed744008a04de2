/* SPDX-License-Identifier: Apache-2.0 */
/* The backends that are files: a private key, and a signature made elsewhere. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/stream.h"
#include "sign/backend.h"
#include "sign/key.h"

enum { SIGNATURE_MAX = 4096 };

void
encl_backend_close(struct encl_backend *b)
{
	if (b)
		b->close(b);
}

/* ---- a key ---- */

static int
sign_with_key(struct encl_backend *b, const struct encl_curve *curve,
	      const struct encl_digest *digest, uint8_t rs[ENCL_ECDSA_MAX],
	      struct encl_err *e)
{
	return encl_ecdsa_sign(curve, b->public, digest, rs, e);
}

static void
close_key(struct encl_backend *b)
{
	EVP_PKEY_free(b->public);
	free(b->name);
	free(b);
}

int
encl_backend_file(const char *path, struct encl_backend **out, struct encl_err *e)
{
	encl_auto(encl_backend_close) struct encl_backend *b = encl_xcalloc(1, sizeof *b);

	b->sign = sign_with_key;
	b->close = close_key;
	b->doubt = "the key file contradicts itself";
	b->name = encl_xasprintf("the key in %s", path);
	if (encl_key_read(path, &b->public, e))
		return -1;
	*out = encl_take(b, NULL);
	return 0;
}

/* ---- a signature ---- */

struct made {
	struct encl_backend base; /* first */
	uint8_t rs[ENCL_ECDSA_MAX];
};

static int
give(struct encl_backend *base, const struct encl_curve *curve,
     const struct encl_digest *digest, uint8_t rs[ENCL_ECDSA_MAX], struct encl_err *e)
{
	(void)digest;
	(void)e;
	memcpy(rs, ((struct made *)base)->rs, 2 * curve->width);
	return 0;
}

static void
close_made(struct encl_backend *b)
{
	free(b->name);
	free(b);
}

/* The bytes of base64 text, white space left out; false: it is none. */
static bool
decode_base64(const uint8_t *p, size_t n, struct encl_buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/=";
	encl_auto(encl_buf_clear) struct encl_buf text = {.cap = SIGNATURE_MAX};
	uint8_t bytes[SIGNATURE_MAX];
	size_t pad = 0;
	int size;

	for (size_t i = 0; i < n; i++)
		if (p[i] && strchr(digits, p[i]))
			encl_buf_add_byte(&text, p[i]);
		else if (!p[i] || !strchr(" \t\r\n", p[i]))
			return false;
	if (!text.len || text.len % 4)
		return false;
	while (pad < text.len && text.data[text.len - 1 - pad] == '=')
		pad++;
	size = EVP_DecodeBlock(bytes, text.data, (int)text.len);
	ERR_clear_error();
	if (size < 0 || pad > 2)
		return false;
	encl_buf_add(out, bytes, (size_t)size - pad);
	return true;
}

int
encl_signature_file_parse(const uint8_t *p, size_t n, const struct encl_curve *curve,
			  const char *what, uint8_t rs[ENCL_ECDSA_MAX],
			  struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf plain = {.cap = SIGNATURE_MAX};

	if (n > SIGNATURE_MAX)
		return encl_fail(e, ENCL_SIGN, "%s: not a signature: %zu bytes", what, n);
	if (decode_base64(p, n, &plain)) {
		p = plain.data;
		n = plain.len;
	}
	if (n == 2 * curve->width) { /* DER of this length would need r or s near 0 */
		memcpy(rs, p, n);
		return 0;
	}
	if (n && *p == 0x30)
		return encl_ecdsa_from_der(curve, p, n, what, rs, e);
	return encl_fail(e, ENCL_SIGN,
			 "%s: not a signature of a key on %s: neither DER nor the %zu "
			 "bytes of r and s, nor base64 of one of them",
			 what, curve->name, 2 * curve->width);
}

int
encl_backend_signature(const char *path, const struct encl_curve *curve,
		       struct encl_backend **out, struct encl_err *e)
{
	struct made *s = encl_xcalloc(1, sizeof *s);
	encl_auto(encl_backend_close) struct encl_backend *b = &s->base;
	encl_auto(encl_free) char *text = NULL;
	size_t n;

	b->sign = give;
	b->close = close_made;
	b->name = encl_xstrdup(path);
	b->doubt = "it is of another image, of another key, or of something else than "
		   "what measure --to-sign wrote";
	if (encl_read_file(path, SIGNATURE_MAX, &text, &n, e)) {
		e->code = ENCL_SIGN;
		return -1;
	}
	if (encl_signature_file_parse((const uint8_t *)text, n, curve, path, s->rs, e))
		return -1;
	*out = encl_take(b, NULL);
	return 0;
}
