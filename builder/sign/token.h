/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens a PKCS#11 module shows: for errors that say what is there. */
#ifndef ENCL_SIGN_TOKEN_H
#define ENCL_SIGN_TOKEN_H

#include "base/buf.h"
#include "base/pkcs11_uri.h"

enum encl_token_state { ENCL_TOKEN_UNKNOWN, ENCL_TOKEN_ABSENT, ENCL_TOKEN_THERE };

/* Of the URI's token; names gets the labels of all that are there.  The module is one
 * that dlopen gave and somebody has initialised. */
enum encl_token_state encl_token_look(void *module, const struct encl_pkcs11_uri *u,
				      struct encl_buf *names);

#endif
