/* SPDX-License-Identifier: Apache-2.0 */
/* The records of attestation in the launch config. */
#include <string.h>

#include "launch/base64.h"
#include "launch/config_read.h"

enum { EXTENSIONS_MAX = 64 };

static bool
is_register(const char *text, size_t *out)
{
	return config_number(text, EXTENSION_LAST, out) && *out >= EXTENSION_FIRST;
}

/* "PCR DIGITS" */
static const char *
take_extension(struct config *c, char *text)
{
	struct extension *x = c->n_extend < EXTENSIONS_MAX
				      ? config_grow((void **)&c->extend, &c->n_extend,
						    sizeof *c->extend)
				      : NULL;
	const char *number;
	size_t pcr;
	size_t n;

	if (!x)
		return "no memory";
	number = config_cut(&text);
	if (!number || !is_register(number, &pcr) ||
	    !hex_decode(text, strlen(text), x->data, sizeof x->data, &n) ||
	    n != sizeof x->data)
		return "an extension is not PCR DIGEST";
	if (c->lock & (uint32_t)1 << pcr)
		return "a locked register is extended";
	x->pcr = (unsigned)pcr;
	return NULL;
}

static const char *
take_lock(struct config *c, const char *text)
{
	size_t pcr;

	if (!is_register(text, &pcr))
		return "a lock is of no register";
	if (c->lock & (uint32_t)1 << pcr)
		return "a register is locked twice";
	c->lock |= (uint32_t)1 << pcr;
	return NULL;
}

const char *
config_attest_take(struct config *c, const struct record *r)
{
	if (strcmp(r->key, "extend") == 0)
		return take_extension(c, r->value);
	if (strcmp(r->key, "lock") == 0)
		return take_lock(c, r->value);
	if (strcmp(r->key, "attest_gateway") == 0) {
		if (!c->attest)
			return "a gateway of the attestation is there without its port";
		return strings_add(&c->attest_gateways, r->value) ? "no memory" : NULL;
	}
	if (c->attest)
		return "a key is there twice";
	return config_number(r->value, PORT_MAX, &c->attest) && c->attest
		       ? NULL
		       : "the port of the attestation is none";
}
