/* SPDX-License-Identifier: Apache-2.0 */
/* Small files whole, in and out; lines of a text. */
#include "guest/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Closes and keeps errno. */
static void
close_fd(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

/* Reads to the end; /proc's files have no size, so the buffer grows. */
static char *
read_all(int fd, size_t max, size_t *len)
{
	size_t room = 4096;
	size_t n = 0;
	char *text = malloc(room);

	while (text) {
		ssize_t r = read(fd, text + n, room - 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 || n + (size_t)r > max) {
			if (r >= 0)
				errno = EFBIG;
			break;
		}
		n += (size_t)r;
		if (r == 0) {
			text[n] = 0;
			*len = n;
			return text;
		}
		if (n + 1 == room) {
			char *grown = realloc(text, room * 2);

			if (!grown)
				break;
			text = grown;
			room *= 2;
		}
	}
	free(text);
	return NULL;
}

char *
guest_read_file(const char *path, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;

	if (fd < 0)
		return NULL;
	text = read_all(fd, max, len);
	close_fd(fd);
	return text;
}

static int
write_to(const char *path, int flags, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);

	if (fd < 0)
		return -1;
	while (len) {
		ssize_t w = write(fd, text, len);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			close_fd(fd);
			return -1;
		}
		text += w;
		len -= (size_t)w;
	}
	return close(fd);
}

int
guest_write_file(const char *path, const char *text, size_t len)
{
	return write_to(path, O_CREAT | O_TRUNC, text, len);
}

int
guest_put(const char *path, const char *text)
{
	return write_to(path, 0, text, strlen(text));
}

char **
guest_lines(char *text, size_t len, size_t *count)
{
	size_t n = 0;
	char **lines;
	char *end = text + len;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	n += len && end[-1] != '\n';
	lines = malloc((n + 1) * sizeof *lines);
	if (!lines)
		return NULL;
	*count = n;
	for (size_t i = 0; i < n; i++) {
		char *newline = memchr(text, '\n', (size_t)(end - text));

		lines[i] = text;
		if (!newline)
			break;
		*newline = 0;
		text = newline + 1;
	}
	lines[n] = NULL;
	return lines;
}

int
guest_mkdir(const char *path, unsigned mode)
{
	return mkdir(path, mode) && errno != EEXIST ? -1 : 0;
}
