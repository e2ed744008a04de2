/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's container.c under the names of life.h. */
#include "life.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/container.c"
#pragma GCC diagnostic pop

void
life_reset_container(struct unit *u)
{
	struct container *c = u->kind;

	if (!c)
		return;
	cancel_all(c);
	free(c->out.line);
	free(c->out.tail);
	free(c->err.line);
	free(c->err.tail);
	free(c);
}
