/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's unit.c and log.c under the names of life.h. */
#include "life.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/log.c"
#include "../../cmd/launch/unit.c"
#pragma GCC diagnostic pop

void
life_reset_units(void)
{
	for (size_t i = 0; i < units.n; i++)
		if (units.v[i].ops == &container_ops)
			life_reset_container(&units.v[i]);
	free(units.v);
	memset(&units, 0, sizeof units);
}
