/* SPDX-License-Identifier: Apache-2.0 */
/* The records of one unit of the launch config, by one table of keys. */
#include <stdlib.h>
#include <string.h>

#include "launch/config_read.h"

enum {
	SIGNAL_MAX = 64,
	MILLISECONDS_MAX = 86400000, /* a day */
	NOFILE_MAX = 1048576	     /* the kernel's, fs.nr_open */
};

#define MEMORY_MAX ((size_t)1 << (sizeof(size_t) * 8 - 2))

enum type { TEXT, FLAG, NUMBER, WORD, STRINGS, IDS, DEPENDS };

static const char *const kinds[] = {"process", "dockerd", "container", NULL};
static const char *const restarts[] = {"no", "on-failure", "always", NULL};
static const char *const conditions[] = {"started", "healthy", "completed", NULL};
static const char *const healths[] = {"none", "command", "tcp", "http", "docker", NULL};

#define AT(member) offsetof(struct unit_config, member)

/* bit i of seen is row i */
static const struct row {
	const char *key;
	enum type type;
	size_t at;
	size_t min, max;
	const char *const *words;
} unit_keys[] = {
	{"kind", WORD, AT(kind), 0, 0, kinds},
	{"restart", WORD, AT(restart), 0, 0, restarts},
	{"stop_signal", NUMBER, AT(stop_signal), 1, SIGNAL_MAX, NULL},
	{"stop_timeout", NUMBER, AT(stop_timeout_ms), 0, MILLISECONDS_MAX, NULL},
	{"critical", FLAG, AT(critical), 0, 0, NULL},
	{"raw_output", FLAG, AT(raw_output), 0, 0, NULL},
	{"restart_max", NUMBER, AT(restart_max), 0, UINT32_MAX, NULL},
	{"depends", DEPENDS, 0, 0, 0, NULL},
	{"health", WORD, AT(health), 0, 0, healths},
	{"health_argv", STRINGS, AT(health_argv), 0, 0, NULL},
	{"health_port", NUMBER, AT(health_port), 1, PORT_MAX, NULL},
	{"health_path", TEXT, AT(health_path), 0, 0, NULL},
	{"health_interval", NUMBER, AT(health_interval_ms), 1, MILLISECONDS_MAX, NULL},
	{"health_timeout", NUMBER, AT(health_timeout_ms), 1, MILLISECONDS_MAX, NULL},
	{"health_start", NUMBER, AT(health_start_ms), 0, MILLISECONDS_MAX, NULL},
	{"health_retries", NUMBER, AT(health_retries), 1, UINT32_MAX, NULL},
	{"argv", STRINGS, AT(argv), 0, 0, NULL},
	{"env", STRINGS, AT(env), 0, 0, NULL},
	{"uid", IDS, AT(uid), 0, 0, NULL},
	{"gid", IDS, AT(gid), 0, 0, NULL},
	{"group", IDS, AT(groups), 0, 0, NULL},
	{"workdir", TEXT, AT(workdir), 0, 0, NULL},
	{"home", TEXT, AT(home), 0, 0, NULL},
	{"memory", NUMBER, AT(memory), 1, MEMORY_MAX, NULL},
	{"cpu_milli", NUMBER, AT(cpu_milli), 1, UINT32_MAX, NULL},
	{"pids", NUMBER, AT(pids), 1, UINT32_MAX, NULL},
	{"nofile", NUMBER, AT(nofile), 1, NOFILE_MAX, NULL},
	{"data_root", TEXT, AT(data_root), 0, 0, NULL},
	{"storage_mib", NUMBER, AT(storage_mib), 1, MEMORY_MAX >> 20, NULL},
	{"store", TEXT, AT(store), 0, 0, NULL},
	{"archive", TEXT, AT(archive), 0, 0, NULL},
	{"network", TEXT, AT(network), 0, 0, NULL},
	{"start_timeout", NUMBER, AT(start_timeout_ms), 1, MILLISECONDS_MAX, NULL},
	{"create", TEXT, AT(create), 0, 0, NULL},
};

static bool
ids_add(struct ids *list, const char *text)
{
	uint32_t *grown;
	size_t id;

	if (!config_number(text, UINT32_MAX - 1, &id))
		return false;
	grown = realloc(list->v, (list->n + 1) * sizeof *grown);
	if (!grown)
		return false;
	list->v = grown;
	list->v[list->n++] = (uint32_t)id;
	return true;
}

