/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dockerd.c and container.c have in common: the daemon's life, and the
 * words of its replies.
 */
#ifndef LAUNCH_DOCKER_H
#define LAUNCH_DOCKER_H

#include <stdbool.h>
#include <stddef.h>

#include "launch/config.h"
#include "launch/http.h"

#ifndef DOCKER_SOCKET /* tests have their own */
#define DOCKER_SOCKET  "/run/docker.sock"
#define DOCKER_PIDFILE "/run/docker.pid"
#endif

/* The parts as one text, cut where it does not fit. */
#define join(out, ...) join_texts(out, sizeof(out), (const char *const[]){__VA_ARGS__, 0})
void join_texts(char *out, size_t room, const char *const *parts);

/* Why a request failed, as one line: the daemon's message, or that there was
 * none. */
void docker_message(const struct http_reply *r, char *out, size_t room);
/* The same of replies whose status is 200 whatever happens: an "error" in one
 * of their lines of JSON.  False where there is none. */
bool docker_stream_error(const struct http_reply *r, char *out, size_t room);

/* dockerd.c: 0 while the daemon is not ready, else which of its lives it is. */
unsigned docker_life(void);
/* It has ended for good. */
bool docker_gone(void);
/* How long to wait for it at most, ms. */
size_t docker_patience(void);

/* Told, from the loop, when the daemon is ready and when it is gone. */
struct docker_user {
	void (*changed)(struct docker_user *user, bool up);
	struct docker_user *next; /* private to dockerd.c */
};
void docker_join(struct docker_user *user);

/* dataroot.c: a tmpfs on c->data_root, once, with the preloaded store in it.
 * False: why says what and why. */
bool dataroot_prepare(const struct unit_config *c, char *why, size_t room);

#endif
