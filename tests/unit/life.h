/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's supervisor with daemon and containers (unit.c, dockerd.c,
 * container.c, http.c, …) over a made-up daemon, in one process and one loop.
 * The clock is made up too: where nothing is ready it jumps to the next timer,
 * so that a minute's time-out takes no time.  What is printed is one text,
 * "say; say; NAME=CODE/SIGNAL: error; ".
 */
#ifndef TEST_LIFE_H
#define TEST_LIFE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Other tests compile the same files into the same program. */
#define guest_say	     life_say
#define guest_say_to	     life_say_to
#define guest_dec	     life_dec
#define guest_why	     life_why
#define guest_put	     life_put
#define join_texts	     life_join_texts
#define docker_message	     life_docker_message
#define docker_stream_error  life_docker_stream_error
#define docker_life	     life_docker_life
#define docker_gone	     life_docker_gone
#define docker_patience	     life_docker_patience
#define docker_join	     life_docker_join
#define dataroot_prepare     life_dataroot_prepare
#define dockerd_ops	     life_dockerd_ops
#define container_ops	     life_container_ops
#define process_ops	     life_process_ops
#define process_signal	     life_process_signal
#define health_probe	     life_health_probe
#define health_stop	     life_health_stop
#define unit_find	     life_unit_find
#define unit_started	     life_unit_started
#define unit_probed	     life_unit_probed
#define unit_healthy	     life_unit_healthy
#define unit_ended	     life_unit_ended
#define units_start	     life_units_start
#define units_stop	     life_units_stop
#define units_code	     life_units_code
#define units_signal	     life_units_signal
#define units_ready	     life_units_ready
#define unit_at		     life_unit_at
#define exec_unit_ended	     life_exec_unit_ended
#define log_tap		     life_log_tap
#define status_start	     life_status_start
#define status_changed	     life_status_changed
#define status_ready	     life_status_ready
#define status_end	     life_status_end
#define nsm_there	     life_nsm_there
#define nsm_ask		     life_nsm_ask
#define nsm_forget	     life_nsm_forget
#define launch_has_vsock     life_has_vsock
#define encl_relay_listen    life_listen
#define launch_egress_parent life_egress_parent
#define http_feed	     life_http_feed
#define http_end	     life_http_end
#define http_start	     life_http_start
#define http_timeout	     life_http_timeout
#define http_cancel	     life_http_cancel
#define json_parse	     life_json_parse
#define json_clear	     life_json_clear
#define json_text	     life_json_text
#define json_int	     life_json_int
#define json_flag	     life_json_flag
#define json_is_of	     life_json_is_of
#define json_kind	     life_json_kind
#define launch_listen	     life_launch_listen
#define frames_feed	     life_frames_feed
#define loop_watch	     life_loop_watch
#define loop_change	     life_loop_change
#define loop_unwatch	     life_loop_unwatch
#define loop_timer	     life_loop_timer
#define loop_timer_stop	     life_loop_timer_stop
#define loop_ms		     life_loop_ms
#define loop_run	     life_loop_run
#define loop_stop	     life_loop_stop
#define log_open	     life_log_open
#define log_feed	     life_log_feed
#define log_close	     life_log_close
#define log_tail	     life_log_tail
#define child_start	     life_child_start
#define child_why	     life_child_why
#define child_signal	     life_child_signal
#define child_kill	     life_child_kill
#define cgroup_make	     life_cgroup_make
#define cgroup_oom_kills     life_cgroup_oom_kills
#define cgroup_oom_watch     life_cgroup_oom_watch
#define cgroup_oom_seen	     life_cgroup_oom_seen
#define record_now	     life_record_now
#define record_end	     life_record_end
#define record_tenths	     life_record_tenths
#define record_seconds	     life_record_seconds
#define record_signal	     life_record_signal
/* What of the system is made up. */
#define clock_gettime(id, t)   life_clock(id, t)
#define epoll_wait(e, v, n, t) life_epoll_wait(e, v, n, t)
#define connect(fd, a, n)      life_connect(fd, a, n)
#define unlink(path)	       life_unlink(path)
#define writev(fd, v, n)       life_writev(fd, v, n)

