/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch's config (ramdisk/launch_config.h) to what it declares of memory.  The image
 * may be anybody's: what is not understood is passed over, and numbers have an end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/parse.h"
#include "launch/memory.h"
#include "ramdisk/launch_config.h"

enum { MIB_MAX = 1 << 24, UNITS_MAX = 4096 };

enum kind { PROCESS, DAEMON, CONTAINER };

struct reading {
	struct encl_memory_need *need;
	size_t n_units;
	enum kind kind;
	uint64_t limit; /* bytes, of the unit at hand */
};

static uint64_t
number(const char *text, uint64_t max)
{
	uint64_t n;

	return encl_parse_uint(text, 10, max, &n) ? n : 0;
}

/* HostConfig.Memory of a container's request. */
static uint64_t
container_limit(const char *text, size_t n)
{
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_err e;
	json_int_t bytes;

	if (encl_json_parse(text, n, "create", &doc, &e))
		return 0;
	bytes = json_integer_value(
		json_object_get(json_object_get(doc, "HostConfig"), "Memory"));
	return bytes > 0 && bytes <= (json_int_t)MIB_MAX << 20 ? (uint64_t)bytes : 0;
}

static void
end_unit(struct reading *r)
{
	if (!r->n_units || r->n_units > UNITS_MAX)
		return;
	if (r->kind == DAEMON) {
		r->need->docker = true;
		return;
	}
	r->need->n_containers += r->kind == CONTAINER;
	if (r->limit)
		r->need->limits += (r->limit + (1 << 20) - 1) >> 20;
	else
		r->need->n_unlimited++;
}

/* "NAME VSOCK MIB rw PATH" */
static uint64_t
exchange_mib(const char *text)
{
	const char *port = strchr(text, ' ');
	const char *mib = port ? strchr(port + 1, ' ') : NULL;
	char digits[12] = {0};

	if (!mib)
		return 0;
	memcpy(digits, mib + 1, strnlen(mib + 1, sizeof digits - 1));
	digits[strspn(digits, "0123456789")] = '\0';
	return number(digits, MIB_MAX);
}

static void
take(struct reading *r, const char *key, const char *value, size_t n)
{
	if (!strcmp(key, "unit")) {
		end_unit(r);
		r->n_units++;
		r->kind = PROCESS;
		r->limit = 0;
	} else if (!strcmp(key, "kind")) {
		r->kind = !strcmp(value, "dockerd")	? DAEMON
			  : !strcmp(value, "container") ? CONTAINER
							: PROCESS;
	} else if (!strcmp(key, "memory")) {
		r->limit = number(value, (uint64_t)MIB_MAX << 20);
	} else if (!strcmp(key, "storage_mib")) {
		r->need->storage = number(value, MIB_MAX);
	} else if (!strcmp(key, "exchange") && !r->n_units) {
		r->need->exchange += exchange_mib(value);
	} else if (!strcmp(key, "create")) {
		r->limit = container_limit(value, n);
	}
}

bool
encl_memory_of_config(const char *text, size_t n, struct encl_memory_need *need)
{
	struct encl_memory_need sums = *need;
	struct reading r = {.need = &sums};
	struct encl_launch_item item = {.key = ""};
	size_t at = encl_launch_config_begin(text, n);

	if (!at)
		return false;
	while (strcmp(item.key, "end") != 0) {
		size_t used = encl_launch_config_next(text + at, n - at, &item);
		encl_auto(encl_free) char *value = NULL;

		if (!used)
			return false;
		value = encl_xstrndup(item.value, item.n);
		take(&r, item.key, value, item.n);
		at += used;
	}
	end_unit(&r);
	if (!r.n_units)
		return false;
	*need = sums;
	return true;
}
