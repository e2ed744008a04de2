/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild stop`: an orderly end, or the switch. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd.h"
#include "running.h"
#include "verbs.h"

enum { GRACE_MS = 20000, MAX_SECONDS = 86400 };

static const struct option_spec options[] = {
	{"timeout", 't', "S", "switch it off after S seconds (default 30; 0: at once)",
	 false},
	{NULL, 0, NULL, NULL, false},
};

/* The connection ends with the run. */
static int
wait_for_end(const struct encl_state *s, int fd, uint64_t seconds, struct encl_err *e)
{
	uint64_t end = encl_clock_ms() + seconds * 1000 + GRACE_MS;
	struct pollfd p = {fd, POLLIN, 0};
	char byte;

	for (;;) {
		uint64_t now = encl_clock_ms();
		int n = now < end ? poll(&p, 1, (int)(end - now)) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return encl_fail(e, ENCL_FAILED,
					 "%s does not end; kill its process %lld",
					 s->name,
					 (long long)json_integer_value(
						 json_object_get(s->json, "Pid")));
		if (read(fd, &byte, 1) <= 0)
			break;
	}
	/* Of too many at once the last are sent away. */
	if (running_lives(s))
		return encl_fail(e, ENCL_FAILED,
				 "%s runs still and takes no more requests; others wait "
				 "for its end",
				 s->name);
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(encl_state_clear) struct encl_state s = {0};
	encl_auto(encl_close_fd) int fd = -1;
	uint64_t seconds;
	char request[32];

	if (args_number(args, "timeout", 0, MAX_SECONDS, 30, &seconds, e) ||
	    running_find(args->n_operands ? args->operands[0] : NULL, &s, e))
		return -1;
	if (!s.alive) {
		encl_info(&cli->log, "%s has ended already", s.name);
		return 0;
	}
	snprintf(request, sizeof request, "stop %u", (unsigned)seconds);
	if (encl_state_request(&s, request, &fd, e) || wait_for_end(&s, fd, seconds, e))
		return -1;
	encl_info(&cli->log, "%s has ended", s.name);
	return 0;
}

const struct command cmd_stop = {
	.name = "stop",
	.summary = "end an enclave in order",
	.operands = "[NAME]",
	.max_operands = 1,
	.help = "Its services and containers are stopped with their signals and time-outs, then\n"
		"it ends; what has not ended after --timeout is switched off.  Its `run` ends\n"
		"with the enclave's exit code (137 where it was switched off).  Without NAME\n"
		"the only one that runs.",
	.options = options,
	.run = run,
};
