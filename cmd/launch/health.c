/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One probe of a unit: a command in the unit's own context, a connection to
 * 127.0.0.1, or the status line of an HTTP answer.  Bounded by a timer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/launch.h"
#include "launch/unit.h"

enum { STATUS_LINE = 12 /* "HTTP/1.1 200" */ };

struct probe {
	struct unit *unit;
	bool busy;
	struct timer timer;
	struct child child;
	struct watch socket;
	bool asked; /* the request is sent */
	char answer[STATUS_LINE + 1];
	size_t n;
};

static void
finish(struct probe *p, bool ok, const char *why)
{
	int fd = p->socket.fd;

	loop_timer_stop(&p->timer);
	loop_unwatch(&p->socket);
	if (fd >= 0)
		close(fd);
	if (!p->busy)
		return;
	p->busy = false;
	unit_probed(p->unit, ok, why);
}

static void
timed_out(struct timer *t)
{
	struct probe *p = t->arg;

	child_kill(&p->child);
	finish(p, false, "no answer in time");
}

static void
command_ended(struct child *child, int status)
{
	struct probe *p = child->arg;
	char error[200];

	if (child_why(child, error, sizeof error) == CHILD_FAILED)
		finish(p, false, error);
	else if (WIFSIGNALED(status))
		finish(p, false, "its command was killed");
	else if (WEXITSTATUS(status) == 0)
		finish(p, true, NULL);
	else
		finish(p, false, "its command failed");
}

static void
run_command(struct probe *p)
{
	const struct unit_config *c = p->unit->config;

	/* killed for being late, and not gone yet */
	if (p->child.pid)
		finish(p, false, "the probe before does not end");
	else if (child_start(&p->child, c, &c->health_argv, c->name, NULL))
		finish(p, false, "its command cannot be started");
}

/* "GET PATH HTTP/1.1"; small enough for an empty socket to take at once. */
static bool
ask(struct probe *p)
{
	static const char rest[] =
		" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
		"User-Agent: enclave-launch\r\nConnection: close\r\n\r\n";
	const char *path = p->unit->config->health_path;
	char text[1400];
	size_t n = strlen(path);

	if (n + sizeof rest + 4 > sizeof text)
		return false;
	memcpy(text, "GET ", 4);
	memcpy(text + 4, path, n);
	memcpy(text + 4 + n, rest, sizeof rest - 1);
	n += 4 + sizeof rest - 1;
	p->asked = true;
	p->n = 0;
	return send(p->socket.fd, text, n, MSG_NOSIGNAL) == (ssize_t)n &&
	       loop_change(&p->socket, EPOLLIN) == 0;
}

static void
judge(struct probe *p)
{
	const char *digits = p->answer + STATUS_LINE - 3;

	p->answer[STATUS_LINE] = 0;
	if (strncmp(p->answer, "HTTP/1.", 7) != 0 || p->answer[8] != ' ' ||
	    strspn(digits, "0123456789") != 3)
		finish(p, false, "the answer is not HTTP");
	else if (*digits == '2' || *digits == '3')
		finish(p, true, NULL);
	else
		finish(p, false, p->answer + STATUS_LINE - 3);
}

static void
read_answer(struct probe *p)
{
	ssize_t n = read(p->socket.fd, p->answer + p->n, STATUS_LINE - p->n);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		finish(p, false, n ? guest_why() : "the answer is not HTTP");
		return;
	}
	p->n += (size_t)n;
	if (p->n == STATUS_LINE)
		judge(p);
}

static void
socket_ready(struct watch *w, uint32_t events)
{
	struct probe *p = w->arg;
	int error = 0;
	socklen_t len = sizeof error;

	(void)events;
	if (p->asked) {
		read_answer(p);
		return;
	}
	getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error)
		finish(p, false, strerror(error));
	else if (p->unit->config->health == HEALTH_TCP)
		finish(p, true, NULL);
	else if (!ask(p))
		finish(p, false, "the request was not taken");
}

static void
connect_to(struct probe *p)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port =
					 htons((uint16_t)p->unit->config->health_port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	p->asked = false;
	if (fd < 0 ||
	    (connect(fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)) {
		p->socket.fd = fd;
		finish(p, false, guest_why());
	} else if (loop_watch(&p->socket, fd, EPOLLOUT)) {
		close(fd);
		finish(p, false, guest_why());
	}
}

static struct probe *
probe_of(struct unit *u)
{
	struct probe *p = u->probe;

	if (p)
		return p;
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->unit = u;
	p->timer = (struct timer){.expired = timed_out, .arg = p};
	p->child = (struct child){.ended = command_ended, .arg = p};
	p->socket = (struct watch){.fd = -1, .ready = socket_ready, .arg = p};
	u->probe = p;
	return p;
}

void
health_probe(struct unit *u)
{
	struct probe *p = probe_of(u);

	if (!p) {
		unit_probed(u, false, "no memory");
		return;
	}
	p->busy = true;
	loop_timer(&p->timer, u->config->health_timeout_ms);
	if (u->config->health == HEALTH_COMMAND)
		run_command(p);
	else
		connect_to(p);
}

void
health_stop(struct unit *u)
{
	struct probe *p = u->probe;

	if (!p)
		return;
	p->busy = false;
	child_kill(&p->child);
	finish(p, false, NULL);
}
