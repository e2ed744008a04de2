/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SLOTS buffers go round: the caller fills one and works on it, the hashing
 * thread follows.  A slot is filled again only when its bytes are hashed.
 */
#include "sources/ring.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/stream.h"

enum { SLOTS = 4, CHUNK = 512 * 1024 };

struct slot {
	uint8_t *bytes;
	size_t n;
};

struct encl_ring {
	int fd;
	uint64_t offset;
	uint64_t size;
	uint64_t done;
	const char *what;
	struct slot slots[SLOTS];
	struct encl_hash *hash;
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint64_t filled; /* chunks given to the hash, under lock */
	uint64_t hashed; /* chunks that it is done with, under lock */
	bool ended;	 /* no more chunks come, under lock */
};

static void *
hash_chunks(void *arg)
{
	struct encl_ring *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		const struct slot *s = &r->slots[r->hashed % SLOTS];

		while (r->hashed == r->filled && !r->ended)
			pthread_cond_wait(&r->moved, &r->lock);
		if (r->hashed == r->filled)
			break;
		pthread_mutex_unlock(&r->lock);
		encl_hash_update(r->hash, s->bytes, s->n);
		pthread_mutex_lock(&r->lock);
		r->hashed++;
		pthread_cond_signal(&r->moved);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* Signals are for the main thread. */
static bool
start_thread(struct encl_ring *r)
{
	sigset_t all;
	sigset_t old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&r->thread, NULL, hash_chunks, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc == 0;
}

struct encl_ring *
encl_ring_new(int fd, uint64_t offset, uint64_t size, enum encl_algo algo, bool threaded,
	      const char *what)
{
	struct encl_ring *r = encl_xcalloc(1, sizeof *r);

	*r = (struct encl_ring){.fd = fd,
				.offset = offset,
				.size = size,
				.what = what,
				.hash = encl_hash_new(algo)};
	for (size_t i = 0; i < SLOTS; i++)
		r->slots[i].bytes = encl_xmalloc(CHUNK);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->moved, NULL);
	r->threaded = threaded && size > CHUNK && start_thread(r);
	return r;
}

static void
end_thread(struct encl_ring *r)
{
	if (!r->threaded)
		return;
	pthread_mutex_lock(&r->lock);
	r->ended = true;
	pthread_cond_signal(&r->moved);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	r->threaded = false;
}

void
encl_ring_free(struct encl_ring *r)
{
	if (!r)
		return;
	end_thread(r);
	for (size_t i = 0; i < SLOTS; i++)
		free(r->slots[i].bytes);
	encl_hash_free(r->hash);
	pthread_cond_destroy(&r->moved);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* The slot that chunk number `filled` goes to, once its old bytes are hashed. */
static struct slot *
free_slot(struct encl_ring *r)
{
	if (r->threaded) {
		pthread_mutex_lock(&r->lock);
		while (r->filled - r->hashed == SLOTS)
			pthread_cond_wait(&r->moved, &r->lock);
		pthread_mutex_unlock(&r->lock);
	}
	return &r->slots[r->filled % SLOTS];
}

static void
submit(struct encl_ring *r, const struct slot *s)
{
	if (!r->threaded) {
		encl_hash_update(r->hash, s->bytes, s->n);
		r->filled++;
		return;
	}
	pthread_mutex_lock(&r->lock);
	r->filled++;
	pthread_cond_signal(&r->moved);
	pthread_mutex_unlock(&r->lock);
}

int
encl_ring_next(struct encl_ring *r, const void **p, size_t *n, struct encl_err *e)
{
	uint64_t left = r->size - r->done;
	struct slot *s;

	if (!left) {
		*n = 0;
		*p = NULL;
		return 0;
	}
	s = free_slot(r);
	s->n = left < CHUNK ? (size_t)left : CHUNK;
	if (encl_pread_full(r->fd, s->bytes, s->n, r->offset + r->done, r->what, e))
		return -1;
	r->done += s->n;
	*p = s->bytes;
	*n = s->n;
	submit(r, s);
	return 0;
}

bool
encl_ring_locate(const struct encl_ring *r, const void *p, size_t n, uint64_t *at)
{
	const struct slot *s = &r->slots[(r->filled - 1) % SLOTS];
	uintptr_t base = (uintptr_t)s->bytes;
	uintptr_t here = (uintptr_t)p;

	if (!r->filled || here < base || here > base + s->n || n > base + s->n - here)
		return false;
	*at = r->offset + r->done - s->n + (here - base);
	return true;
}

uint64_t
encl_ring_done(const struct encl_ring *r)
{
	return r->done;
}

void
encl_ring_final(struct encl_ring *r, struct encl_digest *out)
{
	end_thread(r);
	encl_hash_final(r->hash, out);
}
