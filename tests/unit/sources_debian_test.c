/* SPDX-License-Identifier: Apache-2.0 */
/* The readers behind Debian sources, and the solver over small lists. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/http.h"
#include "sources/apt_config.h"
#include "sources/deb822.h"
#include "sources/deb_store.h"
#include "sources/fetch.h"
#include "sources/openpgp.h"
#include "sources/release.h"
#include "sources/solve.h"
#include "test.h"

static void
redacted(const char *url, const char *want)
{
	encl_auto(encl_free) char *got = encl_http_redact(url);

	EQ_STR(want, got);
}

TEST(base_http_redact)
{
	redacted("https://u:p@h/a/b", "https://h/a/b");
	redacted("https://h/a?token=x", "https://h/a?…");
	redacted("https://h/a@b", "https://h/a@b");
	redacted("file:///a", "file:///a");
}

TEST(base_http_offline)
{
	struct encl_env env = {.offline = true, .jobs = 1};
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = 100};

	FAILS(encl_http_get_buf(&env, "http://u:p@h.invalid/x", &out, &e), ENCL_NETWORK,
	      "GET http://h.invalid/x: not tried, because of --offline");
	FAILS(encl_http_get_buf(&env, "ftp://h/x", &out, &e), ENCL_USAGE,
	      "\"ftp://h/x\" is not a http, https or file URL");
}

TEST(sources_deb822)
{
	static const char text[] = "\n\nA: 1\nB:\n x y\n  z\nC:\t2 \n\n\nD: 3";
	struct encl_deb822 r = {text, text + strlen(text)};
	encl_auto(encl_free) char *b = NULL;
	encl_auto(encl_free) char *c = NULL;
	encl_auto(encl_free) char *d = NULL;
	const char *s = NULL;
	size_t n = 0;

	CHECK(encl_deb822_next(&r, &s, &n));
	b = encl_deb822_field(s, n, "b");
	c = encl_deb822_field(s, n, "C");
	EQ_STR("\nx y\nz", b);
	EQ_STR("2", c);
	CHECK(!encl_deb822_field(s, n, "D"));
	CHECK(encl_deb822_next(&r, &s, &n));
	d = encl_deb822_field(s, n, "D");
	EQ_STR("3", d);
	CHECK(!encl_deb822_next(&r, &s, &n));
}

TEST(sources_release_date)
{
	int64_t t = 0;

	CHECK(encl_release_date("Sat, 11 Jul 2026 10:16:37 UTC", &t));
	EQ_INT(1783764997, t);
	CHECK(encl_release_date("Thu, 01 Jan 1970 00:00:00 +0000", &t));
	EQ_INT(0, t);
	CHECK(!encl_release_date("Sat, 11 Jul 2026 10:16:37 CEST", &t));
	CHECK(!encl_release_date("Sat, 41 Jul 2026 10:16:37 UTC", &t));
	CHECK(!encl_release_date("11 Foo 2026 10:16:37 UTC", &t));
	CHECK(!encl_release_date("", &t));
}

TEST(sources_apt_list)
{
	static const char text[] =
		"# comment\n"
		"deb [ signed-by=/k/a.gpg,/k/b.asc check-valid-until=no ] http://h/d/ s m c\n"
		"deb-src http://h/d s m\n"
		"deb http://i/ t main # tail\n";
	encl_auto(encl_apt_repos_clear) struct encl_apt_repos r = {.n = 0};

	OK(encl_apt_parse(text, strlen(text), false, "list", &r, &e));
	EQ_INT(2, r.n);
	EQ_STR("http://h/d", r.v[0].uri);
	EQ_STR("s", r.v[0].suite);
	EQ_INT(2, r.v[0].keyrings.n);
	EQ_STR("/k/b.asc", r.v[0].keyrings.v[1]);
	CHECK(!r.v[0].check_valid_until);
	CHECK(r.v[1].check_valid_until);
	EQ_INT(1, r.v[1].components.n);
	FAILS(encl_apt_parse("deb [x http://h s\n", 18, false, "list", &r, &e),
	      ENCL_FAILED, "list:1: \"[\" without \"]\"");
	FAILS(encl_apt_parse("\nrpm x\n", 7, false, "list", &r, &e), ENCL_FAILED,
	      "list:2: does not begin with deb or deb-src");
	FAILS(encl_apt_parse("deb http://h\n", 13, false, "list", &r, &e), ENCL_FAILED,
	      "list:1: no address or no suite");
	FAILS(encl_apt_parse("deb\0x", 5, false, "list", &r, &e), ENCL_FAILED,
	      "list: not a text file");
}

TEST(sources_apt_sources)
{
	static const char text[] = "Types: deb deb-src\nURIs: http://h/d http://i\n"
				   "Suites: s s-updates\n# between\nComponents: main\n"
				   "Signed-By: 41587f7db8c774bccf131416762f67a0b2c39de4\n"
				   "\nTypes: deb-src\nURIs: x\nSuites: y\n"
				   "\nEnabled: no\nTypes: deb\nURIs: x\nSuites: y\n";
	encl_auto(encl_apt_repos_clear) struct encl_apt_repos r = {.n = 0};

	OK(encl_apt_parse(text, strlen(text), true, "x.sources", &r, &e));
	EQ_INT(4, r.n);
	EQ_STR("http://h/d", r.v[1].uri);
	EQ_STR("s-updates", r.v[1].suite);
	EQ_INT(0, r.v[0].keyrings.n);
	EQ_STR("41587F7DB8C774BCCF131416762F67A0B2C39DE4", r.v[0].fingerprints.v[0]);
	FAILS(encl_apt_parse("Types: deb\n", 11, true, "x.sources", &r, &e), ENCL_FAILED,
	      "x.sources: a stanza has no Types, URIs or Suites");
}

#define FPR "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8"
#define VALID(hash, key, primary)                                                        \
	"[GNUPG:] VALIDSIG " key " 2026-07-11 1 0 4 0 1 " hash " 01 " primary "\n"
#define NEW  "[GNUPG:] NEWSIG\n"
#define TEXT "[GNUPG:] PLAINTEXT 74 0 \n"

static int
judge(const char *status, const char *pinned, struct encl_strings *signers)
{
	static struct encl_arena *a; /* what signers point to; freed by the next call */
	const struct encl_apt_repo repo = {.fingerprints = {&pinned, pinned != NULL}};

	encl_arena_free(a);
	a = encl_arena_new();
	return encl_openpgp_judge(status, "f", &repo, a, signers, &e);
}

