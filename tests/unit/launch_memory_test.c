/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ramdisk/launch_record.h"
#include "test.h"

enum { MIB = 1 << 20 };

static void
check_sum(const struct encl_memory_sum *s, uint64_t want)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += s->parts[i].mib;
	EQ_INT(want, s->mib);
	EQ_INT(want, sum);
	CHECK(s->n <= ENCL_MEMORY_PARTS);
}

TEST(launch_memory_estimate)
{
	static const struct {
		struct encl_memory_need need;
		uint64_t boot, run, least, all, nitro_cli;
	} rows[] = {
		/* the driver takes no less */
		{{0}, 1, 21, 64, 72, 0},
		/* a cpio to a tmpfs: packed once, unpacked twice */
		{{.kernel = 60 * MIB,
		  .packed = 100 * MIB,
		  .unpacked = 110 * MIB,
		  .names = 4000,
		  .eif = 114 * MIB + 1},
		 376,
		 189,
		 376,
		 400,
		 460},
		/* to a ramfs: once, and the names */
		{{.kernel = 60 * MIB,
		  .packed = 100 * MIB,
		  .unpacked = 110 * MIB,
		  .names = 4000,
		  .ramfs = true},
		 271,
		 189,
		 271,
		 288,
		 0},
		/* all that can be declared, over a squashfs */
		{{.kernel = 60 * MIB,
		  .packed = 100 * MIB,
		  .unpacked = 100 * MIB,
		  .names = 20,
		  .squashfs = true,
		  .ramfs = true,
		  .overlay = 32,
		  .exchange = 64,
		  .docker = true,
		  .storage = 84,
		  .limits = 500,
		  .n_containers = 3,
		  .n_unlimited = 2},
		 255,
		 1060,
		 272,
		 1128,
		 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct encl_memory m;

		encl_memory_estimate(&rows[i].need, &m);
		check_sum(&m.boot, rows[i].boot);
		check_sum(&m.run, rows[i].run);
		EQ_INT(rows[i].least, m.least_mib);
		EQ_INT(rows[i].all, m.mib);
		EQ_INT(rows[i].nitro_cli, m.nitro_cli_mib);
	}
}

/* ---- launch's config ---- */

#define HEAD "enclave-launch 2\n"
#define END  "end 0\n\n"

struct record {
	const char *key, *value;
};

static void
write_config(struct encl_buf *b, const struct record *r)
{
	encl_buf_add_str(b, HEAD);
	for (; r->key; r++)
		encl_launch_record(b, r->key, r->value);
	encl_launch_record(b, "end", "");
}

TEST(launch_memory_config)
{
	static const struct record records[] = {
		{"hostname", "abc"},
		{"exchange", "notes 7000 64 rw /srv/a b c "},
		{"exchange", "x 7001 8 ro /x"},
		{"unit", "one"},
		{"kind", "process"},
		{"memory", "33554432"},
		{"unit", "two"},
		{"argv", "unit 1\nx\nmemory 1\n9\n"},
		{"exchange", "x 7001 8 ro /x"},
		{"kind", "process"},
		{"unit", "docker"},
		{"kind", "dockerd"},
		{"storage_mib", "104"},
		{"memory", "1048576"},
		{"unit", "web"},
		{"kind", "container"},
		{"create", "{\"HostConfig\":{\"Memory\":134217729}}"},
		{"unit", "db"},
		{"kind", "container"},
		{"create", "{}"},
		{NULL, NULL}};
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 4096};
	struct encl_memory_need need = {.kernel = 5, .limits = 1};

	write_config(&b, records);
	CHECK(encl_memory_of_config(encl_buf_text(&b), b.len, &need));
	EQ_INT(5, need.kernel);
	EQ_INT(72, need.exchange);
	EQ_INT(1 + 32 + 129, need.limits);
	EQ_INT(2, need.n_unlimited);
	EQ_INT(2, need.n_containers);
	EQ_INT(104, need.storage);
	CHECK(need.docker);
	/* each byte that it lacks is missed */
	for (size_t n = 0; n < b.len; n++) {
		struct encl_memory_need none = {0};

		CHECK(!encl_memory_of_config(encl_buf_text(&b), n, &none));
	}
}

/* The image may be anybody's. */
TEST(launch_memory_config_refused)
{
	static const char *const bad[] = {
		"",
		"enclave-launch 1\nunit 1\na\n" END,
		HEAD,
		HEAD END,
		HEAD "unit 1\na\n",
		HEAD "unit 1\na\nend 0\n",
		HEAD "unit 2\na\n" END,
		HEAD "unit\na\n" END,
		HEAD "unit -1\na\n" END,
		HEAD "unit 99999999999999999999\na\n" END,
		HEAD "unit 1048577\na\n" END,
		HEAD "unit 1\nab" END,
	};
	char key[300];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct encl_memory_need need = {.limits = 7};

		CHECK(!encl_memory_of_config(bad[i], strlen(bad[i]), &need));
		EQ_INT(7, need.limits);
		EQ_INT(0, need.n_unlimited);
	}
	snprintf(key, sizeof key, HEAD "unit 1\na\n%0200d 1\n1\n" END, 0);

	struct encl_memory_need need = {0};

	CHECK(!encl_memory_of_config(key, strlen(key), &need));
}

/* Numbers that cannot be are as if they were not there. */
TEST(launch_memory_config_numbers)
{
	static const struct record records[] = {
		{"exchange", "a b"},
		{"exchange", "x 1 18446744073709551615 ro /x"},
		{"unit", "a"},
		{"kind", "process"},
		{"memory", "18446744073709551615"},
		{"unit", "b"},
		{"kind", "container"},
		{"create", "{\"HostConfig\":{\"Memory\":-1}}"},
		{"unit", "c"},
		{"kind", "container"},
		{"create", "{"},
		{"unit", "docker"},
		{"kind", "dockerd"},
		{"storage_mib", "-10"},
		{NULL, NULL}};
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 4096};
	struct encl_memory_need need = {0};

	write_config(&b, records);
	CHECK(encl_memory_of_config(encl_buf_text(&b), b.len, &need));
	EQ_INT(0, need.exchange);
	EQ_INT(0, need.limits);
	EQ_INT(0, need.storage);
	EQ_INT(3, need.n_unlimited);
}

/* ---- kernels ---- */

TEST(launch_memory_kernel)
{
	const char *path = test_path("kernel");
	uint8_t head[2048] = {0};
	FILE *f;

	/* a bzImage: docs of the header in sources/kernel_image.c */
	head[0x1f1] = 1;
	head[0x1fe] = 0x55;
	head[0x1ff] = 0xaa;
	memcpy(head + 0x202, "HdrS", 4);
	head[0x206] = 0x0f;
	head[0x207] = 0x02;
	head[0x211] = 1;
	head[0x236] = 1;
	head[0x262] = 0x37;
	head[0x263] = 0x03;
	f = fopen(path, "w+");
	CHECK(f && fwrite(head, 1, sizeof head, f) == sizeof head && !fflush(f));
	EQ_INT(0x03370000, encl_memory_of_kernel(fileno(f), 0, sizeof head, true));
	EQ_INT(4 * sizeof head, encl_memory_of_kernel(fileno(f), 0, sizeof head, false));
	EQ_INT(400, encl_memory_of_kernel(fileno(f), 5, 100, true));
	fclose(f);
	CHECK(encl_memory_ramfs("quiet rootfstype=ramfs"));
	CHECK(!encl_memory_ramfs("quiet") && !encl_memory_ramfs(NULL));
}
