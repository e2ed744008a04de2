/* SPDX-License-Identifier: Apache-2.0 */
/* The launch config: length-prefixed records to a struct. */
#include "launch/config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "enclave-launch 1\n"

enum { MEMORY_SHORT = -1 };

struct input {
	char *at;
	char *end;
};

struct record {
	const char *key;
	char *value; /* NUL-terminated */
};

int
strings_add(struct strings *list, char *s)
{
	/* Room doubles: n entries and a NULL fit into the power of two above. */
	if ((list->n & (list->n + 1)) == 0) {
		char **grown = realloc(list->v, (list->n + 1) * 2 * sizeof *grown);

		if (!grown)
			return MEMORY_SHORT;
		list->v = grown;
	}
	list->v[list->n++] = s;
	list->v[list->n] = NULL;
	return 0;
}

static bool
number(const char *text, size_t max, size_t *out)
{
	size_t v = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (size_t)(*text - '0');
		if (v > max)
			return false;
	}
	*out = v;
	return true;
}

static bool
ids_add(struct ids *list, const char *text)
{
	uint32_t *grown;
	size_t id;

	if (!number(text, UINT32_MAX - 1, &id))
		return false;
	grown = realloc(list->v, (list->n + 1) * sizeof *grown);
	if (!grown)
		return false;
	list->v = grown;
	list->v[list->n++] = (uint32_t)id;
	return true;
}

/* "KEY LENGTH\n", the bytes, "\n". */
static const char *
next_record(struct input *in, struct record *r)
{
	char *newline = memchr(in->at, '\n', (size_t)(in->end - in->at));
	char *space;
	size_t len;

	if (!newline)
		return "it ends without its end record";
	*newline = 0;
	space = strchr(in->at, ' ');
	if (!space || !number(space + 1, SIZE_MAX / 16, &len))
		return "a record has no length";
	*space = 0;
	r->key = in->at;
	r->value = newline + 1;
	if (len >= (size_t)(in->end - r->value) || r->value[len] != '\n')
		return "a record is shorter than its length";
	r->value[len] = 0;
	if (strlen(r->value) != len)
		return "a record holds a NUL byte";
	in->at = r->value + len + 1;
	return NULL;
}

static const char *
set_once(const char **slot, const char *value)
{
	if (*slot)
		return "a key is there twice";
	*slot = value;
	return NULL;
}

static const char *
take(struct config *c, const struct record *r)
{
	const struct {
		const char *key;
		struct strings *strings;
		struct ids *ids;
		const char **text;
	} keys[] = {
		{"argv", &c->argv, NULL, NULL},
		{"env", &c->env, NULL, NULL},
		{"host", &c->hosts, NULL, NULL},
		{"nameserver", &c->nameservers, NULL, NULL},
		{"uid", NULL, &c->uid, NULL},
		{"gid", NULL, &c->gid, NULL},
		{"group", NULL, &c->groups, NULL},
		{"workdir", NULL, NULL, &c->workdir},
		{"hostname", NULL, NULL, &c->hostname},
		{"home", NULL, NULL, &c->home},
	};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (strcmp(keys[i].key, r->key) != 0)
			continue;
		if (keys[i].text)
			return set_once(keys[i].text, r->value);
		if (keys[i].ids)
			return ids_add(keys[i].ids, r->value) ? NULL
							      : "an id is not a number";
		return strings_add(keys[i].strings, r->value) ? "no memory" : NULL;
	}
	return "a key is unknown";
}

const char *
config_parse(char *text, size_t len, struct config *c)
{
	struct input in = {text, text + len};
	const size_t magic = sizeof MAGIC - 1;
	const char *wrong = NULL;

	memset(c, 0, sizeof *c);
	if (len < magic || memcmp(text, MAGIC, magic) != 0)
		return "it is not of this version";
	in.at += magic;
	while (!wrong) {
		struct record r;

		wrong = next_record(&in, &r);
		if (wrong)
			return wrong;
		if (strcmp(r.key, "end") == 0)
			break;
		wrong = take(c, &r);
	}
	if (!wrong && in.at != in.end)
		return "it goes on behind its end record";
	if (!wrong && (!c->argv.n || !c->workdir || c->uid.n != 1 || c->gid.n != 1))
		return "it lacks argv, workdir, uid or gid";
	return wrong;
}

void
config_clear(struct config *c)
{
	free(c->argv.v);
	free(c->env.v);
	free(c->hosts.v);
	free(c->nameservers.v);
	free(c->uid.v);
	free(c->gid.v);
	free(c->groups.v);
	memset(c, 0, sizeof *c);
}
