/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan to the machine: the pool is emptied (which the driver refuses while enclaves
 * run), pages are added and read back, the pool is set; or allocator.yaml is written
 * and its service restarted.  What fails is taken back in the opposite order.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "base/tmpfile.h"
#include "launch/allocator.h"
#include "launch/allocator_state.h"
#include "launch/host_internal.h"

#define YAML "/etc/nitro_enclaves/allocator.yaml"

/* ---- files of sysfs ---- */

static int
write_text(const char *path, const char *text)
{
	encl_auto(encl_close_fd) int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	size_t n = strlen(text);

	return fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

/* The driver empties its pool, and then has EINVAL for a list without processors. */
static bool
is_emptied(const char *path)
{
	encl_auto(encl_free) char *text = NULL;
	struct encl_err e;

	return !encl_host_text(path, &text, &e) && text && !text[strspn(text, "\n")];
}

static int
write_pool(const struct encl_host *h, const char *list, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s%s", h->root, ENCL_HOST_POOL);
	encl_auto(encl_free) char *line = encl_xasprintf("%s\n", list);
	int err;

	if (!write_text(path, line))
		return 0;
	err = errno;
	if (err == EINVAL && !*list && is_emptied(path))
		return 0;
	errno = err;
	if (err == EPERM)
		return encl_fail(
			e, ENCL_HOST,
			"%s: the driver refuses: enclaves run (stop them first), or "
			"this is not root",
			path);
	return encl_fail_sys(e, ENCL_HOST, "write \"%s\" to %s", list, path);
}

static char *
pages_path(const struct encl_host *h, unsigned node, uint64_t size)
{
	encl_auto(encl_free) char *by_node = encl_xasprintf(
		"%s/sys/devices/system/node/node%u/hugepages/hugepages-%" PRIu64
		"kB/nr_hugepages",
		h->root, node, size >> 10);

	if (!access(by_node, F_OK))
		return encl_take(by_node, NULL);
	return encl_xasprintf("%s/sys/kernel/mm/hugepages/hugepages-%" PRIu64
			      "kB/nr_hugepages",
			      h->root, size >> 10);
}

/* *got: what the kernel made of it. */
static int
write_pages(const struct encl_host *h, unsigned node, uint64_t size, uint64_t count,
	    uint64_t *got, struct encl_err *e)
{
	encl_auto(encl_free) char *path = pages_path(h, node, size);
	encl_auto(encl_free) char *line = encl_xasprintf("%" PRIu64 "\n", count);
	encl_auto(encl_free) char *text = NULL;

	if (write_text(path, line))
		return encl_fail_sys(e, ENCL_HOST, "write %" PRIu64 " to %s", count,
				     path);
	if (encl_host_text(path, &text, e))
		return -1;
	if (text)
		text[strcspn(text, "\n")] = '\0';
	if (!text || !encl_parse_uint(text, 10, UINT64_MAX, got))
		return encl_fail(e, ENCL_HOST, "%s: not a number", path);
	return 0;
}

/* ---- enclaves ---- */

/* nitro-cli's: a socket each.  Ours and all others the driver knows. */
static int
refuse_while_running(const struct encl_host *h, struct encl_err *e)
{
	encl_auto(encl_free) char *folder =
		encl_xasprintf("%s/run/nitro_enclaves", h->root);
	DIR *d = opendir(folder);
	const struct dirent *entry;
	char name[64] = "";

	while (d && (entry = readdir(d))) {
		size_t n = strlen(entry->d_name);

		if (n > 5 && n < sizeof name && !strcmp(entry->d_name + n - 5, ".sock"))
			memcpy(name, entry->d_name, n + 1);
	}
	if (d)
		closedir(d);
	if (*name)
		return encl_fail(e, ENCL_HOST,
				 "an enclave of nitro-cli runs (%s/%s): nitro-cli "
				 "terminate-enclave --all",
				 folder, name);
	return 0;
}

/* ---- by sysfs ---- */

static void
restore(const struct encl_host *h, const struct encl_allocator_plan *p, size_t n_pages)
{
	struct encl_err e;
	uint64_t got;

	for (size_t i = 0; i < n_pages; i++)
		(void)!write_pages(h, p->node, p->pages[i].size, p->pages[i].before, &got,
				   &e);
	if (h->driver)
		(void)!write_pool(h, p->old_pool, &e);
}

static int
add_pages(const struct encl_host *h, struct encl_allocator_plan *p, size_t *done,
	  struct encl_err *e)
{
	uint64_t missing = 0; /* bytes, a multiple of each smaller size */

	for (size_t i = 0; i < p->n_pages; i++) {
		struct encl_allocator_pages *g = &p->pages[i];
		uint64_t got = 0;

		g->after += missing / g->size;
		missing = 0;
		*done = i + 1;
		if (g->after == g->before)
			continue;
		if (write_pages(h, p->node, g->size, g->after, &got, e))
			return -1;
		if (got < g->after)
			missing = (g->after - got) * g->size;
		if (missing && i + 1 == p->n_pages)
			return encl_fail(
				e, ENCL_HOST,
				"node %u gives %" PRIu64 " of %" PRIu64
				" pages of %" PRIu64
				" MiB: its memory is in pieces; try it soon after a "
				"boot, or with less",
				p->node, got, g->after, g->size >> 20);
		g->after = got;
	}
	return 0;
}

static int
set_pool(const struct encl_host *h, const struct encl_allocator_plan *p,
	 struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s%s", h->root, ENCL_HOST_POOL);
	encl_auto(encl_free) char *text = NULL;

	if (write_pool(h, p->pool, e) || encl_host_text(path, &text, e))
		return -1;
	if (text)
		text[strcspn(text, "\n")] = '\0';
	if (!text || strcmp(text, p->pool) != 0)
		return encl_fail(e, ENCL_HOST, "%s: wanted %s, has %s", path, p->pool,
				 text ? text : "nothing");
	return 0;
}

static int
apply_directly(const struct encl_host *h, struct encl_allocator_plan *p,
	       struct encl_err *e)
{
	const bool same = !strcmp(p->pool, p->old_pool);
	size_t done = 0;

	if (!h->driver)
		return encl_fail(e, ENCL_HOST,
				 "the driver is not there: modprobe nitro_enclaves");
	/* the driver's word on running enclaves, before anything is changed */
	if (*p->old_pool && !same && write_pool(h, "", e))
		return -1;
	if (add_pages(h, p, &done, e) || (!same && set_pool(h, p, e))) {
		restore(h, p, done);
		return encl_wrap(e, "nothing was changed");
	}
	return 0;
}

/* ---- by AWS's service ---- */

static int
restart(struct encl_err *e)
{
	static const char *const argv[] = {"systemctl", "restart", ENCL_HOST_SERVICE,
					   NULL};
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = 65536};
	int status;

	if (encl_spawn(argv, NULL, &out, 120, &status, e))
		return -1;
	if (status)
		return encl_fail(
			e, ENCL_HOST,
			"systemctl restart " ENCL_HOST_SERVICE
			" ended with %d: %.300s (journalctl -u " ENCL_HOST_SERVICE ")",
			status, encl_buf_text(&out));
	return 0;
}

