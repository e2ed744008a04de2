/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the guest of 290-memory.sh and `make memory-figures`: uses up what an image's
 * manifest declares.
 *
 *	use hold NAME MIB	takes memory, says so in /held/NAME, and stays
 *	use all MIB PORT [FILE…] -- [NAME…]
 *				waits for the names, fills the file systems of the
 *				files, takes memory, asks memcached at the port (0:
 *				none is there), and ends
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAGE = 4096, MIB = 1 << 20, TRIES = 1200 };
static char block[MIB];

static unsigned char *
take(size_t n)
{
	unsigned char *p = mmap(NULL, n ? n : PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		printf("memory: %s\n", strerror(errno));
		exit(1);
	}
	for (size_t i = 0; i < n; i += PAGE)
		p[i] = (unsigned char)(1 + i / PAGE);
	return p;
}

static void
check(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i += PAGE)
		if (p[i] != (unsigned char)(1 + i / PAGE)) {
			printf("memory at %zu is not what it was\n", i);
			exit(1);
		}
}

static void
fill(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t n = 0;
	ssize_t written;

	if (fd < 0) {
		printf("%s: %s\n", path, strerror(errno));
		exit(1);
	}
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)rand();
	while ((written = write(fd, block, sizeof block)) > 0)
		n += (size_t)written;
	if (errno != ENOSPC) {
		printf("%s: %s\n", path, strerror(errno));
		exit(1);
	}
	printf("%s: %zu MiB, full\n", path, n / MIB);
}

static int
answers(unsigned port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[8] = "";
	int ok;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ok = !connect(fd, (struct sockaddr *)&in, sizeof in) &&
	     write(fd, "version\r\n", 9) == 9 && read(fd, text, 7) == 7 &&
	     !memcmp(text, "VERSION", 7);
	close(fd);
	return ok;
}

static int
all(char **argv)
{
	size_t mib = strtoul(*argv++, NULL, 10);
	unsigned port = (unsigned)strtoul(*argv++, NULL, 10);
	char **files = argv, path[200];
	unsigned char *p;
	int tries = 0;

	while (strcmp(*argv, "--") != 0)
		argv++;
	for (argv++; *argv; argv++) {
		snprintf(path, sizeof path, "/held/%s", *argv);
		while (access(path, F_OK) && tries++ < TRIES)
			usleep(100000);
	}
	while (port && !answers(port) && tries++ < TRIES)
		usleep(100000);
	if (tries > TRIES)
		return 1;
	for (; strcmp(*files, "--") != 0; files++)
		fill(*files);
	p = take(mib * MIB);
	sleep(1);
	check(p, mib * MIB);
	if (port && !answers(port))
		return 1;
	printf("all of it is used\n");
	return 0;
}

int
main(int argc, char **argv)
{
	size_t n = argc == 4 ? strtoul(argv[3], NULL, 10) * MIB : 0;
	unsigned char *p;
	char path[200];

	if (argc < 4)
		return 2;
	if (!strcmp(argv[1], "all"))
		return all(argv + 2);
	p = take(n);
	snprintf(path, sizeof path, "/held/%s", argv[2]);
	close(open(path, O_WRONLY | O_CREAT, 0644));
	for (;;) {
		sleep(1);
		check(p, n);
	}
}
