/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend that is a key in a PKCS#11 token, by OpenSSL's engine "pkcs11"
 * (libp11), which is loaded when a key is asked for and not before.  Nothing
 * ever prompts: a PIN comes from a file or the environment.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* engines */
#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pkcs11_uri.h"
#include "base/secret.h"
#include "base/stream.h"
#include "sign/backend.h"
#include "sign/token.h"

#define PIN_VARIABLE   "ENCLAVEBUILD_PKCS11_PIN"
#define DEFAULT_MODULE "p11-kit-proxy.so" /* all that this machine has registered */

enum { MAX_PIN = 256 };

#ifndef OPENSSL_NO_ENGINE

struct pkcs11 {
	struct encl_backend base; /* first */
	struct encl_pkcs11_uri uri;
	void *module;
	ENGINE *engine;
	bool ready; /* engine is initialised */
};

static void
close_token(struct encl_backend *base)
{
	struct pkcs11 *t = (struct pkcs11 *)base;

	EVP_PKEY_free(base->public);
	if (t->ready)
		ENGINE_finish(t->engine);
	ENGINE_free(t->engine);
	if (t->module)
		dlclose(t->module);
	encl_pkcs11_uri_clear(&t->uri);
	free(base->name);
	free(t);
	ERR_clear_error();
}

static int
sign(struct encl_backend *base, const struct encl_curve *curve,
     const struct encl_digest *digest, uint8_t rs[ENCL_ECDSA_MAX], struct encl_err *e)
{
	uint8_t der[2 * ENCL_ECDSA_MAX];
	size_t n = sizeof der;

	if (encl_ecdsa_sign_der(curve, base->public, digest, der, &n, e))
		return encl_wrap(e, "%s", base->name);
	return encl_ecdsa_from_der(curve, der, n, base->name, rs, e);
}

/* *pin NULL: none is given; from says where it is from. */
static int
read_pin(const struct pkcs11 *t, char **pin, const char **from, struct encl_err *e)
{
	const char *path = t->uri.values[ENCL_PKCS11_PIN_SOURCE];
	const char *variable = getenv(PIN_VARIABLE);
	size_t n;

	*pin = NULL;
	*from = path ? path : PIN_VARIABLE;
	if (!path) {
		*pin = variable && *variable ? encl_xstrdup(variable) : NULL;
		return 0;
	}
	if (encl_read_file(path, MAX_PIN, pin, &n, e)) {
		e->code = ENCL_SIGN;
		return encl_wrap(e, "pin-source");
	}
	while (n && strchr("\r\n", (*pin)[n - 1]))
		(*pin)[--n] = 0;
	if (n && strlen(*pin) == n && !strpbrk(*pin, "\r\n"))
		return 0;
	encl_secret_free(encl_take(*pin, NULL));
	return encl_fail(e, ENCL_SIGN, "%s: not one line with a PIN", path);
}

/* libp11 would write to stderr that it cannot: so it is tried here first. */
static int
load_module(struct pkcs11 *t, const char **name, struct encl_err *e)
{
	const char *given = t->uri.values[ENCL_PKCS11_MODULE_PATH];

	*name = given ? given : DEFAULT_MODULE;
	t->module = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
	if (!t->module && given)
		return encl_fail(e, ENCL_HOST, "module-path: %.500s", dlerror());
	if (!t->module)
		return encl_fail(e, ENCL_HOST,
				 "no PKCS#11 module: %.500s; install p11-kit-modules, or "
				 "name one by ?module-path=/PATH",
				 dlerror());
	if (!dlsym(t->module, "C_GetFunctionList"))
		return encl_fail(e, ENCL_HOST, "%s: not a PKCS#11 module", *name);
	return 0;
}

