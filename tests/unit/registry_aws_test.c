/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/aws.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/tmpfile.h"
#include "test.h"

static const char *
show(const struct encl_aws_profile *p)
{
	static char text[512];

	snprintf(text, sizeof text, "%s/%s/%s/%s%s%s", p->key_id ? p->key_id : "-",
		 p->secret ? p->secret : "-", p->session ? p->session : "-",
		 p->process ? p->process : "-", p->found ? "" : " missing",
		 p->elsewhere ? " elsewhere" : "");
	return text;
}

static const char *
parse(const char *text, const char *name, bool config)
{
	encl_auto(encl_aws_profile_clear) struct encl_aws_profile p = {0};

	OK(encl_aws_profile_parse(text, strlen(text), "f", name, config, &p, &e));
	return show(&p);
}

TEST(registry_aws_profiles)
{
	static const char text[] = "# made by hand\n"
				   "[default]\r\n"
				   "aws_access_key_id = AKID1\r\n"
				   "aws_secret_access_key=S1+/=\n"
				   "\n"
				   "[ other ] ; comment\n"
				   "aws_access_key_id\t=  AKID2  # comment\n"
				   "aws_secret_access_key = S#2\n"
				   "aws_session_token = T2 ; comment\n"
				   "s3 =\n"
				   "  aws_access_key_id = nested\n"
				   ";aws_access_key_id = commented\n"
				   "[other]\n"
				   "aws_access_key_id = AKID3";

	EQ_STR("AKID1/S1+/=/-/-", parse(text, "default", false));
	EQ_STR("AKID3/S#2/T2/-", parse(text, "other", false));
	EQ_STR("-/-/-/- missing", parse(text, "absent", false));
	EQ_STR("-/-/-/- missing", parse(text, "other", true));
	EQ_STR("-/-/-/- missing", parse("", "default", true));
}

TEST(registry_aws_profiles_of_config)
{
	static const char text[] =
		"[default]\naws_access_key_id = A\naws_secret_access_key = B\n"
		"[profile dev]\ncredential_process = /bin/tool --x \"a b\" #1\n"
		"[profile 'two words']\nregion = x\n"
		"[profile sso]\nsso_session = my\n"
		"[sso-session my]\nsso_start_url = https://x\n"
		"[profile role]\nrole_arn = arn:x\nsource_profile = default\n";

	EQ_STR("A/B/-/-", parse(text, "default", true));
	EQ_STR("-/-/-/-", parse("[profile default]\n", "default", true));
	EQ_STR("-/-/-//bin/tool --x \"a b\" #1", parse(text, "dev", true));
	EQ_STR("-/-/-/-", parse(text, "two words", true));
	EQ_STR("-/-/-/- elsewhere", parse(text, "sso", true));
	EQ_STR("-/-/-/- elsewhere", parse(text, "role", true));
	EQ_STR("-/-/-/- missing", parse(text, "my", true));
}

/* The credentials file comes first, and its key goes with its own secret. */
TEST(registry_aws_profiles_merge)
{
	static const char first[] = "[a]\naws_access_key_id=A\naws_secret_access_key=B\n";
	static const char second[] = "[profile a]\naws_access_key_id=C\n"
				     "aws_session_token=D\ncredential_process=p\n";
	encl_auto(encl_aws_profile_clear) struct encl_aws_profile p = {0};

	OK(encl_aws_profile_parse(first, strlen(first), "f", "a", false, &p, &e));
	OK(encl_aws_profile_parse(second, strlen(second), "f", "a", true, &p, &e));
	EQ_STR("A/B/-/p", show(&p));
}

TEST(registry_aws_profiles_broken)
{
	encl_auto(encl_aws_profile_clear) struct encl_aws_profile p = {0};

	FAILS(encl_aws_profile_parse("[a]\ngeheim\n", 11, "f", "a", false, &p, &e),
	      ENCL_FAILED, "f:2: neither [SECTION] nor KEY = VALUE");
	FAILS(encl_aws_profile_parse("\n\n[a\n", 5, "f", "a", false, &p, &e), ENCL_FAILED,
	      "f:3: neither [SECTION] nor KEY = VALUE");
	FAILS(encl_aws_profile_parse("[a]\0", 4, "f", "a", false, &p, &e), ENCL_FAILED,
	      "f: not a text file");
}

static const char *
split(const char *line)
{
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_free) char **argv = NULL;
	static char shown[256];
	size_t n = 0;

	OK(encl_aws_split(line, &text, &argv, &e));
	for (char **a = argv; *a; a++)
		n += (size_t)snprintf(shown + n, sizeof shown - n, "[%s]", *a);
	return shown;
}

