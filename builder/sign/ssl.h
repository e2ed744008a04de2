/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's objects in encl_auto. */
#ifndef ENCL_SIGN_SSL_H
#define ENCL_SIGN_SSL_H

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/cleanup.h"

ENCL_AUTO_PTR(BIO, BIO_free_all);
ENCL_AUTO_PTR(ECDSA_SIG, ECDSA_SIG_free);
ENCL_AUTO_PTR(EVP_PKEY, EVP_PKEY_free);
ENCL_AUTO_PTR(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
ENCL_AUTO_PTR(X509, X509_free);

#endif
