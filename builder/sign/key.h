/* SPDX-License-Identifier: Apache-2.0 */
/* Key and certificate files. */
#ifndef ENCL_SIGN_KEY_H
#define ENCL_SIGN_KEY_H

#include <openssl/evp.h>
#include <stddef.h>

#include "base/err.h"

enum { ENCL_PEM_MAX = 65536 };

/* OpenSSL's passphrase callback that has none: nothing prompts on a terminal.
 * arg is a bool, set to true when it was asked. */
int encl_no_passphrase(char *buf, int size, int writing, void *arg);

/* A private key of one of our curves from a PEM file (SEC1 or PKCS#8);
 * ENCL_SIGN.  Released with EVP_PKEY_free, which wipes it. */
int encl_key_read(const char *path, EVP_PKEY **out, struct encl_err *e) ENCL_MUST_CHECK;

/* A certificate file, whole; malloc'ed, ENCL_SIGN.  A private key in it is an
 * error: the file goes into the image as it is. */
int encl_certificate_read(const char *path, char **pem, size_t *n,
			  struct encl_err *e) ENCL_MUST_CHECK;

#endif
