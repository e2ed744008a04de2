/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container writes, as the daemon streams it: frames of 8 bytes of head
 * (stream, 0, 0, 0, length big-endian) and the bytes, cut anywhere.
 */
#ifndef LAUNCH_FRAMES_H
#define LAUNCH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero but out and arg at first. */
struct frames {
	/* stream: 1 stdout, 2 stderr */
	void (*out)(void *arg, int stream, const char *p, size_t n);
	void *arg;
	/* private */
	unsigned char head[8];
	unsigned head_n;
	uint32_t left;
	bool raw; /* no frames in it (a container with a terminal): all is stdout */
};

void frames_feed(struct frames *f, const char *p, size_t n);

#endif
