/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one event loop of launch: descriptors, timers and signals, nothing
 * blocks.  Every wait of launch is a timer here, so none is without an end.
 */
#ifndef LAUNCH_LOOP_H
#define LAUNCH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/* Embedded in what waits.  events: EPOLLIN, …. */
struct watch {
	int fd; /* -1: not watched */
	void (*ready)(struct watch *w, uint32_t events);
	void *arg;
};

struct timer {
	uint64_t at; /* ms of CLOCK_MONOTONIC; 0: not set */
	void (*expired)(struct timer *t);
	void *arg;
	struct timer *next; /* private to loop.c */
};

/* 0, or -1 and errno. */
int loop_watch(struct watch *w, int fd, uint32_t events);
int loop_change(struct watch *w, uint32_t events);
/* The descriptor stays open. */
void loop_unwatch(struct watch *w);

/* (Re)sets the timer to ms from now. */
void loop_timer(struct timer *t, uint64_t ms);
void loop_timer_stop(struct timer *t);

uint64_t loop_ms(void); /* CLOCK_MONOTONIC */

/* Runs until loop_stop, which may have been called before. */
void loop_run(void);
void loop_stop(void);

#endif
