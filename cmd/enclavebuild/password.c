/* SPDX-License-Identifier: Apache-2.0 */
/* A password is never an argument, and never seen on the terminal; a signal
 * finds the terminal as it was before it ends the program. */
#include "password.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

enum { MAX_PASSWORD = 64 * 1024, MAX_LINE = 4095 };

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
enum { N_SIGNALS = sizeof signals / sizeof *signals };

/* The one thing a handler can do here: say which one came. */
static volatile sig_atomic_t caught;

static void
on_signal(int sig)
{
	caught = sig;
}

/* One line, up to its end or to a signal; -1: none. */
static ssize_t
read_line(int fd, char *line, size_t room)
{
	size_t n = 0;

	while (n < room) {
		ssize_t got = read(fd, line + n, 1);

		if (got < 0 && errno == EINTR && !caught)
			continue;
		if (got <= 0 || line[n] == '\n')
			return got < 0 || (got == 0 && !n) ? -1 : (ssize_t)n;
		n++;
	}
	return -1;
}

/* With signals caught and echo off; both are as before afterwards. */
static ssize_t
read_answer(int tty, bool secret, char *line, size_t room)
{
	struct sigaction own = {.sa_handler = on_signal};
	struct sigaction before[N_SIGNALS];
	struct termios was;
	struct termios quiet;
	bool changed = false;
	ssize_t n;

	caught = 0;
	sigemptyset(&own.sa_mask);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(signals[i], &own, &before[i]);
	if (secret && !tcgetattr(tty, &was)) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		quiet.c_lflag |= ECHONL;
		changed = !tcsetattr(tty, TCSAFLUSH, &quiet);
	}
	n = secret && !changed ? -1 : read_line(tty, line, room);
	if (changed)
		tcsetattr(tty, TCSAFLUSH, &was);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	if (caught)
		raise(caught);
	return n;
}

int
password_ask(const char *question, bool secret, char **out, struct encl_err *e)
{
	encl_auto(encl_close_fd) int tty =
		open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char line[MAX_LINE + 1];
	ssize_t n;

	if (tty < 0)
		return encl_fail(e, ENCL_USAGE,
				 "no terminal to ask on; give --username and "
				 "--password-stdin");
	if (dprintf(tty, "%s", question) < 0)
		return encl_fail_sys(e, ENCL_FAILED, "write to the terminal");
	n = read_answer(tty, secret, line, MAX_LINE);
	if (n <= 0 || memchr(line, 0, (size_t)n)) {
		explicit_bzero(line, sizeof line);
		return encl_fail(e, ENCL_USAGE, "nothing was entered");
	}
	*out = encl_xstrndup(line, (size_t)n);
	explicit_bzero(line, sizeof line);
	return 0;
}

int
password_read(char **out, struct encl_err *e)
{
	encl_auto(encl_secret_buf_clear) struct encl_buf text = {.data = NULL};
	char chunk[4096];
	ssize_t n;

	encl_secret_buf_init(&text, MAX_PASSWORD);
	while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return encl_fail_sys(e, ENCL_FAILED, "read standard input");
		encl_buf_add(&text, chunk, (size_t)n);
		explicit_bzero(chunk, (size_t)n);
	}
	if (encl_buf_check(&text, "the password", e))
		return -1;
	n = (ssize_t)text.len;
	if (n && text.data[n - 1] == '\n')
		text.data[--n] = 0;
	if (n && text.data[n - 1] == '\r')
		text.data[--n] = 0;
	if (!n)
		return encl_fail(e, ENCL_USAGE, "standard input has no password");
	if (memchr(text.data, 0, (size_t)n) || memchr(text.data, '\n', (size_t)n))
		return encl_fail(
			e, ENCL_USAGE,
			"the password of standard input is not one line of text");
	*out = encl_xstrndup((const char *)text.data, (size_t)n);
	return 0;
}
