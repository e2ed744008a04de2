/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "registry/helper.h"
#include "test.h"

static const char *const variables[] = {"PATH",
					"HOME",
					"DOCKER_CONFIG",
					"REGISTRY_AUTH_FILE",
					"XDG_RUNTIME_DIR",
					"XDG_CONFIG_HOME"};
enum { N_VARIABLES = sizeof variables / sizeof *variables };

static char *saved[N_VARIABLES];

static void
end(void)
{
	for (size_t i = 0; i < N_VARIABLES; i++) {
		if (saved[i])
			setenv(variables[i], saved[i], 1);
		else
			unsetenv(variables[i]);
	}
}

/* A home of the test's own, and a folder of programs before PATH. */
static void
begin(void)
{
	encl_auto(encl_free) char *first = NULL;
	static bool once;

	for (size_t i = 0; !once && i < N_VARIABLES; i++)
		saved[i] =
			getenv(variables[i]) ? encl_xstrdup(getenv(variables[i])) : NULL;
	once = true;
	for (size_t i = 0; i < N_VARIABLES; i++)
		unsetenv(variables[i]);
	setenv("HOME", test_dir(), 1);
	first = encl_xasprintf("%s:%s", test_dir(), saved[0]);
	setenv("PATH", first, 1);
}

static void
put(const char *name, mode_t mode, const char *text)
{
	const char *path = test_path("%s", name);
	encl_auto(encl_free) char *folder = encl_xstrdup(path);

	*strrchr(folder, '/') = 0;
	OK(encl_make_dirs(folder, 0700, &e));
	OK(encl_write_file(path, text, strlen(text), mode, &e));
}

/* "user:password", with "identity:" or "bearer:" tokens behind, or "none". */
static const char *
find(const char *auth_file, const char *host, const char *repository)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	struct encl_env env = {.jobs = 1};
	static char text[256];

	OK(encl_credentials_find(&env, auth_file, host, repository, &c, &e));
	if (!c.user && !c.identity_token && !c.registry_token)
		return "none";
	snprintf(text, sizeof text, "%s%s%s%s%s%s%s", c.user ? c.user : "",
		 c.user ? ":" : "", c.user ? c.password : "",
		 c.identity_token ? " identity:" : "",
		 c.identity_token ? c.identity_token : "",
		 c.registry_token ? " bearer:" : "",
		 c.registry_token ? c.registry_token : "");
	return text;
}

static int
find_fails(const char *host)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	struct encl_env env = {.jobs = 1};

	return encl_credentials_find(&env, NULL, host, "app", &c, &e);
}

/* dXNlcjpwYXNz is user:pass, YTpi is a:b, Yzpk is c:d, ZTpm is e:f. */
TEST(registry_credentials_keys)
{
	begin();
	EQ_STR("none", find(NULL, "reg.example", "app"));
	put(".docker/config.json", 0600,
	    "{\"auths\": {\"reg.example\": {\"auth\": \"dXNlcjpwYXNz\"},"
	    " \"reg.example/team\": {\"auth\": \"YTpi\"},"
	    " \"reg.example/team/app\": {\"auth\": \"Yzpk\"},"
	    " \"https://old.example/v1/\": {\"auth\": \"ZTpm\"},"
	    " \"https://two.example/v2\": {\"auth\": \"ZTpm\"},"
	    " \"https://bare.example\": {\"auth\": \"ZTpm\"},"
	    " \"http://plain.example/\": {\"auth\": \"ZTpm\"},"
	    " \"path.example/v1\": {\"auth\": \"ZTpm\"},"
	    " \"https://other.example/x\": {\"auth\": \"ZTpm\"},"
	    " \"https://index.docker.io/v1/\": {\"auth\": \"YTpi\"},"
	    " \"[::1]:5000\": {\"auth\": \"Yzpk\"},"
	    " \"empty.example\": {}},"
	    " \"HttpHeaders\": {\"X\": \"y\"}}");
	EQ_STR("user:pass", find(NULL, "reg.example", "app"));
	EQ_STR("user:pass", find(NULL, "reg.example", "teams/app"));
	EQ_STR("a:b", find(NULL, "reg.example", "team/other"));
	EQ_STR("a:b", find(NULL, "reg.example", "team/other/app"));
	EQ_STR("c:d", find(NULL, "reg.example", "team/app"));
	EQ_STR("c:d", find(NULL, "reg.example", "team/app/debug"));
	EQ_STR("none", find(NULL, "reg.example:443", "app"));
	EQ_STR("none", find(NULL, "xreg.example", "app"));
	EQ_STR("e:f", find(NULL, "old.example", "app"));
	EQ_STR("e:f", find(NULL, "two.example", "app"));
	EQ_STR("e:f", find(NULL, "bare.example", "app"));
	EQ_STR("e:f", find(NULL, "plain.example", "app"));
	EQ_STR("none", find(NULL, "path.example", "app"));
	EQ_STR("e:f", find(NULL, "path.example", "v1/app"));
	EQ_STR("none", find(NULL, "other.example", "app"));
	EQ_STR("a:b", find(NULL, "docker.io", "library/redis"));
	EQ_STR("a:b", find(NULL, "registry-1.docker.io", "library/redis"));
	EQ_STR("c:d", find(NULL, "[::1]:5000", "app"));
	EQ_STR("none", find(NULL, "empty.example", "app"));
	end();
}

