/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays the parent of an enclave, one word after the other; a line for each:
 * its name and 0, a result, or E and the errno.
 *
 *	nitro-call open create map:128M,2M image:FILE memory:0 vcpu:0 listen:9000 …
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nitro_enclaves.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAPS = 64, VALUES = 4 };

static int device = -1, enclave = -1, listener = -1, line = -1;
static struct {
	char *p;
	size_t size;
} maps[MAPS];
static size_t n_maps;

static uint64_t
number(const char *text, char **end)
{
	uint64_t n = strtoull(text, end, 0);
	const char *units = "KMG", *unit = **end ? strchr(units, **end) : NULL;

	if (unit) {
		n <<= 10 * (unit - units + 1);
		++*end;
	}
	return n;
}

/* "a,b,c": unset ones are 0 */
static void
numbers(const char *text, uint64_t v[VALUES])
{
	memset(v, 0, VALUES * sizeof *v);
	for (int i = 0; i < VALUES && text && *text; i++) {
		char *end;

		v[i] = number(text, &end);
		text = *end == ',' ? end + 1 : NULL;
	}
}

static void
tell(const char *word, long result)
{
	printf("%s %s%ld\n", word, result < 0 ? "E" : "",
	       result < 0 ? (long)errno : result);
	fflush(stdout);
}

/* ---- memory ---- */

/* map:SIZE,PAGE[,populate] or plain:SIZE */
static long
map(const uint64_t v[VALUES], int huge)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *p;

	if (huge)
		flags |= MAP_HUGETLB | (__builtin_ctzll(v[1]) << 26) |
			 (v[2] ? MAP_POPULATE : 0);
	p = mmap(NULL, v[0], PROT_READ | PROT_WRITE, flags, -1, 0);
	if (p == MAP_FAILED)
		return -1;
	maps[n_maps].p = p;
	maps[n_maps].size = v[0];
	n_maps++;
	return 0;
}

/* Over all mappings, in their order, at 8 MiB of the space that they make. */
static long
load(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t begin = 0, at = 8 << 20;
	ssize_t n = 1;

	for (size_t i = 0; i < n_maps && n > 0; begin += maps[i++].size)
		while (n > 0 && at < begin + maps[i].size) {
			n = read(fd, maps[i].p + (at - begin), begin + maps[i].size - at);
			at += n > 0 ? (size_t)n : 0;
		}
	close(fd);
	return n;
}

/* memory:I[,FLAGS[,OFFSET[,SIZE]]] */
static long
give(const uint64_t v[VALUES])
{
	struct ne_user_memory_region r = {.flags = v[1]};

	r.userspace_addr = (uintptr_t)maps[v[0]].p + v[2];
	r.memory_size = v[3] ? v[3] : maps[v[0]].size;
	return ioctl(enclave, NE_SET_USER_MEMORY_REGION, &r);
}

/* raw:ADDRESS,SIZE */
static long
give_raw(const uint64_t v[VALUES])
{
	struct ne_user_memory_region r = {.userspace_addr = v[0], .memory_size = v[1]};

	return ioctl(enclave, NE_SET_USER_MEMORY_REGION, &r);
}

/* bind:I,NODES */
static long
place(const uint64_t v[VALUES])
{
	unsigned long nodes = v[1];

	return syscall(SYS_mbind, maps[v[0]].p, maps[v[0]].size, 2, &nodes, 64UL, 0UL);
}

static long
prefer(const uint64_t v[VALUES])
{
	unsigned long nodes = v[0];

	return syscall(SYS_set_mempolicy, nodes ? 2 : 0, nodes ? &nodes : NULL, 64UL);
}

/* touch:I: the signal that it costs, or 0 */
static long
touch(const uint64_t v[VALUES])
{
	int status;

	if (fork() == 0) {
		for (size_t i = 0; i < maps[v[0]].size; i += 2 << 20)
			maps[v[0]].p[i] = 1;
		_exit(0);
	}
	wait(&status);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* ---- the enclave ---- */

static long
load_info(const uint64_t v[VALUES])
{
	struct ne_image_load_info info = {.flags = v[0]};

	return ioctl(enclave, NE_GET_IMAGE_LOAD_INFO, &info) ? -1
							     : (long)info.memory_offset;
}

static long
add_cpu(const uint64_t v[VALUES])
{
	uint32_t id = (uint32_t)v[0];

	return ioctl(enclave, NE_ADD_VCPU, &id) ? -1 : (long)id;
}

/* start:FLAGS,CID: its CID */
static long
start(const uint64_t v[VALUES])
{
	struct ne_enclave_start_info info = {.flags = v[0], .enclave_cid = v[1]};

	return ioctl(enclave, NE_START_ENCLAVE, &info) ? -1 : (long)info.enclave_cid;
}

static long
create(void)
{
	uint64_t slot;

	enclave = ioctl(device, NE_CREATE_VM, &slot);
	return enclave < 0 ? -1 : (long)slot;
}

/* hup:MS: 1 where it hung up by then */
static long
wait_end(const uint64_t v[VALUES])
{
	struct pollfd p = {enclave, 0, 0};

	return poll(&p, 1, (int)v[0]) > 0 && p.revents & POLLHUP;
}

/* ---- vsock ---- */

static long
listen_on(const uint64_t v[VALUES])
{
	struct sockaddr_vm a = {.svm_family = AF_VSOCK,
				.svm_cid = VMADDR_CID_ANY,
				.svm_port = (uint32_t)v[0]};
	socklen_t n = sizeof a;

	listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 8) ||
	    getsockname(listener, (struct sockaddr *)&a, &n))
		return -1;
	return a.svm_port;
}

