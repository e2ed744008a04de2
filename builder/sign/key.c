/* SPDX-License-Identifier: Apache-2.0 */
/* PEM files to a key that fits, and to the bytes of a certificate file. */
#include "sign/key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/stream.h"
#include "sign/ecdsa.h"
#include "sign/ssl.h"

int
encl_no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)arg = true;
	return -1;
}

static int
read_pem(const char *path, char **out, size_t *n, struct encl_err *e)
{
	if (encl_read_file(path, ENCL_PEM_MAX, out, n, e)) {
		e->code = ENCL_SIGN;
		return -1;
	}
	return 0;
}

static int
parse_key(const char *pem, size_t n, const char *path, EVP_PKEY **out, struct encl_err *e)
{
	encl_auto(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem, (int)n);
	encl_auto(EVP_PKEY_free) EVP_PKEY *key = NULL;
	bool asked = false;

	ERR_clear_error();
	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, encl_no_passphrase, &asked);
	ERR_clear_error();
	if (!key && asked)
		return encl_fail(
			e, ENCL_SIGN,
			"%s: the key is encrypted; decrypt it first: openssl pkey "
			"-in %s -out KEY",
			path, path);
	if (!key)
		return encl_fail(e, ENCL_SIGN, "%s: not a PEM private key", path);
	*out = encl_take(key, NULL);
	return 0;
}

int
encl_key_read(const char *path, EVP_PKEY **out, struct encl_err *e)
{
	encl_auto(EVP_PKEY_free) EVP_PKEY *key = NULL;
	char *pem = NULL;
	size_t n = 0;
	int rc;

	if (read_pem(path, &pem, &n, e))
		return -1;
	rc = parse_key(pem, n, path, &key, e);
	OPENSSL_cleanse(pem, n);
	free(pem);
	if (rc)
		return -1;
	if (!encl_curve_of(key))
		return encl_fail(
			e, ENCL_SIGN,
			"%s: the key is not on P-256, P-384 or P-521; make one with: "
			"openssl ecparam -name secp384r1 -genkey -noout",
			path);
	*out = encl_take(key, NULL);
	return 0;
}

int
encl_certificate_read(const char *path, char **pem, size_t *n, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	size_t size;

	if (read_pem(path, &text, &size, e))
		return -1;
	if (memmem(text, size, "PRIVATE KEY-----", 16)) {
		OPENSSL_cleanse(text, size);
		return encl_fail(
			e, ENCL_SIGN,
			"%s: holds a private key, which would become part of the "
			"image; give a file with certificates only",
			path);
	}
	*pem = encl_take(text, NULL);
	*n = size;
	return 0;
}
