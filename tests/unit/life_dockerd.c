/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's dockerd.c under the names of life.h. */
#include "life.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/dockerd.c"
#pragma GCC diagnostic pop

void
life_reset_dockerd(void)
{
	http_cancel(&the.http);
	log_close(&the.log);
	free(the.log.line);
	free(the.log.tail);
	memset(&the, 0, sizeof the);
	users = NULL;
}