TEST(registry_aws_split)
{
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_free) char **argv = NULL;

	EQ_STR("[a]", split("a"));
	EQ_STR("[/bin/tool][--x][a b][c]", split(" /bin/tool  --x\t\"a b\" c "));
	EQ_STR("[a][b\\c 'd][$HOME][][x y]", split("a 'b\\c '\"'d\" $HOME '' x\\ y"));
	EQ_STR("[a][;][rm][\"]", split("a ; rm \"\\\"\""));
	EQ_STR("[a\\]", split("a\\"));
	FAILS(encl_aws_split("a 'b", &text, &argv, &e), ENCL_FAILED,
	      "a quote that does not end");
	FAILS(encl_aws_split(" ", &text, &argv, &e), ENCL_FAILED, "no program");
	FAILS(encl_aws_split("'' a", &text, &argv, &e), ENCL_FAILED, "no program");
	encl_auto(encl_free) char *many = encl_xcalloc(200, 1);

	memset(many, ' ', 199);
	for (size_t i = 0; i < 65; i++)
		many[2 * i] = 'x';
	FAILS(encl_aws_split(many, &text, &argv, &e), ENCL_FAILED, "more than 64 words");
}

TEST(registry_aws_urls)
{
	static const struct {
		const char *url;
		bool metadata, other;
	} urls[] = {
		{"https://example.com/x", true, true},
		{"http://example.com/x", false, false},
		{"http://127.0.0.1:8080/x", true, true},
		{"http://127.8.9.1/x", true, true},
		{"http://localhost/x", true, true},
		{"http://[::1]:5000/x", true, true},
		{"http://169.254.170.2/v2", true, false},
		{"http://169.254.170.23/v1", true, false},
		{"http://[fd00:ec2::23]/v1", true, false},
		{"http://169.254.169.254/latest", false, false},
		{"http://169.254.170.2@example.com/", false, false},
		{"http://example.com#@127.0.0.1/", false, false},
		{"http://127.0.0.1.example.com/", false, false},
		{"http://[fd00:ec2::24]/v1", false, false},
		{"ftp://127.0.0.1/", false, false},
		{"file:///etc/passwd", false, false},
		{"rubbish", false, false},
		{"", false, false},
	};

	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
		if (encl_aws_url_ok(urls[i].url, true) != urls[i].metadata ||
		    encl_aws_url_ok(urls[i].url, false) != urls[i].other)
			test_fail(__FILE__, __LINE__, "%s", urls[i].url);
}

static const struct {
	const char *text, *message; /* message NULL: it is good */
} documents[] = {
	{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\"}", NULL},
	{"{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"SessionToken\":"
	 "\"C\",\"Expiration\":\"2099-01-01T00:00:00+00:00\"}",
	 NULL},
	{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Token\":\"C\",\"SessionToken\":"
	 "null,\"Expiration\":\"2099-01-01T00:00:00.123Z\"}",
	 NULL},
	{"{\"AccessKeyId\":\"A\"}", "f: \"SecretAccessKey\" is missing or not a string"},
	{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Expiration\":"
	 "\"2020-01-01T00:00:00Z\"}",
	 "f: what it gives has expired"},
	{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Expiration\":\"tomorrow\"}",
	 "f: \"Expiration\" is not a time such as 2026-01-31T12:00:00Z"},
	{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Expiration\":"
	 "\"2099-01-01T00:00:00+02:00\"}",
	 "f: \"Expiration\" is not a time such as 2026-01-31T12:00:00Z"},
	{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":geheim}",
	 "f:1:43: not valid JSON: invalid token"},
};

TEST(registry_aws_documents)
{
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
		encl_auto(encl_aws_identity_clear) struct encl_aws_identity id = {0};
		const char *text = documents[i].text;

		if (documents[i].message) {
			FAILS(encl_aws_identity_json(text, strlen(text), "f", &id, &e),
			      ENCL_FAILED, documents[i].message);
			continue;
		}
		OK(encl_aws_identity_json(text, strlen(text), "f", &id, &e));
		EQ_STR("A", id.key_id);
		EQ_STR("B", id.secret);
		EQ_STR(i ? "C" : "", id.session ? id.session : "");
	}
}

