/* SPDX-License-Identifier: Apache-2.0 */
/* Which file is asked for a host's credentials, and which one is written. */
#include "registry/credentials.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/tmpfile.h"
#include "registry/auth_file.h"
#include "registry/ecr.h"
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
find_in(struct encl_env *env, const char *path, const char *host, const char *repository,
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
	if (encl_auth_file_entry(doc, path, host, repository, out, found, e))
		return -1;
	if (*found && encl_ecr_is(host) && encl_ecr_expired(out)) {
		encl_warn(env->log, "%s: the password for %s has expired", path, host);
		encl_credentials_clear(out);
		*found = false;
	}
	return 0;
}

int
encl_credentials_find(struct encl_env *env, const char *auth_file, const char *host,
		      const char *repository, struct encl_credentials *out,
		      struct encl_err *e)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	encl_auto(files_clear) struct files files = {.n = 0};
	bool found = false;

	if (auth_file && access(auth_file, F_OK))
		return encl_fail_sys(e, ENCL_USAGE, "auth file %s", auth_file);
	list_files(auth_file, &files);
	for (size_t i = 0; i < files.n && !found; i++)
		if (find_in(env, files.v[i], host, repository, &c, &found, e))
			return -1;
	if (!found && encl_ecr_is(host) && encl_ecr_credentials(env, host, &c, e))
		return -1;
	*out = encl_take(c, (struct encl_credentials){0});
	return 0;
}

/* An auth file that is to be changed: locked by its folder, so that two logins
 * at once both stay. */
struct change {
	char *path; /* of the file itself, behind links */
	json_t *doc;
	int lock;
};

static void
change_clear(struct change *c)
{
	free(c->path);
	encl_secret_json_free(c->doc);
	encl_close_fd(c->lock);
	*c = (struct change){.lock = -1};
}
ENCL_AUTO_VAL(struct change, change_clear);

/* create false: doc is NULL where there is no file. */
static int
change_begin(const char *path, bool create, struct change *c, struct encl_err *e)
{
	char *real = realpath(path, NULL);
	encl_auto(encl_free) char *folder = NULL;
	char *slash;

	c->path = real ? real : encl_xstrdup(path);
	if (!real && !create)
		return 0;
	slash = strrchr(c->path, '/');
	folder = slash ? encl_xstrndup(c->path, (size_t)(slash - c->path) + 1)
		       : encl_xstrdup(".");
	if (encl_make_dirs(folder, 0700, e))
		return -1;
	c->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->lock < 0 || flock(c->lock, LOCK_EX))
		return encl_fail_sys(e, ENCL_FAILED, "lock %s", folder);
	if (encl_auth_file_read(c->path, &c->doc, e))
		return -1;
	if (!c->doc && create)
		c->doc = json_object();
	return 0;
}

static int
change_end(struct change *c, struct encl_err *e)
{
	encl_auto(encl_secret_free) char *text = encl_json_pretty(c->doc);

	return encl_write_file(c->path, text, strlen(text), 0600, e);
}

static char *
helper_program(const char *name)
{
	return encl_xasprintf("docker-credential-%s", name);
}

static int
choose_files(const char *path, struct files *files, struct encl_err *e)
{
	list_files(path, files);
	if (files->n)
		return 0;
	return encl_fail(e, ENCL_HOST,
			 "no place for credentials: HOME is not set; give --auth-file");
}

int
encl_credentials_store(struct encl_env *env, const char *path, const char *host,
		       const struct encl_credentials *c, char **where, struct encl_err *e)
{
	encl_auto(change_clear) struct change change = {.lock = -1};
	encl_auto(files_clear) struct files files = {.n = 0};
	const char *helper;
	const char *key;

	(void)env;
	if (c->user && strchr(c->user, ':'))
		return encl_fail(e, ENCL_USAGE,
				 "a user's name cannot have a \":\" in it");
	if (choose_files(path, &files, e) || change_begin(files.v[0], true, &change, e) ||
	    encl_auth_file_helper(change.doc, change.path, host, "", &helper, &key, e))
		return -1;
	if (helper) {
		if (encl_helper_store(helper, encl_auth_server(host), c, e))
			return encl_wrap(e, "%s: %s", change.path, key);
	} else {
		encl_auth_file_set(change.doc, host, c);
		if (change_end(&change, e))
			return -1;
	}
	if (where)
		*where = helper ? helper_program(helper) : encl_take(change.path, NULL);
	return 0;
}

static int
erase_in(const char *path, const char *host, bool *was_there, char **where,
	 struct encl_err *e)
{
	encl_auto(change_clear) struct change change = {.lock = -1};
	bool in_helper = false;
	bool in_file = false;
	const char *helper;
	const char *key;

	if (change_begin(path, false, &change, e))
		return -1;
	if (!change.doc)
		return 0;
	if (encl_auth_file_helper(change.doc, change.path, host, "", &helper, &key, e))
		return -1;
	if (helper && encl_helper_erase(helper, encl_auth_server(host), &in_helper, e))
		return encl_wrap(e, "%s: %s", change.path, key);
	in_file = encl_auth_file_remove(change.doc, host);
	if (in_file && change_end(&change, e))
		return -1;
	*was_there = in_helper || in_file;
	if (where && *was_there)
		*where =
			in_helper ? helper_program(helper) : encl_take(change.path, NULL);
	return 0;
}

int
encl_credentials_erase(struct encl_env *env, const char *path, const char *host,
		       bool *was_there, char **where, struct encl_err *e)
{
	encl_auto(files_clear) struct files files = {.n = 0};

	(void)env;
	*was_there = false;
	if (choose_files(path, &files, e))
		return -1;
	for (size_t i = 0; i < files.n && !*was_there; i++)
		if (erase_in(files.v[i], host, was_there, where, e))
			return -1;
	return 0;
}
