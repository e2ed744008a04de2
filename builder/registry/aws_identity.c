/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which an identity is looked for, and the documents it comes in. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/stream.h"
#include "registry/aws.h"

void
encl_aws_identity_clear(struct encl_aws_identity *i)
{
	encl_secret_free(i->key_id);
	encl_secret_free(i->secret);
	encl_secret_free(i->session);
	free(i->from);
	memset(i, 0, sizeof *i);
}

static char *
variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? encl_xstrdup(v) : NULL;
}

static int
from_environment(struct encl_aws_identity *out, bool *found, struct encl_err *e)
{
	encl_auto(encl_aws_identity_clear) struct encl_aws_identity i = {
		.key_id = variable("AWS_ACCESS_KEY_ID"),
		.secret = variable("AWS_SECRET_ACCESS_KEY"),
		.session = variable("AWS_SESSION_TOKEN"),
		.from = encl_xstrdup("the environment"),
	};

	*found = i.key_id && i.secret;
	if (*found)
		*out = encl_take(i, (struct encl_aws_identity){0});
	else if (i.key_id || i.secret)
		return encl_fail(e, ENCL_FAILED, "%s is set without %s",
				 i.key_id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
				 i.key_id ? "AWS_SECRET_ACCESS_KEY"
					  : "AWS_ACCESS_KEY_ID");
	return 0;
}

/* RFC 3339 in UTC, fractions of seconds ignored. */
static bool
parse_time(const char *text, uint64_t *out)
{
	struct tm tm = {.tm_isdst = 0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t t;

	if (!rest)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (strcmp(rest, "Z") != 0 && strcmp(rest, "+00:00") != 0)
		return false;
	t = timegm(&tm);
	*out = (uint64_t)t;
	return t > 0;
}

/* A member that may be missing or null. */
static int
optional(const json_t *doc, const char *key, const char *what, const char **out,
	 struct encl_err *e)
{
	const json_t *v = json_object_get(doc, key);

	*out = NULL;
	return !v || json_is_null(v) ? 0 : encl_json_str(doc, key, what, out, e);
}

int
encl_aws_identity_json(const char *text, size_t n, const char *from,
		       struct encl_aws_identity *out, struct encl_err *e)
{
	encl_auto(encl_secret_json_free) json_t *doc = NULL;
	const char *key_id, *secret, *session, *token, *expires;
	uint64_t end;

	if (encl_secret_json_parse(text, n, from, &doc, e) ||
	    encl_json_str(doc, "AccessKeyId", from, &key_id, e) ||
	    encl_json_str(doc, "SecretAccessKey", from, &secret, e) ||
	    optional(doc, "SessionToken", from, &session, e) ||
	    optional(doc, "Token", from, &token, e) ||
	    optional(doc, "Expiration", from, &expires, e))
		return -1;
	if (expires && !parse_time(expires, &end))
		return encl_fail(e, ENCL_FAILED,
				 "%s: \"Expiration\" is not a time such as "
				 "2026-01-31T12:00:00Z",
				 from);
	if (expires && end <= encl_now())
		return encl_fail(e, ENCL_FAILED, "%s: what it gives has expired", from);
	*out = (struct encl_aws_identity){
		.key_id = encl_xstrdup(key_id),
		.secret = encl_xstrdup(secret),
		.session =
			session || token ? encl_xstrdup(session ? session : token) : NULL,
		.from = encl_xstrdup(from),
	};
	return 0;
}

/* Nitro enclaves are built beside their instance: its firmware says what it is. */
static bool
is_ec2(void)
{
	encl_auto(encl_free) char *vendor = NULL;
	struct encl_err ignored = {.code = ENCL_OK};
	size_t n;

	return !encl_read_file("/sys/class/dmi/id/sys_vendor", 256, &vendor, &n,
			       &ignored) &&
	       !strncmp(vendor, "Amazon", 6);
}

static bool
imds_allowed(bool imds)
{
	const char *off = getenv("AWS_EC2_METADATA_DISABLED");

	if (off && !strcasecmp(off, "true"))
		return false;
	return imds || getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT") || is_ec2();
}

/* What the signature and the headers are made of is one line of ASCII. */
static bool
is_header_text(const char *s)
{
	for (; s && *s; s++)
		if (*s < '!' || *s > '~')
			return false;
	return true;
}

static int
check(const struct encl_aws_identity *i, struct encl_err *e)
{
	if (i->key_id && (!*i->key_id || !is_header_text(i->key_id)))
		return encl_fail(e, ENCL_FAILED, "%s: no key id of AWS", i->from);
	if (!is_header_text(i->secret) || !is_header_text(i->session))
		return encl_fail(e, ENCL_FAILED,
				 "%s: secret key or session token have characters that "
				 "AWS's never have",
				 i->from);
	return 0;
}

int
encl_aws_identity_find(bool imds, struct encl_aws_identity *out, struct encl_buf *tried,
		       struct encl_err *e)
{
	encl_auto(encl_aws_identity_clear) struct encl_aws_identity i = {0};
	bool found = false;

	encl_buf_add_str(tried, "the environment, profile files");
	if (from_environment(&i, &found, e) ||
	    (!found && encl_aws_profile_identity(&i, &found, e)) ||
	    (!found && encl_aws_container_identity(&i, &found, e)))
		return -1;
	if (!found)
		encl_buf_add_str(tried, ", container endpoint");
	if (!found && imds_allowed(imds)) {
		encl_buf_add_str(tried, ", instance metadata");
		if (encl_aws_instance_identity(&i, &found, e))
			return -1;
	}
	if (getenv("AWS_WEB_IDENTITY_TOKEN_FILE"))
		encl_buf_add_str(tried, "; web identity is not looked up here: let the "
					"helper \"ecr-login\" do it");
	if (found && check(&i, e))
		return -1;
	*out = encl_take(i, (struct encl_aws_identity){0});
	return 0;
}
