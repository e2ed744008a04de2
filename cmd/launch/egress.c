/* SPDX-License-Identifier: Apache-2.0 */
/* network.egress: nothing listens yet; no config has it. */
#include "launch/launch.h"

bool
launch_egress_parent(uint32_t port)
{
	(void)port;
	return false;
}
