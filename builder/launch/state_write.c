/* SPDX-License-Identifier: Apache-2.0 */
/* A name's folder: locked, written, and asked by way of an abstract socket. */
#include "launch/state_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/tmpfile.h"
#include "launch/state.h"
#include "launch/state_internal.h"

enum { VISITORS = 16, NAMES = 100, TRIES = 20, PAUSE_MS = 10, SAVE_MS = 200 };

/* One that asks; its connection stays open until the run ends. */
struct visitor {
	int fd; /* -1: free */
	char line[ENCL_STATE_REQUEST];
	size_t n;
};

struct encl_record {
	char *name, *folder;
	int lock, log;
	uint64_t log_size;
	json_t *json;
	bool changed;
	uint64_t saved_at; /* ms */
	int listener, epoll;
	struct visitor visitors[VISITORS];
};

/* ---- a name ---- */

/* *taken: another run has it; r->lock stays -1 where it is to be tried again. */
static int
try_name(struct encl_record *r, const char *run_folder, const char *name, bool *taken,
	 struct encl_err *e)
{
	encl_auto(encl_free) char *folder = encl_xasprintf("%s/%s", run_folder, name);
	encl_auto(encl_free) char *path = encl_xasprintf("%s/" ENCL_STATE_LOCK, folder);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	encl_auto(encl_close_fd) int fd = -1;

	*taken = false;
	if (mkdir(folder, 0700) && errno != EEXIST)
		return encl_fail_sys(e, ENCL_HOST, "create folder %s", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return encl_fail_sys(e, ENCL_HOST, "create %s", path);
	if (fcntl(fd, F_OFD_SETLK, &lock)) {
		*taken = errno == EAGAIN || errno == EACCES;
		return *taken ? 0 : encl_fail_sys(e, ENCL_HOST, "lock %s", path);
	}
	if (!encl_state_is_there(fd, path))
		return 0;
	r->lock = encl_take(fd, -1);
	r->folder = encl_take(folder, NULL);
	r->name = encl_xstrdup(name);
	return 0;
}

static int
take_name(struct encl_record *r, const char *run_folder, const char *name, bool *taken,
	  struct encl_err *e)
{
	for (int i = 0; i < TRIES; i++)
		if (try_name(r, run_folder, name, taken, e))
			return -1;
		else if (*taken || r->lock >= 0)
			return 0;
	return encl_fail(e, ENCL_HOST, "%s/%s is removed again and again", run_folder,
			 name);
}

static int
choose_name(struct encl_record *r, const char *run_folder, const char *wanted, bool exact,
	    struct encl_err *e)
{
	bool taken;

	if (!encl_state_name_ok(wanted))
		return encl_fail(e, ENCL_USAGE,
				 "\"%s\" is no name for an enclave: letters, digits, "
				 "\".\", \"_\" and \"-\", at most %d",
				 wanted, ENCL_STATE_NAME_MAX);
	if (take_name(r, run_folder, wanted, &taken, e))
		return -1;
	/* ps --prune has it for a moment only. */
	for (unsigned i = 0; taken && exact && i < TRIES; i++) {
		encl_clock_sleep(PAUSE_MS);
		if (take_name(r, run_folder, wanted, &taken, e))
			return -1;
	}
	for (unsigned i = 2; taken && !exact && i < NAMES; i++) {
		encl_auto(encl_free) char *other =
			encl_xasprintf("%.*s-%u", ENCL_STATE_NAME_MAX - 3, wanted, i);

		if (take_name(r, run_folder, other, &taken, e))
			return -1;
	}
	if (taken)
		return encl_fail(e, ENCL_USAGE,
				 "an enclave named %s runs already; give this one "
				 "another --name, or \"enclavebuild stop %s\"",
				 wanted, wanted);
	return 0;
}

/* ---- open ---- */

static int
open_log(struct encl_record *r, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/" ENCL_STATE_LOG, r->folder);
	encl_auto(encl_free) char *old =
		encl_xasprintf("%s/" ENCL_STATE_LOG_OLD, r->folder);
	encl_auto(encl_free) char *json =
		encl_xasprintf("%s/" ENCL_STATE_JSON, r->folder);

	unlink(old);
	unlink(json);
	unlink(path);
	r->log = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return r->log < 0 ? encl_fail_sys(e, ENCL_HOST, "create %s", path) : 0;
}

static int
watch(const struct encl_record *r, int fd, struct encl_err *e)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event)
		       ? encl_fail_sys(e, ENCL_FAILED, "watch a socket")
		       : 0;
}

static int
open_socket(struct encl_record *r, const char *run_folder, struct encl_err *e)
{
	struct sockaddr_un a;
	socklen_t n;

	if (encl_state_address(run_folder, r->name, geteuid(), &a, &n, e))
		return -1;
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->epoll < 0 || r->listener < 0 ||
	    bind(r->listener, (struct sockaddr *)&a, n) || listen(r->listener, VISITORS))
		return encl_fail_sys(e, ENCL_HOST, "listen for requests to %s", r->name);
	return watch(r, r->listener, e);
}

int
encl_record_open(const char *wanted, bool exact, struct encl_record **out,
		 struct encl_err *e)
{
	struct encl_record *r = encl_xcalloc(1, sizeof *r);
	encl_auto(encl_free) char *folder = NULL;

