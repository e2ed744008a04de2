/* SPDX-License-Identifier: Apache-2.0 */
/* By the first byte: KMS's answer to GetPublicKey, to Sign, the name of a key, a
 * signature file for each curve, a pkcs11: URI. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pkcs11_uri.h"
#include "fuzz.h"
#include "registry/kms.h"
#include "sign/backend.h"

#define ARN                                                                              \
	"arn:aws:kms:eu-central-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef"

static void
made(int alg, const uint8_t *p, size_t n)
{
	const struct encl_curve *curve = encl_curve_by_alg(alg);
	uint8_t rs[ENCL_ECDSA_MAX];
	struct encl_err e;

	if (!encl_signature_file_parse(p, n, curve, "s", rs, &e) && n < 6)
		abort();
}

/* What is taken is the same again in its one form. */
static void
uri(const char *text)
{
	encl_auto(encl_pkcs11_uri_clear) struct encl_pkcs11_uri u = {.key = NULL};
	encl_auto(encl_pkcs11_uri_clear) struct encl_pkcs11_uri again = {.key = NULL};

	if (!encl_pkcs11_uri_parse(text, &u) &&
	    (encl_pkcs11_uri_parse(u.key, &again) || strcmp(u.key, again.key) != 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_kms_key_clear) struct encl_kms_key key = {0};
	encl_auto(encl_buf_clear) struct encl_buf der = {.cap = ENCL_KMS_DER_MAX};
	encl_auto(encl_free) char *text = NULL;
	struct encl_kms_arn arn;
	struct encl_err e;

	if (!size)
		return 0;
	text = encl_xstrndup((const char *)data + 1, size - 1);
	if (*data == 'k' && !encl_kms_read_key(text, strlen(text), ARN, &key, &e) &&
	    (!key.spec || !key.der.len))
		abort();
	if (*data == 's' &&
	    !encl_kms_read_signature(text, strlen(text), ARN, "ECDSA_SHA_384", &der,
				     &e) &&
	    (!der.len || der.over))
		abort();
	if (*data == 'a' && !encl_kms_arn_parse(text, &arn) && !*arn.region)
		abort();
	if (*data == 'p')
		uri(text);
	if (*data == '2')
		made(-7, data + 1, size - 1);
	if (*data == '3')
		made(-35, data + 1, size - 1);
	if (*data == '5')
		made(-36, data + 1, size - 1);
	return 0;
}
