/* SPDX-License-Identifier: Apache-2.0 */
/* Ends and times as text, without a format engine. */
#include "launch/record.h"

#include <stdbool.h>
#include <string.h>

#include "guest/say.h"
#include "launch/unit.h"

enum { TEXTS = 4, TEXT_BYTES = 32 };

/* a and b in one of 4 rotating buffers */
static const char *
join(const char *a, const char *between, const char *b)
{
	static char texts[TEXTS][TEXT_BYTES];
	static unsigned next;
	const char *const parts[] = {a, between, b};
	char *to = texts[next++ % TEXTS];
	size_t n = 0;

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		size_t len = strlen(parts[i]);

		if (n + len >= TEXT_BYTES)
			break;
		memcpy(to + n, parts[i], len);
		n += len;
	}
	to[n] = 0;
	return to;
}

void
record_now(struct timespec *t)
{
	clock_gettime(CLOCK_BOOTTIME, t);
}

const char *
record_tenths(uint64_t ms)
{
	return join(guest_dec(ms / 1000), ".", guest_dec(ms % 1000 / 100));
}

const char *
record_seconds(uint64_t ms)
{
	return ms % 1000 ? record_tenths(ms) : guest_dec(ms / 1000);
}

const char *
record_signal(unsigned number)
{
	static const char *const names[] = {
		[1] = "SIGHUP",	  [2] = "SIGINT",   [3] = "SIGQUIT", [9] = "SIGKILL",
		[10] = "SIGUSR1", [12] = "SIGUSR2", [15] = "SIGTERM"};

	if (number < sizeof names / sizeof *names && names[number])
		return names[number];
	return join("signal ", guest_dec(number), "");
}

/* Seconds as 12.034: the digits behind the point are those of 1034 but the first. */
static const char *
seconds(const struct timespec *t)
{
	return join(guest_dec((unsigned long)t->tv_sec), ".",
		    guest_dec(1000 + (unsigned long)t->tv_nsec / 1000000) + 1);
}

/* Between quotes, in one line. */
static const char *
quotable(const char *text)
{
	static char safe[512];
	size_t n = 0;

	for (; text && *text && n < sizeof safe - 1; text++)
		safe[n++] = *text == '"'		 ? '\''
			    : (unsigned char)*text < ' ' ? ' '
							 : *text;
	safe[n] = 0;
	return safe;
}

void
record_end(const struct unit *u, const struct unit_end *end)
{
	const struct unit_config *c = u->config;
	bool error = end->error && !c->raw_output;
	struct timespec started = end->started.tv_sec ? end->started : u->started;
	struct timespec finished = end->finished;

	if (!finished.tv_sec)
		record_now(&finished);
	/* On a line of its own, also after output that ended without a newline. */
	if (c->raw_output)
		guest_say((const char *const[]){"", 0});
	say(c->name, " exited: code=", guest_dec((unsigned)end->code),
	    " signal=", guest_dec((unsigned)end->signal),
	    " oom=", end->oom ? "true" : "false", " started=", seconds(&started),
	    " finished=", seconds(&finished), error ? " error=\"" : "",
	    error ? quotable(end->error) : "", error ? "\"" : "");
}
