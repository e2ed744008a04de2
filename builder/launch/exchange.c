/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages and the scan.  While it sends it also takes, so that two sides
 * that have much to say never wait for each other.
 */
#include "launch/exchange.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "launch/exchange_internal.h"

enum { FILE_BODY = 24, FOLDER_BODY = 4 };

#define HELLO "enclave-exchange 1"

struct session {
	struct encl_exchange_session *s;
	struct encl_exchange_tree tree;
	struct encl_exchange_incoming in;
	bool greeted, synced, over, sent_any;
	bool partial;	 /* this scan has not seen all that is there */
	unsigned warned; /* kinds, as bits */
	/* the message that comes in */
	char message[EXCHANGE_HEAD + ENCL_EXCHANGE_PATH + EXCHANGE_CHUNK];
	size_t have;
	char out[EXCHANGE_HEAD + ENCL_EXCHANGE_PATH + EXCHANGE_CHUNK];
};

enum { WARN_KIND = 1, WARN_APPLY = 2, WARN_READ = 4, WARN_NAME = 8 };

/* ---- small things ---- */

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
put(char *p, uint64_t v, unsigned n)
{
	while (n--) {
		p[n] = (char)(v & 0xff);
		v >>= 8;
	}
}

static uint64_t
get(const char *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | (uint8_t)p[i];
	return v;
}

/* The first reason stays.  What follows is constant text. */
static bool
stop(struct session *x, const char *why)
{
	size_t n = strlen(why);

	if (!x->over && n < sizeof x->s->why)
		memcpy(x->s->why, why, n + 1);
	x->over = true;
	return false;
}

static void
warn(struct session *x, unsigned kind, const char *text)
{
	if (!(x->warned & kind) && x->s->warn)
		x->s->warn(x->s->arg, text);
	x->warned |= kind;
}

/* ---- taking ---- */

static bool
take_file(struct session *x, const char *path, unsigned n, const char *body)
{
	struct encl_exchange_incoming *in = &x->in;
	const struct encl_exchange_entry *known;
	uint64_t nsec = get(body + 12, 4);
	uint64_t bytes;

	if (in->open)
		return stop(x, "a file begins within another");
	memcpy(in->path, path, n);
	in->path[n] = 0;
	in->mode = (unsigned)get(body, 4);
	in->mtime.tv_sec = (time_t)get(body + 4, 8);
	in->mtime.tv_nsec = (long)nsec;
	in->size = get(body + 16, 8);
	known = encl_exchange_find(&x->tree, in->path);
	bytes = x->tree.bytes - (known ? encl_exchange_pages(known->size) : 0);
	if (nsec >= 1000000000 || in->mode > 0777)
		return stop(x, "a file's time or mode cannot be");
	if (in->size > x->s->max_bytes ||
	    bytes + encl_exchange_pages(in->size) > x->s->max_bytes)
		return stop(x, "more bytes than the folder may have");
	if (!known && x->tree.n >= x->tree.max)
		return stop(x, "more entries than a folder may have");
	encl_exchange_begin(x->s->root, &x->tree, in);
	return true;
}

static bool
take_bytes(struct session *x, const char *body, size_t n)
{
	if (!encl_exchange_bytes(&x->in, body, n))
		return stop(x, "bytes of no file");
	return true;
}

/* An empty body of bytes ends the file. */
static bool
take_end(struct session *x)
{
	if (!x->in.open || x->in.got != x->in.size)
		return stop(x, "a file ends before its bytes do");
	if (encl_exchange_finish(&x->tree, &x->in))
		warn(x, WARN_APPLY,
		     "some changes could not be made here (no space, or "
		     "changed here too)");
	return true;
}

