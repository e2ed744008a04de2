/* SPDX-License-Identifier: Apache-2.0 */
/* The only file that reads a clock. */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

uint64_t
encl_now(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) || now.tv_sec < 0)
		return 0;
	return (uint64_t)now.tv_sec;
}

uint64_t
encl_clock_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void
encl_clock_sleep(uint64_t ms)
{
	struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}