/* The spelling of containers for Docker Hub, below docker's. */
TEST(registry_credentials_hub)
{
	begin();
	put(".docker/config.json", 0600,
	    "{\"auths\": {\"docker.io\": {\"auth\": \"YTpi\"},"
	    " \"docker.io/team\": {\"auth\": \"Yzpk\"}}}");
	EQ_STR("a:b", find(NULL, "docker.io", "library/redis"));
	EQ_STR("c:d", find(NULL, "docker.io", "team/app"));
	put(".docker/config.json", 0600,
	    "{\"auths\": {\"docker.io\": {\"auth\": \"YTpi\"},"
	    " \"https://index.docker.io/v1/\": {\"auth\": \"ZTpm\"}}}");
	EQ_STR("e:f", find(NULL, "docker.io", "library/redis"));
	end();
}

TEST(registry_credentials_kinds)
{
	begin();
	put(".docker/config.json", 0644,
	    "{\"auths\": {"
	    "\"identity.example\": {\"auth\": \"dXNlcjo=\", \"identitytoken\": \"tok\"},"
	    "\"bearer.example\": {\"registrytoken\": \"tok2\"},"
	    "\"token.example\": {\"auth\": \"PHRva2VuPjphYmM=\"},"
	    "\"apart.example\": {\"username\": \"u\", \"password\": \"p:q\"},"
	    "\"colon.example\": {\"auth\": \"dTpwOnE=\"},"
	    "\"nul.example\": {\"auth\": \"dTpwAAA=\"}}}");
	EQ_STR("user: identity:tok", find(NULL, "identity.example", "app"));
	EQ_STR(" bearer:tok2", find(NULL, "bearer.example", "app"));
	EQ_STR("u:p:q", find(NULL, "apart.example", "app"));
	EQ_STR("u:p:q", find(NULL, "colon.example", "app"));
	EQ_STR("u:p", find(NULL, "nul.example", "app"));
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	struct encl_env env = {.jobs = 1};

	OK(encl_credentials_find(&env, NULL, "token.example", "app", &c, &e));
	EQ_STR("abc", c.identity_token);
	CHECK(!c.password);
	end();
}

