/* SPDX-License-Identifier: Apache-2.0 */
/* Machines made of files: what is read of them, and what an enclave finds there. */
#include "launch/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/tmpfile.h"
#include "test.h"

#define CPU  "sys/devices/system/cpu"
#define NODE "sys/devices/system/node"
#define POOL "sys/module/nitro_enclaves/parameters/ne_cpus"

/* ---- making one ---- */

static void ENCL_PRINTF(2, 3) put(const char *text, const char *fmt, ...)
{
	encl_auto(encl_free) char *name = NULL;
	encl_auto(encl_free) char *folder = NULL;
	va_list ap;

	va_start(ap, fmt);
	name = encl_xvasprintf(fmt, ap);
	va_end(ap);
	folder = encl_xstrdup(test_path("%s", name));
	*strrchr(folder, '/') = '\0';
	OK(encl_make_dirs(folder, 0755, &e));
	OK(encl_write_file(test_path("%s", name), text, strlen(text), 0644, &e));
}

static void
put_pages(unsigned node, unsigned kib, unsigned total, unsigned unused)
{
	char text[16];

	snprintf(text, sizeof text, "%u\n", total);
	put(text, NODE "/node%u/hugepages/hugepages-%ukB/nr_hugepages", node, kib);
	snprintf(text, sizeof text, "%u\n", unused);
	put(text, NODE "/node%u/hugepages/hugepages-%ukB/free_hugepages", node, kib);
}

static void
put_node(unsigned id, const char *cpus, unsigned total_mib)
{
	char text[200];

	snprintf(text, sizeof text,
		 "Node %u MemTotal:       %u kB\nNode %u MemFree:        %u kB\n", id,
		 total_mib * 1024, id, total_mib * 512);
	put(cpus, NODE "/node%u/cpulist", id);
	put(text, NODE "/node%u/meminfo", id);
}

static void
use(void)
{
	setenv("ENCLAVEBUILD_HOST_ROOT", test_dir(), 1);
}

static void
put_cpu(unsigned id, unsigned node, const char *siblings)
{
	put("", CPU "/cpu%u/node%u/cpulist", id, node);
	if (siblings)
		put(siblings, CPU "/cpu%u/topology/thread_siblings_list", id);
}

/* m5.xlarge: 2 cores with 2 threads, the second one given to enclaves. */
static void
make_small(void)
{
	put("0-3\n", CPU "/present");
	put("0,2\n", CPU "/online");
	put("0\n", NODE "/online");
	put_node(0, "0,2\n", 16384);
	put_cpu(0, 0, "0,2\n");
	put_cpu(1, 0, NULL);
	put_cpu(2, 0, "0,2\n");
	put_cpu(3, 0, NULL);
	put_pages(0, 2048, 256, 200);
	put_pages(0, 1048576, 3, 1);
	put("MemTotal: 16 kB\nMemAvailable:    8388608 kB\n", "proc/meminfo");
	put("1,3\n", POOL);
	put("", "dev/nitro_enclaves");
	put("", "usr/lib/systemd/system/nitro-enclaves-allocator.service");
	use();
}

/* ---- lists ---- */

TEST(launch_host_lists)
{
	static const struct {
		const char *text, *back;
		size_t n;
	} good[] = {{"0\n", "0", 1},	  {"", "", 0},
		    {"\n", "", 0},	  {"0-3,8,10-11\n", "0-3,8,10-11", 7},
		    {"3,1,2", "1-3", 3},  {"2,2,2-3", "2-3", 2},
		    {"8191", "8191", 1},  {"0-8191", "0-8191", 8192},
		    {"0,2,4", "0,2,4", 3}};
	static const char *const bad[] = {
		"x",	"0-",	"-3",	  "3-0",   "0,", ",0", "0 ",
		"0,,1", "8192", "0-8192", "1-2-3", " 0", "+1", "99999999999999999999"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		encl_auto(encl_free) unsigned *ids = NULL;
		encl_auto(encl_free) char *back = NULL;
		size_t n;

		OK(encl_host_parse_list(good[i].text, &ids, &n, &e));
		back = encl_host_format_list(ids, n);
		EQ_INT(good[i].n, n);
		EQ_STR(good[i].back, back);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		encl_auto(encl_free) char *want = encl_xasprintf(
			"\"%s\" is not a list of numbers below 8192 such as 0-3,8",
			!strcmp(bad[i], " 0")	? "\\x200"
			: !strcmp(bad[i], "0 ") ? "0\\x20"
						: bad[i]);
		unsigned *ids = NULL;
		size_t n;

		FAILS(encl_host_parse_list(bad[i], &ids, &n, &e), ENCL_HOST, want);
		CHECK(!ids);
	}
}

