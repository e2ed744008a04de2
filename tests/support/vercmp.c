/* SPDX-License-Identifier: Apache-2.0 */
/* Reads "A B" lines, writes lt, eq or gt: how the resolver orders versions. */
#include <solv/evr.h>
#include <solv/pool.h>
#include <stdio.h>

int
main(void)
{
	Pool *pool = pool_create();
	char a[256];
	char b[256];

	pool_setdisttype(pool, DISTTYPE_DEB);
	while (scanf("%255s %255s", a, b) == 2) {
		int order = pool_evrcmp_str(pool, a, b, EVRCMP_COMPARE);

		puts(order < 0 ? "lt" : order > 0 ? "gt" : "eq");
	}
	pool_free(pool);
	return 0;
}
