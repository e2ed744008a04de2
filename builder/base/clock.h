/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall clock, for questions about now (is this certificate valid, is this
 * Release file fresh).  Nothing that goes into an image may depend on it.
 */
#ifndef ENCL_BASE_CLOCK_H
#define ENCL_BASE_CLOCK_H

#include <stdint.h>

/* Seconds since the epoch. */
uint64_t encl_now(void);

/* Milliseconds that only ever grow, with no relation to the time of day: for
 * waiting. */
uint64_t encl_clock_ms(void);

void encl_clock_sleep(uint64_t ms);

#endif
