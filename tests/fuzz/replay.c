/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds every regular file below the folders and files given to
 * LLVMFuzzerTestOneInput, in byte order of paths: the corpus as a test, for
 * compilers without libFuzzer.  Exits 1 where there was nothing to feed.
 */
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

/* The input has a heap block of exactly its size, so that ASan sees any read
 * beyond it. */
static int
feed(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1);

	if (!f || !data || fread(data, 1, size, f) != size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int
feed_all(char **paths)
{
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *entry;
	int count = 0;

	while (fts && (entry = fts_read(fts)) != NULL) {
		if (entry->fts_info == FTS_F)
			count += feed(entry->fts_path, (size_t)entry->fts_statp->st_size);
		else if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR)
			fprintf(stderr, "%s: cannot be read\n", entry->fts_path);
	}
	if (fts)
		fts_close(fts);
	return count;
}

int
main(int argc, char **argv)
{
	int count = argc > 1 ? feed_all(argv + 1) : 0;

	printf("%d inputs\n", count);
	if (count == 0) {
		fprintf(stderr, "usage: %s FILE|FOLDER…: no input was given or found\n",
			argv[0]);
		return 1;
	}
	return 0;
}