static void
put_back(const char *path, const char *text)
{
	struct encl_err e;

	if (text)
		(void)!encl_write_file(path, text, strlen(text), 0644, &e);
	else
		unlink(path);
}

static void
restore_service(const char *path, const char *old_yaml)
{
	struct encl_err ignored;

	put_back(path, old_yaml);
	(void)!restart(&ignored);
}

/* It takes all pages of the node away first, whoever reserved them. */
static int
refuse_foreign(const struct encl_host *h, const struct encl_allocator_plan *p,
	       struct encl_err *e)
{
	const struct encl_host_node *node = encl_host_node(h, p->node);

	for (size_t i = 0; i < node->n_pages; i++) {
		const struct encl_host_pages *g = &node->pages[i];

		if (!*p->old_pool && g->total)
			return encl_fail(
				e, ENCL_HOST,
				"node %u has %" PRIu64 " huge pages of %" PRIu64
				" MiB that somebody reserved, and AWS's allocator would "
				"take them away: --direct adds to them",
				p->node, g->total, g->size >> 20);
		if (g->free < g->total)
			return encl_fail(
				e, ENCL_HOST,
				"node %u has %" PRIu64 " huge pages of %" PRIu64
				" MiB in use, and AWS's allocator would take them away: "
				"end the enclave or program that has them",
				p->node, g->total - g->free, g->size >> 20);
	}
	return 0;
}

static int
apply_service(const struct encl_host *h, const struct encl_allocator_plan *p,
	      const char *old_yaml, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s" YAML, h->root);
	encl_auto(encl_free) char *text = encl_allocator_yaml(p->mib, p->pool);

	if (refuse_foreign(h, p, e) || encl_write_file(path, text, strlen(text), 0644, e))
		return -1;
	if (!restart(e))
		return 0;
	restore_service(path, old_yaml);
	return encl_wrap(e, "nothing was changed");
}

