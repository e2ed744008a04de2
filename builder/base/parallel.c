/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take the next number until there is none. */
#include "base/parallel.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { MAX_THREADS = 16 };

struct work {
	int (*run)(void *arg, size_t i, struct encl_err *e);
	void *arg;
	size_t n;
	atomic_size_t next;
	atomic_bool stop;
	pthread_mutex_t lock; /* of what follows */
	size_t first_failed;  /* n: none */
	struct encl_err err;
};

static void
failed(struct work *w, size_t i, const struct encl_err *e)
{
	atomic_store(&w->stop, true);
	pthread_mutex_lock(&w->lock);
	if (i < w->first_failed) {
		w->first_failed = i;
		w->err = *e;
	}
	pthread_mutex_unlock(&w->lock);
}

static void *
take(void *arg)
{
	struct work *w = arg;
	struct encl_err e;
	size_t i;

	while (!atomic_load(&w->stop) && (i = atomic_fetch_add(&w->next, 1)) < w->n)
		if (w->run(w->arg, i, &e))
			failed(w, i, &e);
	return NULL;
}

int
encl_parallel(unsigned threads, size_t n,
	      int (*run)(void *arg, size_t i, struct encl_err *e), void *arg,
	      struct encl_err *e)
{
	struct work w = {.run = run,
			 .arg = arg,
			 .n = n,
			 .lock = PTHREAD_MUTEX_INITIALIZER,
			 .first_failed = n};
	pthread_t started[MAX_THREADS];
	size_t n_started = 0;
	size_t want = threads < n ? threads : n;
	sigset_t all;
	sigset_t old;

	/* signals are for the thread that was there before */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (n_started + 1 < want && n_started < MAX_THREADS &&
	       !pthread_create(&started[n_started], NULL, take, &w))
		n_started++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	take(&w);
	while (n_started)
		pthread_join(started[--n_started], NULL);
	pthread_mutex_destroy(&w.lock);
	if (w.first_failed == n)
		return 0;
	*e = w.err;
	return -1;
}
