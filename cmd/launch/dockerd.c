/* SPDX-License-Identifier: Apache-2.0 */
/* Not here yet. */
#include "launch/launch.h"
#include "launch/unit.h"

static void
start(struct unit *u)
{
	const struct unit_end end = {.code = LAUNCH_FAILED,
				     .never_ran = true,
				     .error = "this launch knows no Docker"};

	unit_ended(u, &end);
}

static void
nothing(struct unit *u)
{
	(void)u;
}

const struct unit_ops dockerd_ops = {start, nothing, nothing, NULL};