/* accept:MS: the CID of who came */
static long
take(const uint64_t v[VALUES])
{
	struct sockaddr_vm a = {0};
	struct pollfd p = {listener, POLLIN, 0};
	socklen_t n = sizeof a;

	errno = ETIMEDOUT;
	if (poll(&p, 1, (int)v[0]) <= 0)
		return -1;
	line = accept(listener, (struct sockaddr *)&a, &n);
	return line < 0 ? -1 : (long)a.svm_cid;
}

/* call:CID,PORT,NONBLOCK */
static long
call(const uint64_t v[VALUES])
{
	struct sockaddr_vm a = {.svm_family = AF_VSOCK,
				.svm_cid = (uint32_t)v[0],
				.svm_port = (uint32_t)v[1]};

	line = socket(AF_VSOCK, SOCK_STREAM | (v[2] ? SOCK_NONBLOCK : 0), 0);
	return connect(line, (struct sockaddr *)&a, sizeof a);
}

/* so_error: what a connection came to */
static long
outcome(void)
{
	struct pollfd p = {line, POLLOUT, 0};
	socklen_t n = sizeof(int);
	int error = -1;

	poll(&p, 1, 1000);
	getsockopt(line, SOL_SOCKET, SO_ERROR, &error, &n);
	return error;
}

static long
read_byte(void)
{
	unsigned char byte;
	ssize_t n = read(line, &byte, 1);

	return n == 1 ? byte : n;
}

static long
write_byte(const uint64_t v[VALUES])
{
	unsigned char byte = (unsigned char)v[0];

	return write(line, &byte, 1) == 1 ? 0 : -1;
}

/* text: all that comes until the end, as it is */
static long
read_text(void)
{
	char text[4096];
	ssize_t n;
	long all = 0;

	while ((n = read(line, text, sizeof text)) > 0) {
		fwrite(text, 1, (size_t)n, stdout);
		fflush(stdout);
		all += n;
	}
	return all;
}

/* lines:N: as many of them */
static long
read_lines(const uint64_t v[VALUES])
{
	struct pollfd p = {line, POLLIN, 0};
	uint64_t n = 0;
	char byte;

	while (n < v[0] && poll(&p, 1, 60000) > 0 && read(line, &byte, 1) == 1) {
		putchar(byte);
		n += byte == '\n';
	}
	return (long)n;
}

/* store:PATH=VALUE */
static long
store(const char *argument)
{
	char *path = strdup(argument), *value = strchr(path, '=');
	int fd;

	*value++ = 0;
	fd = open(path, O_WRONLY | O_TRUNC);
	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;
}

/* ---- words ---- */

static const struct {
	const char *name;
	long (*with_numbers)(const uint64_t v[VALUES]);
	long (*alone)(void);
	long (*with_text)(const char *text);
} words[] = {{"create", NULL, create, NULL},	{"info", load_info, NULL, NULL},
	     {"image", NULL, NULL, load},	{"memory", give, NULL, NULL},
	     {"raw", give_raw, NULL, NULL},	{"vcpu", add_cpu, NULL, NULL},
	     {"bind", place, NULL, NULL},	{"policy", prefer, NULL, NULL},
	     {"touch", touch, NULL, NULL},	{"start", start, NULL, NULL},
	     {"hup", wait_end, NULL, NULL},	{"listen", listen_on, NULL, NULL},
	     {"accept", take, NULL, NULL},	{"call", call, NULL, NULL},
	     {"so_error", NULL, outcome, NULL}, {"read", NULL, read_byte, NULL},
	     {"write", write_byte, NULL, NULL}, {"text", NULL, read_text, NULL},
	     {"store", NULL, NULL, store},	{"lines", read_lines, NULL, NULL}};

static long
one(const char *name, const char *argument)
{
	uint64_t v[VALUES];

	if (!strcmp(name, "store") || !strcmp(name, "image"))
		memset(v, 0, sizeof v);
	else
		numbers(argument, v);
	if (!strcmp(name, "open"))
		return device = open("/dev/nitro_enclaves", O_RDWR | O_CLOEXEC);
	if (!strcmp(name, "map") || !strcmp(name, "plain"))
		return map(v, *name == 'm');
	if (!strcmp(name, "unmap"))
		return munmap(maps[v[0]].p + v[1], v[2] ? v[2] : maps[v[0]].size);
	if (!strcmp(name, "close"))
		return close(enclave);
	if (!strcmp(name, "hang"))
		return pause();
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i].name, name))
			return words[i].alone	       ? words[i].alone()
			       : words[i].with_numbers ? words[i].with_numbers(v)
						       : words[i].with_text(argument);
	fprintf(stderr, "nitro-call: %s?\n", name);
	exit(2);
}

int
main(int argc, char **argv)
{
	int child = 0;

	signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i < argc; i++) {
		char *argument = strchr(argv[i], ':');
		char name[16] = "";

		snprintf(name, sizeof name, "%.*s",
			 argument ? (int)(argument - argv[i]) : 15, argv[i]);
		if (!strcmp(name, "fork")) { /* what follows, in another process */
			child = fork();
			if (child) {
				waitpid(child, NULL, 0);
				return 0;
			}
			continue;
		}
		long result = one(name, argument ? argument + 1 : NULL);

		tell(name, strcmp(name, "open") || result < 0 ? result : 0);
	}
	return 0;
}
