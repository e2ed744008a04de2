/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cgroup for each unit, /sys/fs/cgroup/enclave/NAME: its limits, the end of
 * what a unit leaves behind, and in memory.events how many processes the kernel
 * killed for want of memory.  Without cgroup2 (AWS's init mounts version 1)
 * that is not known and stays 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/file.h"
#include "launch/launch.h"
#include "launch/process.h"

#define ROOT	"/sys/fs/cgroup"
#define ENCLAVE ROOT "/enclave"

static bool there;

/* ENCLAVE/NAME/FILE; names are short (config.c), so this fits. */
static const char *
path(const char *name, const char *file)
{
	static char text[256];
	const char *parts[] = {ENCLAVE, "/", name, "/", file};
	size_t n = 0;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		size_t len = strlen(parts[i]);

		if (n + len >= sizeof text)
			break;
		memcpy(text + n, parts[i], len);
		n += len;
	}
	text[n] = 0;
	return text;
}

void
cgroup_start(void)
{
	static const char *const controllers[] = {"+memory", "+pids", "+cpu"};
	size_t len;
	char *probe = guest_read_file(ROOT "/cgroup.controllers", 4096, &len);

	if (!probe)
		return;
	free(probe);
	if (guest_mkdir(ENCLAVE, 0755)) {
		say("warning: cgroup enclave: ", guest_why());
		return;
	}
	/* One by one: a kernel without one still has the others. */
	for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
		guest_put(ENCLAVE "/cgroup.subtree_control", controllers[i]);
	there = true;
}

static void
limit(const struct unit_config *c, const char *file, const char *value)
{
	if (guest_put(path(c->name, file), value))
		say("warning: ", c->name, ": limit ", file, ": ", guest_why());
}

/* "QUOTA PERIOD" in microseconds. */
static void
limit_cpu(const struct unit_config *c)
{
	const char *quota = guest_dec(c->cpu_milli * 100);
	char text[40];
	size_t n = strlen(quota);

	memcpy(text, quota, n);
	memcpy(text + n, " 100000", sizeof " 100000");
	limit(c, "cpu.max", text);
}

void
cgroup_make(const struct unit_config *c)
{
	if (!there) {
		if (c->memory || c->cpu_milli || c->pids)
			say("warning: ", c->name,
			    ": the kernel has no cgroup version 2: its limits are not set");
		return;
	}
	if (guest_mkdir(path(c->name, ""), 0755)) {
		say("warning: cgroup of ", c->name, ": ", guest_why());
		return;
	}
	if (c->memory) {
		limit(c, "memory.max", guest_dec(c->memory));
		/* a kernel without swap has no such file */
		guest_put(path(c->name, "memory.swap.max"), "0");
		limit(c, "memory.oom.group", "1");
	}
	if (c->cpu_milli)
		limit_cpu(c);
	if (c->pids)
		limit(c, "pids.max", guest_dec(c->pids));
}

void
cgroup_enter(const char *name)
{
	if (there)
		guest_put(path(name, "cgroup.procs"), "0");
}

void
cgroup_kill(const char *name)
{
	if (there)
		guest_put(path(name, "cgroup.kill"), "1");
}

unsigned long
cgroup_oom_kills(const char *name)
{
	static const char key[] = "\noom_kill ";
	size_t len;
	char *text =
		there ? guest_read_file(path(name, "memory.events"), 4096, &len) : NULL;
	const char *line = text ? strstr(text, key) : NULL;
	unsigned long n = line ? strtoul(line + sizeof key - 1, NULL, 10) : 0;

	free(text);
	return n;
}

/* "6,712,133600202,-;oom-kill:…,task_memcg=/docker/ID,…"; before 5.0 "Task in
 * /docker/ID killed as a result of limit of …".  Facility 0 is the kernel: what
 * a program writes there has another. */
static bool
tells_oom(const char *record, const char *id)
{
	return record[0] && record[1] == ',' && strstr(record, id) &&
	       (strstr(record, ";oom-kill:") ||
		strstr(record, " killed as a result of "));
}

int
cgroup_oom_watch(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

bool
cgroup_oom_seen(int fd, const char *id)
{
	char record[8192]; /* the kernel's own limit */
	bool found = false;
	ssize_t n = 0;

	while (fd >= 0 && *id && !found) {
		n = read(fd, record, sizeof record - 1);
		if (n <= 0 && !(n < 0 && errno == EPIPE)) /* some are gone: go on */
			break;
		record[n > 0 ? n : 0] = 0;
		found = tells_oom(record, id);
	}
	return found;
}
