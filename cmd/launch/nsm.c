/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking /dev/nsm: by a process of its own, since the driver waits two minutes
 * for an answer and the loop does not.  It writes a line into a pipe: the
 * document in base64, or '!' and why there is none.
 */
#include "launch/nsm.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest/say.h"
#include "launch/loop.h"

#define DEVICE "/dev/nsm"

enum { ANSWER_MS = 10000, LINE_MAX_BYTES = NSM_ANSWER_MAX / 3 * 4 + 8 };

/* linux/nsm.h (6.8), which musl does not ship. */
struct nsm_part {
	uint64_t address, length;
};
struct nsm_raw {
	struct nsm_part request, response;
};
#define NSM_RAW _IOWR(0x0a, 0, struct nsm_raw)

static struct {
	struct watch watch;
	struct timer timer;
	bool busy;
	int pid;
	void (*told)(const char *document, const char *why);
	char line[LINE_MAX_BYTES];
	size_t n;
} the;

bool
nsm_there(void)
{
	return access(DEVICE, F_OK) == 0;
}

bool
nsm_is_busy(void)
{
	return the.busy;
}

/* ---- the process ---- */

static size_t
base64(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	size_t at = 0;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? p[i + 1] : 0u) << 8 |
			     (i + 2 < n ? p[i + 2] : 0u);

		out[at++] = digits[v >> 18];
		out[at++] = digits[v >> 12 & 63];
		out[at++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
		out[at++] = i + 2 < n ? digits[v & 63] : '=';
	}
	return at;
}

static const char *
ask(const uint8_t *request, size_t n, uint8_t *answer, size_t *answer_n)
{
	struct nsm_raw raw = {{(uintptr_t)request, n},
			      {(uintptr_t)answer, NSM_ANSWER_MAX}};
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, NSM_RAW, &raw))
		return guest_why();
	*answer_n = raw.response.length < NSM_ANSWER_MAX ? raw.response.length
							 : NSM_ANSWER_MAX;
	return NULL;
}

static size_t
complain(char *line, const char *what, const char *why)
{
	size_t n = strlen(what);
	size_t m = strlen(why);

	line[0] = '!';
	memcpy(line + 1, what, n);
	memcpy(line + 1 + n, why, m);
	return 1 + n + m;
}

static _Noreturn void
run(const uint8_t *nonce, size_t nonce_n, int pipe)
{
	static uint8_t answer[NSM_ANSWER_MAX];
	uint8_t request[NSM_REQUEST_MAX];
	char why[100];
	size_t n = 0;
	const char *wrong =
		ask(request, nsm_request(nonce, nonce_n, request), answer, &n);
	const uint8_t *document = NULL;

	if (wrong) {
		n = complain(the.line, DEVICE ": ", wrong);
	} else {
		document = nsm_document(answer, n, &n, why, sizeof why);
		n = document ? base64(document, n, the.line)
			     : complain(the.line, "", why);
	}
	for (size_t at = 0; at < n;) {
		ssize_t r = write(pipe, the.line + at, n - at);

		if (r <= 0)
			break;
		at += (size_t)r;
	}
	_exit(0);
}

/* ---- launch's side ---- */

static void
finish(const char *document, const char *why)
{
	int fd = the.watch.fd;

	loop_timer_stop(&the.timer);
	if (fd >= 0) {
		loop_unwatch(&the.watch);
		close(fd);
	}
	the.busy = false;
	the.told(document, why);
}

static void
readable(struct watch *w, uint32_t events)
{
	ssize_t n = read(w->fd, the.line + the.n, sizeof the.line - 1 - the.n);

	(void)events;
	if (n > 0) {
		the.n += (size_t)n;
		return;
	}
	the.line[the.n] = 0;
	if (!the.n)
		finish(NULL, "the process that asks it ended");
	else if (the.line[0] == '!')
		finish(NULL, the.line + 1);
	else
		finish(the.line, NULL);
}

static void
late(struct timer *t)
{
	(void)t;
	if (the.pid <= 0) {
		finish(NULL, "no process could be started to ask it");
		return;
	}
	kill(the.pid, SIGKILL);
	finish(NULL, "the Nitro Secure Module did not answer within 10 s");
}

void
nsm_attest(const uint8_t *nonce, size_t n,
	   void (*told)(const char *document, const char *why))
{
	int ends[2] = {-1, -1};

	the.busy = true;
	the.told = told;
	the.n = 0;
	the.pid = -1;
	the.watch = (struct watch){.fd = -1, .ready = readable};
	the.timer = (struct timer){.expired = late};
	if (pipe2(ends, O_CLOEXEC) == 0 && loop_watch(&the.watch, ends[0], EPOLLIN) == 0)
		the.pid = fork();
	else if (ends[0] >= 0)
		close(ends[0]);
	if (the.pid == 0)
		run(nonce, n, ends[1]);
	if (ends[1] >= 0)
		close(ends[1]);
	loop_timer(&the.timer, the.pid > 0 ? ANSWER_MS : 1);
}
