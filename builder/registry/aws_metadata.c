/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity that the place gives: the container endpoint of ECS and EKS, and
 * IMDSv2 (a session by PUT, then the role's name, then its credentials).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/curl.h"
#include "base/http.h"
#include "base/secret.h"
#include "base/stream.h"
#include "registry/aws.h"

#define ECS_ADDRESS  "http://169.254.170.2"
#define IMDS_ADDRESS "http://169.254.169.254"
#define IMDS_IPV6    "http://[fd00:ec2::254]"
#define ROLES	     "latest/meta-data/iam/security-credentials/"

enum { MAX_TOKEN = 16 * 1024 };

static bool
is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (!strcasecmp(host, "localhost"))
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* What curl would connect to: by its own parser, so that no URL means two
 * hosts. */
bool
encl_aws_url_ok(const char *url, bool metadata)
{
	static const char *const places[] = {"169.254.170.2", "169.254.170.23",
					     "fd00:ec2::23"};
	encl_auto(curl_url_cleanup) CURLU *u = curl_url();
	char *scheme = NULL;
	char *host = NULL;
	bool ok = false;

	if (u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
	    !curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) &&
	    !curl_url_get(u, CURLUPART_HOST, &host, 0)) {
		size_t n = strlen(host);

		if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
			memmove(host, host + 1, n - 2);
			host[n - 2] = 0;
		}
		ok = !strcmp(scheme, "https") ||
		     (!strcmp(scheme, "http") && is_loopback(host));
		for (size_t i = 0; metadata && i < sizeof places / sizeof *places; i++)
			ok = ok || (!strcmp(scheme, "http") && !strcmp(host, places[i]));
	}
	curl_free(scheme);
	curl_free(host);
	return ok;
}

/* The authorization of the container endpoint: a file's text, else a variable's;
 * *out NULL: none. */