/* ---- machines ---- */

TEST(launch_host_small)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};

	make_small();
	OK(encl_host_read(&h, &e));
	EQ_STR(test_dir(), h.root);
	EQ_INT(4, h.n_cpus);
	EQ_INT(2, h.threads_per_core);
	for (unsigned i = 0; i < 4; i++) {
		EQ_INT(i, h.cpus[i].id);
		EQ_INT(i % 2, h.cpus[i].core);
		EQ_INT(i % 2 == 0, h.cpus[i].online);
		EQ_INT(i % 2 == 1, h.cpus[i].pooled);
		EQ_INT(0, h.cpus[i].node);
	}
	EQ_INT(1, h.n_nodes);
	EQ_INT(16384, h.nodes[0].total_mib);
	EQ_INT(8192, h.nodes[0].free_mib);
	EQ_INT(8192, h.available_mib);
	EQ_INT(2, h.nodes[0].n_pages);
	EQ_INT(1 << 30, h.nodes[0].pages[0].size);
	EQ_INT(3, h.nodes[0].pages[0].total);
	EQ_INT(1, h.nodes[0].pages[0].free);
	EQ_INT(2 << 20, h.nodes[0].pages[1].size);
	EQ_INT(256, h.nodes[0].pages[1].total);
	EQ_INT(200, h.nodes[0].pages[1].free);
	EQ_INT(0, h.pool_node);
	CHECK(h.driver && h.device && h.device_writable && h.service);
}

/* Two nodes, threads numbered as EC2 does; the pool lies on the second node. */
TEST(launch_host_two_nodes)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};

	put("0-15\n", CPU "/present");
	put("0-4,8-12\n", CPU "/online");
	put("0-1\n", NODE "/online");
	put_node(0, "0-3,8-11\n", 1000);
	put_node(1, "4,12\n", 2000);
	for (unsigned i = 0; i < 16; i++) {
		char text[16];

		snprintf(text, sizeof text, "%u,%u\n", i % 8, i % 8 + 8);
		put_cpu(i, i % 8 / 4, i % 8 < 5 ? text : NULL);
	}
	put("5-7,13-15\n", POOL);
	put_pages(0, 2048, 100, 100);
	put_pages(1, 2048, 50, 50);
	/* 20 are promised to somebody, of which node nobody tells */
	put("20\n", "sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages");
	use();
	OK(encl_host_read(&h, &e));
	EQ_INT(2, h.n_nodes);
	EQ_INT(1, h.pool_node);
	EQ_INT(2, h.threads_per_core);
	for (unsigned i = 0; i < 16; i++) {
		EQ_INT(i % 8, h.cpus[i].core);
		EQ_INT(i % 8 / 4, h.cpus[i].node);
		EQ_INT(i % 8 >= 5, h.cpus[i].pooled);
	}
	EQ_INT(80, encl_host_node(&h, 0)->pages[0].free);
	EQ_INT(50, encl_host_node(&h, 1)->pages[0].total);
	EQ_INT(30, encl_host_node(&h, 1)->pages[0].free);
	CHECK(!encl_host_node(&h, 2));
	CHECK(h.driver && !h.device && !h.device_writable && !h.service);
}

/* Threads side by side; one processor was switched off by somebody else. */
TEST(launch_host_neighbours)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};

	put("0-7\n", CPU "/present");
	put("0-2\n", CPU "/online");
	put("0\n", NODE "/online");
	put_node(0, "0-2\n", 1000);
	put_cpu(0, 0, "0-1\n");
	put_cpu(1, 0, "0-1\n");
	put_cpu(2, 0, "2\n"); /* its sibling 3 is the one that is off */
	put("4-7\n", POOL);
	use();
	OK(encl_host_read(&h, &e));
	for (unsigned i = 0; i < 8; i++)
		EQ_INT(i == 3 ? 3 : i & ~1U, h.cpus[i].core);
}