static bool
take_named(struct session *x, char type, const char *path, unsigned n, const char *body,
	   size_t size)
{
	char name[ENCL_EXCHANGE_PATH + 1];
	int rc = 0;

	if (!x->s->take)
		return stop(x, "it sent a change of a folder that is for reading only");
	if (!encl_exchange_path_ok(path, n))
		return stop(x, "it named a path that is none");
	if (type == 'F')
		return size == FILE_BODY ? take_file(x, path, n, body)
					 : stop(x, "a message of another size");
	memcpy(name, path, n);
	name[n] = 0;
	if (type == 'D' && size == FOLDER_BODY) {
		if (x->tree.n >= x->tree.max && !encl_exchange_find(&x->tree, name))
			return stop(x, "more entries than a folder may have");
		rc = encl_exchange_make_folder(x->s->root, &x->tree, name,
					       (unsigned)get(body, 4));
	} else if (type == 'R' && !size) {
		rc = encl_exchange_remove(x->s->root, &x->tree, name);
	} else {
		return stop(x, "a message of another size");
	}
	if (rc)
		warn(x, WARN_APPLY,
		     "some changes could not be made here (no space, or "
		     "changed here too)");
	return true;
}

static bool
take_message(struct session *x, char type, const char *path, unsigned n, const char *body,
	     size_t size)
{
	if (!x->greeted) {
		if (type != 'H' || n || size != sizeof HELLO - 1 ||
		    memcmp(body, HELLO, size) != 0)
			return stop(x, "it does not speak this version");
		x->greeted = true;
		return true;
	}
	switch (type) {
	case 'D':
	case 'F':
	case 'R':
		return take_named(x, type, path, n, body, size);
	case 'B':
		if (n)
			break;
		return size ? take_bytes(x, body, size) : take_end(x);
	case 'A':
		if (n || size || !x->in.open)
			break;
		encl_exchange_drop(&x->in);
		return true;
	case 'S':
		if (n || size)
			break;
		if (!x->synced && x->s->synced)
			x->s->synced(x->s->arg);
		x->synced = true;
		return true;
	default:
		break;
	}
	return stop(x, "it sent a message that is none");
}

/* What the message that comes in is long, as far as is known; 0: too long. */
static size_t
wanted(const struct session *x, size_t *path, size_t *body)
{
	*path = *body = 0;
	if (x->have < EXCHANGE_HEAD)
		return EXCHANGE_HEAD;
	*path = get(x->message + 2, 2);
	*body = get(x->message + 4, 4);
	if (*path > ENCL_EXCHANGE_PATH || *body > EXCHANGE_CHUNK || x->message[1])
		return 0;
	return EXCHANGE_HEAD + *path + *body;
}

enum result { OVER, NOTHING, SOME };

static enum result
receive(struct session *x, size_t n)
{
	ssize_t got = recv(x->s->fd, x->message + x->have, n, 0);

	if (got == 0)
		stop(x, x->have || x->in.open ? "cut off" : "");
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return NOTHING;
	if (got < 0 && errno != EINTR)
		stop(x, strerror(errno));
	if (got > 0)
		x->have += (size_t)got;
	return x->over ? OVER : SOME;
}

/* Takes what is there; false: the session is over. */
static bool
take(struct session *x)
{
	enum result result = SOME;

	for (int round = 0; round < 64 && result == SOME; round++) {
		size_t path, body;
		size_t want = wanted(x, &path, &body);
		const char *p = x->message + EXCHANGE_HEAD;

		if (!want)
			return stop(x, "it sent a message that is too long");
		if (x->have < want) {
			result = receive(x, want - x->have);
			continue;
		}
		x->have = 0;
		if (!take_message(x, x->message[0], p, (unsigned)path, p + path, body))
			return false;
	}
	return result != OVER;
}

/* ---- sending ---- */

static bool
send_all(struct session *x, const char *p, size_t n)
{
	uint64_t last = now_ms();

	while (n && !x->over) {
		struct pollfd poll_fd = {x->s->fd, POLLIN | POLLOUT, 0};
		ssize_t w = send(x->s->fd, p, n, MSG_NOSIGNAL);

		if (w > 0) {
			n -= (size_t)w;
			p += w;
			last = now_ms();
			continue;
		}
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return stop(x, strerror(errno));
		if (now_ms() - last > ENCL_EXCHANGE_STALL_MS)
			return stop(x, "it takes nothing any more");
		if (poll(&poll_fd, 1, 1000) > 0 && (poll_fd.revents & POLLIN) && !take(x))
			return false;
	}
	return !x->over;
}

