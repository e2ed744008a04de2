/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of docker/docker-credential-helpers: the action is the argument,
 * the server's address (or a JSON document, for store) is stdin, the answer is
 * stdout.  What a helper says on stderr is never shown: it may name a secret.
 */
#include "registry/helper.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/spawn.h"

enum { TIMEOUT_S = 30, MAX_ANSWER = 256 * 1024, MAX_SHOWN = 200 };

bool
encl_helper_name_ok(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return *name && strlen(name) < 100 && strspn(name, letters) == strlen(name);
}

/* How docker's own client knows that there is nothing. */
static bool
says_none(const char *answer)
{
	return strstr(answer, "credentials not found in native keychain") ||
	       strstr(answer, "no credentials server URL") ||
	       strstr(answer, "no credentials username");
}

/* The first line that a failing helper printed, where it can be no secret. */
static int
failed(const char *program, const char *action, int status, const char *answer,
       struct encl_err *e)
{
	char line[MAX_SHOWN + 1];
	size_t n = strcspn(answer, "\r\n");

	if (n > MAX_SHOWN)
		n = MAX_SHOWN;
	for (size_t i = 0; i < n; i++)
		line[i] = answer[i] >= ' ' && answer[i] <= '~' ? answer[i] : '?';
	line[n] = 0;
	if (strchr(answer, '{'))
		n = 0;
	return encl_fail(e, ENCL_FAILED, "%s %s: exit %d%s%s", program, action, status,
			 n ? ": " : "", n ? line : "");
}

/* *none is whether it failed because it has nothing. */
static int
run(const char *name, const char *action, const char *input, struct encl_buf *out,
    bool *none, struct encl_err *e)
{
	encl_auto(encl_free) char *program = encl_xasprintf("docker-credential-%s", name);
	const char *argv[] = {program, action, NULL};
	struct encl_spawn s = {.argv = argv,
			       .input = input,
			       .n_input = strlen(input),
			       .keep_env = true,
			       .timeout_s = TIMEOUT_S,
			       .out = out};
	encl_auto(encl_free) char *path = encl_find_program(program);
	int status;

	if (!path)
		return encl_fail(e, ENCL_HOST,
				 "%s is not installed; install it, or give another auth "
				 "file with --auth-file",
				 program);
	if (encl_spawn_run(&s, &status, e))
		return -1;
	*none = status && says_none(encl_buf_text(out));
	if (status && !*none)
		return failed(program, action, status, encl_buf_text(out), e);
	return 0;
}

static int
take(const char *name, const struct encl_buf *answer, struct encl_credentials *out,
     bool *found, struct encl_err *e)
{
	encl_auto(encl_free) char *what =
		encl_xasprintf("answer of docker-credential-%s", name);
	encl_auto(encl_secret_json_free) json_t *doc = NULL;
	const char *user;
	const char *secret;

	if (encl_secret_json_parse(encl_buf_text(answer), answer->len, what, &doc, e) ||
	    encl_json_str(doc, "Username", what, &user, e) ||
	    encl_json_str(doc, "Secret", what, &secret, e))
		return -1;
	*found = *secret;
	if (!*secret)
		return 0;
	if (!strcmp(user, "<token>")) {
		out->identity_token = encl_xstrdup(secret);
		return 0;
	}
	out->user = encl_xstrdup(user);
	out->password = encl_xstrdup(secret);
	return 0;
}

int
encl_helper_get(const char *name, const char *server, struct encl_credentials *out,
		bool *found, struct encl_err *e)
{
	encl_auto(encl_secret_buf_clear) struct encl_buf answer = {.data = NULL};
	bool none = false;

	encl_secret_buf_init(&answer, MAX_ANSWER);
	if (run(name, "get", server, &answer, &none, e))
		return -1;
	*found = false;
	return none ? 0 : take(name, &answer, out, found, e);
}

int
encl_helper_store(const char *name, const char *server, const struct encl_credentials *c,
		  struct encl_err *e)
{
	encl_auto(encl_secret_json_free) json_t *doc = json_object();
	encl_auto(encl_secret_free) char *text = NULL;
	encl_auto(encl_secret_buf_clear) struct encl_buf answer = {.data = NULL};
	bool none = false;

	json_object_set_new(doc, "ServerURL", json_string(server));
	json_object_set_new(doc, "Username",
			    json_string(c->identity_token ? "<token>" : c->user));
	json_object_set_new(
		doc, "Secret",
		json_string(c->identity_token ? c->identity_token : c->password));
	text = encl_json_compact(doc);
	encl_secret_buf_init(&answer, MAX_ANSWER);
	return run(name, "store", text, &answer, &none, e);
}

int
encl_helper_erase(const char *name, const char *server, bool *was_there,
		  struct encl_err *e)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	encl_auto(encl_secret_buf_clear) struct encl_buf answer = {.data = NULL};
	bool none = false;

	encl_secret_buf_init(&answer, MAX_ANSWER);
	if (encl_helper_get(name, server, &c, was_there, e))
		return -1;
	return *was_there ? run(name, "erase", server, &answer, &none, e) : 0;
}