/* Graviton: a thread a core, sizes of arm64 with 4 KiB pages, a pool, no device. */
TEST(launch_host_graviton)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};
	struct encl_host_choice c[ENCL_HOST_SIZES];
	uint64_t got;
	size_t n;

	put("0-3\n", CPU "/present");
	put("0-1\n", CPU "/online");
	put("0\n", NODE "/online");
	put_node(0, "0-1\n", 8000);
	put("0\n", CPU "/cpu0/topology/core_cpus_list");
	put("1\n", CPU "/cpu1/topology/core_cpus_list");
	put("2-3\n", POOL);
	put_pages(0, 64, 9000, 9000);
	put_pages(0, 2048, 3, 3);
	put_pages(0, 32768, 3, 2);
	put_pages(0, 1048576, 0, 0);
	use();
	OK(encl_host_read(&h, &e));
	EQ_INT(1, h.threads_per_core);
	for (unsigned i = 0; i < 4; i++)
		EQ_INT(i, h.cpus[i].core);
	EQ_INT(4, h.nodes[0].n_pages);
	/* pages of 64 KiB do not count */
	OK(encl_host_choose_pages(&h.nodes[0], 66, c, &n, &got, &e));
	EQ_INT(66, got);
	EQ_INT(2, n);
	EQ_INT(2, c[0].count);
	EQ_INT(1, c[1].count);
	FAILS(encl_host_choose_pages(&h.nodes[0], 71, c, &n, &got, &e), ENCL_HOST,
	      "71 MiB are wanted; node 0 has 70 MiB in free huge pages (2 x 32 MiB, 3 x "
	      "2 MiB)");
}

/* arm64 with pages of 64 KiB: 2 MiB, 512 MiB and 16 GiB. */
TEST(launch_host_64k)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};
	struct encl_host_choice c[ENCL_HOST_SIZES];
	uint64_t got;
	size_t n;

	put("0-1\n", CPU "/present");
	put("0-1\n", CPU "/online");
	put("0\n", NODE "/online");
	put_node(0, "0-1\n", 64000);
	put_pages(0, 2048, 10, 10);
	put_pages(0, 524288, 2, 2);
	put_pages(0, 16777216, 1, 1);
	use();
	OK(encl_host_read(&h, &e));
	EQ_INT(3, h.nodes[0].n_pages);
	EQ_INT(-1, h.pool_node);
	OK(encl_host_choose_pages(&h.nodes[0], 530, c, &n, &got, &e));
	EQ_INT(532, got + 2);
	EQ_INT(2, n);
	EQ_INT(512LL << 20, c[0].size);
	EQ_INT(9, c[1].count);
	OK(encl_host_choose_pages(&h.nodes[0], 1050, c, &n, &got, &e));
	EQ_INT(16384, got);
	EQ_INT(1, n);
	EQ_INT(1, c[0].count);
}

/* A kernel without NUMA, no driver, nothing reserved. */
TEST(launch_host_bare)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};

	put("0\n", CPU "/present");
	put("0\n", CPU "/online");
	put("MemTotal:  2097152 kB\nMemFree: 1048576 kB\nMemAvailable: 524288 kB\n",
	    "proc/meminfo");
	put("5\n", "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	put("4\n", "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	put("1\n", "sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages");
	use();
	OK(encl_host_read(&h, &e));
	EQ_INT(1, h.n_nodes);
	EQ_INT(2048, h.nodes[0].total_mib);
	EQ_INT(1024, h.nodes[0].free_mib);
	EQ_INT(512, h.available_mib);
	EQ_INT(1, h.nodes[0].n_pages);
	EQ_INT(5, h.nodes[0].pages[0].total);
	EQ_INT(3, h.nodes[0].pages[0].free);
	EQ_INT(-1, h.pool_node);
	CHECK(!h.driver && !h.device && !h.service);
}

TEST(launch_host_this)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};

	unsetenv("ENCLAVEBUILD_HOST_ROOT");
	OK(encl_host_read(&h, &e));
	EQ_STR("", h.root);
	CHECK(h.n_cpus >= 1 && h.cpus[0].online && h.n_nodes >= 1);
	CHECK(h.available_mib > 0 && h.nodes[0].total_mib > h.nodes[0].free_mib);
	setenv("ENCLAVEBUILD_HOST_ROOT", "///", 1);
	encl_host_clear(&h);
	OK(encl_host_read(&h, &e));
	EQ_STR("", h.root);
}

/* ---- what is malformed ---- */

static void
refuses(const char *name, const char *text, const char *why)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};
	encl_auto(encl_free) char *want = NULL;

	make_small();
	put(text, "%s", name);
	want = encl_xasprintf("%s/%s%s", test_dir(), name, why);
	FAILS(encl_host_read(&h, &e), ENCL_HOST, want);
	CHECK(!h.cpus && !h.nodes && !h.root);
}

TEST(launch_host_refuses_present)
{
	refuses(CPU "/present", "0-4294967295\n",
		": \"0-4294967295\" is not a list of numbers below 8192 such as 0-3,8");
}

TEST(launch_host_refuses_present_empty)
{
	refuses(CPU "/present", "\n", " names no processor");
}

