/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What encl_credentials_find says, for the scripts:
 *
 *	credentials HOST REPOSITORY [CACHE-FOLDER [AUTH-FILE]]
 *
 * prints "user U", "password P", "identity T", "bearer T" lines, or nothing;
 * messages go to stderr.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "registry/credentials.h"

static void
on_event(struct encl_log *log, enum encl_level level, const char *text)
{
	(void)log;
	fprintf(stderr, "%s%s\n", level == ENCL_LOG_WARN ? "warning: " : "", text);
}

static void
say(const char *what, const char *text)
{
	if (text)
		printf("%s %s\n", what, text);
}

int
main(int argc, char **argv)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	struct encl_log log = {.event = on_event};
	struct encl_env env = {.log = &log, .jobs = 1};
	struct encl_err e = {.code = ENCL_OK};

	if (argc < 3)
		return 2;
	env.cache_dir = argc > 3 && *argv[3] ? argv[3] : NULL;
	if (encl_credentials_find(&env, argc > 4 ? argv[4] : NULL, argv[1], argv[2], &c,
				  &e)) {
		fprintf(stderr, "%s\n", e.msg);
		return (int)e.code;
	}
	say("user", c.user);
	say("password", c.password);
	say("identity", c.identity_token);
	say("bearer", c.registry_token);
	return 0;
}
