/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch: the rootfs's one child of PID 1 (`/.enclave/launch`, named by /cmd).
 * Turns /.enclave/config into running units, under our init or AWS's, and their
 * ends into lines on the console and an exit code.
 */
#include <sys/prctl.h>
#include <sys/stat.h>

#include "guest/file.h"
#include "launch/launch.h"
#include "launch/unit.h"

const char guest_name[] = "launch";

enum { CONFIG_MAX = 16 << 20 };

static bool
read_config(struct config *c)
{
	size_t len;
	char *text = guest_read_file(CONFIG_PATH, CONFIG_MAX, &len);
	const char *wrong = text ? config_parse(text, len, c) : guest_why();

	if (wrong)
		say("cannot use " CONFIG_PATH ": ", wrong);
	return !wrong;
}

int
main(void)
{
	struct config c;

	umask(022);
	if (!read_config(&c))
		return LAUNCH_FAILED;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the units come to us */
	launch_network(&c);
	launch_etc(&c);
	launch_system(&c);
	cgroup_start();
	launch_block_signals();
	launch_exchanges(&c);
	launch_ingress(&c);
	launch_egress(&c);
	return supervise(&c);
}