int life_clock(int id, struct timespec *t);
int life_epoll_wait(int epoll, struct epoll_event *v, int n, int ms);
int life_connect(int fd, const struct sockaddr *a, socklen_t n);
int life_unlink(const char *path);
ssize_t life_writev(int fd, const struct iovec *v, int n);

#include "launch/unit.h"

/* ---- the daemon ---- */

/* What it does with a request, where it is not the right thing: a text that it
 * sends before it closes the connection, or one of these. */
extern const char life_never[];	   /* takes it and is silent */
extern const char life_half[];	   /* head and half a body, and then silence */
extern const char life_cut[];	   /* the same, and the connection ends */
extern const char life_close[];	   /* closes at once */
extern const char life_unread[];   /* does not even take the request's body */
extern const char life_dribble[];  /* a byte of the head every second */
extern const char life_headers[];  /* headers without end */
extern const char life_chunks[];   /* chunks without end */
extern const char life_trailers[]; /* trailers without end */
extern const char life_slowly[];   /* takes what there is of the body every 100 s */

struct life_rule {
	const char *request; /* how it begins: "GET /_ping" */
	const char *does;
	unsigned skip;	/* so many are done right before */
	unsigned times; /* 0: all from then on */
};

struct life_daemon {
	struct life_rule rules[8];
	uint64_t boot_ms; /* until it listens */
	bool never_listens;
	const char *cannot_start; /* what child_why says; its code is 127 */
	bool deaf;		  /* to SIGTERM */
	bool undead;		  /* to SIGKILL */
	bool sockets_last;	  /* its end is told before its sockets close */
	const char *last_words;	  /* printed at its start */
	/* containers */
	bool lost_ends;	     /* wait does not tell the end */
	bool stubborn;	     /* containers do not mind SIGTERM */
	const char *health;  /* "State.Health.Status" */
	const char *storage; /* dataroot_prepare fails: why */
};
extern struct life_daemon life_daemon;

/* Its process ends by itself. */
void life_dies(int signal, int code);
/* A container's first process ends. */
void life_exits(const char *name, int code);
/* What the container prints. */
void life_prints(const char *name, const char *text);
/* How often a request that begins so was made. */
unsigned life_asked(const char *request);

/* ---- the parent ---- */

/* The module of the machine: the document that it gives, "!why" it gives none, or
 * "?why" it does not take such a request; NULL: there is none.  life_asked_nsm is
 * what it was asked last: "registers", or "user data/nonce/public key" in hex. */
extern const char *life_nsm;
extern char life_asked_nsm[6000];
/* A connection to the status channel. */
int life_parent(void);
/* What it was told since, as "line; line; ", with "closed" where that is so. */
const char *life_told(int parent);

/* ---- the clock and the course of things ---- */

/* Forgets everything; call it first and last. */
void life_reset(void);
void life_begin(struct unit_config *v, size_t n);
/* Time goes on; true: it is over. */
bool life_pass(uint64_t ms);
extern uint64_t life_now;
/* What was printed since the last look is exactly this; %.. none. */
void life_said(const char *file, int line, const char *want);
#define LIFE_SAID(want) life_said(__FILE__, __LINE__, want)
/* It has this in it; LIFE_SAID("…") may not follow. */
void life_has(const char *file, int line, const char *part);
#define LIFE_HAS(part) life_has(__FILE__, __LINE__, part)
/* It is over within so many ms, not earlier than 9 tenths of that. */
void life_over(const char *file, int line, uint64_t ms, int code);
#define LIFE_OVER(ms, code) life_over(__FILE__, __LINE__, ms, code)

/* Parts that know the statics of what they include. */
void life_reset_dockerd(void);
void life_reset_loop(void);
void life_reset_status(void);
void life_reset_units(void);
void life_reset_container(struct unit *u);

#endif