TEST(launch_host_refuses_online)
{
	refuses(CPU "/online", "0-3\n1\n",
		": \"0-3\\x0a1\\x0a\" is not a list of numbers below 8192 such as 0-3,8");
}

TEST(launch_host_refuses_siblings)
{
	refuses(CPU "/cpu2/topology/thread_siblings_list", "two\n",
		": \"two\" is not a list of numbers below 8192 such as 0-3,8");
}

TEST(launch_host_refuses_nodes)
{
	refuses(NODE "/online", "0-64\n", ": more than 64 nodes");
}

TEST(launch_host_refuses_pool)
{
	refuses(POOL, "1,3-4\n", " names processor 4, which is not there");
}

TEST(launch_host_refuses_count)
{
	refuses(NODE "/node0/hugepages/hugepages-2048kB/free_hugepages", "-1\n",
		": not a number, or too large");
}

TEST(launch_host_refuses_much)
{
	refuses(NODE "/node0/hugepages/hugepages-2048kB/nr_hugepages",
		"18446744073709551615\n", ": not a number, or too large");
}

TEST(launch_host_refuses_large)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};
	encl_auto(encl_free) char *text = encl_xcalloc(1, 70001);
	encl_auto(encl_free) char *want = NULL;

	make_small();
	memset(text, '1', 70000);
	put(text, CPU "/online");
	want = encl_xasprintf("%s/" CPU "/online is larger than 65536 bytes", test_dir());
	FAILS(encl_host_read(&h, &e), ENCL_HOST, want);
}

/* A pipe would be waited for, a folder is none of ours. */
TEST(launch_host_refuses_pipe)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};
	encl_auto(encl_free) char *want = NULL;

	make_small();
	EQ_INT(0, unlink(test_path(CPU "/online")));
	EQ_INT(0, mkfifo(test_path(CPU "/online"), 0600));
	want = encl_xasprintf("%s/" CPU "/online is not a file", test_dir());
	FAILS(encl_host_read(&h, &e), ENCL_HOST, want);
}

/* Sizes that cannot be are passed over; more free than there are is cut. */
TEST(launch_host_odd_pages)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};
	static const char *const names[] = {"hugepages-3072kB",
					    "hugepages-kB",
					    "hugepages-0kB",
					    "hugepages-2048",
					    "hugepages-2048MB",
					    "hugepages--1kB",
					    "x",
					    "hugepages-99999999999999999kB"};

	make_small();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		put("7\n", NODE "/node0/hugepages/%s/free_hugepages", names[i]);
	put_pages(0, 4096, 1, 9);
	OK(encl_host_read(&h, &e));
	EQ_INT(3, h.nodes[0].n_pages);
	EQ_INT(4 << 20, h.nodes[0].pages[1].size);
	EQ_INT(1, h.nodes[0].pages[1].free);
}

/* ---- pages ---- */

/* Every choice there is, for small numbers. */
static void
least(const struct encl_host_node *node, size_t i, uint64_t sum, uint64_t count,
      uint64_t want, uint64_t best[2])
{
	if (i == node->n_pages) {
		if (sum >= want &&
		    (sum < best[0] || (sum == best[0] && count < best[1]))) {
			best[0] = sum;
			best[1] = count;
		}
		return;
	}
	for (uint64_t n = 0; n <= node->pages[i].free; n++)
		least(node, i + 1, sum + n * (node->pages[i].size >> 20), count + n, want,
		      best);
}

TEST(launch_host_pages_are_the_best)
{
	uint32_t state = 1;
	unsigned tried = 0;

	for (unsigned round = 0; round < 400; round++) {
		struct encl_host_node node = {.n_pages = 3};
		uint64_t all = 0;

		for (size_t i = 0; i < 3; i++) {
			state = state * 1664525 + 1013904223;
			node.pages[i].size = UINT64_C(2) << (20 + 2 * (2 - i) +
							     (state >> 30) % (i ? 1 : 2));
			node.pages[i].free = node.pages[i].total = (state >> 20) % 5;
			all += node.pages[i].free * node.pages[i].size >> 20;
		}
		for (uint64_t want = 1; want <= all; want++, tried++) {
			uint64_t best[2] = {UINT64_MAX, UINT64_MAX}, got, sum = 0,
				 count = 0;
			struct encl_host_choice c[ENCL_HOST_SIZES];
			size_t n;

			least(&node, 0, 0, 0, want, best);
			OK(encl_host_choose_pages(&node, want, c, &n, &got, &e));
			for (size_t i = 0; i < n; i++) {
				CHECK(c[i].count && (!i || c[i].size < c[i - 1].size));
				sum += c[i].count * (c[i].size >> 20);
				count += c[i].count;
			}
			EQ_INT(best[0], got);
			EQ_INT(got, sum);
			EQ_INT(best[1], count);
		}
	}
	CHECK(tried > 10000);
}

