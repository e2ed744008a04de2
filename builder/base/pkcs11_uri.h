/* SPDX-License-Identifier: Apache-2.0 */
/* "pkcs11:token=…;object=…?pin-source=…" (RFC 7512) of a private key. */
#ifndef ENCL_BASE_PKCS11_URI_H
#define ENCL_BASE_PKCS11_URI_H

#include <stdbool.h>

#include "base/cleanup.h"

enum encl_pkcs11_attribute {
	ENCL_PKCS11_TOKEN,
	ENCL_PKCS11_MANUFACTURER,
	ENCL_PKCS11_MODEL,
	ENCL_PKCS11_SERIAL,
	ENCL_PKCS11_OBJECT,
	ENCL_PKCS11_ID,
	ENCL_PKCS11_TYPE,
	ENCL_PKCS11_PIN_SOURCE,
	ENCL_PKCS11_MODULE_PATH,
	ENCL_PKCS11_ATTRIBUTES
};

struct encl_pkcs11_uri {
	/* decoded, NULL where it is not given; an id may hold any bytes but NUL */
	char *values[ENCL_PKCS11_ATTRIBUTES];
	char *key; /* the key's own part again, in one form: neither PIN nor module */
};
void encl_pkcs11_uri_clear(struct encl_pkcs11_uri *u);
ENCL_AUTO_VAL(struct encl_pkcs11_uri, encl_pkcs11_uri_clear);

/* NULL, or why text is not a URI that is taken here ("is …", "has …"); out, which may
 * be NULL, is filled in only then.  A PIN in the URI (pin-value) is refused. */
const char *encl_pkcs11_uri_parse(const char *text, struct encl_pkcs11_uri *out);

#endif
