/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What launch is told, by a file that the builder wrote and the image's
 * measurements cover (builder/ramdisk/launch_config.h, docs/guest.md):
 *
 *	enclave-launch 1\n
 *	KEY LENGTH\n LENGTH bytes \n		… repeated
 *	end 0\n\n
 *
 * Lengths make every byte but NUL possible in a value.
 */
#ifndef LAUNCH_CONFIG_H
#define LAUNCH_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#define CONFIG_PATH "/.enclave/config"

struct strings {
	char **v; /* NULL-terminated; NULL while empty */
	size_t n;
};

struct ids {
	uint32_t *v;
	size_t n;
};

struct config {
	struct strings argv;  /* >= 1 */
	struct strings env;   /* NAME=value */
	struct strings hosts; /* lines of /etc/hosts */
	struct strings nameservers;
	struct ids uid, gid; /* exactly one each */
	struct ids groups;
	const char *workdir;  /* absolute */
	const char *hostname; /* NULL: not given */
	const char *home;     /* NULL: not given */
};

/*
 * Reads text, which is changed and referred to by c.  NULL on success, else a
 * constant that says what is wrong; config_clear releases c either way.
 */
const char *config_parse(char *text, size_t len, struct config *c);
void config_clear(struct config *c);

/* Appends to a list; 0, or -1 where memory is short. */
int strings_add(struct strings *list, char *s);

#endif
