/* SPDX-License-Identifier: Apache-2.0 */
/* The ring: `sent` counts chunks, each lane counts what it has taken. */
#include "eif/fanout.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct runner {
	struct encl_fanout *owner;
	struct encl_lane lane;
	pthread_t thread;
	bool threaded;
	uint64_t taken; /* under lock */
};

struct encl_fanout {
	pthread_mutex_t lock;
	pthread_cond_t more; /* a chunk was sent, or the end */
	pthread_cond_t room; /* a lane has done with a chunk */
	uint64_t sent;
	bool ended;
	struct encl_chunk slots[ENCL_FANOUT_SLOTS];
	size_t n_slots;
	struct runner runners[ENCL_FANOUT_LANES];
	size_t n_runners;
};

static void *
run_lane(void *arg)
{
	struct runner *r = arg;
	struct encl_fanout *f = r->owner;

	pthread_mutex_lock(&f->lock);
	for (;;) {
		while (r->taken == f->sent && !f->ended)
			pthread_cond_wait(&f->more, &f->lock);
		if (r->taken == f->sent)
			break;
		pthread_mutex_unlock(&f->lock);
		r->lane.take(r->lane.arg, &f->slots[r->taken % f->n_slots]);
		pthread_mutex_lock(&f->lock);
		r->taken++;
		pthread_cond_signal(&f->room);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct encl_fanout *
encl_fanout_start(const struct encl_lane *lanes, size_t n, bool threads)
{
	struct encl_fanout *f = encl_xcalloc(1, sizeof *f);

	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->more, NULL);
	pthread_cond_init(&f->room, NULL);
	f->n_runners = n;
	f->n_slots = threads ? ENCL_FANOUT_SLOTS : 1;
	for (size_t i = 0; i < f->n_slots; i++)
		if (posix_memalign((void **)&f->slots[i].p, ENCL_FANOUT_ALIGN,
				   ENCL_FANOUT_CHUNK))
			abort();
	for (size_t i = 0; i < n; i++) {
		struct runner *r = &f->runners[i];

		r->owner = f;
		r->lane = lanes[i];
		r->threaded =
			threads && pthread_create(&r->thread, NULL, run_lane, r) == 0;
	}
	return f;
}

/* Chunks that some lane still has to take. */
static uint64_t
backlog(const struct encl_fanout *f)
{
	uint64_t most = 0;

	for (size_t i = 0; i < f->n_runners; i++) {
		const struct runner *r = &f->runners[i];

		if (r->threaded && f->sent - r->taken > most)
			most = f->sent - r->taken;
	}
	return most;
}

struct encl_chunk *
encl_fanout_room(struct encl_fanout *f)
{
	struct encl_chunk *c = &f->slots[f->sent % f->n_slots];
	uint8_t *p = c->p;

	pthread_mutex_lock(&f->lock);
	while (backlog(f) >= f->n_slots)
		pthread_cond_wait(&f->room, &f->lock);
	pthread_mutex_unlock(&f->lock);
	memset(c, 0, sizeof *c);
	c->p = p;
	return c;
}

void
encl_fanout_send(struct encl_fanout *f)
{
	const struct encl_chunk *c = &f->slots[f->sent % f->n_slots];

	/* Lanes without a thread go first: others may still wait for the lock. */
	for (size_t i = 0; i < f->n_runners; i++)
		if (!f->runners[i].threaded)
			f->runners[i].lane.take(f->runners[i].lane.arg, c);
	pthread_mutex_lock(&f->lock);
	f->sent++;
	pthread_cond_broadcast(&f->more);
	pthread_mutex_unlock(&f->lock);
}

void
encl_fanout_finish(struct encl_fanout *f)
{
	pthread_mutex_lock(&f->lock);
	f->ended = true;
	pthread_cond_broadcast(&f->more);
	pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < f->n_runners; i++) {
		struct runner *r = &f->runners[i];

		if (r->threaded)
			pthread_join(r->thread, NULL);
		r->threaded = false;
	}
}

void
encl_fanout_free(struct encl_fanout *f)
{
	if (!f)
		return;
	encl_fanout_finish(f);
	for (size_t i = 0; i < f->n_slots; i++)
		free(f->slots[i].p);
	pthread_cond_destroy(&f->room);
	pthread_cond_destroy(&f->more);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