/* Each file in its turn; a variable names the only one. */
TEST(registry_credentials_files)
{
	encl_auto(encl_free) char *run = NULL;
	encl_auto(encl_free) char *own = NULL;
	encl_auto(encl_free) char *missing = NULL;

	begin();
	run = encl_xstrdup(test_path("run"));
	own = encl_xstrdup(test_path("own.json"));
	missing = encl_xstrdup(test_path("missing.json"));
	put(".config/containers/auth.json", 0600,
	    "{\"auths\": {\"r.example\": {\"auth\": \"YTpi\"}}}");
	EQ_STR("a:b", find(NULL, "r.example", "app"));
	put("run/containers/auth.json", 0600,
	    "{\"auths\": {\"r.example\": {\"auth\": \"Yzpk\"}}}");
	setenv("XDG_RUNTIME_DIR", run, 1);
	EQ_STR("c:d", find(NULL, "r.example", "app"));
	put(".docker/config.json", 0600,
	    "{\"auths\": {\"r.example\": {\"auth\": \"ZTpm\"}}}");
	EQ_STR("e:f", find(NULL, "r.example", "app"));
	setenv("DOCKER_CONFIG", run, 1);
	EQ_STR("c:d", find(NULL, "r.example", "app"));
	put("run/config.json", 0600,
	    "{\"auths\": {\"r.example\": {\"auth\": \"dXNlcjpwYXNz\"}}}");
	EQ_STR("user:pass", find(NULL, "r.example", "app"));
	setenv("REGISTRY_AUTH_FILE", own, 1);
	EQ_STR("none", find(NULL, "r.example", "app"));
	put("own.json", 0600, "{\"auths\": {\"r.example\": {\"auth\": \"eDp5\"}}}");
	EQ_STR("x:y", find(NULL, "r.example", "app"));
	EQ_STR("e:f", find(test_path(".docker/config.json"), "r.example", "app"));
	put("empty.json", 0600, "\n");
	EQ_STR("none", find(test_path("empty.json"), "r.example", "app"));
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	encl_auto(encl_free) char *message =
		encl_xasprintf("auth file %s: No such file or directory", missing);
	struct encl_env env = {.jobs = 1};

	FAILS(encl_credentials_find(&env, missing, "r.example", "app", &c, &e),
	      ENCL_USAGE, message);
	end();
}

/* What `docker login` kept for twelve hours is passed over when they are gone:
 * the password itself says so. */
TEST(registry_credentials_expired)
{
	static const char host[] = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
	/* {"payload":"x","expiration":1500000000} and 4000000000 */
	static const char old[] =
		"QVdTOmV5SndZWGxzYjJGa0lqb2llQ0lzSW1WNGNHbHlZWFJwYjI0aU9qRTFNREF3TURBd01EQjk=";
	static const char fresh[] =
		"QVdTOmV5SndZWGxzYjJGa0lqb2llQ0lzSW1WNGNHbHlZWFJwYjI0aU9qUXdNREF3TURBd01EQjk=";
	encl_auto(encl_free) char *text = encl_xasprintf(
		"{\"auths\": {\"%s\": {\"auth\": \"%s\"}, \"r.example\": {\"auth\": \"%s\"}}}",
		host, old, old);
	encl_auto(encl_free) char *new =
		encl_xasprintf("{\"auths\": {\"%s\": {\"auth\": \"%s\"}}}", host, fresh);

	begin();
	setenv("XDG_RUNTIME_DIR", test_path("run"), 1);
	put(".docker/config.json", 0600, text);
	EQ_STR("AWS:eyJwYXlsb2FkIjoieCIsImV4cGlyYXRpb24iOjE1MDAwMDAwMDB9",
	       find(NULL, "r.example", "app"));
	put("run/containers/auth.json", 0600, new);
	EQ_STR("AWS:eyJwYXlsb2FkIjoieCIsImV4cGlyYXRpb24iOjQwMDAwMDAwMDB9",
	       find(NULL, host, "app"));
	end();
}

