/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the table to the machine and its faults (README.md lists them). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "machine.h"

static const struct {
	const char *name;
	int number;
} errors[] = {{"EPERM", EPERM},		{"EIO", EIO},
	      {"ENOMEM", ENOMEM},	{"EACCES", EACCES},
	      {"EFAULT", EFAULT},	{"EBUSY", EBUSY},
	      {"EINVAL", EINVAL},	{"ENOSPC", ENOSPC},
	      {"ETIMEDOUT", ETIMEDOUT}, {"ENODEV", ENODEV},
	      {"ENOENT", ENOENT},	{"EADDRINUSE", EADDRINUSE},
	      {"ENXIO", ENXIO},		{"ECONNRESET", ECONNRESET}};

static int
error_number(const char *text)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (!strcmp(text, errors[i].name))
			return errors[i].number;
	return (int)strtol(text, NULL, 10);
}

static uint64_t
milliseconds(const char *text)
{
	return (uint64_t)(strtod(text, NULL) * 1000);
}

uint64_t
table_size(const char *text, char **end)
{
	uint64_t n = strtoull(text, end, 10);

	if (**end == 'G')
		n <<= 30;
	else if (**end == 'M')
		n <<= 20;
	else if (**end == 'K')
		n <<= 10;
	else
		return 0;
	++*end;
	return n;
}

bool
table_list(const char *text, bool list[MAX_CPUS])
{
	while (*text && *text != '\n') {
		char *end;
		unsigned long from = strtoul(text, &end, 10), to = from;

		if (end == text)
			return false;
		if (*end == '-') {
			text = end + 1;
			to = strtoul(text, &end, 10);
			if (end == text)
				return false;
		}
		if (to >= MAX_CPUS || from > to)
			return false;
		for (unsigned long i = from; i <= to; i++)
			list[i] = true;
		if (*end && *end != ',' && *end != '\n')
			return false;
		text = end + (*end == ',');
	}
	return true;
}

/* "2M:64" or "1G:2/4": two now, four at most. */
static bool
add_pool(struct node *n, const char *text)
{
	struct pool *p = &n->pools[n->n_pools];
	char *end;

	if (n->n_pools == MAX_SIZES)
		return false;
	p->size = table_size(text, &end);
	if (!p->size || *end != ':')
		return false;
	p->total = p->most = (unsigned)strtoul(end + 1, &end, 10);
	if (*end == '/')
		p->most = (unsigned)strtoul(end + 1, &end, 10);
	p->taken = encl_xcalloc(p->most + 1, sizeof *p->taken);
	n->n_pools++;
	return !*end && p->total <= p->most;
}

/* "node 0 cpus 0-7 memory 16384 pages 2M:64 pages 1G:2" */
static const char *
add_node(struct machine *m, char **save)
{
	const char *id = strtok_r(NULL, " ", save);
	unsigned number = id ? (unsigned)strtoul(id, NULL, 10) : MAX_NODES;
	const char *key, *value;
	bool list[MAX_CPUS] = {false};

	if (number >= MAX_NODES)
		return "no such node";
	m->nodes[number].there = true;
	while ((key = strtok_r(NULL, " ", save)) && (value = strtok_r(NULL, " ", save))) {
		if (!strcmp(key, "cpus") && !table_list(value, list))
			return "cpus is no list";
		if (!strcmp(key, "memory"))
			m->nodes[number].memory_mib = strtoull(value, NULL, 10);
		if (!strcmp(key, "pages") && !add_pool(&m->nodes[number], value))
			return "pages is not SIZE:NUMBER";
	}
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (list[i])
			m->cpus[i] = (struct cpu){.there = true,
						  .online = true,
						  .node = number,
						  .core = i / m->threads};
	return "";
}

/* "fault START 1-2 EBUSY", "fault VCPU * 272"; calls are counted from here */
static const char *
add_fault(struct machine *m, char **save)
{
	const char *op = strtok_r(NULL, " ", save), *which = strtok_r(NULL, " ", save);
	const char *error = strtok_r(NULL, " ", save);
	struct fault *f = &m->faults[m->n_faults];
	char *end;

	if (!error || m->n_faults == MAX_FAULTS || strlen(op) >= sizeof f->op)
		return "write fault OP CALL ERROR";
	*f = (struct fault){.from = 1, .to = UINT32_MAX, .error = error_number(error)};
	memcpy(f->op, op, strlen(op));
	if (*which != '*') {
		f->from = f->to = (unsigned)strtoul(which, &end, 10);
		if (*end == '-')
			f->to = (unsigned)strtoul(end + 1, NULL, 10);
	}
	if (f->error <= 0)
		return "no such error";
	m->n_faults++;
	for (size_t i = 0; i < sizeof m->calls / sizeof *m->calls; i++)
		if (!strcmp(m->calls[i].op, op))
			m->calls[i].n = 0;
	return "";
}

