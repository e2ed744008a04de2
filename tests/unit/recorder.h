/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An entry sink for tests of sources: one line of text an entry, contents read
 * back through their references and checked against their CRC.
 *
 *	begin image sha256:… 1
 *	f 0644 0:0 12 etc/passwd 5 "hello"
 *	l 0777 0:0 0 bin -> usr/bin
 *	h usr/x = usr/y
 */
#ifndef ENCL_TEST_RECORDER_H
#define ENCL_TEST_RECORDER_H

#include "base/buf.h"
#include "sources/entry.h"

struct recorder {
	struct encl_entry_sink sink;
	struct encl_buf text;
	unsigned layers; /* begun */
};
void recorder_init(struct recorder *r);
void recorder_clear(struct recorder *r);
ENCL_AUTO_VAL(struct recorder, recorder_clear);

/* The lines so far. */
const char *recorded(const struct recorder *r);

#endif
