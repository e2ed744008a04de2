/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of faultd share: rules, and one request with what they want. */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>

#include "serve.h"

enum { MAX_RULES = 64, MAX_HEADERS = 16, BLOCK = 64 * 1024, MAX_WHOLE = 64 << 20 };
#define NOWHERE UINT64_MAX

struct rule {
	unsigned long from, to, seen;
	char method[16];
	char *substring;
	char *action;
	const char *arg;
};

struct faults {
	const char *host, *port; /* upstream; host NULL: none */
	struct rule rules[MAX_RULES];
	size_t n;
	struct server server;
	FILE *wire;
	uint64_t random;
	json_t *referrers; /* digest of the subject -> descriptors */
	pthread_mutex_t lock;
};

/* What the rules want for one request. */
struct plan {
	const char *status, *redirect, *location, *file, *code;
	const char *headers[MAX_HEADERS];
	size_t n_headers;
	bool drop, norange, reset, rubbish, unsized, referrers, mute, refused;
	const char *upcut, *cut;
	uint64_t stall, pad;
	long length;
	unsigned long rate, late;
};

struct exchange {
	struct faults *f;
	struct request *q;
	struct plan plan;
	long status;
	uint64_t sent;
};

/* Adds a rule; false: text is none. */
bool fault_rule(struct faults *f, char *text);
/* Notes the request in FILE and finds what the rules want of it. */
void fault_plan(struct faults *f, const struct request *q, struct plan *p);
/* "N", or for "random" some byte of size but the last. */
uint64_t fault_point(struct faults *f, const char *text, uint64_t size);
void fault_sleep(unsigned long ms);

/* Answers of our own; lines: headers, each ended by CR LF. */
void fault_answer(struct exchange *x, const char *lines, const char *body, size_t n);
void fault_status(struct exchange *x);
void fault_refuse(struct exchange *x);
void fault_redirect(struct exchange *x);
void fault_cut_upload(struct exchange *x);

/* The list of what refers to digest; and a manifest on its way: where it has a
 * subject it is noted, and its digest the result (malloc'ed). */
void fault_referrers(struct exchange *x, const char *digest);
char *fault_subject(struct faults *f, const char *text, size_t n);

/* To the upstream, and its answer back with the faults in it. */
void fault_forward(struct exchange *x);

#endif
