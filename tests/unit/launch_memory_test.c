/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/memory.h"

#include "test.h"

enum { MIB = 1 << 20 };

TEST(launch_memory_estimate)
{
	static const struct {
		struct encl_memory_need need;
		uint64_t boot, run, all;
	} rows[] = {
		{{0}, 256, 96, 512},
		/* measured: 768 were enough for it, 640 were not */
		{{.kernel = 14 * MIB, .ramdisks = 263 * MIB}, 848, 373, 896},
		{{.kernel = 10 * MIB, .ramdisks = 100 * MIB, .overlay = 32},
		 486,
		 238,
		 512},
		{{.kernel = 10 * MIB,
		  .ramdisks = 100 * MIB,
		  .docker = true,
		  .storage = 84,
		  .limits = 500,
		  .n_unlimited = 2},
		 486,
		 1088,
		 1152},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct encl_memory m;
		uint64_t sum = 0;

		encl_memory_estimate(&rows[i].need, &m);
		for (size_t j = 0; j < m.n_parts; j++)
			sum += m.parts[j].mib;
		EQ_INT(rows[i].boot, m.boot_mib);
		EQ_INT(rows[i].run, m.run_mib);
		EQ_INT(rows[i].all, m.mib);
		EQ_INT(m.run_mib, sum);
	}
}