static const struct {
	const char *text;
	const char *message; /* behind the file's name */
} broken[] = {
	{"[]", ": not a JSON object"},
	{"{\"auths\": {\"r\": {\"auth\": \"geheim\x01\"}}}",
	 ":1:32: not valid JSON: control character 0x1"},
	{"{\"auths\": geheim}", ":1:16: not valid JSON: invalid token"},
	{"{\"auths\": {\"r\": \"geheim\"}}", ": auths of \"r\" is not an object"},
	{"{\"auths\": {\"r\": {\"auth\": 1}}}", ": auth of \"r\" is not text"},
	{"{\"auths\": {\"r\": {\"auth\": \"geheim\"}}}",
	 ": \"auth\" of \"r\" is not base64 of USER:PASSWORD"},
	{"{\"auths\": {\"r\": {\"auth\": \"Z2VoZWlt\"}}}",
	 ": \"auth\" of \"r\" is not base64 of USER:PASSWORD"},
	{"{\"auths\": {\"r\": {\"auth\": \"AHU6cA==\"}}}",
	 ": \"auth\" of \"r\" is not base64 of USER:PASSWORD"},
	{"{\"auths\": {\"r\": {\"identitytoken\": [1]}}}",
	 ": identitytoken of \"r\" is not text"},
	{"{\"auths\": {\"r\": {\"registrytoken\": \"geheim\\r\\nX-Evil: 1\"}}}",
	 ": registrytoken of \"r\" is not fit for a header field"},
	{"{\"credsStore\": \"../x\"}",
	 ": credsStore: not the name of a credential helper (what follows "
	 "\"docker-credential-\")"},
	{"{\"credHelpers\": {\"r\": \"a b\"}}",
	 ": credHelpers: not the name of a credential helper (what follows "
	 "\"docker-credential-\")"},
	{"{\"credsStore\": \"encl-none\"}",
	 ": credsStore: docker-credential-encl-none is not installed; install it, "
	 "or give another auth file with --auth-file"},
};

/* Nothing of the text is in the message. */
TEST(registry_credentials_broken_files)
{
	begin();
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		encl_auto(encl_free) char *message = encl_xasprintf(
			"%s%s", test_path(".docker/config.json"), broken[i].message);

		put(".docker/config.json", 0600, broken[i].text);
		FAILS(find_fails("r"),
		      strstr(message, "installed") ? ENCL_HOST : ENCL_FAILED, message);
		CHECK(!strstr(e.msg, "geheim"));
	}
	end();
}

/* Notes what it was asked; knows one server. */
#define HELPER                                                                           \
	"#!/bin/sh\n"                                                                    \
	"read -r server || :\n"                                                          \
	"echo \"$1 $server\" >>\"${0%/*}/asked\"\n"                                      \
	"echo geheim-on-stderr >&2\n"                                                    \
	"case $1,$server in\n"                                                           \
	"get,r.example) echo '{\"ServerURL\":\"r.example\",\"Username\":\"u\","          \
	"\"Secret\":\"s\"}';;\n"                                                         \
	"get,https://index.docker.io/v1/)"                                               \
	" echo '{\"ServerURL\":\"\",\"Username\":\"<token>\",\"Secret\":\"idt\"}';;\n"   \
	"get,*) echo 'credentials not found in native keychain'; exit 1;;\n"             \
	"store,*) ;;\n"                                                                  \
	"erase,*) ;;\n"                                                                  \
	"esac\n"

static char *
asked(void)
{
	char *text;
	size_t n;

	OK(encl_read_file(test_path("asked"), 65536, &text, &n, &e));
	return text;
}

TEST(registry_credentials_helpers)
{
	encl_auto(encl_free) char *log = NULL;

	begin();
	put("docker-credential-encl", 0755, HELPER);
	put(".docker/config.json", 0600,
	    "{\"auths\": {\"r.example\": {}, \"o.example\": {\"auth\": \"YTpi\"},"
	    " \"off.example\": {\"auth\": \"Yzpk\"}},"
	    " \"credHelpers\": {\"off.example\": \"\"}, \"credsStore\": \"encl\"}");
	EQ_STR("u:s", find(NULL, "r.example", "app"));
	EQ_STR(" identity:idt", find(NULL, "docker.io", "library/redis"));
	EQ_STR("a:b", find(NULL, "o.example", "app"));
	EQ_STR("c:d", find(NULL, "off.example", "app"));
	log = asked();
	EQ_STR("get r.example\nget https://index.docker.io/v1/\nget o.example\n", log);
	put(".docker/config.json", 0600,
	    "{\"credHelpers\": {\"r.example\": \"encl\"}, \"credsStore\": \"missing\"}");
	EQ_STR("u:s", find(NULL, "r.example", "app"));
	end();
}