static int
container_token(char **out, struct encl_err *e)
{
	const char *path = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	encl_auto(encl_secret_free) char *text = NULL;
	size_t n;

	*out = NULL;
	if (path && *path) {
		if (encl_read_file(path, MAX_TOKEN, &text, &n, e))
			return encl_wrap(e, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	} else if (token && *token) {
		text = encl_xstrdup(token);
	} else {
		return 0;
	}
	n = strlen(text);
	while (n && isspace((unsigned char)text[n - 1]))
		text[--n] = 0;
	for (const char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			return encl_fail(e, ENCL_FAILED,
					 "AWS_CONTAINER_AUTHORIZATION_TOKEN%s is not one "
					 "line of text",
					 path && *path ? "_FILE" : "");
	*out = encl_xasprintf("Authorization: %s", text);
	return 0;
}

/* The answer to a GET must be a document with credentials. */
static int
get_identity(const char *url, const char *header, const char *from,
	     struct encl_aws_identity *out, struct encl_err *e)
{
	encl_auto(encl_aws_reply_clear) struct encl_aws_reply r = {.status = 0};
	encl_auto(encl_free) char *shown = encl_http_redact(url);
	struct encl_aws_request q = {
		.method = "GET", .url = url, .headers = {header}, .near = true};

	encl_aws_send(&q, &r);
	if (!r.status)
		return encl_fail(e, ENCL_NETWORK, "%s: GET %s: %s", from, shown,
				 r.trouble);
	if (r.status != 200)
		return encl_fail(e, ENCL_NETWORK, "%s: GET %s: HTTP status %ld%s", from,
				 shown, r.status, encl_curl_hint(r.status));
	return encl_aws_identity_json(encl_buf_text(&r.body), r.body.len, from, out, e);
}

int
encl_aws_container_identity(struct encl_aws_identity *out, bool *found,
			    struct encl_err *e)
{
	const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	encl_auto(encl_secret_free) char *header = NULL;
	encl_auto(encl_free) char *url = NULL;

	*found = false;
	if (relative && *relative)
		url = encl_xasprintf(ECS_ADDRESS "%s%s", *relative == '/' ? "" : "/",
				     relative);
	else if (full && *full)
		url = encl_xstrdup(full);
	else
		return 0;
	if (!encl_aws_url_ok(url, true))
		return encl_fail(
			e, ENCL_FAILED,
			"AWS_CONTAINER_CREDENTIALS_FULL_URI: only https, or http "
			"to this machine, 169.254.170.2, 169.254.170.23 or "
			"[fd00:ec2::23]");
	if (container_token(&header, e) ||
	    get_identity(url, header, "container endpoint", out, e))
		return -1;
	*found = true;
	return 0;
}

static const char *
imds_address(void)
{
	const char *own = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

	if (own && *own)
		return own;
	return mode && !strcasecmp(mode, "ipv6") ? IMDS_IPV6 : IMDS_ADDRESS;
}

/* *header NULL: no instance answers. */
static int
imds_session(const char *address, const char *slash, char **header, struct encl_err *e)
{
	encl_auto(encl_aws_reply_clear) struct encl_aws_reply r = {.status = 0};
	encl_auto(encl_free) char *url =
		encl_xasprintf("%s%slatest/api/token", address, slash);
	struct encl_aws_request q = {
		.method = "PUT",
		.url = url,
		.headers = {"X-aws-ec2-metadata-token-ttl-seconds: 300"},
		.body = "",
		.near = true,
	};
	const char *token;

	*header = NULL;
	encl_aws_send(&q, &r);
	if (!r.status || r.status == 403 || r.status == 404)
		return 0;
	token = encl_buf_text(&r.body);
	if (r.status != 200 || !*token || r.body.len > MAX_TOKEN ||
	    strlen(token) != r.body.len || strpbrk(token, "\r\n"))
		return encl_fail(
			e, ENCL_NETWORK,
			"instance metadata: PUT %s: HTTP status %ld and no token", url,
			r.status);
	*header = encl_xasprintf("X-aws-ec2-metadata-token: %s", token);
	return 0;
}

/* *role NULL: the instance has none. */
static int
imds_role(const char *roles, const char *header, char **role, struct encl_err *e)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ+=,.@_-";
	encl_auto(encl_aws_reply_clear) struct encl_aws_reply r = {.status = 0};
	struct encl_aws_request q = {
		.method = "GET", .url = roles, .headers = {header}, .near = true};
	const char *text;
	size_t n;

	*role = NULL;
	encl_aws_send(&q, &r);
	if (r.status == 404)
		return 0;
	if (r.status != 200)
		return encl_fail(e, ENCL_NETWORK,
				 "instance metadata: GET %s: HTTP status %ld", roles,
				 r.status);
	text = encl_buf_text(&r.body);
	n = strspn(text, letters);
	if (!n || n > 128 || (text[n] && text[n] != '\n'))
		return encl_fail(e, ENCL_NETWORK,
				 "instance metadata: GET %s: not the name of a role",
				 roles);
	*role = encl_xstrndup(text, n);
	return 0;
}

int
encl_aws_instance_identity(struct encl_aws_identity *out, bool *found, struct encl_err *e)
{
	const char *address = imds_address();
	const char *slash = *address && address[strlen(address) - 1] == '/' ? "" : "/";
	encl_auto(encl_secret_free) char *header = NULL;
	encl_auto(encl_free) char *role = NULL;
	encl_auto(encl_free) char *roles = encl_xasprintf("%s%s" ROLES, address, slash);
	encl_auto(encl_free) char *url = NULL;

	*found = false;
	if (imds_session(address, slash, &header, e))
		return -1;
	if (!header || imds_role(roles, header, &role, e))
		return header ? -1 : 0;
	if (!role)
		return 0;
	url = encl_xasprintf("%s%s", roles, role);
	if (get_identity(url, header, "instance metadata", out, e))
		return -1;
	*found = true;
	return 0;
}