/* ---- state ---- */

static json_t *
state_of(const struct encl_host *h, const struct encl_allocator_plan *p,
	 const struct encl_allocator_state *before, const char *old_yaml)
{
	encl_auto(encl_free) char *boot = encl_allocator_boot(h);
	json_t *pages = json_array();
	json_t *pool = json_object_get(before->json, "pool");
	json_t *yaml = json_object_get(before->json, "yaml");

	for (size_t i = 0; !p->service && i < p->n_pages; i++) {
		const struct encl_allocator_pages *g = &p->pages[i];
		uint64_t ours = encl_allocator_state_added(before, p->node, g->size) +
				g->after - g->before;

		json_array_append_new(pages,
				      json_pack("{s:I, s:I}", "size", (json_int_t)g->size,
						"added", (json_int_t)ours));
	}
	return json_pack("{s:s, s:o, s:i, s:o, s:b, s:o}", "boot", boot, "pool",
			 pool ? json_incref(pool) : json_string(p->old_pool), "node",
			 (int)p->node, "pages", pages, "service", p->service, "yaml",
			 yaml	    ? json_incref(yaml)
			 : old_yaml ? json_string(old_yaml)
				    : json_null());
}

int
encl_allocator_apply(const struct encl_host *h, struct encl_allocator_plan *p,
		     struct encl_err *e)
{
	encl_auto(encl_allocator_state_clear) struct encl_allocator_state before = {0};
	encl_auto(encl_free) char *path = encl_xasprintf("%s" YAML, h->root);
	encl_auto(encl_free) char *old_yaml = NULL;
	json_t *state;
	int rc;

	if (refuse_while_running(h, e) || encl_allocator_state_read(h, &before, e) ||
	    encl_host_text(path, &old_yaml, e))
		return -1;
	if (before.json &&
	    p->service != json_is_true(json_object_get(before.json, "service")))
		return encl_fail(e, ENCL_USAGE,
				 "it was set up the other way (%s): host setup --undo "
				 "--apply first",
				 p->service ? "directly" : "by the service");
	if (before.json && !p->service &&
	    json_integer_value(json_object_get(before.json, "node")) != (int)p->node)
		return encl_fail(
			e, ENCL_HOST,
			"it was set up on another node: host setup --undo --apply first");
	if (p->service ? apply_service(h, p, old_yaml, e) : apply_directly(h, p, e))
		return -1;
	state = state_of(h, p, &before, old_yaml);
	rc = encl_allocator_state_write(h, state, e);
	json_decref(state);
	if (!rc)
		return 0;
	/* what is not written down could not be given back */
	if (p->service)
		restore_service(path, old_yaml);
	else
		restore(h, p, p->n_pages);
	return encl_wrap(e, "nothing was changed");
}

/* ---- back ---- */

static int
give_back(const struct encl_host *h, const json_t *state, struct encl_err *e)
{
	unsigned node = (unsigned)json_integer_value(json_object_get(state, "node"));
	const struct encl_host_node *n = encl_host_node(h, node);
	const char *pool = json_string_value(json_object_get(state, "pool"));
	struct encl_allocator_state s = {(json_t *)(uintptr_t)state};
	uint64_t got;

	if (h->driver && write_pool(h, "", e))
		return -1;
	for (size_t i = 0; n && i < n->n_pages; i++) {
		const struct encl_host_pages *g = &n->pages[i];
		uint64_t added = encl_allocator_state_added(&s, node, g->size);

		/* those that are in use stay */
		if (added > g->free)
			added = g->free;
		if (added && write_pages(h, node, g->size, g->total - added, &got, e))
			return -1;
	}
	return h->driver && pool && *pool ? write_pool(h, pool, e) : 0;
}

int
encl_allocator_undo(const struct encl_host *h, bool *any, struct encl_err *e)
{
	encl_auto(encl_allocator_state_clear) struct encl_allocator_state s = {0};
	encl_auto(encl_free) char *path = encl_xasprintf("%s" YAML, h->root);

	if (encl_allocator_state_read(h, &s, e))
		return -1;
	*any = s.json != NULL;
	if (!s.json)
		return 0;
	if (refuse_while_running(h, e))
		return -1;
	if (json_is_true(json_object_get(s.json, "service"))) {
		put_back(path, json_string_value(json_object_get(s.json, "yaml")));
		if (restart(e))
			return -1;
	} else if (give_back(h, s.json, e)) {
		return -1;
	}
	encl_allocator_state_remove(h);
	return 0;
}
