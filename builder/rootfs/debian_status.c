/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /var/lib/dpkg/status and info/NAME.md5sums (dpkg(1)), for scanners and for
 * whoever asks an image what is in it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rootfs/debian_internal.h"
#include "sources/deb822.h"

enum { MAX_STATUS = 64 << 20 };

struct stanza {
	const char *name;
	const char *text;
	size_t n;
	const struct encl_package *package; /* NULL: of a lower layer */
};

struct stanzas {
	struct stanza *v;
	size_t n;
	struct encl_arena *arena;
};

static void
stanzas_clear(struct stanzas *s)
{
	free(s->v);
	encl_arena_free(s->arena);
}
ENCL_AUTO_VAL(struct stanzas, stanzas_clear);

static void
push(struct stanzas *s, const struct stanza *one)
{
	s->v = encl_xrealloc(s->v, s->n + 1, sizeof *s->v);
	s->v[s->n++] = *one;
}

/* What a lower layer has installed, but for what was installed over it. */
static void
keep_old(const struct encl_debian *d, const char *text, size_t n, struct stanzas *out)
{
	struct encl_deb822 r = {text, text + n};
	struct stanza s = {.package = NULL};

	while (encl_deb822_next(&r, &s.text, &s.n)) {
		encl_auto(encl_free) char *name =
			encl_deb822_field(s.text, s.n, "Package");

		if (!name || encl_debian_package(d, name))
			continue;
		while (s.n && s.text[s.n - 1] == '\n')
			s.n--;
		s.name = encl_arena_strdup(out->arena, name);
		push(out, &s);
	}
}

static int
by_name(const void *a, const void *b)
{
	const struct stanza *x = a;
	const struct stanza *y = b;

	return strcmp(x->name, y->name);
}

/* The Status field comes second, as dpkg writes it. */
static void
print(const struct stanza *s, struct encl_buf *out)
{
	size_t first = strcspn(s->text, "\n");

	if (s->package) {
		encl_buf_add(out, s->text, first);
		encl_buf_add_str(out, "\nStatus: install ok installed");
		encl_buf_add(out, s->text + first, s->n - first);
	} else {
		encl_buf_add(out, s->text, s->n);
	}
	encl_buf_add_str(out, "\n\n");
}

static int
write_info(struct encl_debian *d, const struct encl_package *p, struct encl_err *e)
{
	encl_auto(encl_free) char *multi =
		encl_deb822_field(p->stanza, strlen(p->stanza), "Multi-Arch");
	bool same = multi && !strcmp(multi, "same");
	encl_auto(encl_free) char *path =
		encl_xasprintf("var/lib/dpkg/info/%s%s%s.md5sums", p->name,
			       same ? ":" : "", same ? p->arch : "");

	if (!p->md5sums)
		return 0;
	return encl_debian_file(d, path, 0644, 0, p->md5sums, strlen(p->md5sums), e);
}

static int
write_all(struct encl_debian *d, const struct stanzas *s, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf status = {.cap = MAX_STATUS};

	for (size_t i = 0; i < s->n; i++)
		print(&s->v[i], &status);
	if (encl_buf_check(&status, "var/lib/dpkg/status", e) ||
	    encl_debian_begin(d, "dpkg status", e) ||
	    encl_debian_dir(d, "var/lib/dpkg/info", 0755, 0, 0, e) ||
	    encl_debian_dir(d, "var/lib/dpkg/updates", 0755, 0, 0, e) ||
	    encl_debian_file(d, "var/lib/dpkg/status", 0644, 0, encl_buf_text(&status),
			     status.len, e))
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].package && write_info(d, s->v[i].package, e))
			return -1;
	return encl_debian_end(d, e);
}

int
encl_debian_status(struct encl_debian *d, struct encl_err *e)
{
	encl_auto(stanzas_clear) struct stanzas s = {.n = 0};
	encl_auto(encl_free) char *old = NULL;
	size_t n;

	if (!d->options->dpkg_status)
		return 0;
	s.arena = encl_arena_new();
	if (encl_debian_read(d, "var/lib/dpkg/status", &old, &n, e))
		return -1;
	if (old)
		keep_old(d, old, n, &s);
	for (size_t i = 0; i < d->set->n; i++) {
		const struct encl_package *p = &d->set->v[i];
		const struct stanza one = {p->name, p->stanza, strlen(p->stanza), p};

		push(&s, &one);
	}
	if (s.n)
		qsort(s.v, s.n, sizeof *s.v, by_name);
	return write_all(d, &s, e);
}