TEST(launch_host_pages_none)
{
	struct encl_host_node node = {.id = 3};
	struct encl_host_choice c[ENCL_HOST_SIZES];
	uint64_t got;
	size_t n;

	FAILS(encl_host_choose_pages(&node, 64, c, &n, &got, &e), ENCL_HOST,
	      "64 MiB are wanted; node 3 has 0 MiB in free huge pages (none)");
	FAILS(encl_host_choose_pages(&node, UINT64_MAX, c, &n, &got, &e), ENCL_HOST,
	      "18446744073709551615 MiB are wanted; node 3 has 0 MiB in free huge pages "
	      "(none)");
}

/* ---- obstacles ---- */

static void
obstacles(uint64_t mib, unsigned cpus, const char *const *want)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};
	char **got;
	size_t i;

	OK(encl_host_read(&h, &e));
	got = encl_host_obstacles(&h, mib, cpus);
	for (i = 0; want[i]; i++)
		EQ_STR(want[i], got[i]);
	EQ_STR("(the end)", got[i] ? got[i] : "(the end)");
	for (i = 0; got[i]; i++)
		free(got[i]);
	free(got);
}

TEST(launch_host_obstacles)
{
	make_small();
	obstacles(1024, 2, (const char *const[]){NULL});
	obstacles(1424, 2, (const char *const[]){NULL});
	obstacles(
		1425, 4,
		(const char *const[]){
			"4 processors are wanted; 2 are set aside for enclaves: sudo "
			"enclavebuild host setup --apply --memory 1425 --cpus 4",
			"1425 MiB are wanted; node 0 has 1424 MiB in free huge pages (1 "
			"x 1 GiB, 200 x 2 MiB): sudo enclavebuild host setup --apply "
			"--memory 1425 --cpus 4",
			NULL});
	obstacles(64, 1,
		  (const char *const[]){
			  "1 processor is no whole core: a core has 2 threads "
			  "here; ask for 2",
			  NULL});
}

TEST(launch_host_obstacles_bare)
{
	make_small();
	EQ_INT(0, unlink(test_path("dev/nitro_enclaves")));
	put("\n", POOL);
	obstacles(64, 2,
		  (const char *const[]){
			  "the driver is loaded, but there is no /dev/nitro_enclaves: "
			  "start an instance with enclaves enabled (aws ec2 "
			  "run-instances --enclave-options Enabled=true)",
			  "no processors are set aside for enclaves: sudo enclavebuild "
			  "host setup --apply --memory 64 --cpus 2",
			  NULL});
	EQ_INT(0, unlink(test_path(POOL)));
	EQ_INT(0, rmdir(test_path("sys/module/nitro_enclaves/parameters")));
	EQ_INT(0, rmdir(test_path("sys/module/nitro_enclaves")));
	obstacles(
		64, 2,
		(const char *const[]){
			"the driver is not there: modprobe nitro_enclaves (the instance "
			"has to be started with enclaves enabled: aws ec2 "
			"run-instances --enclave-options Enabled=true)",
			"no processors are set aside for enclaves: sudo enclavebuild "
			"host setup --apply --memory 64 --cpus 2",
			NULL});
}

/* Pages of another node are of no use, and a pool of two nodes neither. */
TEST(launch_host_obstacles_nodes)
{
	put("0-3\n", CPU "/present");
	put("0,2\n", CPU "/online");
	put("0-1\n", NODE "/online");
	put_node(0, "0\n", 1000);
	put_node(1, "2\n", 1000);
	for (unsigned i = 0; i < 4; i++)
		put_cpu(i, i / 2, NULL);
	put_pages(0, 2048, 512, 512);
	put_pages(1, 2048, 32, 32);
	put("3\n", POOL);
	put("", "dev/nitro_enclaves");
	use();
	obstacles(64, 1, (const char *const[]){NULL});
	obstacles(65, 1,
		  (const char *const[]){"65 MiB are wanted; node 1 has 64 MiB in free "
					"huge pages (32 x 2 MiB): sudo enclavebuild host "
					"setup --apply --memory 65 --cpus 1",
					NULL});
	put("1,3\n", POOL);
	obstacles(
		64, 2,
		(const char *const[]){"the processors that are set aside are of several "
				      "nodes: sudo enclavebuild host setup --apply "
				      "--memory 64 --cpus 2",
				      NULL});
}
