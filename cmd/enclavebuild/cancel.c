/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests that take uploads back are more than a signal handler may do: a
 * thread waits for the signal instead.  A second one ends it at once.
 */
#include "cancel.h"

#include <unistd.h>

#include "base/tmpfile.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static void
set_of(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaddset(set, signals[i]);
}

static void *
wait_for_signal(void *arg)
{
	const struct cancel *c = arg;
	sigset_t set;
	int sig;
	int state;

	set_of(&set);
	if (sigwait(&set, &sig))
		return NULL;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	encl_tmpfile_abort_all();
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		signal(signals[i], SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	encl_registry_cancel_all(c->registry);
	kill(getpid(), sig);
	pause();
	return NULL;
}

void
cancel_begin(struct cancel *c, struct encl_registry *r)
{
	sigset_t set;

	set_of(&set);
	c->registry = r;
	pthread_sigmask(SIG_BLOCK, &set, &c->before);
	c->started = !pthread_create(&c->thread, NULL, wait_for_signal, c);
	if (!c->started) /* on_signal of main.c is still there */
		pthread_sigmask(SIG_SETMASK, &c->before, NULL);
}

void
cancel_end(struct cancel *c)
{
	if (!c->started)
		return;
	pthread_cancel(c->thread);
	pthread_join(c->thread, NULL);
	pthread_sigmask(SIG_SETMASK, &c->before, NULL);
	c->started = false;
}