/* The whole chain, without any network. */
static const struct {
	const char *set;  /* NAME=VALUE words */
	const char *want; /* "key/secret/session", or an error */
} chains[] = {
	{"", "none: the environment, profile files, container endpoint"},
	{"AWS_ACCESS_KEY_ID=E AWS_SECRET_ACCESS_KEY=F AWS_PROFILE=x", "E/F/"},
	{"AWS_ACCESS_KEY_ID=E AWS_SECRET_ACCESS_KEY=F AWS_SESSION_TOKEN=G", "E/F/G"},
	{"AWS_ACCESS_KEY_ID=E", "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"},
	{"AWS_SECRET_ACCESS_KEY=E",
	 "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID"},
	{"HOME=.", "A/B/"},
	{"HOME=. AWS_PROFILE=dev", "P/Q/R"},
	{"HOME=. AWS_DEFAULT_PROFILE=half",
	 "AWS profile \"half\": aws_access_key_id without aws_secret_access_key"},
	{"HOME=. AWS_PROFILE=fails",
	 "credential_process of profile \"fails\": sh: exit 3"},
	{"HOME=. AWS_PROFILE=old",
	 "credential_process of profile \"old\": \"Version\" is not 1"},
	{"HOME=. AWS_PROFILE=gone", "credential_process of profile \"gone\": "
				    "encl-no-such-program is not installed"},
	{"HOME=. AWS_PROFILE=odd",
	 "AWS profile \"odd\": secret key or session token have characters that AWS's "
	 "never have"},
	{"HOME=. AWS_PROFILE=sso",
	 "AWS profile \"sso\": role_arn, SSO and web identity are not looked up here; set "
	 "\"credential_process = aws configure export-credentials --profile sso --format "
	 "process\" in another profile, or let the helper \"ecr-login\" do it "
	 "(credHelpers of docker's config.json)"},
	{"AWS_WEB_IDENTITY_TOKEN_FILE=f",
	 "none: the environment, profile files, container endpoint; web identity is not "
	 "looked up here: let the helper \"ecr-login\" do it"},
	{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://example.com/x",
	 "AWS_CONTAINER_CREDENTIALS_FULL_URI: only https, or http to this machine, "
	 "169.254.170.2, 169.254.170.23 or [fd00:ec2::23]"},
};

static const char *const cleared[] = {
	"HOME",
	"AWS_PROFILE",
	"AWS_DEFAULT_PROFILE",
	"AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN",
	"AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_SHARED_CREDENTIALS_FILE",
	"AWS_CONFIG_FILE",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI",
};

static void
set_all(const char *words)
{
	encl_auto(encl_free) char *copy = encl_xstrdup(words);
	char *save = NULL;

	for (size_t i = 0; i < sizeof cleared / sizeof *cleared; i++)
		unsetenv(cleared[i]);
	setenv("HOME", test_path("nowhere"), 1);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		char *equals = strchr(w, '=');

		*equals = 0;
		setenv(w, strcmp(w, "HOME") != 0 ? equals + 1 : test_dir(), 1);
	}
}

static void
put(const char *name, const char *text)
{
	OK(encl_make_dirs(test_path(".aws"), 0700, &e));
	OK(encl_write_file(test_path(".aws/%s", name), text, strlen(text), 0600, &e));
}

TEST(registry_aws_chain)
{
	encl_auto(encl_free) char *home =
		encl_xstrdup(getenv("HOME") ? getenv("HOME") : "/");

	put("credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=B\n"
			   "[half]\naws_access_key_id=A\n"
			   "[odd]\naws_access_key_id=A\naws_secret_access_key=a b\n");
	put("config",
	    "[profile dev]\ncredential_process = sh -c 'echo geheim >&2; echo \"{"
	    "\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"P\\\",\\\"SecretAccessKey\\\":"
	    "\\\"Q\\\",\\\"SessionToken\\\":\\\"R\\\"}\"'\n"
	    "[profile fails]\ncredential_process = sh -c 'echo geheim; exit 3'\n"
	    "[profile old]\ncredential_process = echo {}\n"
	    "[profile gone]\ncredential_process = encl-no-such-program\n"
	    "[profile sso]\nsso_session = x\n");
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
		encl_auto(encl_aws_identity_clear) struct encl_aws_identity id = {0};
		encl_auto(encl_buf_clear) struct encl_buf tried = {.cap = 1024};
		encl_auto(encl_free) char *got = NULL;
		int rc;

		set_all(chains[i].set);
		rc = encl_aws_identity_find(true, &id, &tried, &e);
		if (rc)
			got = encl_xstrdup(e.msg);
		else if (!id.key_id)
			got = encl_xasprintf("none: %s", encl_buf_text(&tried));
		else
			got = encl_xasprintf("%s/%s/%s", id.key_id, id.secret,
					     id.session ? id.session : "");
		EQ_STR(chains[i].want, got);
		CHECK(!strstr(got, "geheim"));
	}
	set_all("");
	setenv("HOME", home, 1);
	unsetenv("AWS_EC2_METADATA_DISABLED");
}
