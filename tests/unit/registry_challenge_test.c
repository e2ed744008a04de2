/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate: several challenges, quoted strings, garbage; scopes. */
#include "registry/challenge.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "registry/scopes.h"
#include "test.h"

static const char *
shown(const struct encl_challenge *c)
{
	static char text[512];
	static const char *const kinds[] = {"none", "basic", "bearer"};

	snprintf(text, sizeof text, "%s|%s|%s|%s|%s", kinds[c->kind],
		 c->realm ? c->realm : "-", c->service ? c->service : "-",
		 c->scope ? c->scope : "-", c->error ? c->error : "-");
	return text;
}

TEST(registry_challenge_one_field)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{"Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\"",
		 "bearer|https://a/t|s|repository:x:pull,push|-"},
		{"bearer REALM=\"https://a/t\" , Service=s , error=\"insufficient_scope\"",
		 "bearer|https://a/t|s|-|insufficient_scope"},
		{"Basic realm=\"Registry Realm\"", "basic|Registry Realm|-|-|-"},
		{"BASIC", "basic|-|-|-|-"},
		{"Negotiate, Basic realm=x", "basic|x|-|-|-"},
		{"Negotiate YII=, Bearer realm=\"https://a\"", "bearer|https://a|-|-|-"},
		{"Digest realm=\"d\", nonce=\"1\", Bearer realm=\"b\"", "bearer|b|-|-|-"},
		{"Basic realm=\"a\", Bearer realm=\"b\",service=\"s\"", "basic|a|-|-|-"},
		{"Bearer realm=\"a \\\"q\\\" \\\\, b\",service=s",
		 "bearer|a \"q\" \\, b|s|-|-"},
		{"Bearer realm=\"a\",realm=\"b\"", "bearer|a|-|-|-"},
		{"Bearer realm=\"never ends", "bearer|-|-|-|-"},
		{"Bearer realm=\"a\x01\"", "bearer|-|-|-|-"},
		{"Bearer realm = \"a\" ; service=b", "bearer|a|-|-|-"},
		{"Bearer other=1,scope=", "bearer|-|-||-"},
		{",, ,Bearer realm=a", "bearer|a|-|-|-"},
		{"realm=\"a\"", "none|-|-|-|-"},
		{"\"Bearer\" realm=a", "none|-|-|-|-"},
		{"@@@, Basic realm=a", "basic|a|-|-|-"},
		{"", "none|-|-|-|-"},
		{"Bearerrealm=a", "none|-|-|-|-"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		encl_auto(encl_challenge_clear) struct encl_challenge c = {0};

		encl_challenge_read(cases[i].value, &c);
		EQ_STR(cases[i].want, shown(&c));
	}
}

TEST(registry_challenge_the_first_counts)
{
	encl_auto(encl_challenge_clear) struct encl_challenge c = {0};

	encl_challenge_read("Negotiate", &c);
	encl_challenge_read("Bearer realm=a", &c);
	encl_challenge_read("Basic realm=b", &c);
	encl_challenge_read("service=s", &c);
	EQ_STR("bearer|a|-|-|-", shown(&c));
}

TEST(registry_challenge_values_have_a_limit)
{
	encl_auto(encl_challenge_clear) struct encl_challenge c = {0};
	encl_auto(encl_free) char *value = encl_xmalloc(6000);

	memset(value, 'x', 5999);
	memcpy(value, "Bearer realm=", 13);
	value[5999] = 0;
	encl_challenge_read(value, &c);
	EQ_STR("bearer|-|-|-|-", shown(&c));
}

static const char *
all(const struct encl_scopes *s)
{
	static char text[1024];
	size_t n = 0;

	text[0] = 0;
	for (size_t i = 0; i < s->n; i++) {
		encl_auto(encl_free) char *one = encl_scope_text(&s->v[i]);

		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "",
				      one);
	}
	return text;
}

TEST(registry_scopes_text)
{
	encl_auto(encl_scopes_clear) struct encl_scopes s = {0};

	encl_scopes_add_text(&s, "repository:a/b:push,pull  registry:catalog:* aws "
				 "repository:host:5000/a:* repository:a/b:delete "
				 "repository:x:admin repository:y repository:z:");
	EQ_STR("repository:a/b:delete,pull,push registry:catalog:* aws "
	       "repository:host:5000/a:* repository:x:admin repository:y repository:z:",
	       all(&s));
	CHECK(encl_scopes_have_head(&s, "repository:a/b"));
	CHECK(!encl_scopes_have_head(&s, "repository:a"));
}

TEST(registry_scopes_cover)
{
	encl_auto(encl_scopes_clear) struct encl_scopes have = {0};
	encl_auto(encl_scopes_clear) struct encl_scopes need = {0};

	CHECK(encl_scopes_cover(&have, &need));
	encl_scopes_add_repository(&need, "a", ENCL_SCOPE_PULL);
	CHECK(!encl_scopes_cover(&have, &need));
	encl_scopes_add_repository(&have, "a", ENCL_SCOPE_PULL | ENCL_SCOPE_PUSH);
	CHECK(encl_scopes_cover(&have, &need));
	encl_scopes_add_repository(&need, "a", ENCL_SCOPE_DELETE);
	CHECK(!encl_scopes_cover(&have, &need));
	encl_scopes_add_text(&have, "repository:a:*");
	CHECK(encl_scopes_cover(&have, &need));
	encl_scopes_add_repository(&need, "b", ENCL_SCOPE_PULL);
	CHECK(!encl_scopes_cover(&have, &need));
	encl_scopes_add_all(&have, &need);
	CHECK(encl_scopes_cover(&have, &need));
}

TEST(registry_scopes_are_bounded)
{
	encl_auto(encl_scopes_clear) struct encl_scopes s = {0};
	char text[1100];

	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof text, "kind%d", i);
		encl_scopes_add_text(&s, text);
	}
	EQ_INT(ENCL_SCOPES_MAX, s.n);
	encl_scopes_clear(&s);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	encl_scopes_add_text(&s, text);
	EQ_INT(0, s.n);
}
