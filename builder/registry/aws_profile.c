/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ~/.aws/credentials and ~/.aws/config (the SDKs' shared format): sections in
 * brackets, KEY = VALUE, comments behind # and ;, indented lines below a key
 * without a value (which is nothing that is wanted here).
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/spawn.h"
#include "base/stream.h"
#include "registry/aws.h"

enum { MAX_FILE = 1024 * 1024, MAX_WORDS = 64, MAX_ANSWER = 64 * 1024, TIMEOUT_S = 30 };

void
encl_aws_profile_clear(struct encl_aws_profile *p)
{
	encl_secret_free(p->key_id);
	encl_secret_free(p->secret);
	encl_secret_free(p->session);
	free(p->process);
	memset(p, 0, sizeof *p);
}

struct span {
	const char *p;
	size_t n;
};

static struct span
trim(const char *p, const char *end)
{
	while (p < end && isspace((unsigned char)*p))
		p++;
	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	return (struct span){p, (size_t)(end - p)};
}

static bool
span_is(struct span s, const char *text)
{
	return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

/* "[name]", "[profile name]", "[profile 'a name']". */
static bool
section_is(struct span s, const char *name, bool config)
{
	if (config && s.n > 8 && !memcmp(s.p, "profile", 7) &&
	    isspace((unsigned char)s.p[7]))
		s = trim(s.p + 7, s.p + s.n);
	else if (config && strcmp(name, "default") != 0)
		return false;
	if (s.n >= 2 && (*s.p == '"' || *s.p == '\'') && s.p[s.n - 1] == *s.p)
		s = (struct span){s.p + 1, s.n - 2};
	return span_is(s, name);
}

/* A later line of the same file wins. */
static void
put(char **at, struct span value)
{
	encl_secret_free(*at);
	*at = value.n ? encl_xstrndup(value.p, value.n) : NULL;
}

static void
take(struct encl_aws_profile *p, struct span key, struct span value)
{
	static const char *const others[] = {"role_arn", "sso_session", "sso_start_url",
					     "web_identity_token_file"};

	if (span_is(key, "aws_access_key_id"))
		put(&p->key_id, value);
	else if (span_is(key, "aws_secret_access_key"))
		put(&p->secret, value);
	else if (span_is(key, "aws_session_token"))
		put(&p->session, value);
	else if (span_is(key, "credential_process"))
		put(&p->process, value);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		p->elsewhere = p->elsewhere || span_is(key, others[i]);
}

/* Comments begin behind a space; a command line may have such signs itself. */
static struct span
value_of(struct span key, const char *p, const char *end)
{
	if (!span_is(key, "credential_process"))
		for (const char *c = p + 1; c < end; c++)
			if ((*c == '#' || *c == ';') && isspace((unsigned char)c[-1]))
				end = c;
	return trim(p, end);
}

static int
parse_line(const char *p, const char *end, const char *name, bool config, bool *inside,
	   struct encl_aws_profile *out)
{
	const char *equals = memchr(p, '=', (size_t)(end - p));
	const char *close = memchr(p, ']', (size_t)(end - p));
	struct span line = trim(p, end);
	struct span key;

	if (!line.n || *line.p == '#' || *line.p == ';' || isspace((unsigned char)*p))
		return 0;
	if (*p == '[') {
		if (!close)
			return -1;
		*inside = section_is(trim(p + 1, close), name, config);
		out->found = out->found || *inside;
		return 0;
	}
	if (!equals)
		return -1;
	key = trim(p, equals);
	if (*inside)
		take(out, key, value_of(key, equals + 1, end));
	return 0;
}

/* What the file before has stays; key, secret and token are one thing. */
static void
merge(struct encl_aws_profile *out, struct encl_aws_profile *more)
{
	out->found = out->found || more->found;
	out->elsewhere = out->elsewhere || more->elsewhere;
	if (!out->key_id && !out->secret) {
		encl_secret_free(out->session);
		out->key_id = encl_take(more->key_id, NULL);
		out->secret = encl_take(more->secret, NULL);
		out->session = encl_take(more->session, NULL);
	}
	if (!out->process)
		out->process = encl_take(more->process, NULL);
}

int
encl_aws_profile_parse(const char *text, size_t n, const char *path, const char *name,
		       bool config, struct encl_aws_profile *out, struct encl_err *e)
{
	encl_auto(encl_aws_profile_clear) struct encl_aws_profile p = {0};
	const char *end = text + n;
	bool inside = false;
	unsigned number = 1;

	if (memchr(text, 0, n))
		return encl_fail(e, ENCL_FAILED, "%s: not a text file", path);
	for (const char *line = text; line < end; number++) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		if (!stop)
			stop = end;
		if (parse_line(line, stop, name, config, &inside, &p))
			return encl_fail(e, ENCL_FAILED,
					 "%s:%u: neither [SECTION] nor KEY = VALUE", path,
					 number);
		line = stop < end ? stop + 1 : end;
	}
	merge(out, &p);
	return 0;
}

static int
read_profile(const char *path, const char *name, bool config,
	     struct encl_aws_profile *out, struct encl_err *e)
{
	encl_auto(encl_secret_free) char *text = NULL;
	size_t n;

	if (!path || (access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR)))
		return 0;
	if (encl_read_file(path, MAX_FILE, &text, &n, e))
		return -1;
	return encl_aws_profile_parse(text, n, path, name, config, out, e);
}

