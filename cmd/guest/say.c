/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: parts to one line on stderr. */
#include "guest/say.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int guest_say_to = STDERR_FILENO;

void
guest_say(const char *const *parts)
{
	char line[1024];
	size_t n = 0;
	size_t done = 0;

	for (; *parts; parts++) {
		size_t len = strlen(*parts);
		size_t room = sizeof line - 1 - n;

		if (len > room)
			len = room;
		memcpy(line + n, *parts, len);
		n += len;
	}
	line[n++] = '\n';
	while (done < n) {
		ssize_t w = write(guest_say_to, line + done, n - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return;
		done += (size_t)w;
	}
}

const char *
guest_dec(unsigned long n)
{
	static char texts[8][24];
	static unsigned next;
	char *end = texts[next++ % 8] + 23;

	*end = 0;
	do
		*--end = (char)('0' + n % 10);
	while (n /= 10);
	return end;
}

const char *
guest_why(void)
{
	return strerror(errno);
}
