/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange: folders of the parent, each a tmpfs of its size and a process of
 * its own that listens on vsock (builder/launch/exchange.h).  The first unit
 * starts when the parent has sent what it has, or does not come.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/exchange.h"
#include "launch/launch.h"
#include "launch/loop.h"
#include "launch/relay.h"

/* For a parent that comes, and for what it has to send. */
enum { COME_MS = 2000, SYNC_MS = 10000 };

struct seat {
	const struct exchange *x;
	int pipe; /* to launch: 'C' it came, 'S' all of it is here */
};

static void
tell(const struct exchange *x, const char *text, const char *more)
{
	say("exchange ", x->name, ": ", text, more);
}

static void
warn(void *arg, const char *text)
{
	tell(((const struct seat *)arg)->x, text, "");
}

static void
synced(void *arg)
{
	const struct seat *seat = arg;

	if (write(seat->pipe, "S", 1) < 0)
		return; /* launch does not wait any more */
}

static bool
make_folders(const char *path)
{
	char part[4096];
	size_t n = strlen(path);

	if (n >= sizeof part)
		return false;
	memcpy(part, path, n + 1);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(part, 0755) && errno != EEXIST)
			return false;
		*p = '/';
	}
	return !mkdir(part, 0755) || errno == EEXIST;
}

static bool
mount_folder(const struct exchange *x)
{
	const char *const parts[] = {"mode=0755,size=", guest_dec(x->max_mib), "m"};
	char options[64] = "";
	size_t n = 0;

	for (size_t i = 0; i < 3; i++) {
		memcpy(options + n, parts[i], strlen(parts[i]) + 1);
		n += strlen(parts[i]);
	}
	if (make_folders(x->path) &&
	    !mount("exchange", x->path, "tmpfs", MS_NOSUID | MS_NODEV, options))
		return true;
	say("exchange ", x->name, ": cannot make ", x->path, ": ", guest_why());
	return false;
}

/* The process of one exchange; a parent may come again. */
static _Noreturn void
serve(const struct exchange *x, int listener, int pipe)
{
	struct seat seat = {x, pipe};
	struct encl_exchange_session s = {
		.send = x->writable,
		.take = true,
		.max_bytes = (uint64_t)x->max_mib << 20,
		.warn = warn,
		.synced = synced,
		.arg = &seat,
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s.root = open(x->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (struct pollfd p = {listener, POLLIN, 0}; s.root >= 0;) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			break;
		s.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (s.fd < 0)
			continue;
		if (encl_relay_is_own(s.fd)) {
			close(s.fd);
			continue;
		}
		/* launch may not wait any more */
		if (write(pipe, "C", 1) <= 1)
			tell(x, "the parent came", "");
		if (!encl_exchange_run(&s))
			tell(x, "ended: ", s.why);
		close(s.fd);
	}
	tell(x, "ended: ", guest_why());
	_exit(1);
}

/* Reads what the process says; false where the time is over or it is gone. */
static bool
wait_for(int pipe, char what, uint64_t until)
{
	for (;;) {
		uint64_t now = loop_ms();
		struct pollfd p = {pipe, POLLIN, 0};
		char byte;

		if (now >= until || poll(&p, 1, (int)(until - now)) <= 0 ||
		    read(pipe, &byte, 1) != 1)
			return false;
		if (byte == what)
			return true;
	}
}

static int
start(const struct exchange *x)
{
	const struct encl_relay_end end = {.kind = ENCL_RELAY_VSOCK,
					   .port = (uint32_t)x->vsock};
	int listener, pipes[2];
	pid_t pid;

	if (!mount_folder(x))
		return -1;
	listener = encl_relay_listen(&end);
	if (listener < 0 || pipe2(pipes, O_CLOEXEC)) {
		tell(x, "listen on vsock: ", guest_why());
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		close(pipes[0]);
		serve(x, listener, pipes[1]);
	}
	close(listener);
	close(pipes[1]);
	if (pid > 0)
		return pipes[0];
	tell(x, "start: ", guest_why());
	close(pipes[0]);
	return -1;
}

static void
wait_for_parent(const struct exchange *x, int pipe, uint64_t began)
{
	if (!wait_for(pipe, 'C', began + COME_MS))
		tell(x, "the parent has not come; the folder is empty", "");
	else if (!wait_for(pipe, 'S', began + SYNC_MS))
		tell(x, "the parent has not sent all of it yet; going on", "");
	close(pipe);
}

void
launch_exchanges(const struct config *c)
{
	uint64_t began = loop_ms();
	int *pipes;

	if (!c->n_exchanges)
		return;
	if (!launch_has_vsock()) {
		for (size_t i = 0; i < c->n_exchanges; i++)
			mount_folder(&c->exchanges[i]);
		say("no vsock: the folders of exchange are empty");
		return;
	}
	pipes = calloc(c->n_exchanges, sizeof *pipes);
	for (size_t i = 0; pipes && i < c->n_exchanges; i++)
		pipes[i] = start(&c->exchanges[i]);
	for (size_t i = 0; pipes && i < c->n_exchanges; i++)
		if (pipes[i] >= 0)
			wait_for_parent(&c->exchanges[i], pipes[i], began);
	free(pipes);
}