static const struct {
	const char *script;
	const char *message;
} bad_helpers[] = {
	{"echo geheim >&2; exit 2", "docker-credential-bad get: exit 2"},
	{"echo; exit 2", "docker-credential-bad get: exit 2"},
	{"echo 'pass is \001not set up'; echo geheim; exit 2",
	 "docker-credential-bad get: exit 2: pass is ?not set up"},
	{"echo '{\"Secret\": \"geheim\"}'; exit 2", "docker-credential-bad get: exit 2"},
	{"echo geheim", "answer of docker-credential-bad:1:6: not valid JSON: '[' or '{' "
			"expected"},
	{"echo '{\"Username\": 1, \"Secret\": \"geheim\"}'",
	 "answer of docker-credential-bad: \"Username\" is missing or not a string"},
	{"echo '[]'",
	 "answer of docker-credential-bad: \"Username\" is missing or not a string"},
	{"head -c 300000 /dev/zero", "docker-credential-bad is larger than 262144 bytes"},
};

TEST(registry_credentials_bad_helpers)
{
	begin();
	for (size_t i = 0; i < sizeof bad_helpers / sizeof *bad_helpers; i++) {
		encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
		encl_auto(encl_free) char *script =
			encl_xasprintf("#!/bin/sh\n%s\n", bad_helpers[i].script);
		bool found;

		put("docker-credential-bad", 0755, script);
		FAILS(encl_helper_get("bad", "r.example", &c, &found, &e), ENCL_FAILED,
		      bad_helpers[i].message);
		CHECK(!strstr(e.msg, "geheim"));
	}
	end();
}

static void
store(const char *path, const char *host, const char *user, const char *password)
{
	struct encl_credentials c = {.user = (char *)(uintptr_t)user,
				     .password = (char *)(uintptr_t)password};
	encl_auto(encl_free) char *where = NULL;
	struct encl_env env = {.jobs = 1};

	OK(encl_credentials_store(&env, path, host, &c, &where, &e));
	if (path)
		EQ_STR(path, where);
}

static bool
erase(const char *host)
{
	encl_auto(encl_free) char *where = NULL;
	struct encl_env env = {.jobs = 1};
	bool was;

	OK(encl_credentials_erase(&env, NULL, host, &was, &where, &e));
	CHECK(was == (where != NULL));
	return was;
}

static void
holds(const char *name, const char *want)
{
	encl_auto(encl_free) char *text = NULL;
	struct stat st;
	size_t n;

	OK(encl_read_file(test_path("%s", name), 65536, &text, &n, &e));
	EQ_STR(want, text);
	OK(stat(test_path("%s", name), &st));
	EQ_INT(0600, st.st_mode & 07777);
}

TEST(registry_credentials_store)
{
	struct stat st;

	begin();
	store(NULL, "reg.example", "user", "pass");
	holds(".docker/config.json", "{\n  \"auths\": {\n    \"reg.example\": {\n"
				     "      \"auth\": \"dXNlcjpwYXNz\"\n    }\n  }\n}\n");
	OK(stat(test_path(".docker"), &st));
	EQ_INT(0700, st.st_mode & 07777);
	EQ_STR("user:pass", find(NULL, "reg.example", "app"));
	store(NULL, "registry-1.docker.io", "a", "b:\xc3\xbc");
	store(NULL, "reg.example", "user", "other");
	holds(".docker/config.json", "{\n  \"auths\": {\n    \"reg.example\": {\n"
				     "      \"auth\": \"dXNlcjpvdGhlcg==\"\n    },\n"
				     "    \"https://index.docker.io/v1/\": {\n"
				     "      \"auth\": \"YTpiOsO8\"\n    }\n  }\n}\n");
	EQ_STR("a:b:\xc3\xbc", find(NULL, "docker.io", "library/redis"));
	CHECK(erase("docker.io"));
	CHECK(!erase("docker.io"));
	CHECK(erase("reg.example"));
	holds(".docker/config.json", "{\n  \"auths\": {}\n}\n");
	end();
}

