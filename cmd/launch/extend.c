/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attestation.extend and .lock, before anything is started: each register becomes
 * SHA384(what it was || digest), by the module itself.  What cannot be done ends
 * the enclave, so that nothing runs behind a register which does not tell of it.
 * Without a module nothing is attested at all, and the program runs all the same.
 */
#include "launch/base64.h"
#include "launch/docker.h"
#include "launch/launch.h"
#include "launch/nsm.h"

static const char *
name_of(unsigned pcr)
{
	static char name[8];

	join_texts(name, sizeof name, (const char *const[]){"PCR", guest_dec(pcr), 0});
	return name;
}

static bool
fail(const char *what, unsigned pcr, const char *why)
{
	say("attestation: ", what, " ", name_of(pcr), ": ", why, "; the enclave ends");
	return false;
}

static bool
extend(const struct extension *x)
{
	uint8_t value[NSM_PCR_SIZE];
	char digits[2 * NSM_PCR_SIZE + 1];
	const char *why = nsm_extend(x->pcr, x->data, sizeof x->data, value);

	if (why)
		return fail("extend", x->pcr, why);
	hex_encode(value, sizeof value, digits);
	say("attestation: ", name_of(x->pcr), " is ", digits);
	return true;
}

static bool
lock(unsigned pcr)
{
	const char *why = nsm_lock(pcr);

	if (why)
		return fail("lock", pcr, why);
	say("attestation: ", name_of(pcr), " is locked");
	return true;
}

bool
launch_extend(const struct config *c)
{
	if (!c->n_extend && !c->lock)
		return true;
	if (!nsm_there()) {
		say("attestation: there is no Nitro Secure Module: no register is "
		    "extended or locked, and nothing attests this machine");
		return true;
	}
	for (size_t i = 0; i < c->n_extend; i++)
		if (!extend(&c->extend[i]))
			return false;
	for (unsigned pcr = EXTENSION_FIRST; pcr <= EXTENSION_LAST; pcr++)
		if ((c->lock & (uint32_t)1 << pcr) && !lock(pcr))
			return false;
	return true;
}
