/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's loop and its reader of the daemon's replies under the names of
 * life.h. */
#include "life.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/docker.c"
#include "../../cmd/launch/frames.c"
#include "../../cmd/launch/http.c"
#include "../../cmd/launch/http_parse.c"
#include "../../cmd/launch/json.c"
#include "../../cmd/launch/loop.c"
#pragma GCC diagnostic pop

void
life_reset_loop(void)
{
	if (loop.epoll)
		close(loop.epoll);
	memset(&loop, 0, sizeof loop);
}
