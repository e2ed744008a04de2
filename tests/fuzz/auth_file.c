/* SPDX-License-Identifier: Apache-2.0 */
/* An auth file asked for several hosts, changed, written and read again. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/secret.h"
#include "fuzz.h"
#include "registry/auth_file.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hosts[] = {"r.example", "docker.io", "[::1]:5000"};
	char user[] = "user", password[] = "pass";
	struct encl_credentials own = {.user = user, .password = password};
	encl_auto(encl_secret_json_free) json_t *doc = NULL;
	encl_auto(encl_secret_json_free) json_t *again = NULL;
	encl_auto(encl_secret_free) char *text = NULL;
	struct encl_err e;
	bool found;

	if (encl_auth_file_parse((const char *)data, size, "f", &doc, &e))
		return 0;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
		const char *name, *key;

		if (!encl_auth_file_helper(doc, "f", hosts[i], "a/b", &name, &key, &e) &&
		    name && strchr(name, '/'))
			abort();
		if (!encl_auth_file_entry(doc, "f", hosts[i], "a/b", &c, &found, &e) &&
		    found && !c.password && !c.identity_token && !c.registry_token)
			abort();
		encl_auth_file_remove(doc, hosts[i]);
		encl_auth_file_set(doc, hosts[i], &own);
	}
	text = encl_json_pretty(doc);
	if (encl_auth_file_parse(text, strlen(text), "f", &again, &e))
		abort();
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		encl_auto(encl_credentials_clear) struct encl_credentials c = {0};

		if (encl_auth_file_entry(again, "f", hosts[i], "", &c, &found, &e) ||
		    !found || strcmp(c.password, password) != 0)
			abort();
	}
	return 0;
}
