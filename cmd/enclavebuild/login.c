/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild login` and `logout`: a registry's credentials, tried and kept. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/http.h"
#include "base/json.h"
#include "cmd.h"
#include "password.h"
#include "registry/credentials.h"
#include "registry/ecr.h"
#include "registry/registry.h"
#include "verbs.h"

static const struct option_spec login_options[] = {
	{"username", 'u', "NAME", "user name (left out: it is asked for)", false},
	{"password-stdin", 0, NULL,
	 "password from standard input (left out: it is asked for)", false},
	{NULL, 0, NULL, NULL, false},
};

/* "https://host/" is a host, too; anything else behind it is not. */
static int
parse_host(const char *text, struct encl_reference *out, struct encl_err *e)
{
	encl_auto(encl_reference_clear) struct encl_reference r = {0};
	const char *host = !strncmp(text, "https://", 8) ? text + 8 : text;
	size_t n = strlen(host);
	encl_auto(encl_free) char *name = NULL;
	encl_auto(encl_free) char *trial = NULL;
	encl_auto(encl_free) char *shown = encl_http_redact(text);

	if (n && host[n - 1] == '/')
		n--;
	name = encl_xstrndup(host, n);
	trial = encl_xasprintf("%s/x", name);
	if (strchr(name, '/') || encl_reference_parse(trial, &r, e) ||
	    strcmp(r.host, name) != 0)
		return encl_fail(e, ENCL_USAGE,
				 "\"%s\" is not the host of a registry: write HOST or "
				 "HOST:PORT (Docker Hub is docker.io)",
				 shown);
	free(encl_take(r.repository, encl_xstrdup("")));
	*out = encl_take(r, (struct encl_reference){0});
	return 0;
}

static int
read_credentials(const struct args *a, struct encl_credentials *out, struct encl_err *e)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	const char *user = args_get(a, "username");

	if (user && (!*user || strchr(user, ':')))
		return encl_fail(e, ENCL_USAGE,
				 "--username: empty, or with a \":\" in it");
	if (args_has(a, "password-stdin")) {
		if (!user)
			return encl_fail(e, ENCL_USAGE,
					 "--password-stdin needs --username");
		c.user = encl_xstrdup(user);
		if (password_read(&c.password, e))
			return -1;
	} else {
		if (user)
			c.user = encl_xstrdup(user);
		else if (password_ask("User name: ", false, &c.user, e))
			return -1;
		if (password_ask("Password: ", true, &c.password, e))
			return -1;
	}
	*out = encl_take(c, (struct encl_credentials){0});
	return 0;
}

/* GET /v2/ with them and no others. */
static int
try(struct cli *cli, const struct encl_reference *where, const struct encl_credentials *c,
    struct encl_err *e)
{
	encl_auto(encl_registry_free) struct encl_registry *registry = NULL;
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {
		.status = 0};
	struct encl_registry_options options = cli->registry;
	struct encl_registry_call call = {
		.method = "GET", .where = where, .path = "", .fd = -1, .max = 1 << 20};

	options.credentials = c;
	if (encl_registry_open(&cli->env, &options, &registry, e) ||
	    encl_registry_call(registry, &call, &reply, NULL, e))
		return -1;
	return 0;
}

static void
tell(const struct cli *cli, const char *host, const char *user, const char *where)
{
	encl_auto(json_decref) json_t *o = NULL;

	if (cli->json) {
		o = json_pack("{s:s, s:s, s:s?}", "host", host, "user", user, "stored",
			      where);
		report_json(o);
	} else if (where) {
		report("%s: logged in as %s; the password is in %s\n", host, user, where);
	} else {
		report("%s: the AWS identity found here is accepted; it is looked up "
		       "each time, and nothing is stored\n",
		       host);
	}
}

/* ECR's passwords last twelve hours: what is kept is who one is to AWS. */
static int
login_ecr(struct cli *cli, const struct encl_reference *where, struct encl_err *e)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};

	if (cli_need_cache(cli, e) || encl_ecr_credentials(&cli->env, where->host, &c, e))
		return -1;
	if (!c.password)
		return encl_fail(e, ENCL_NETWORK, "no AWS identity is found for %s",
				 where->host);
	if (try(cli, where, &c, e))
		return -1;
	tell(cli, where->host, c.user, NULL);
	return 0;
}

static int
login(struct cli *cli, const struct args *a, struct encl_err *e)
{
	encl_auto(encl_reference_clear) struct encl_reference where = {0};
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	encl_auto(encl_free) char *place = NULL;

	if (parse_host(a->operands[0], &where, e))
		return -1;
	if (encl_ecr_is(where.host) && !args_has(a, "username") &&
	    !args_has(a, "password-stdin"))
		return login_ecr(cli, &where, e);
	if (read_credentials(a, &c, e))
		return -1;
	if (try(cli, &where, &c, e))
		return encl_wrap(e, "nothing is stored");
	if (encl_credentials_store(&cli->env, cli->registry.auth_file, where.host, &c,
				   &place, e))
		return -1;
	tell(cli, where.host, c.user, place);
	return 0;
}

static int
logout(struct cli *cli, const struct args *a, struct encl_err *e)
{
	encl_auto(encl_reference_clear) struct encl_reference where = {0};
	encl_auto(json_decref) json_t *o = NULL;
	encl_auto(encl_free) char *place = NULL;
	bool tokens = false;
	bool was;

	if (parse_host(a->operands[0], &where, e) ||
	    encl_credentials_erase(&cli->env, cli->registry.auth_file, where.host, &was,
				   &place, e))
		return -1;
	if (encl_ecr_is(where.host) &&
	    (cli_need_cache(cli, e) ||
	     encl_ecr_forget(cli->env.cache_dir, where.host, &tokens, e)))
		return -1;
	o = json_pack("{s:s, s:s?, s:b}", "host", where.host, "removed", place, "tokens",
		      tokens);
	if (cli->json)
		report_json(o);
	else if (was)
		report("%s: the credentials in %s are removed\n", where.host, place);
	else if (tokens)
		report("%s: the tokens in the cache are removed\n", where.host);
	else
		report("%s: no credentials are stored\n", where.host);
	return 0;
}

const struct command cmd_login = {
	.name = "login",
	.summary = "try and keep credentials for a registry",
	.operands = "HOST",
	.min_operands = 1,
	.max_operands = 1,
	.help = "Asks the registry whether it takes the user name and password, and keeps\n"
		"them where docker and podman find them too: in --auth-file, else\n"
		"$REGISTRY_AUTH_FILE, else $DOCKER_CONFIG/config.json or\n"
		"~/.docker/config.json, or by the credential helper that file names.  A file\n"
		"holds the password readable, for its owner alone (0600).\n"
		"\n"
		"An Amazon ECR host needs no login: without --username the command only\n"
		"tries the AWS identity that is found here (environment, profile files,\n"
		"container endpoint, instance metadata).",
	.options = login_options,
	.run = login,
};

const struct command cmd_logout = {
	.name = "logout",
	.summary = "forget the credentials for a registry",
	.operands = "HOST",
	.min_operands = 1,
	.max_operands = 1,
	.help = "Takes them out of the first of --auth-file, or of docker's and podman's\n"
		"files, that has some, or out of the credential helper it names.  For an\n"
		"Amazon ECR host the tokens in the cache go as well.",
	.run = logout,
};
