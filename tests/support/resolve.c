/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolves package lists without building anything: for the tests that compare
 * with apt.
 *
 *	resolve [-a ARCH] [-s SUITE]… [-m MIRROR] [-k KEYRING] [-e] [-x NAME]…
 *		[-p NAME]… [-c CACHE] [-C COMPONENT] NAME…		"NAME=VERSION"
 *lines resolve … -d NAME [FOLLOW]			the pin of one package resolve …
 *-l NAME [FOLLOW]			its files: "MODE UID GID SHA256 PATH"
 *
 * Several lists may be given, each after "--": every one is ended by a line
 * "." (the indexes are loaded once).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "sources/cache.h"
#include "sources/packages.h"
#include "sources/solve.h"
#include "sources/source.h"

enum { MAX = 256 };

struct options {
	struct encl_apt_source sources[MAX];
	size_t n_sources;
	const char *exclude[MAX];
	const char *prefer[MAX];
	const char *components[1];
	const char *mirror;
	const char *keyring;
	const char *cache;
	bool single;
	bool list;
	struct encl_layer_packages packages;
	struct encl_manifest m;
};

static int
die(const struct encl_err *e)
{
	fprintf(stderr, "%s\n", e->msg);
	return (int)e->code;
}

static void
on_event(struct encl_log *log, enum encl_level level, const char *text)
{
	(void)log;
	if (level > ENCL_LOG_DEBUG || getenv("RESOLVE_DEBUG"))
		fprintf(stderr, "%s\n", text);
}

static void
read_options(int argc, char **argv, struct options *o)
{
	int c;

	o->components[0] = "main";
	o->packages.exclude.v = o->exclude;
	o->packages.prefer.v = o->prefer;
	while ((c = getopt(argc, argv, "+a:s:m:k:ex:p:c:dlC:")) >= 0)
		switch (c) {
		case 'a':
			o->m.arch = strcmp(optarg, "aarch64") != 0 ? ENCL_ARCH_X86_64
								   : ENCL_ARCH_AARCH64;
			break;
		case 's':
			o->sources[o->n_sources++ % MAX].suite = optarg;
			break;
		case 'm':
			o->mirror = optarg;
			break;
		case 'k':
			o->keyring = optarg;
			break;
		case 'e':
			o->packages.essential = ENCL_ESSENTIAL_ALL;
			break;
		case 'x':
			o->exclude[o->packages.exclude.n++ % MAX] = optarg;
			break;
		case 'p':
			o->prefer[o->packages.prefer.n++ % MAX] = optarg;
			break;
		case 'c':
			o->cache = optarg;
			break;
		case 'C':
			o->components[0] = optarg;
			break;
		case 'd':
			o->single = true;
			break;
		case 'l':
			o->single = o->list = true;
			break;
		default:
			exit(2);
		}
	for (size_t i = 0; i < o->n_sources; i++) {
		o->sources[i].components = (struct encl_strings){o->components, 1};
		o->sources[i].check_valid_until = true;
		o->sources[i].mirror = o->mirror;
		o->sources[i].keyring = o->keyring;
	}
	o->m.boot.kernel.source = o->sources[0];
	o->packages.sources = o->sources;
	o->packages.n_sources = o->n_sources;
}

static int
print_solution(struct encl_env *env, struct encl_universe *u, struct options *o,
	       char **names, size_t n, struct encl_err *e)
{
	encl_auto(encl_debs_clear) struct encl_debs d = {.n = 0};

	o->packages.install = (struct encl_strings){(const char **)names, n};
	if (encl_solve(env, u, &o->packages, &d, e))
		return -1;
	for (size_t i = 0; i < d.n; i++)
		printf("%s=%s\n", d.v[i].name, d.v[i].version);
	return 0;
}

static int
resolve(struct encl_env *env, struct options *o, char **names, size_t n,
	struct encl_err *e)
{
	encl_auto(encl_universe_clear) struct encl_universe u = {.pool = NULL};

	if (encl_universe_load(env, &o->m, o->sources, o->n_sources, &u, e))
		return -1;
	for (size_t at = 0; at < n;) {
		size_t len = 0;

		while (at + len < n && strcmp(names[at + len], "--") != 0)
			len++;
		if (print_solution(env, &u, o, names + at, len, e))
			return -1;
		if (at + len < n || at)
			puts(".");
		at += len + 1;
	}
	return 0;
}

static int
on_begin(struct encl_entry_sink *s, const struct encl_origin *origin, int whiteouts,
	 struct encl_err *e)
{
	(void)s;
	(void)origin;
	(void)whiteouts;
	(void)e;
	return 0;
}

static int
on_end(struct encl_entry_sink *s, struct encl_err *e)
{
	(void)s;
	(void)e;
	return 0;
}

static int
on_add(struct encl_entry_sink *s, const struct encl_entry *entry, struct encl_err *e)
{
	uint64_t n = entry->content.size;
	encl_auto(encl_free) uint8_t *bytes = encl_xmalloc(n);
	struct encl_digest d;
	char text[ENCL_DIGEST_TEXT];

	(void)s;
	if (entry->type != ENCL_REG)
		return 0;
	if (n && encl_pread_full(entry->content.blob->fd, bytes, n, entry->content.offset,
				 entry->path, e))
		return -1;
	encl_digest_of(ENCL_SHA256, bytes, n, &d);
	encl_digest_format(&d, text);
	printf("%o %u %u %s %s\n", entry->mode, entry->uid, entry->gid, text + 7,
	       entry->path);
	return 0;
}

static int
single(struct encl_env *env, struct options *o, const char *name, const char *follow,
       struct encl_err *e)
{
	struct encl_entry_sink sink = {on_begin, on_add, on_end};
	encl_auto(json_decref) json_t *pin = NULL;
	encl_auto(encl_free) char *text = NULL;

	if (encl_deb_lock(env, &o->m, o->sources, name, follow, &pin, e))
		return -1;
	if (o->list)
		return encl_deb_emit(env, &o->m, pin, &sink, e);
	text = encl_json_pretty(pin);
	fputs(text, stdout);
	return 0;
}

int
main(int argc, char **argv)
{
	struct options *o = encl_xcalloc(1, sizeof *o);
	struct encl_log log = {.event = on_event};
	struct encl_env env = {.log = &log, .jobs = 2};
	struct encl_err e = {.code = ENCL_OK};

	o->m.folder = ".";
	o->m.file = "-";
	read_options(argc, argv, o);
	if (encl_cache_open(o->cache, &env.cache, &e))
		return die(&e);
	if (o->single ? single(&env, o, argv[optind], argv[optind + 1], &e)
		      : resolve(&env, o, argv + optind, (size_t)(argc - optind), &e))
		return die(&e);
	encl_cache_free(env.cache);
	free(o);
	return 0;
}