/* The body stands in x->out behind head and path already, or is body. */
static bool
send_message(struct session *x, char type, const char *path, const char *body, size_t n)
{
	size_t len = strlen(path);

	if (len > ENCL_EXCHANGE_PATH)
		return true;
	x->out[0] = type;
	x->out[1] = 0;
	put(x->out + 2, len, 2);
	put(x->out + 4, n, 4);
	memcpy(x->out + EXCHANGE_HEAD, path, len);
	if (n)
		memcpy(x->out + EXCHANGE_HEAD + len, body, n);
	return send_all(x, x->out, EXCHANGE_HEAD + len + n);
}

static bool
send_bytes(struct session *x, int fd, uint64_t size)
{
	char chunk[EXCHANGE_CHUNK];

	while (size) {
		ssize_t n = read(fd, chunk, size < sizeof chunk ? size : sizeof chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* shorter than it was: the next scan sends it again */
			return send_message(x, 'A', "", NULL, 0);
		if (!send_message(x, 'B', "", chunk, (size_t)n))
			return false;
		size -= (uint64_t)n;
	}
	return send_message(x, 'B', "", NULL, 0);
}

/* Gone or replaced since it was listed, or unreadable: what cannot be looked at is
 * not removed there. */
static bool
unseen(struct session *x)
{
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return true;
	x->partial = true;
	warn(x, WARN_READ,
	     "some files or folders cannot be read; while it is so, what is removed "
	     "here stays there");
	return true;
}

static bool
send_file(struct session *x, int folder, const char *name, const char *path)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct encl_exchange_entry *known = encl_exchange_find(&x->tree, path);
	uint64_t others = x->tree.bytes - (known ? encl_exchange_pages(known->size) : 0);
	char body[FILE_BODY];
	struct stat st;
	bool ok;

	if (fd < 0)
		return unseen(x);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return true;
	}
	if ((uint64_t)st.st_size > x->s->max_bytes ||
	    others + encl_exchange_pages((uint64_t)st.st_size) > x->s->max_bytes) {
		close(fd);
		return stop(x, "the folder has more bytes than it may");
	}
	known = encl_exchange_know(&x->tree, path, &st);
	if (!known) {
		close(fd);
		return stop(x, "the folder has more entries than it may");
	}
	put(body, st.st_mode & 0777, 4);
	put(body + 4, (uint64_t)st.st_mtim.tv_sec, 8);
	put(body + 12, (uint64_t)st.st_mtim.tv_nsec, 4);
	put(body + 16, (uint64_t)st.st_size, 8);
	ok = send_message(x, 'F', path, body, sizeof body) &&
	     send_bytes(x, fd, (uint64_t)st.st_size);
	close(fd);
	x->sent_any = true;
	return ok;
}

static bool scan_folder(struct session *x, int own_fd, char *path, unsigned depth);

static bool
send_folder(struct session *x, const char *path, const struct stat *st)
{
	struct encl_exchange_entry *known = encl_exchange_know(&x->tree, path, st);
	char body[FOLDER_BODY];

	if (!known)
		return stop(x, "the folder has more entries than it may");
	put(body, st->st_mode & 0777, 4);
	x->sent_any = true;
	return send_message(x, 'D', path, body, sizeof body);
}

/* path is the entry's own, in a buffer that the deeper scan may extend. */
static bool
scan_entry(struct session *x, int folder, const char *name, char *path, unsigned depth)
{
	struct encl_exchange_entry *known = encl_exchange_find(&x->tree, path);
	struct stat st;
	int fd;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW))
		return unseen(x);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		warn(x, WARN_KIND, "links, devices and sockets are left out");
		return true;
	}
	/* another kind than it was: removed by this scan, sent by the next */
	if (known && known->folder != !!S_ISDIR(st.st_mode))
		return true;
	if (known && encl_exchange_same(known, &st))
		known->seen = x->tree.scan;
	else if (S_ISREG(st.st_mode))
		return send_file(x, folder, name, path);
	else if (!send_folder(x, path, &st))
		return false;
	if (S_ISREG(st.st_mode))
		return true;
	if (depth == ENCL_EXCHANGE_DEPTH) {
		warn(x, WARN_NAME, "too deep folders and too long names are left out");
		return true;
	}
	fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? unseen(x) : scan_folder(x, fd, path, depth + 1);
}

