/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses: getaddrinfo blocks and cannot be stopped, so a few threads
 * call it, and whoever does not want to wait any longer leaves.
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "launch/egress_internal.h"

enum { THREADS = 8, WAITING_MAX = 1024 };

struct list {
	struct encl_lookup *first, **end;
};

struct encl_resolver {
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	struct list asked, done;
	unsigned n_asked, threads, idle;
	int fd;
	bool closed; /* the last one to leave frees it */
};

static void
append(struct list *l, struct encl_lookup *one)
{
	one->next = NULL;
	*l->end = one;
	l->end = &one->next;
}

static struct encl_lookup *
shift(struct list *l)
{
	struct encl_lookup *one = l->first;

	if (one) {
		l->first = one->next;
		if (!l->first)
			l->end = &l->first;
	}
	return one;
}

static void
clear(struct list *l)
{
	struct encl_lookup *one;

	while ((one = shift(l)))
		free(one);
}

static void
destroy(struct encl_resolver *r)
{
	clear(&r->asked);
	clear(&r->done);
	pthread_cond_destroy(&r->wanted);
	pthread_mutex_destroy(&r->lock);
	close(r->fd);
	free(r);
}

static void
look_up(struct encl_lookup *l)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
				       .ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found;
	char port[8];
	int r;

	snprintf(port, sizeof port, "%u", l->port);
	r = getaddrinfo(l->host, port, &hints, &found);
	if (r) {
		l->why = r == EAI_AGAIN ? "the name server does not answer"
					: "the name is not known";
		return;
	}
	for (const struct addrinfo *a = found; a && l->n < ENCL_EGRESS_ADDRESSES;
	     a = a->ai_next)
		if (a->ai_addrlen <= sizeof *l->v)
			memcpy(&l->v[l->n++], a->ai_addr, a->ai_addrlen);
	freeaddrinfo(found);
	if (!l->n)
		l->why = "the name has no address";
}

static void *
work(void *arg)
{
	struct encl_resolver *r = arg;
	bool last;

	pthread_mutex_lock(&r->lock);
	while (!r->closed) {
		struct encl_lookup *l = shift(&r->asked);
		const uint64_t one = 1;

		if (!l) {
			r->idle++;
			pthread_cond_wait(&r->wanted, &r->lock);
			r->idle--;
			continue;
		}
		r->n_asked--;
		if (!l->abandoned) {
			pthread_mutex_unlock(&r->lock);
			look_up(l);
			pthread_mutex_lock(&r->lock);
		}
		if (l->abandoned || r->closed) {
			free(l);
			continue;
		}
		append(&r->done, l);
		if (write(r->fd, &one, sizeof one) < 0 && errno != EAGAIN)
			abort();
	}
	last = !--r->threads;
	pthread_mutex_unlock(&r->lock);
	if (last)
		destroy(r);
	return NULL;
}

/* Without signals: those are for the thread that runs the enclave. */
static bool
start_thread(struct encl_resolver *r)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	bool started;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = !pthread_create(&thread, &attributes, work, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	r->threads += started;
	return started;
}

struct encl_resolver *
encl_resolver_new(void)
{
	struct encl_resolver *r = encl_xcalloc(1, sizeof *r);

	r->asked.end = &r->asked.first;
	r->done.end = &r->done.first;
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->fd < 0) {
		free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wanted, NULL);
	return r;
}

void
encl_resolver_free(struct encl_resolver *r)
{
	bool last;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	last = !r->threads;
	pthread_cond_broadcast(&r->wanted);
	pthread_mutex_unlock(&r->lock);
	if (last)
		destroy(r);
}

int
encl_resolver_fd(const struct encl_resolver *r)
{
	return r->fd;
}

struct encl_lookup *
encl_resolver_ask(struct encl_resolver *r, const char *host, unsigned port, void *arg)
{
	struct encl_lookup *l = encl_xcalloc(1, sizeof *l);
	bool taken;

	snprintf(l->host, sizeof l->host, "%s", host);
	l->port = port;
	l->arg = arg;
	pthread_mutex_lock(&r->lock);
	if (r->n_asked >= r->idle && r->threads < THREADS)
		start_thread(r);
	taken = r->threads && r->n_asked < WAITING_MAX;
	if (taken) {
		append(&r->asked, l);
		r->n_asked++;
		pthread_cond_signal(&r->wanted);
	}
	pthread_mutex_unlock(&r->lock);
	if (!taken)
		free(l);
	return taken ? l : NULL;
}

struct encl_lookup *
encl_resolver_take(struct encl_resolver *r)
{
	struct encl_lookup *l;
	uint64_t count;

	pthread_mutex_lock(&r->lock);
	while ((l = shift(&r->done)) && l->abandoned)
		free(l);
	if (!l && read(r->fd, &count, sizeof count) < 0 && errno != EAGAIN)
		abort();
	pthread_mutex_unlock(&r->lock);
	return l;
}

void
encl_resolver_abandon(struct encl_resolver *r, struct encl_lookup *l)
{
	pthread_mutex_lock(&r->lock);
	l->abandoned = true;
	pthread_mutex_unlock(&r->lock);
}
