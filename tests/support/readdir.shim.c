/* SPDX-License-Identifier: Apache-2.0 */
/* LD_PRELOAD: readdir gives entries in the reverse of the kernel's order. */
#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct list {
	DIR *dir;
	struct dirent *entries;
	size_t n;
	struct list *next;
};

static struct list *lists;

static struct list *
slurp(DIR *dir)
{
	struct dirent *(*real)(DIR *) =
		(struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");
	struct list *l = calloc(1, sizeof *l);
	const struct dirent *d;

	while (l && (d = real(dir))) {
		l->entries = realloc(l->entries, (l->n + 1) * sizeof *l->entries);
		if (!l->entries)
			abort();
		memset(&l->entries[l->n], 0, sizeof *l->entries);
		l->entries[l->n].d_ino = d->d_ino;
		l->entries[l->n].d_type = d->d_type;
		strcpy(l->entries[l->n++].d_name, d->d_name);
	}
	if (!l)
		abort();
	l->dir = dir;
	l->next = lists;
	lists = l;
	return l;
}

struct dirent *
readdir(DIR *dir)
{
	struct list *l = lists;

	while (l && l->dir != dir)
		l = l->next;
	if (!l)
		l = slurp(dir);
	return l->n ? &l->entries[--l->n] : NULL;
}

struct dirent64 *
readdir64(DIR *dir)
{
	return (struct dirent64 *)readdir(dir);
}

int
closedir(DIR *dir)
{
	int (*real)(DIR *) = (int (*)(DIR *))dlsym(RTLD_NEXT, "closedir");

	for (struct list **at = &lists; *at; at = &(*at)->next) {
		struct list *l = *at;

		if (l->dir != dir)
			continue;
		*at = l->next;
		free(l->entries);
		free(l);
		break;
	}
	return real(dir);
}
