/* SPDX-License-Identifier: Apache-2.0 */
/* From a name to a session on vsock port 9002. */
#include "inside.h"

#include <inttypes.h>
#include <unistd.h>

#include "launch/exec_session.h"
#include "launch/state.h"
#include "launch/wall.h"

enum { CONNECT_MS = 10000 };

static void
lost(void *arg, uint64_t bytes)
{
	struct cli *cli = arg;

	encl_warn(&cli->log, "%" PRIu64 " bytes of output were lost: read faster", bytes);
}

static int
dial(const char *name, int *fd, struct encl_err *e)
{
	encl_auto(encl_state_clear) struct encl_state s = {0};
	encl_auto(encl_wall_clear) struct encl_wall wall = {0};

	if (encl_state_find(name, &s, e) || encl_state_wall(&s, &wall, e))
		return -1;
	if (json_is_false(json_object_get(s.json, "Exec")))
		return encl_fail(e, ENCL_USAGE,
				 "%s: the image has no debug.exec; its manifest must say "
				 "debug: {exec: true}, which changes its measurements",
				 name);
	if (encl_wall_connect(&wall, ENCL_PORT_EXEC, CONNECT_MS, fd, e))
		return encl_wrap(e, "%s", name);
	return 0;
}

int
inside_run(struct cli *cli, const char *name, const struct encl_exec_request *r,
	   struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;
	const struct encl_exec_io io = {.in = STDIN_FILENO,
					.out = STDOUT_FILENO,
					.err = STDERR_FILENO,
					.lost = lost,
					.arg = cli};
	struct encl_exec_end end;

	if (dial(name, &fd, e))
		return -1;
	if (encl_exec_session(fd, r, &io, &end, e))
		return encl_wrap(e, "%s", name);
	cli->exit_code = end.interrupted ? 128 + end.interrupted : end.code;
	return 0;
}
