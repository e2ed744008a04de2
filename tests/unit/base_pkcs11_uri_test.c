/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7512, as far as it names a private key. */
#include "base/pkcs11_uri.h"
#include "test.h"

static const char *
problem(const char *text)
{
	const char *p = encl_pkcs11_uri_parse(text, NULL);

	return p ? p : "";
}

TEST(base_pkcs11_uri_parts)
{
	encl_auto(encl_pkcs11_uri_clear) struct encl_pkcs11_uri u = {.key = NULL};

	CHECK(encl_pkcs11_uri_parse("pkcs11:id=%00ff;token=a%20%3b", &u) != NULL);
	CHECK(!u.key);
	CHECK(encl_pkcs11_uri_parse(
		      "pkcs11:id=%0aff;object=x/y;token=a%20%3b;type=private;"
		      "?pin-source=file:/p%26q&module-path=/m.so",
		      &u) == NULL);
	EQ_STR("a ;", u.values[ENCL_PKCS11_TOKEN]);
	EQ_STR("x/y", u.values[ENCL_PKCS11_OBJECT]);
	EQ_STR("\nff", u.values[ENCL_PKCS11_ID]);
	EQ_STR("/p&q", u.values[ENCL_PKCS11_PIN_SOURCE]);
	EQ_STR("/m.so", u.values[ENCL_PKCS11_MODULE_PATH]);
	EQ_STR("pkcs11:token=a%20%3B;object=x%2Fy;id=%0Aff;type=private", u.key);
}

TEST(base_pkcs11_uri_refused)
{
	static const char encoding[] =
		"has an attribute that is empty or not encoded as a URI's";
	static const char pin[] = "has the PIN in it (pin-value), where others see it; "
				  "give a file by ?pin-source=/PATH, or "
				  "ENCLAVEBUILD_PKCS11_PIN";

	EQ_STR("", problem("pkcs11:token=a;object=b"));
	EQ_STR("", problem("pkcs11:serial=1;id=%01"));
	EQ_STR("is not a pkcs11: URI", problem("PKCS11:token=a;object=b"));
	EQ_STR("does not say which token: token= or serial=", problem("pkcs11:"));
	EQ_STR("does not say which key: object= or id=", problem("pkcs11:token=a"));
	EQ_STR("is not of a private key: type=",
	       problem("pkcs11:token=a;id=1;type=cert"));
	EQ_STR("has an attribute twice", problem("pkcs11:token=a;token=b"));
	EQ_STR(encoding, problem("pkcs11:token="));
	EQ_STR(encoding, problem("pkcs11:token"));
	EQ_STR(encoding, problem("pkcs11:token=%"));
	EQ_STR(encoding, problem("pkcs11:token=%0"));
	EQ_STR(encoding, problem("pkcs11:token=%0x"));
	EQ_STR(encoding, problem("pkcs11:token=\xc3\xa4"));
	EQ_STR(pin, problem("pkcs11:token=a;id=1;pin-value=1"));
	EQ_STR(pin, problem("pkcs11:token=a;id=1?pin-value=1"));
	EQ_STR(pin, problem("pkcs11:pin-value"));
	EQ_STR("has a pin-source that is not a file's absolute path",
	       problem("pkcs11:token=a;id=1?pin-source=file:p"));
	EQ_STR("has a module-path that is not absolute",
	       problem("pkcs11:token=a;id=1?module-path=m.so"));
	/* a query's attribute in the path, and the other way around */
	CHECK(!strncmp("has an attribute that is not known here; ",
		       problem("pkcs11:token=a;id=1;pin-source=/p"), 41));
	CHECK(!strncmp("has an attribute that is not known here; ",
		       problem("pkcs11:token=a?id=1"), 41));
}