/* Several at once: all of them stay. */
TEST(registry_credentials_store_at_once)
{
	enum { N = 12 };
	pid_t children[N];

	begin();
	for (int i = 0; i < N; i++) {
		char host[32], user[] = "u", password[] = "p";
		struct encl_credentials c = {.user = user, .password = password};
		struct encl_env env = {.jobs = 1};

		snprintf(host, sizeof host, "r%d.example", i);
		children[i] = fork();
		CHECK(children[i] >= 0);
		if (!children[i])
			_exit(encl_credentials_store(&env, NULL, host, &c, NULL, &e) !=
			      0);
	}
	for (int i = 0; i < N; i++) {
		int status;

		EQ_INT(children[i], waitpid(children[i], &status, 0));
		EQ_INT(0, status);
	}
	for (int i = 0; i < N; i++) {
		char host[32];

		snprintf(host, sizeof host, "r%d.example", i);
		EQ_STR("u:p", find(NULL, host, "app"));
	}
	end();
}

/* What others wrote stays, and the file stays where a link has it. */
TEST(registry_credentials_store_keeps)
{
	struct stat st;

	begin();
	put("real.json", 0644,
	    "{\"z\": [1, 2.5, null], \"auths\": {\"https://r.example/v2/\": {\"auth\":"
	    " \"YTpi\"}, \"r.example/team\": {\"auth\": \"Yzpk\"}}, \"a\": {\"b\": true}}");
	OK(symlink("real.json", test_path("link.json")));
	setenv("REGISTRY_AUTH_FILE", test_path("link.json"), 1);
	store(NULL, "r.example", "e", "f");
	OK(lstat(test_path("link.json"), &st));
	CHECK(S_ISLNK(st.st_mode));
	EQ_STR("e:f", find(NULL, "r.example", "app"));
	CHECK(erase("r.example"));
	holds("real.json", "{\n  \"z\": [\n    1,\n    2.5,\n    null\n  ],\n"
			   "  \"auths\": {\n    \"r.example/team\": {\n"
			   "      \"auth\": \"Yzpk\"\n    }\n  },\n"
			   "  \"a\": {\n    \"b\": true\n  }\n}\n");
	CHECK(!erase("r.example"));
	end();
}

TEST(registry_credentials_store_by_helper)
{
	static const char config[] = "{\"credsStore\": \"encl\"}";
	encl_auto(encl_free) char *where = NULL;
	encl_auto(encl_free) char *log = NULL;
	encl_auto(encl_free) char *text = NULL;
	char user[] = "u", password[] = "p\"w";
	struct encl_credentials c = {.user = user, .password = password};
	struct encl_env env = {.jobs = 1};
	size_t n;

	begin();
	put("docker-credential-encl", 0755, HELPER);
	put(".docker/config.json", 0600, config);
	OK(encl_credentials_store(&env, NULL, "new.example", &c, &where, &e));
	EQ_STR("docker-credential-encl", where);
	CHECK(erase("r.example"));
	CHECK(!erase("new.example"));
	log = asked();
	EQ_STR("store {\"ServerURL\":\"new.example\",\"Username\":\"u\",\"Secret\":"
	       "\"p\\\"w\"}\nget r.example\nerase r.example\nget new.example\n",
	       log);
	OK(encl_read_file(test_path(".docker/config.json"), 65536, &text, &n, &e));
	EQ_STR(config, text);
	end();
}

TEST(registry_credentials_store_refuses)
{
	char user[] = "a:b", password[] = "p";
	struct encl_credentials c = {.user = user, .password = password};
	struct encl_env env = {.jobs = 1};
	encl_auto(encl_free) char *message = NULL;

	begin();
	FAILS(encl_credentials_store(&env, NULL, "r.example", &c, NULL, &e), ENCL_USAGE,
	      "a user's name cannot have a \":\" in it");
	*strchr(user, ':') = 'x';
	put(".docker/config.json", 0600, "{");
	message =
		encl_xasprintf("%s:1:1: not valid JSON: string or '}' expected near end "
			       "of file",
			       test_path(".docker/config.json"));
	FAILS(encl_credentials_store(&env, NULL, "r.example", &c, NULL, &e), ENCL_FAILED,
	      message);
	unsetenv("HOME");
	FAILS(encl_credentials_store(&env, NULL, "r.example", &c, NULL, &e), ENCL_HOST,
	      "no place for credentials: HOME is not set; give --auth-file");
	end();
}
