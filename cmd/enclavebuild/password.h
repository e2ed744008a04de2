/* SPDX-License-Identifier: Apache-2.0 */
/* Names and passwords from the terminal or from standard input. */
#ifndef ENCL_CMD_PASSWORD_H
#define ENCL_CMD_PASSWORD_H

#include <stdbool.h>

#include "base/secret.h"

/* Asks on the terminal (/dev/tty), without echo where secret.  ENCL_USAGE where
 * there is none, or no answer.  *out: encl_secret_free. */
int password_ask(const char *question, bool secret, char **out,
		 struct encl_err *e) ENCL_MUST_CHECK;

/* Standard input as a whole, without the one line feed at its end. */
int password_read(char **out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