static bool
scan_folder(struct session *x, int own_fd, char *path, unsigned depth)
{
	DIR *list = fdopendir(own_fd);
	size_t n = strlen(path);
	const struct dirent *d;
	bool ok = true;

	if (!list) {
		close(own_fd);
		errno = ENOMEM;
		return unseen(x);
	}
	while (errno = 0, ok && (d = readdir(list))) {
		size_t len = strlen(d->d_name);

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
		    !strcmp(d->d_name, EXCHANGE_TEMP))
			continue;
		if (n + len + 1 > ENCL_EXCHANGE_PATH) {
			warn(x, WARN_NAME,
			     "too deep folders and too long names are left out");
			continue;
		}
		if (n)
			path[n] = '/';
		memcpy(path + n + !!n, d->d_name, len + 1);
		ok = scan_entry(x, dirfd(list), d->d_name, path, depth);
		path[n] = 0;
	}
	if (ok && errno)
		ok = unseen(x);
	closedir(list);
	return ok;
}

static int
deepest_first(const void *a, const void *b)
{
	return -strcmp(*(char *const *)a, *(char *const *)b);
}

/* What was known and is not there any more. */
static bool
send_removed(struct session *x)
{
	char **gone = calloc(x->tree.n + 1, sizeof *gone);
	size_t n = 0;
	bool ok = true;

	if (!gone)
		return stop(x, "no memory");
	for (size_t i = 0; i < EXCHANGE_BUCKETS; i++)
		for (struct encl_exchange_entry *e = x->tree.buckets[i]; e; e = e->next)
			if (e->seen != x->tree.scan && (gone[n] = strdup(e->path)))
				n++;
	qsort(gone, n, sizeof *gone, deepest_first);
	for (size_t i = 0; i < n; i++) {
		struct encl_exchange_entry *e = encl_exchange_find(&x->tree, gone[i]);

		/* what came in meanwhile is there */
		if (ok && e && e->seen != x->tree.scan) {
			encl_exchange_forget(&x->tree, gone[i]);
			ok = send_message(x, 'R', gone[i], NULL, 0);
			x->sent_any = true;
		}
		free(gone[i]);
	}
	free(gone);
	return ok;
}

static bool
scan(struct session *x)
{
	char path[ENCL_EXCHANGE_PATH + 2] = "";
	int fd = openat(x->s->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return stop(x, "the folder is gone");
	x->tree.scan++;
	x->sent_any = x->tree.scan == 1;
	x->partial = false;
	if (!scan_folder(x, fd, path, 1) || (!x->partial && !send_removed(x)))
		return false;
	return !x->sent_any || send_message(x, 'S', "", NULL, 0);
}

static void
loop(struct session *x)
{
	uint64_t pause = ENCL_EXCHANGE_SCAN_MS;
	uint64_t next = 0;

	if (!send_message(x, 'H', "", HELLO, sizeof HELLO - 1))
		return;
	while (!x->over) {
		uint64_t now = now_ms();
		struct pollfd p = {x->s->fd, POLLIN, 0};
		int left = x->s->send && x->greeted ? (int)(next > now ? next - now : 0)
						    : -1;

		if (poll(&p, 1, left) > 0 && !take(x))
			return;
		if (!x->s->send || !x->greeted || now_ms() < next)
			continue;
		now = now_ms();
		if (!scan(x))
			return;
		/* a large folder is looked at less often */
		pause = (now_ms() - now) * 10;
		if (pause < ENCL_EXCHANGE_SCAN_MS)
			pause = ENCL_EXCHANGE_SCAN_MS;
		next = now_ms() + pause;
	}
}

bool
encl_exchange_run(struct encl_exchange_session *s)
{
	struct session *x = calloc(1, sizeof *x);
	bool ok;

	s->why[0] = 0;
	if (!x) {
		memcpy(s->why, "no memory", sizeof "no memory");
		return false;
	}
	x->s = s;
	x->in.fd = x->in.parent = -1;
	x->tree.max = s->max_entries ? s->max_entries : ENCL_EXCHANGE_ENTRIES;
	if (getrandom(&x->tree.seed, sizeof x->tree.seed, GRND_NONBLOCK) < 0)
		x->tree.seed = (uint32_t)now_ms();
	loop(x);
	encl_exchange_drop(&x->in);
	encl_exchange_clear(&x->tree);
	ok = !s->why[0];
	free(x);
	return ok;
}
