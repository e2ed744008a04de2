/* SPDX-License-Identifier: Apache-2.0 */
/* The launch config: length-prefixed records to a struct. */
#include "launch/config.h"

#include <stdlib.h>
#include <string.h>

#include "launch/config_read.h"
#include "launch/egress_rules.h"

#define MAGIC "enclave-launch 2\n"

enum { MEMORY_SHORT = -1 };

struct input {
	char *at;
	char *end;
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

bool
config_number(const char *text, size_t max, size_t *out)
{
	size_t v = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(v, (size_t)10, &v) ||
		    __builtin_add_overflow(v, (size_t)(*text - '0'), &v) || v > max)
			return false;
	}
	*out = v;
	return true;
}

int
config_word(const char *text, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
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
	if (!space || !config_number(space + 1, SIZE_MAX / 16, &len))
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

char *
config_cut(char **text)
{
	char *word = *text;
	char *space = strchr(word, ' ');

	if (!space || space == word)
		return NULL;
	*space = 0;
	*text = space + 1;
	return word;
}

void *
config_grow(void **v, size_t *n, size_t size)
{
	char *grown = realloc(*v, (*n + 1) * size);

	if (!grown)
		return NULL;
	*v = grown;
	memset(grown + *n * size, 0, size);
	return grown + (*n)++ * size;
}

/* "NAME VSOCK TCP" */
static const char *
take_ingress(struct config *c, char *text)
{
	struct ingress *in =
		config_grow((void **)&c->ingress, &c->n_ingress, sizeof *c->ingress);
	const char *vsock;

	if (!in)
		return "no memory";
	in->name = config_cut(&text);
	vsock = in->name ? config_cut(&text) : NULL;
	if (!vsock || !config_number(vsock, UINT32_MAX - 1, &in->vsock) ||
	    !config_number(text, PORT_MAX, &in->tcp) || !in->tcp)
		return "an ingress is not NAME VSOCK TCP";
	return NULL;
}

/* "NAME VSOCK MIB ro|rw PATH" */
static const char *
take_exchange(struct config *c, char *text)
{
	static const char *const modes[] = {"ro", "rw", NULL};
	struct exchange *x = config_grow((void **)&c->exchanges, &c->n_exchanges,
					 sizeof *c->exchanges);
	const char *vsock;
	const char *mib;
	const char *mode;
	int writable;

	if (!x)
		return "no memory";
	x->name = config_cut(&text);
	vsock = x->name ? config_cut(&text) : NULL;
	mib = vsock ? config_cut(&text) : NULL;
	mode = mib ? config_cut(&text) : NULL;
	writable = mode ? config_word(mode, modes) : -1;
	if (writable < 0 || !config_number(vsock, UINT32_MAX - 1, &x->vsock) ||
	    !config_number(mib, SIZE_MAX >> 20, &x->max_mib) || *text != '/')
		return "an exchange is not NAME VSOCK MIB ro|rw PATH";
	x->writable = writable;
	x->path = text;
	return NULL;
}

/* A port once, then addresses and rules. */
static const char *
take_egress(struct config *c, const struct record *r)
{
	struct egress_rule *rule;

	if (strcmp(r->key, "egress") == 0) {
		if (c->egress)
			return "a key is there twice";
		return config_number(r->value, PORT_MAX, &c->egress) && c->egress
			       ? NULL
			       : "the port of egress is none";
	}
	if (!c->egress)
		return "a rule of egress is there without it";
	if (strcmp(r->key, "egress_gateway") == 0)
		return strings_add(&c->egress_gateways, r->value) ? "no memory" : NULL;
	rule = config_grow((void **)&c->allow, &c->n_allow, sizeof *c->allow);
	if (!rule)
		return "no memory";
	return egress_rule_parse(r->value, rule) ? NULL : "a rule of egress is none";
}

/* Records in front of the first unit. */
static const char *
take(struct config *c, const struct record *r)
{
	if (strcmp(r->key, "host") == 0)
		return strings_add(&c->hosts, r->value) ? "no memory" : NULL;
	if (strcmp(r->key, "nameserver") == 0)
		return strings_add(&c->nameservers, r->value) ? "no memory" : NULL;
	if (strcmp(r->key, "ingress") == 0)
		return take_ingress(c, r->value);
	if (strcmp(r->key, "egress") == 0 || strcmp(r->key, "egress_gateway") == 0 ||
	    strcmp(r->key, "egress_allow") == 0)
		return take_egress(c, r);
	if (strcmp(r->key, "attest") == 0 || strcmp(r->key, "attest_gateway") == 0 ||
	    strcmp(r->key, "extend") == 0 || strcmp(r->key, "lock") == 0)
		return config_attest_take(c, r);
	if (strcmp(r->key, "exchange") == 0)
		return take_exchange(c, r->value);
	if (strcmp(r->key, "exec") == 0) {
		if (*r->value)
			return "a flag has a value";
		if (c->exec)
			return "a key is there twice";
		c->exec = true;
		return NULL;
	}
	if (strcmp(r->key, "hostname") != 0)
		return "a key is unknown";
	if (c->hostname)
		return "a key is there twice";
	c->hostname = r->value;
	return NULL;
}

/* The name is a part of a path (its cgroup) and of lines of the console. */
static bool
is_name(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n > 0 && n < 64 && !text[n] && *text != '.' && *text != '-';
}

static const char *
begin_unit(struct config *c, const char *name)
{
	struct unit_config *u;

	if (!is_name(name))
		return "a unit's name is not one";
	for (size_t i = 0; i < c->n_units; i++)
		if (strcmp(c->units[i].name, name) == 0)
			return "two units have one name";
	u = config_grow((void **)&c->units, &c->n_units, sizeof *c->units);
	if (!u)
		return "no memory";
	u->name = name;
	return NULL;
}

/* All records; *seen are those of the last unit. */
static const char *
read_records(struct input *in, struct config *c, uint64_t *seen)
{
	for (;;) {
		struct record r;
		struct unit_config *last = c->n_units ? &c->units[c->n_units - 1] : NULL;
		const char *wrong = next_record(in, &r);
		bool end = !wrong && strcmp(r.key, "end") == 0;

		if (wrong)
			return wrong;
		if (end || strcmp(r.key, "unit") == 0) {
			wrong = last ? config_unit_check(last, *seen) : NULL;
			if (!wrong && !end)
				wrong = begin_unit(c, r.value);
			*seen = 0;
		} else {
			wrong = last ? config_unit_take(c, last, &r, seen) : take(c, &r);
		}
		if (end || wrong)
			return wrong;
	}
}

const char *
config_parse(char *text, size_t len, struct config *c)
{
	struct input in = {text, text + len};
	const size_t magic = sizeof MAGIC - 1;
	const char *wrong;
	uint64_t seen = 0;

	memset(c, 0, sizeof *c);
	if (len < magic || memcmp(text, MAGIC, magic) != 0)
		return "it is not of this version";
	in.at += magic;
	wrong = read_records(&in, c, &seen);
	if (!wrong && in.at != in.end)
		return "it goes on behind its end record";
	if (!wrong && !c->n_units)
		return "it has no unit";
	return wrong;
}

void
config_clear(struct config *c)
{
	for (size_t i = 0; i < c->n_units; i++)
		config_unit_clear(&c->units[i]);
	free(c->units);
	free(c->ingress);
	free(c->egress_gateways.v);
	free(c->allow);
	free(c->attest_gateways.v);
	free(c->extend);
	free(c->exchanges);
	free(c->hosts.v);
	free(c->nameservers.v);
	memset(c, 0, sizeof *c);
}
