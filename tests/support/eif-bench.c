/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eif-bench FILE OUT JOBS: writes an image whose second ramdisk is FILE and
 * prints wall and CPU seconds of encl_eif_write, then of encl_eif_measure, to
 * compare with `openssl dgst -sha384 FILE`.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "eif/eif.h"

static struct encl_err e;

static void
must(int rc)
{
	if (rc == 0)
		return;
	fprintf(stderr, "eif-bench: %s\n", e.msg);
	exit(1);
}

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
show(const char *what, double wall, double cpu)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	printf("%-16s wall %.2f s, CPU %.2f s, peak %ld KiB\n", what,
	       seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
	       r.ru_maxrss);
}

static uint32_t
crc_of(int fd, uint64_t size)
{
	encl_auto(encl_free) uint8_t *buf = encl_xmalloc(1 << 20);
	uint32_t crc = 0;

	for (uint64_t at = 0; at < size;) {
		ssize_t n = pread(fd, buf, 1 << 20, (off_t)at);

		if (n <= 0)
			exit(1);
		crc = encl_crc32(crc, buf, (size_t)n);
		at += (uint64_t)n;
	}
	return crc;
}

static void
bench_write(int in, int out, uint64_t size, unsigned jobs)
{
	struct encl_eif_bytes small = {"small", 5};
	struct encl_eif_range range = {in, 0, size, "input"};
	struct encl_eif_part parts[] = {
		encl_eif_part_bytes(ENCL_SECTION_KERNEL, &small),
		encl_eif_part_bytes(ENCL_SECTION_CMDLINE, &small),
		encl_eif_part_bytes(ENCL_SECTION_METADATA, &small),
		encl_eif_part_bytes(ENCL_SECTION_RAMDISK, &small),
		encl_eif_part_range(ENCL_SECTION_RAMDISK, &range),
	};
	struct encl_eif_result r;
	double wall, cpu;

	parts[2] = encl_eif_part_bytes(
		ENCL_SECTION_METADATA,
		&(struct encl_eif_bytes){
			"{\"ImageName\":\"\",\"ImageVersion\":\"\",\"BuildMetadata\":{"
			"\"BuildTime\":\"\",\"BuildTool\":\"\",\"BuildToolVersion\":\"\","
			"\"OperatingSystem\":\"\",\"KernelVersion\":\"\"},"
			"\"DockerInfo\":null,\"CustomMetadata\":null}",
			184});
	parts[4].crc = crc_of(in, size);
	parts[4].crc_known = true;
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	must(encl_eif_write(out, ENCL_ARCH_X86_64, parts, 5, NULL, jobs, &r, &e));
	show("encl_eif_write", wall, cpu);
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	fsync(out);
	show("fsync", wall, cpu);
}

static void
bench_measure(const char *path, unsigned jobs)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	struct encl_measurements m;
	struct encl_digest sha256;
	uint32_t crc;
	double wall, cpu;

	must(encl_eif_open(path, &eif, &e));
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	must(encl_eif_measure(&eif, jobs, &m, &crc, &sha256, &e));
	show("encl_eif_measure", wall, cpu);
}

int
main(int argc, char **argv)
{
	struct stat st;
	int in, out;

	if (argc != 4) {
		fprintf(stderr, "usage: eif-bench FILE OUT JOBS\n");
		return 2;
	}
	in = open(argv[1], O_RDONLY | O_CLOEXEC);
	out = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (in < 0 || out < 0 || fstat(in, &st)) {
		perror("eif-bench");
		return 1;
	}
	bench_write(in, out, (uint64_t)st.st_size, (unsigned)atoi(argv[3]));
	bench_measure(argv[2], (unsigned)atoi(argv[3]));
	return 0;
}