static char *
path_of(const char *variable, const char *file)
{
	const char *path = getenv(variable);
	const char *home = getenv("HOME");

	if (path && *path)
		return encl_xstrdup(path);
	return home && *home ? encl_xasprintf("%s/.aws/%s", home, file) : NULL;
}

/* Copies one word to *to, unquoted; false where a quote never ends. */
static bool
copy_word(const char **at, char **to)
{
	char quote = 0;

	for (; **at && (quote || !isspace((unsigned char)**at)); ++*at) {
		if (quote && **at == quote) {
			quote = 0;
		} else if (!quote && (**at == '"' || **at == '\'')) {
			quote = **at;
		} else {
			if (**at == '\\' && quote != '\'' && (*at)[1])
				++*at;
			*(*to)++ = **at;
		}
	}
	*(*to)++ = 0;
	return !quote;
}

int
encl_aws_split(const char *line, char **text, char ***argv, struct encl_err *e)
{
	encl_auto(encl_free) char *words = encl_xmalloc(strlen(line) + 2);
	encl_auto(encl_free) char **v = encl_xcalloc(MAX_WORDS + 1, sizeof *v);
	char *to = words;
	size_t n = 0;

	for (;;) {
		line += strspn(line, " \t\r\n\v\f");
		if (!*line)
			break;
		if (n == MAX_WORDS)
			return encl_fail(e, ENCL_FAILED, "more than %d words", MAX_WORDS);
		v[n++] = to;
		if (!copy_word(&line, &to))
			return encl_fail(e, ENCL_FAILED, "a quote that does not end");
	}
	if (!n || !*v[0])
		return encl_fail(e, ENCL_FAILED, "no program");
	*text = encl_take(words, NULL);
	*argv = encl_take(v, NULL);
	return 0;
}

static int
check_version(const char *text, size_t n, const char *from, struct encl_err *e)
{
	encl_auto(encl_secret_json_free) json_t *doc = NULL;

	if (encl_secret_json_parse(text, n, from, &doc, e))
		return -1;
	if (json_integer_value(json_object_get(doc, "Version")) != 1)
		return encl_fail(e, ENCL_FAILED, "%s: \"Version\" is not 1", from);
	return 0;
}

static int
run_process(const char *line, const char *name, struct encl_aws_identity *out,
	    struct encl_err *e)
{
	encl_auto(encl_free) char *from =
		encl_xasprintf("credential_process of profile \"%s\"", name);
	encl_auto(encl_secret_buf_clear) struct encl_buf answer = {.data = NULL};
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_free) char **argv = NULL;
	struct encl_spawn s = {.keep_env = true, .timeout_s = TIMEOUT_S, .out = &answer};
	int status;

	if (encl_aws_split(line, &text, &argv, e))
		return encl_wrap(e, "%s", from);
	encl_secret_buf_init(&answer, MAX_ANSWER);
	s.argv = (const char *const *)argv;
	if (encl_spawn_run(&s, &status, e))
		return encl_wrap(e, "%s", from);
	if (status)
		return encl_fail(e, ENCL_FAILED, "%s: %s: exit %d", from, text, status);
	if (check_version(encl_buf_text(&answer), answer.len, from, e))
		return -1;
	return encl_aws_identity_json(encl_buf_text(&answer), answer.len, from, out, e);
}

static int
use(struct encl_aws_profile *p, const char *name, struct encl_aws_identity *out,
    bool *found, struct encl_err *e)
{
	if (p->elsewhere)
		return encl_fail(
			e, ENCL_FAILED,
			"AWS profile \"%s\": role_arn, SSO and web identity are not "
			"looked up here; set \"credential_process = aws configure "
			"export-credentials --profile %s --format process\" in another "
			"profile, or let the helper \"ecr-login\" do it (credHelpers of "
			"docker's config.json)",
			name, name);
	if (!p->key_id != !p->secret)
		return encl_fail(
			e, ENCL_FAILED, "AWS profile \"%s\": %s without %s", name,
			p->key_id ? "aws_access_key_id" : "aws_secret_access_key",
			p->key_id ? "aws_secret_access_key" : "aws_access_key_id");
	*found = p->key_id || p->process;
	if (p->key_id) {
		out->key_id = encl_take(p->key_id, NULL);
		out->secret = encl_take(p->secret, NULL);
		out->session = encl_take(p->session, NULL);
		out->from = encl_xasprintf("AWS profile \"%s\"", name);
		return 0;
	}
	return p->process ? run_process(p->process, name, out, e) : 0;
}

int
encl_aws_profile_identity(struct encl_aws_identity *out, bool *found, struct encl_err *e)
{
	encl_auto(encl_aws_profile_clear) struct encl_aws_profile p = {0};
	encl_auto(encl_free) char *shared =
		path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials");
	encl_auto(encl_free) char *config = path_of("AWS_CONFIG_FILE", "config");
	const char *wanted = getenv("AWS_PROFILE");
	const char *name;

	if (!wanted || !*wanted)
		wanted = getenv("AWS_DEFAULT_PROFILE");
	name = wanted && *wanted ? wanted : "default";
	*found = false;
	if (read_profile(shared, name, false, &p, e) ||
	    read_profile(config, name, true, &p, e))
		return -1;
	if (!p.found && wanted && *wanted)
		return encl_fail(e, ENCL_FAILED,
				 "AWS profile \"%s\" is neither in %s nor in %s", name,
				 shared ? shared : "~/.aws/credentials",
				 config ? config : "~/.aws/config");
	return use(&p, name, out, found, e);
}
