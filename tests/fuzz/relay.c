/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames from a hostile peer through the relay: what comes out is what a plain
 * reading of the frames gives, or its beginning where a rule was broken.  The first
 * byte says how many bytes are written at once.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "launch/relay.h"

enum { MOST = 60000 };

/* The bytes in the frames; *ended: the frame that ends them came, *whole: and nothing
 * after it. */
static size_t
read_frames(const uint8_t *p, size_t n, uint8_t *out, bool *ended, bool *whole)
{
	size_t got = 0;

	*ended = *whole = false;
	while (n >= 2) {
		size_t len = (size_t)p[0] << 8 | p[1];

		p += 2;
		n -= 2;
		if (!len) {
			*ended = true;
			*whole = n == 0;
			break;
		}
		len = len < n ? len : n;
		memcpy(out + got, p, len);
		got += len;
		p += len;
		n -= len;
	}
	return got;
}

/* Steps, and takes what has come out; the last recv's result. */
static ssize_t
steps(struct encl_relay *r, int fd, uint8_t *got, size_t *n_got)
{
	ssize_t n = -1;

	for (int i = 0; i < 3; i++) {
		encl_relay_step(r);
		n = recv(fd, got + *n_got, MOST - *n_got, 0);
		*n_got += n > 0 ? (size_t)n : 0;
		i = n > 0 ? 0 : i;
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t want[MOST], got[MOST];
	struct encl_relay_visitor v = {.framed = true};
	struct encl_relay_end target = {.kind = ENCL_RELAY_OPEN};
	struct encl_relay *r;
	int c[2], s[2];
	size_t part, n_want, n_got = 0;
	ssize_t n;
	bool ended, whole;

	if (size < 2 || size > MOST)
		return 0;
	part = 1 + data[0] * 7U;
	data++;
	size--;
	r = encl_relay_new(0);
	if (!r || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, c) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s))
		abort();
	v.fd = c[1];
	target.fd = s[0];
	if (encl_relay_adopt(r, &v, &target))
		abort();
	steps(r, s[1], got, &n_got);
	n_want = read_frames(data, size, want, &ended, &whole);
	for (size_t at = 0; at < size; at += part) {
		const size_t m = size - at < part ? size - at : part;

		if (send(c[0], data + at, m, MSG_NOSIGNAL) != (ssize_t)m)
			break; /* it has had enough */
		steps(r, s[1], got, &n_got);
	}
	shutdown(c[0], SHUT_WR);
	n = steps(r, s[1], got, &n_got);
	if (n_got > n_want || memcmp(want, got, n_got) != 0)
		abort();
	/* A whole stream arrives as one, and leaves the other direction open. */
	if (whole && (n_got != n_want || n != 0 || encl_relay_connections(r) != 1))
		abort();
	/* What follows the end is a loss where it is read with it, else nobody's. */
	if (!ended && encl_relay_connections(r) != 0)
		abort();
	encl_relay_free(r);
	close(c[0]);
	close(s[1]);
	return 0;
}
