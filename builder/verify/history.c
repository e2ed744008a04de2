/* SPDX-License-Identifier: Apache-2.0 */
/* The whole file is read and checked each time: it is small, and that is the point. */
#include "verify/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/stream.h"

/* What was read, and its last line without "Previous". */
struct history {
	struct encl_history sum;
	json_t *last;
	uint64_t size;
};

static void
history_clear(struct history *h)
{
	json_decref(h->last);
	h->last = NULL;
}
ENCL_AUTO_VAL(struct history, history_clear);

static int
fail_line(struct encl_err *e, const char *path, size_t n, const char *why)
{
	return encl_fail(e, ENCL_MISMATCH, "%s:%zu: %s", path, n, why);
}

static int
take_line(struct history *h, const char *path, const char *line, size_t n,
	  struct encl_err *e)
{
	encl_auto(json_decref) json_t *v = NULL;
	char previous[ENCL_DIGEST_TEXT];
	const json_t *said;
	struct encl_err why;

	if (n > ENCL_HISTORY_LINE)
		return fail_line(e, path, h->sum.n + 1, "the line is too long");
	if (encl_json_parse(line, n, "line", &v, &why) || !json_is_object(v))
		return fail_line(e, path, h->sum.n + 1, "is no object of JSON");
	encl_digest_format(&h->sum.head, previous);
	said = json_object_get(v, "Previous");
	if (h->sum.n ? !json_is_string(said) ||
			       strcmp(json_string_value(said), previous) != 0
		     : !json_is_null(said))
		return fail_line(e, path, h->sum.n + 1,
				 "\"Previous\" is not the digest of the line before: one "
				 "was changed, added or taken away");
	json_object_del(v, "Previous");
	encl_digest_of(ENCL_SHA256, line, n, &h->sum.head);
	h->sum.n++;
	json_decref(h->last);
	h->last = encl_take(v, NULL);
	return 0;
}

static int
read_all(int fd, const char *path, struct history *h, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	struct stat st;

	if (fstat(fd, &st))
		return encl_fail_sys(e, ENCL_FAILED, "read %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > ENCL_HISTORY_MAX)
		return encl_fail(e, ENCL_FAILED,
				 "%s: not a regular file of at most %d bytes", path,
				 ENCL_HISTORY_MAX);
	h->size = (uint64_t)st.st_size;
	text = encl_xmalloc(h->size + 1);
	if (encl_pread_full(fd, text, h->size, 0, path, e))
		return -1;
	for (size_t at = 0; at < h->size;) {
		const char *end = memchr(text + at, '\n', h->size - at);

		if (!end)
			return fail_line(e, path, h->sum.n + 1,
					 "does not end in a newline");
		if (take_line(h, path, text + at, (size_t)(end - (text + at)), e))
			return -1;
		at = (size_t)(end - text) + 1;
	}
	return 0;
}

int
encl_history_check(const char *path, struct encl_history *out, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	encl_auto(history_clear) struct history h = {.last = NULL};

	if (fd < 0 || flock(fd, LOCK_SH))
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	if (read_all(fd, path, &h, e))
		return -1;
	if (!h.sum.n)
		return encl_fail(e, ENCL_MISMATCH, "%s: empty", path);
	*out = h.sum;
	return 0;
}

/* What could not be read again is not written. */
static int
check_line(const struct history *h, const char *path, size_t n, struct encl_err *e)
{
	if (n - 1 > ENCL_HISTORY_LINE)
		return encl_fail(
			e, ENCL_FAILED,
			"%s: the image's line would be longer than %d bytes: its "
			"name or version is",
			path, ENCL_HISTORY_LINE);
	if (h->size + n > ENCL_HISTORY_MAX)
		return encl_fail(e, ENCL_FAILED,
				 "%s: would be larger than %d bytes; begin another", path,
				 ENCL_HISTORY_MAX);
	return 0;
}

/* All of it or nothing. */
static int
write_line(int fd, const char *path, const char *line, size_t n, uint64_t at,
	   struct encl_err *e)
{
	if (encl_pwrite_full(fd, line, n, at, path, e) == 0) {
		if (fsync(fd) == 0)
			return 0;
		(void)encl_fail_sys(e, ENCL_FAILED, "write %s", path);
	}
	if (ftruncate(fd, (off_t)at))
		return encl_wrap(e, "%s may end in half a line", path);
	return -1;
}

int
encl_history_append(const char *path, const json_t *entry, bool *added,
		    struct encl_history *out, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	encl_auto(history_clear) struct history h = {.last = NULL};
	encl_auto(json_decref) json_t *v = json_copy((json_t *)(uintptr_t)entry);
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_free) char *line = NULL;
	char previous[ENCL_DIGEST_TEXT];

	if (fd < 0 || flock(fd, LOCK_EX))
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	if (read_all(fd, path, &h, e))
		return -1;
	*added = !h.last || !json_equal(h.last, entry);
	if (*added) {
		encl_digest_format(&h.sum.head, previous);
		json_object_set_new(v, "Previous",
				    h.sum.n ? json_string(previous) : json_null());
		text = encl_json_compact(v);
		line = encl_xasprintf("%s\n", text);
		if (check_line(&h, path, strlen(line), e) ||
		    write_line(fd, path, line, strlen(line), h.size, e))
			return -1;
		encl_digest_of(ENCL_SHA256, text, strlen(text), &h.sum.head);
		h.sum.n++;
	}
	*out = h.sum;
	return 0;
}