/* "NAME CONDITION", NAME a unit before this one. */
static const char *
take_depends(const struct config *c, struct unit_config *u, char *text)
{
	char *space = strchr(text, ' ');
	int condition = space ? config_word(space + 1, conditions) : -1;
	struct dependency *grown;

	if (condition < 0)
		return "a dependency is not NAME started|healthy|completed";
	*space = 0;
	for (const struct unit_config *p = c->units; strcmp(p->name, text) != 0; p++)
		if (p == u)
			return "a unit depends on one that is not before it";
	if (strcmp(u->name, text) == 0)
		return "a unit depends on one that is not before it";
	grown = realloc(u->depends, (u->n_depends + 1) * sizeof *grown);
	if (!grown)
		return "no memory";
	u->depends = grown;
	grown[u->n_depends++] = (struct dependency){text, (enum condition)condition};
	return NULL;
}

static const char *
take_number(const struct row *row, char *text, void *at)
{
	size_t *number = at;

	if (config_number(text, row->max, number) && *number >= row->min)
		return NULL;
	return "a number is none, or out of range";
}

static const char *
take_word(const struct row *row, const char *text, void *at)
{
	int i = config_word(text, row->words);

	if (i < 0)
		return "a word is unknown";
	*(unsigned *)at = (unsigned)i; /* each enum here is as large */
	return NULL;
}

static const char *
take_value(const struct config *c, struct unit_config *u, const struct row *row,
	   char *text)
{
	void *at = (char *)u + row->at;

	switch (row->type) {
	case TEXT:
		*(const char **)at = text;
		return NULL;
	case FLAG:
		*(bool *)at = true;
		return *text ? "a flag has a value" : NULL;
	case NUMBER:
		return take_number(row, text, at);
	case WORD:
		return take_word(row, text, at);
	case STRINGS:
		return strings_add(at, text) ? "no memory" : NULL;
	case IDS:
		return ids_add(at, text) ? NULL : "an id is not a number";
	case DEPENDS:
		return take_depends(c, u, text);
	}
	return "a key is unknown";
}

const char *
config_unit_take(struct config *c, struct unit_config *u, const struct record *r,
		 uint64_t *seen)
{
	for (size_t i = 0; i < sizeof unit_keys / sizeof *unit_keys; i++) {
		const struct row *row = &unit_keys[i];
		uint64_t bit = (uint64_t)1 << i;
		bool many =
			row->type == STRINGS || row->type == IDS || row->type == DEPENDS;

		if (strcmp(row->key, r->key) != 0)
			continue;
		if (!many && (*seen & bit))
			return "a key is there twice";
		*seen |= bit;
		return take_value(c, u, row, r->value);
	}
	return "a key is unknown";
}

static bool
has(uint64_t seen, const char *key)
{
	for (size_t i = 0; i < sizeof unit_keys / sizeof *unit_keys; i++)
		if (strcmp(unit_keys[i].key, key) == 0)
			return seen & (uint64_t)1 << i;
	return false;
}

static bool
has_all(uint64_t seen, const char *const *keys)
{
	for (; *keys; keys++)
		if (!has(seen, *keys))
			return false;
	return true;
}

static const char *
check_health(const struct unit_config *u, uint64_t seen)
{
	static const char *const times[] = {"health_interval", "health_timeout",
					    "health_start", "health_retries", NULL};
	bool port = u->health == HEALTH_TCP || u->health == HEALTH_HTTP;

	if (u->health == HEALTH_NONE)
		return NULL;
	if (u->health == HEALTH_DOCKER)
		return u->kind == UNIT_CONTAINER ? NULL
						 : "only a container asks the daemon";
	if (!has_all(seen, times) || (u->health == HEALTH_COMMAND && !u->health_argv.n) ||
	    (port && !u->health_port) ||
	    (u->health == HEALTH_HTTP && (!u->health_path || *u->health_path != '/')))
		return "a health check lacks a key";
	return u->health == HEALTH_COMMAND && u->kind == UNIT_CONTAINER
		       ? "a container's command is for the daemon to check"
		       : NULL;
}

const char *
config_unit_check(const struct unit_config *u, uint64_t seen)
{
	static const char *const any[] = {"kind", "restart", "stop_signal",
					  "stop_timeout", NULL};
	static const char *const dockerd[] = {"data_root", "storage_mib", "start_timeout",
					      NULL};

	if (!has_all(seen, any))
		return "a unit lacks kind, restart, stop_signal or stop_timeout";
	if (u->kind == UNIT_CONTAINER && !u->create)
		return "a container lacks create";
	if (u->kind != UNIT_CONTAINER &&
	    (!u->argv.n || !u->workdir || u->uid.n != 1 || u->gid.n != 1))
		return "a unit lacks argv, workdir, uid or gid";
	if (u->kind == UNIT_DOCKERD && !has_all(seen, dockerd))
		return "the daemon lacks data_root, storage_mib or start_timeout";
	return check_health(u, seen);
}

void
config_unit_clear(struct unit_config *u)
{
	free(u->depends);
	free(u->health_argv.v);
	free(u->argv.v);
	free(u->env.v);
	free(u->uid.v);
	free(u->gid.v);
	free(u->groups.v);
}
