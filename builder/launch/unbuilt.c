/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of issue 5 that are on their way: who lands one takes its lines out here. */
#include "launch/egress.h"
int
encl_egress_open(const struct encl_wall *wall, const struct encl_egress_options *o,
		 struct encl_egress **out, uint32_t *port, struct encl_err *e)
{
	(void)wall;
	(void)o;
	(void)port;
	(void)e;
	*out = NULL;
	return 0;
}
int
encl_egress_fd(const struct encl_egress *g)
{
	(void)g;
	return -1;
}
void
encl_egress_step(struct encl_egress *g)
{
	(void)g;
}
void
encl_egress_free(struct encl_egress *g)
{
	(void)g;
}