TEST(sources_openpgp_judge)
{
	struct encl_strings s = {.n = 0};

	OK(judge(TEXT NEW VALID("8", "K1", "P2") NEW
		 "[GNUPG:] ERRSIG x\n"
		 "[GNUPG:] NO_PUBKEY x\n" NEW VALID("10", "K3", "P1"),
		 NULL, &s));
	EQ_INT(2, s.n);
	EQ_STR("P1", s.v[0]);
	EQ_STR("P2", s.v[1]);
	OK(judge(TEXT NEW VALID("8", "K1", FPR), FPR, &s));
	EQ_INT(1, s.n);
	FAILS(judge(TEXT NEW VALID("8", "K1", "P1"), FPR, &s), ENCL_SIGN,
	      "f: no valid signature: it is signed by a key other than Signed-By names");
	FAILS(judge(TEXT NEW VALID("2", "K1", "P1"), NULL, &s), ENCL_SIGN,
	      "f: no valid signature: its signature uses a weak hash");
	FAILS(judge(TEXT NEW "[GNUPG:] EXPKEYSIG K x\n" VALID("8", "K1", "P1"), NULL, &s),
	      ENCL_SIGN,
	      "f: no valid signature: its key or signature has expired or is revoked");
	OK(judge(TEXT NEW "[GNUPG:] EXPKEYSIG K x\n" VALID("8", "K1", "P1")
			 NEW VALID("8", "K2", "P2"),
		 NULL, &s));
	EQ_INT(1, s.n);
	FAILS(judge(TEXT NEW VALID("8", "K1", "P1") NEW "[GNUPG:] BADSIG K x\n", NULL,
		    &s),
	      ENCL_SIGN, "f: its text does not fit its signature; it was changed");
	FAILS(judge(NEW VALID("8", "K1", "P1"), NULL, &s), ENCL_SIGN,
	      "f: not one signed text");
	FAILS(judge(TEXT TEXT NEW VALID("8", "K1", "P1"), NULL, &s), ENCL_SIGN,
	      "f: not one signed text");
	FAILS(judge("VALIDSIG\n" TEXT, NULL, &s), ENCL_SIGN,
	      "f: no valid signature: it has none");
}

TEST(sources_openpgp_dearmor)
{
	static const char key[] =
		"x\n-----BEGIN PGP PUBLIC KEY BLOCK-----\nVersion: 1\n\n"
		"AAECAwQ=\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
	static const uint8_t want[] = {0, 1, 2, 3, 4};
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = 100};

	OK(encl_openpgp_dearmor(key, strlen(key), "k", &out, &e));
	EQ_MEM(want, sizeof want, out.data, out.len);
	FAILS(encl_openpgp_dearmor("x", 1, "k", &out, &e), ENCL_SIGN,
	      "k: no public key block");
	FAILS(encl_openpgp_dearmor(key, 60, "k", &out, &e), ENCL_SIGN,
	      "k: broken ASCII armor");
}

