/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"

#include "test.h"

static struct encl_unit named[] = {
	{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}};

static void
add_all(struct encl_units *units)
{
	for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
		const struct encl_launch_unit u = {.unit = &named[i]};

		named[i].n_depends = 0;
		encl_units_add(units, &u);
	}
}

static void
depend(size_t i, struct encl_dependency *on)
{
	named[i].depends = on;
	named[i].n_depends = 1;
}

/* What is free keeps the order of the manifest. */
TEST(units_sort)
{
	encl_auto(encl_units_clear) struct encl_units units = {0};
	struct encl_dependency on_c = {"c", ENCL_STARTED};
	struct encl_dependency on_d = {"d", ENCL_STARTED};
	const char want[] = "bdca";

	add_all(&units);
	OK(encl_units_sort(&units, &e));
	EQ_STR("a", units.v[0].unit->name);
	EQ_STR("d", units.v[3].unit->name);
	depend(0, &on_c);
	depend(2, &on_d);
	OK(encl_units_sort(&units, &e));
	for (size_t i = 0; i < 4; i++)
		EQ_INT(want[i], units.v[i].unit->name[0]);
}

TEST(units_sort_refuses)
{
	encl_auto(encl_units_clear) struct encl_units units = {0};
	struct encl_dependency on_a = {"a", ENCL_STARTED};
	struct encl_dependency on_b = {"b", ENCL_STARTED};
	struct encl_dependency on_x = {"x", ENCL_STARTED};

	add_all(&units);
	depend(0, &on_b);
	depend(1, &on_a);
	FAILS(encl_units_sort(&units, &e), ENCL_USAGE,
	      "a depends, through others, on itself");
	depend(1, &on_x);
	FAILS(encl_units_sort(&units, &e), ENCL_USAGE,
	      "b depends on x, which is not there");
}