/* "slow MEMORY 2": each of these calls takes so long */
static const char *
set_slow(struct machine *m, const char *op, const char *seconds)
{
	if (!seconds || strlen(op) >= sizeof m->slow.op)
		return "write slow CALL SECONDS";
	memset(m->slow.op, 0, sizeof m->slow.op);
	memcpy(m->slow.op, op, strlen(op));
	m->slow.ms = milliseconds(seconds);
	return "";
}

static const char *
set_pool(struct machine *m, const char *list)
{
	char path[] = "/sys/module/nitro_enclaves/parameters/ne_cpus";

	return tree_store(m, path, list) ? "not a pool" : "";
}

static const char *
set_enclave(struct machine *m, const char *key, const char *value, char **save)
{
	if (!strcmp(key, "boot")) {
		m->qemu = !strcmp(value, "qemu");
	} else if (!strcmp(key, "heartbeat")) {
		/* none | 0xb7 [SECONDS] */
		const char *late = strtok_r(NULL, " ", save);

		m->heartbeat =
			!strcmp(value, "none") ? -1 : (int)strtol(value, NULL, 0) & 255;
		m->beat_ms = late ? milliseconds(late) : 1;
	} else if (!strcmp(key, "end")) {
		m->end_ms = strcmp(value, "never") ? milliseconds(value) + 1 : 0;
	} else if (!strcmp(key, "stranger")) {
		m->stranger = (uint32_t)strtoul(value, NULL, 10);
	} else if (!strcmp(key, "cid")) {
		m->next_cid = (uint32_t)strtoul(value, NULL, 10);
	} else if (!strcmp(key, "console")) {
		snprintf(m->console, sizeof m->console, "%s%s%s\r\n", value,
			 **save ? " " : "", *save);
	} else {
		return "unknown";
	}
	return "";
}

const char *
table_line(struct machine *m, char *line)
{
	char *save = NULL;
	const char *key, *value;

	line[strcspn(line, "#\n")] = 0;
	key = strtok_r(line, " \t", &save);
	if (!key)
		return "";
	if (!strcmp(key, "node"))
		return add_node(m, &save);
	if (!strcmp(key, "fault"))
		return add_fault(m, &save);
	value = strtok_r(NULL, " ", &save);
	if (!value)
		return "a value is missing";
	if (!strcmp(key, "faults")) { /* none */
		m->n_faults = 0;
		m->slow.ms = 0;
		memset(m->calls, 0, sizeof m->calls);
	} else if (!strcmp(key, "threads")) {
		m->threads = (unsigned)strtoul(value, NULL, 10);
	} else if (!strcmp(key, "local")) {
		m->local_node = (unsigned)strtoul(value, NULL, 10) % MAX_NODES;
	} else if (!strcmp(key, "driver")) {
		m->driver = m->device = !strcmp(value, "yes");
	} else if (!strcmp(key, "device")) {
		m->device = !strcmp(value, "yes");
	} else if (!strcmp(key, "regions")) {
		m->max_regions = (unsigned)strtoul(value, NULL, 10);
	} else if (!strcmp(key, "scattered")) {
		m->scattered = !strcmp(value, "yes");
	} else if (!strcmp(key, "slow")) {
		return set_slow(m, value, strtok_r(NULL, " ", &save));
	} else if (!strcmp(key, "pool")) {
		return set_pool(m, value);
	} else {
		return set_enclave(m, key, value, &save);
	}
	return "";
}

int
table_fault(struct machine *m, const char *op)
{
	unsigned n = 0;

	if (m->slow.ms && !strcmp(m->slow.op, op)) {
		say(m, "slow %s", op);
		encl_clock_sleep(m->slow.ms);
	}
	for (size_t i = 0; i < sizeof m->calls / sizeof *m->calls; i++) {
		if (!*m->calls[i].op)
			snprintf(m->calls[i].op, sizeof m->calls[i].op, "%s", op);
		if (strcmp(m->calls[i].op, op) != 0)
			continue;
		n = ++m->calls[i].n;
		break;
	}
	for (size_t i = 0; i < m->n_faults; i++)
		if (!strcmp(m->faults[i].op, op) && n >= m->faults[i].from &&
		    n <= m->faults[i].to)
			return m->faults[i].error;
	return 0;
}