	r->lock = r->log = r->listener = r->epoll = -1;
	for (size_t i = 0; i < VISITORS; i++)
		r->visitors[i].fd = -1;
	r->json = json_object();
	if (encl_state_folder(&folder, e) || choose_name(r, folder, wanted, exact, e) ||
	    open_log(r, e) || open_socket(r, folder, e)) {
		encl_record_free(r);
		return -1;
	}
	*out = r;
	return 0;
}

void
encl_record_free(struct encl_record *r)
{
	if (!r)
		return;
	/* Whoever waits for the end finds the name free. */
	encl_close_fd(r->lock);
	for (size_t i = 0; i < VISITORS; i++)
		encl_close_fd(r->visitors[i].fd);
	encl_close_fd(r->listener);
	encl_close_fd(r->epoll);
	encl_close_fd(r->log);
	json_decref(r->json);
	free(r->name);
	free(r->folder);
	free(r);
}

const char *
encl_record_name(const struct encl_record *r)
{
	return r ? r->name : "";
}

/* ---- written ---- */

void
encl_record_set(struct encl_record *r, const char *key, json_t *value)
{
	if (!r) {
		json_decref(value);
		return;
	}
	json_object_set_new(r->json, key, value);
	r->changed = true;
}

void
encl_record_save(struct encl_record *r, bool now, struct encl_log *log)
{
	encl_auto(encl_free) char *path = NULL;
	encl_auto(encl_free) char *text = NULL;
	struct encl_err e;

	if (!r || !r->changed || (!now && encl_clock_ms() - r->saved_at < SAVE_MS))
		return;
	r->saved_at = encl_clock_ms();
	path = encl_xasprintf("%s/" ENCL_STATE_JSON, r->folder);
	text = encl_json_pretty(r->json);
	if (encl_write_file(path, text, strlen(text), 0600, &e))
		encl_debug(log, "%s", e.msg);
	else
		r->changed = false;
}

bool
encl_record_pending(const struct encl_record *r)
{
	return r && r->changed;
}

/* The older half is kept once more. */
static void
rotate(struct encl_record *r)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/" ENCL_STATE_LOG, r->folder);
	encl_auto(encl_free) char *old =
		encl_xasprintf("%s/" ENCL_STATE_LOG_OLD, r->folder);

	encl_close_fd(encl_take(r->log, -1));
	if (rename(path, old))
		unlink(path);
	r->log = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r->log_size = 0;
}

void
encl_record_console(struct encl_record *r, const char *p, size_t n)
{
	if (!r)
		return;
	if (r->log_size + n > ENCL_STATE_LOG_MAX)
		rotate(r);
	while (r->log >= 0 && n) {
		ssize_t w = write(r->log, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			break; /* a full disk: the enclave is not to wait for it */
		r->log_size += (uint64_t)w;
		p += w;
		n -= (size_t)w;
	}
}

/* ---- asked ---- */

int
encl_record_fd(const struct encl_record *r)
{
	return r ? r->epoll : -1;
}

static void
let_in(struct encl_record *r)
{
	encl_auto(encl_close_fd) int fd =
		accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t n = sizeof peer;
	struct encl_err ignored;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) ||
	    (peer.uid != geteuid() && peer.uid != 0))
		return;
	for (size_t i = 0; i < VISITORS; i++) {
		struct visitor *v = &r->visitors[i];

		if (v->fd >= 0 || watch(r, fd, &ignored))
			continue;
		v->n = 0;
		v->fd = encl_take(fd, -1);
		return;
	}
}

static struct encl_request
understand(const char *line)
{
	struct encl_request q = {ENCL_REQUEST_NONE, 0};
	uint64_t number;

	if (!strncmp(line, "stop ", 5) && encl_parse_uint(line + 5, 10, 86400, &number))
		q.kind = ENCL_REQUEST_STOP;
	else
		return q;
	q.seconds = (unsigned)number;
	return q;
}

static struct encl_request
hear(struct visitor *v)
{
	struct encl_request q = {ENCL_REQUEST_NONE, 0};
	ssize_t n = recv(v->fd, v->line + v->n, sizeof v->line - 1 - v->n, 0);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return q;
	if (n > 0) {
		v->n += (size_t)n;
		v->line[v->n] = 0;
		end = strchr(v->line, '\n');
		if (end) {
			*end = 0;
			q = understand(v->line);
			v->n = 0;
			if (q.kind != ENCL_REQUEST_NONE)
				return q;
		} else if (v->n < sizeof v->line - 1) {
			return q;
		}
	}
	encl_close_fd(encl_take(v->fd, -1));
	return q;
}

struct encl_request
encl_record_request(struct encl_record *r)
{
	struct encl_request q = {ENCL_REQUEST_NONE, 0};
	struct epoll_event event;

	while (r && q.kind == ENCL_REQUEST_NONE &&
	       epoll_wait(r->epoll, &event, 1, 0) == 1) {
		if (event.data.fd == r->listener)
			let_in(r);
		for (size_t i = 0; i < VISITORS; i++)
			if (r->visitors[i].fd == event.data.fd) {
				q = hear(&r->visitors[i]);
				break;
			}
	}
	return q;
}
