/* SPDX-License-Identifier: Apache-2.0 */
/* Which file is asked for a host's credentials, and which one is written. */
#include "registry/credentials.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "registry/auth_file.h"
#include "registry/helper.h"

void
encl_credentials_clear(struct encl_credentials *c)
{
	encl_secret_free(c->user);
	encl_secret_free(c->password);
	encl_secret_free(c->identity_token);
	encl_secret_free(c->registry_token);
	memset(c, 0, sizeof *c);
}

enum { MAX_FILES = 4 };

struct files {
	char *v[MAX_FILES];
	size_t n;
};

static void
files_clear(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i]);
	f->n = 0;
}
ENCL_AUTO_VAL(struct files, files_clear);

/* A relative name in a variable counts from the working folder, as docker has
 * it; an empty variable counts as none. */
static bool
add(struct files *f, const char *variable, const char *below)
{
	const char *folder = getenv(variable);

	if (!folder || !*folder)
		return false;
	f->v[f->n++] = encl_xasprintf("%s%s", folder, below);
	return true;
}

static void
list_files(const char *auth_file, struct files *f)
{
	if (auth_file) {
		f->v[f->n++] = encl_xstrdup(auth_file);
		return;
	}
	if (add(f, "REGISTRY_AUTH_FILE", ""))
		return;
	if (!add(f, "DOCKER_CONFIG", "/config.json"))
		add(f, "HOME", "/.docker/config.json");
	add(f, "XDG_RUNTIME_DIR", "/containers/auth.json");
	if (!add(f, "XDG_CONFIG_HOME", "/containers/auth.json"))
		add(f, "HOME", "/.config/containers/auth.json");
}

static int
find_in(const char *path, const char *host, const char *repository,
	struct encl_credentials *out, bool *found, struct encl_err *e)
{
	encl_auto(encl_secret_json_free) json_t *doc = NULL;
	const char *helper;
	const char *key;

	*found = false;
	if (encl_auth_file_read(path, &doc, e))
		return -1;
	if (!doc)
		return 0;
	if (encl_auth_file_helper(doc, path, host, repository, &helper, &key, e))
		return -1;
	if (helper && encl_helper_get(helper, encl_auth_server(host), out, found, e))
		return encl_wrap(e, "%s: %s", path, key);
	if (*found)
		return 0;
	return encl_auth_file_entry(doc, path, host, repository, out, found, e);
}

int
encl_credentials_find(struct encl_env *env, const char *auth_file, const char *host,
		      const char *repository, struct encl_credentials *out,
		      struct encl_err *e)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	encl_auto(files_clear) struct files files = {.n = 0};
	bool found = false;

	(void)env;
	if (auth_file && access(auth_file, F_OK))
		return encl_fail_sys(e, ENCL_USAGE, "auth file %s", auth_file);
	list_files(auth_file, &files);
	for (size_t i = 0; i < files.n && !found; i++)
		if (find_in(files.v[i], host, repository, &c, &found, e))
			return -1;
	*out = encl_take(c, (struct encl_credentials){0});
	return 0;
}
