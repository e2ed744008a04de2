/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking /dev/nsm: by a process of its own for each call, since the driver waits
 * two minutes for an answer and the loop does not.  It writes into a pipe: what
 * came of it (enum outcome), and the answer or why there is none.
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

enum { ANSWER_MS = 10000 };
enum outcome { ANSWERED = 1, FAILED, REFUSED };

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
	struct nsm_call *first; /* the one that is asked, then those that wait */
	bool busy;
	bool forgotten; /* the one that is asked: its answer is for nobody */
	int pid;
	size_t n;
	uint8_t bytes[1 + NSM_ANSWER_MAX + 1];
} the;

bool
nsm_there(void)
{
	return access(DEVICE, F_OK) == 0;
}

static const char *
put_why(char out[NSM_WHY], const char *what, const char *why)
{
	size_t n = strlen(what);

	memcpy(out, what, n);
	for (; *why && n < NSM_WHY - 1; why++)
		out[n++] = *why;
	out[n] = 0;
	return out;
}

/* One request; NULL, or why there is no answer. */
static const char *
ask(const uint8_t *request, size_t n, uint8_t answer[NSM_ANSWER_MAX], size_t *answer_n,
    char why[NSM_WHY])
{
	struct nsm_raw raw = {{(uintptr_t)request, n},
			      {(uintptr_t)answer, NSM_ANSWER_MAX}};
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	bool failed = fd < 0 || ioctl(fd, NSM_RAW, &raw);

	if (failed)
		put_why(why, DEVICE ": ", guest_why());
	if (fd >= 0)
		close(fd);
	if (failed)
		return why;
	*answer_n = raw.response.length < NSM_ANSWER_MAX ? raw.response.length
							 : NSM_ANSWER_MAX;
	return NULL;
}

/* ---- at once ---- */

static uint8_t request_bytes[NSM_REQUEST_MAX];
static uint8_t answer_bytes[NSM_ANSWER_MAX];
static char reason[NSM_WHY];

const char *
nsm_extend(unsigned pcr, const uint8_t *data, size_t n, uint8_t value[NSM_PCR_SIZE])
{
	size_t size = nsm_extend_request(pcr, data, n, request_bytes);
	const char *why = ask(request_bytes, size, answer_bytes, &size, reason);

	if (!why && !nsm_extended(answer_bytes, size, value, reason))
		why = reason;
	return why;
}

const char *
nsm_lock(unsigned pcr)
{
	size_t size = nsm_lock_request(pcr, request_bytes);
	const char *why = ask(request_bytes, size, answer_bytes, &size, reason);

	if (!why && !nsm_locked(answer_bytes, size, reason))
		why = reason;
	return why;
}

/* ---- the process ---- */

static size_t
set(enum outcome outcome, const void *p, size_t n)
{
	the.bytes[0] = outcome;
	memcpy(the.bytes + 1, p, n);
	return 1 + n;
}

static size_t
get_document(const struct nsm_attestation *about)
{
	size_t n = nsm_request(about, request_bytes);
	const char *why = ask(request_bytes, n, answer_bytes, &n, reason);
	const uint8_t *document;
	size_t len;

	if (why)
		return set(FAILED, why, strlen(why));
	document = nsm_document(answer_bytes, n, &len, reason);
	if (document)
		return set(ANSWERED, document, len);
	return set(nsm_refused(answer_bytes, n) ? REFUSED : FAILED, reason,
		   strlen(reason));
}

static size_t
get_registers(void)
{
	static struct nsm_pcr pcrs[NSM_PCRS];

	for (unsigned i = 0; i < NSM_PCRS; i++) {
		size_t n = nsm_describe_request(i, request_bytes);
		const char *why = ask(request_bytes, n, answer_bytes, &n, reason);

		if (!why && !nsm_described(answer_bytes, n, &pcrs[i], reason))
			why = reason;
		if (why)
			return set(FAILED, why, strlen(why));
	}
	return set(ANSWERED, pcrs, sizeof pcrs);
}

static _Noreturn void
run(const struct nsm_call *c, int pipe)
{
	size_t n = c->question == NSM_DOCUMENT ? get_document(&c->ask) : get_registers();

	for (size_t at = 0; at < n;) {
		ssize_t r = write(pipe, the.bytes + at, n - at);

		if (r <= 0)
			break;
		at += (size_t)r;
	}
	_exit(0);
}

/* ---- launch's side ---- */

static void begin(void);

static void
finish(const uint8_t *answer, size_t n, const char *why, bool refused)
{
	struct nsm_call *c = the.forgotten ? NULL : the.first;
	int fd = the.watch.fd;

	loop_timer_stop(&the.timer);
	if (fd >= 0) {
		loop_unwatch(&the.watch);
		close(fd);
	}
	if (c)
		the.first = c->next;
	the.busy = false;
	the.forgotten = false;
	if (c)
		c->told(c, answer, n, why, refused);
	begin();
}

static void
readable(struct watch *w, uint32_t events)
{
	ssize_t n = read(w->fd, the.bytes + the.n, sizeof the.bytes - 1 - the.n);

	(void)events;
	if (n > 0) {
		the.n += (size_t)n;
		return;
	}
	the.bytes[the.n] = 0;
	if (!the.n)
		finish(NULL, 0, "the process that asks it ended", false);
	else if (the.bytes[0] == ANSWERED)
		finish(the.bytes + 1, the.n - 1, NULL, false);
	else
		finish(NULL, 0, (const char *)the.bytes + 1, the.bytes[0] == REFUSED);
}

static void
late(struct timer *t)
{
	(void)t;
	if (the.pid <= 0) {
		finish(NULL, 0, "no process could be started to ask it", false);
		return;
	}
	kill(the.pid, SIGKILL);
	finish(NULL, 0, "the Nitro Secure Module did not answer within 10 s", false);
}

/* The next one that waits. */
static void
begin(void)
{
	int ends[2] = {-1, -1};

	if (the.busy || !the.first)
		return;
	the.busy = true;
	the.n = 0;
	the.pid = -1;
	the.watch = (struct watch){.fd = -1, .ready = readable};
	the.timer = (struct timer){.expired = late};
	if (pipe2(ends, O_CLOEXEC) == 0 && loop_watch(&the.watch, ends[0], EPOLLIN) == 0)
		the.pid = fork();
	else if (ends[0] >= 0)
		close(ends[0]);
	if (the.pid == 0)
		run(the.first, ends[1]);
	if (ends[1] >= 0)
		close(ends[1]);
	loop_timer(&the.timer, the.pid > 0 ? ANSWER_MS : 1);
}

void
nsm_ask(struct nsm_call *c)
{
	struct nsm_call **end = &the.first;

	while (*end)
		end = &(*end)->next;
	c->next = NULL;
	*end = c;
	begin();
}

void
nsm_forget(struct nsm_call *c)
{
	bool first = the.first == c && the.busy && !the.forgotten;

	for (struct nsm_call **p = &the.first; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			the.forgotten = the.forgotten || first;
			break;
		}
}