TEST(sources_deb_paths)
{
	encl_auto(encl_free) char *url =
		encl_fetch_url("http://h/d", "pool/a b%3a+~.deb");

	EQ_STR("http://h/d/pool/a%20b%253a+~.deb", url);
	CHECK(encl_deb_filename_ok("pool/main/b/b/b_1.0-1+b1_amd64.deb"));
	CHECK(!encl_deb_filename_ok("../a.deb"));
	CHECK(!encl_deb_filename_ok("a/../b.deb"));
	CHECK(!encl_deb_filename_ok("/a/b.deb"));
	CHECK(!encl_deb_filename_ok("a//b.deb"));
	CHECK(!encl_deb_filename_ok("a?b.deb"));
	CHECK(!encl_deb_filename_ok("a/b.rpm"));
	CHECK(encl_deb_is_documentation("./usr/share/man/man1/a.1.gz"));
	CHECK(encl_deb_is_documentation("usr/share/locale"));
	CHECK(encl_deb_is_documentation("./usr/share/doc/a/changelog.gz"));
	CHECK(!encl_deb_is_documentation("./usr/share/doc/a/copyright"));
	CHECK(!encl_deb_is_documentation("./usr/share/doc/a/"));
	CHECK(!encl_deb_is_documentation("./usr/share/manual/x"));
}

/* ---- the solver ---- */

#define STANZA(name, version, fields)                                                    \
	"Package: " name "\nVersion: " version "\nArchitecture: amd64\n" fields          \
	"Filename: pool/" name ".deb\nSize: 1\nSHA256: "                                 \
	"515e692f2c4121c6fcec444ef100cc18f79a991910615f3a88c8b7becfc94d2f\n\n"

static void
solve(const char *packages, const char *install, const char *want)
{
	encl_auto(encl_universe_clear) struct encl_universe u;
	encl_auto(encl_debs_clear) struct encl_debs d = {.n = 0};
	encl_auto(encl_buf_clear) struct encl_buf got = {.cap = 1000};
	const struct encl_apt_repo repo = {.suite = "test"};
	struct encl_suite suite = {.release = {.repo = &repo}};
	const struct encl_layer_packages p = {.install = {&install, 1}};
	struct encl_env env = {.jobs = 1};
	FILE *f = fmemopen((void *)(uintptr_t)packages, strlen(packages), "r");

	encl_universe_init(&u, ENCL_ARCH_X86_64);
	OK(encl_universe_add(&u, &suite, f, "Packages", &e));
	fclose(f);
	if (encl_solve(&env, &u, &p, &d, &e)) {
		EQ_STR(want, e.msg);
		return;
	}
	for (size_t i = 0; i < d.n; i++)
		encl_buf_add_fmt(&got, "%s%s(%s)", i ? " " : "", d.v[i].name, d.v[i].why);
	EQ_STR(want, encl_buf_text(&got));
}

TEST(sources_solve_alternatives)
{
	/* the first alternative; not where another one is marked already */
	solve(STANZA("a", "1", "Depends: x | y\n") STANZA("x", "1", "")
		      STANZA("y", "1", ""),
	      "a", "a(manifest) x(a)");
	solve(STANZA("a", "1", "Depends: y, x | y\n") STANZA("x", "1", "")
		      STANZA("y", "1", ""),
	      "a", "a(manifest) y(a)");
	/* a package before one that provides its name, whatever the order */
	solve(STANZA("a", "1", "Depends: v\n") STANZA("b", "1", "Provides: v\n")
		      STANZA("v", "1", ""),
	      "a", "a(manifest) v(a)");
	/* priority among providers, then the name */
	solve(STANZA("a", "1", "Depends: v\n") STANZA("b", "1", "Provides: v\n")
		      STANZA("c", "1", "Priority: standard\nProvides: v\n"),
	      "a", "a(manifest) c(a)");
	/* an unversioned Provides does not satisfy a version */
	solve(STANZA("a", "1", "Depends: v (>= 2)\n") STANZA("b", "1", "Provides: v\n"),
	      "a",
	      "the packages cannot be installed together: nothing provides v >= 2 needed "
	      "by a-1.amd64");
	solve(STANZA("a", "1", "Depends: v (>= 2)\n")
		      STANZA("b", "1", "Provides: v (= 3)\n"),
	      "a", "a(manifest) b(a)");
	/* usr-is-merged is assumed; Recommends are not followed */
	solve(STANZA("a", "1", "Depends: usrmerge | usr-is-merged\nRecommends: x\n")
		      STANZA("x", "1", "") STANZA("usrmerge", "1", ""),
	      "a", "a(manifest)");
	/* a conflict with the first alternative: the solver takes the other */
	solve(STANZA("a", "1", "Depends: x | y, z\n") STANZA("x", "1", "")
		      STANZA("y", "1", "") STANZA("z", "1", "Conflicts: x\n"),
	      "a", "a(manifest) y(a) z(a)");
}
