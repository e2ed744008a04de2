/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP server on 127.0.0.1 that misbehaves as told:
 *
 *	httpd FOLDER [ACTION:COUNT:SUBSTRING]…
 *
 * The first line on stdout is "listening PORT"; each request adds "STATUS PATH".  A
 * fault meets the first COUNT requests (0: all) whose path has SUBSTRING:
 * a status ("404", "500", "429"), "half" (closes after half of the body),
 * "rubbish" (other bytes of the same length), "empty" (closes at once),
 * "longer" (more bytes, no length), "redirect" (to /moved/PATH).  It ends with
 * the process that started it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "serve.h"

enum { MAX_FAULTS = 32, MAX_FILE = 64 << 20 };

struct fault {
	char action[16];
	long count; /* left; -1: for ever */
	const char *substring;
};

struct files {
	const char *folder;
	struct fault faults[MAX_FAULTS];
	size_t n;
	pthread_mutex_t lock;
};

static const char *
pick_fault(struct files *s, const char *path)
{
	const char *action = "";

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n && !*action; i++) {
		struct fault *f = &s->faults[i];

		if (!f->count || !strstr(path, f->substring))
			continue;
		f->count -= f->count > 0;
		action = f->action;
	}
	pthread_mutex_unlock(&s->lock);
	return action;
}

static void
send_file(struct files *s, struct request *q, const char *path, const char *action)
{
	encl_auto(encl_free) char *name = encl_xasprintf(
		"%s%s", s->folder, !strncmp(path, "/moved/", 7) ? path + 6 : path);
	encl_auto(encl_free) char *head = NULL;
	encl_auto(encl_free) char *text = NULL;
	struct encl_err e;
	size_t n;

	if (strstr(path, "..") || encl_read_file(name, MAX_FILE, &text, &n, &e)) {
		serve_reply(q, "404 Not Found", "", "", 0);
		printf("404 %s\n", path);
		return;
	}
	if (!strcmp(action, "rubbish"))
		memset(text, '<', n);
	if (!strcmp(action, "longer")) {
		(void)serve_write(q->conn, "HTTP/1.0 200 OK\r\n\r\n", 19);
		for (int i = 0; i < 64; i++)
			(void)serve_write(q->conn, text, n);
		(void)serve_write(q->conn, "0123456789", 10);
	} else if (!strcmp(action, "half")) {
		head = encl_xasprintf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
				      n);
		(void)serve_write(q->conn, head, strlen(head));
		(void)serve_write(q->conn, text, n / 2);
	} else {
		serve_reply(q, "200 OK", "", text, n);
	}
	printf("200 %s\n", path);
}

static void
answer(void *arg, struct request *q)
{
	struct files *s = arg;
	char *path = q->target;
	const char *action;

	path[strcspn(path, "?")] = 0;
	if (strcmp(q->method, "GET") != 0 || path[0] != '/')
		return;
	action = pick_fault(s, path);
	if (action[0] >= '0' && action[0] <= '9') {
		serve_reply(q, action, "", "", 0);
		printf("%s %s\n", action, path);
	} else if (!strcmp(action, "redirect")) {
		encl_auto(encl_free) char *to =
			encl_xasprintf("Location: /moved%s\r\n", path);

		serve_reply(q, "302 Found", to, "", 0);
		printf("302 %s\n", path);
	} else if (strcmp(action, "empty") != 0) {
		send_file(s, q, path, action);
	}
}

int
main(int argc, char **argv)
{
	static struct files s = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct server server = {.answer = answer, .arg = &s};

	s.folder = argc > 1 ? argv[1] : ".";
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
	serve(&server);
}
