/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP server on 127.0.0.1 that misbehaves as told:
 *
 *	httpd FOLDER [ACTION:COUNT:SUBSTRING]…
 *
 * The first line on stdout is its port; each request adds "STATUS PATH".  A
 * fault meets the first COUNT requests (0: all) whose path has SUBSTRING:
 * a status ("404", "500", "429"), "half" (closes after half of the body),
 * "rubbish" (other bytes of the same length), "empty" (closes at once),
 * "longer" (more bytes, no length), "redirect" (to /moved/PATH).  It ends with
 * the process that started it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/stream.h"

enum { MAX_FAULTS = 32, MAX_FILE = 64 << 20 };

struct fault {
	char action[16];
	long count; /* left; -1: for ever */
	const char *substring;
};

struct server {
	const char *folder;
	struct fault faults[MAX_FAULTS];
	size_t n;
};

static void
send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done <= 0)
			return;
		p += done;
		n -= (size_t)done;
	}
}

static void
send_head(int fd, const char *status, const char *extra, size_t length)
{
	encl_auto(encl_free) char *head =
		encl_xasprintf("HTTP/1.1 %s\r\nContent-Length: %zu\r\n%sConnection: "
			       "close\r\n\r\n",
			       status, length, extra);

	send_all(fd, head, strlen(head));
}

static const char *
pick_fault(struct server *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++) {
		struct fault *f = &s->faults[i];

		if (!f->count || !strstr(path, f->substring))
			continue;
		f->count -= f->count > 0;
		return f->action;
	}
	return "";
}

static void
send_file(struct server *s, int fd, const char *path, const char *action)
{
	encl_auto(encl_free) char *name = encl_xasprintf(
		"%s%s", s->folder, !strncmp(path, "/moved/", 7) ? path + 6 : path);
	encl_auto(encl_free) char *text = NULL;
	struct encl_err e;
	size_t n;

	if (strstr(path, "..") || encl_read_file(name, MAX_FILE, &text, &n, &e)) {
		send_head(fd, "404 Not Found", "", 0);
		printf("404 %s\n", path);
		return;
	}
	if (!strcmp(action, "rubbish"))
		memset(text, '<', n);
	if (!strcmp(action, "longer")) {
		send_all(fd, "HTTP/1.0 200 OK\r\n\r\n", 19);
		for (int i = 0; i < 64; i++)
			send_all(fd, text, n);
		send_all(fd, "0123456789", 10);
	} else {
		send_head(fd, "200 OK", "", n);
		send_all(fd, text, strcmp(action, "half") != 0 ? n : n / 2);
	}
	printf("200 %s\n", path);
}

static void
answer(struct server *s, int fd)
{
	char request[8192] = {0};
	size_t n = 0;
	char *path;
	const char *action;

	while (n < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
		ssize_t got = recv(fd, request + n, sizeof request - 1 - n, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
	}
	if (strncmp(request, "GET /", 5) != 0)
		return;
	path = request + 4;
	path[strcspn(path, " ?")] = 0;
	action = pick_fault(s, path);
	if (action[0] >= '0' && action[0] <= '9') {
		send_head(fd, action, "", 0);
		printf("%s %s\n", action, path);
	} else if (!strcmp(action, "redirect")) {
		encl_auto(encl_free) char *to =
			encl_xasprintf("Location: /moved%s\r\n", path);

		send_head(fd, "302 Found", to, 0);
		printf("302 %s\n", path);
	} else if (strcmp(action, "empty") != 0) {
		send_file(s, fd, path, action);
	}
}

static int
listen_on_loopback(unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&a, &n))
		exit(1);
	*port = ntohs(a.sin_port);
	return fd;
}

int
main(int argc, char **argv)
{
	struct server s = {.folder = argc > 1 ? argv[1] : "."};
	unsigned port;
	int fd = listen_on_loopback(&port);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 2; i < argc && s.n < MAX_FAULTS; i++) {
		struct fault *f = &s.faults[s.n++];
		const char *count = strchr(argv[i], ':');

		if (!count || !strchr(count + 1, ':'))
			return 2;
		snprintf(f->action, sizeof f->action, "%.*s", (int)(count - argv[i]),
			 argv[i]);
		f->count = strtol(count + 1, NULL, 10);
		f->count = f->count ? f->count : -1;
		f->substring = strchr(count + 1, ':') + 1;
	}
	printf("%u\n", port);
	for (;;) {
		int c = accept(fd, NULL, NULL);

		if (c < 0)
			continue;
		answer(&s, c);
		shutdown(c, SHUT_WR);
		close(c);
	}
}