static int
start_engine(struct pkcs11 *t, const char *module, const char *pin, struct encl_err *e)
{
	ENGINE_load_dynamic();
	t->engine = ENGINE_by_id("pkcs11");
	ERR_clear_error();
	if (!t->engine)
		return encl_fail(e, ENCL_HOST,
				 "OpenSSL has no engine \"pkcs11\"; install "
				 "libengine-pkcs11-openssl");
	t->ready = ENGINE_ctrl_cmd_string(t->engine, "MODULE_PATH", module, 0) == 1 &&
		   ENGINE_ctrl_cmd_string(t->engine, "QUIET", NULL, 0) == 1 &&
		   (!pin || ENGINE_ctrl_cmd_string(t->engine, "PIN", pin, 0) == 1) &&
		   ENGINE_init(t->engine) == 1;
	if (t->ready)
		return 0;
	encl_fail_ssl(e, "OpenSSL's engine \"pkcs11\" does not start");
	e->code = ENCL_HOST;
	return -1;
}

/* The reason that the module gave; else NULL.  The queue is empty afterwards. */
static const char *
module_reason(void)
{
	const char *found = NULL;
	unsigned long code;

	while ((code = ERR_get_error()) != 0) {
		const char *lib = ERR_lib_error_string(code);

		if (!found && lib && !strcmp(lib, "PKCS#11 module"))
			found = ERR_reason_error_string(code);
	}
	return found;
}

/* Why the engine gave no key. */
static int
explain(const struct pkcs11 *t, bool pin, const char *from, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf names = {.cap = 1024};
	const char *reason = module_reason();
	enum encl_token_state state;

	if (reason && !strcmp(reason, "PIN incorrect"))
		return encl_fail(e, ENCL_SIGN,
				 "the PIN of %s is wrong; after some wrong ones a token "
				 "locks itself",
				 from);
	if (reason)
		return encl_fail(e, ENCL_SIGN, "the token says: %s", reason);
	state = encl_token_look(t->module, &t->uri, &names);
	if (state == ENCL_TOKEN_ABSENT)
		return encl_fail(e, ENCL_SIGN, "no such token is there; there %s%s",
				 names.len ? "is: " : "is none", encl_buf_text(&names));
	if (!pin)
		return encl_fail(e, ENCL_SIGN,
				 "no such private key is seen without a PIN; give a file "
				 "by ?pin-source=/PATH, or " PIN_VARIABLE);
	return encl_fail(e, ENCL_SIGN, "no such private key is in the token");
}

/* A key without its public half cannot be compared, only tried. */
static bool
has_public_half(const EVP_PKEY *key)
{
	uint8_t point[256];
	size_t n;

	return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
					       sizeof point, &n) == 1;
}

static int
load(struct pkcs11 *t, struct encl_err *e)
{
	encl_auto(encl_secret_free) char *pin = NULL;
	const char *module, *from;

	if (read_pin(t, &pin, &from, e) || load_module(t, &module, e) ||
	    start_engine(t, module, pin, e))
		return -1;
	t->base.public = ENGINE_load_private_key(t->engine, t->uri.key,
						 (UI_METHOD *)(uintptr_t)UI_null(), NULL);
	if (!t->base.public)
		return explain(t, pin != NULL, from, e);
	ERR_clear_error();
	if (!encl_curve_of(t->base.public) || !has_public_half(t->base.public))
		return encl_fail(e, ENCL_SIGN,
				 "the key is not on P-256, P-384 or P-521, or its public "
				 "half is not in the token");
	return 0;
}

int
encl_backend_pkcs11(const char *uri, struct encl_backend **out, struct encl_err *e)
{
	struct pkcs11 *t = encl_xcalloc(1, sizeof *t);
	encl_auto(encl_backend_close) struct encl_backend *b = &t->base;
	const char *problem = encl_pkcs11_uri_parse(uri, &t->uri);

	b->sign = sign;
	b->close = close_token;
	b->doubt = "the token signed something else, or with another key";
	if (problem) /* what was given may hold a PIN */
		return encl_fail(e, ENCL_USAGE, "the pkcs11: URI %s", problem);
	b->name = encl_xstrdup(t->uri.key);
	if (load(t, e))
		return encl_wrap(e, "%s", b->name);
	*out = encl_take(b, NULL);
	return 0;
}

#else

int
encl_backend_pkcs11(const char *uri, struct encl_backend **out, struct encl_err *e)
{
	(void)uri;
	(void)out;
	return encl_fail(e, ENCL_HOST,
			 "this OpenSSL has no engines, by which PKCS#11 tokens are "
			 "reached");
}

#endif
