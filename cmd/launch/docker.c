/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the daemon's replies, each to one bounded line. */
#include "launch/docker.h"

#include <string.h>

#include "guest/say.h"
#include "launch/json.h"

void
join_texts(char *out, size_t room, const char *const *parts)
{
	size_t n = 0;

	for (; *parts; parts++) {
		size_t len = strnlen(*parts, room - 1 - n);

		memcpy(out + n, *parts, len);
		n += len;
	}
	out[n] = 0;
}

static bool
text_of(const char *text, size_t n, const char *key, char *out, size_t room)
{
	struct json j;
	bool found = json_parse(&j, text, n) && json_text(&j, key, out, room);

	json_clear(&j);
	return found;
}

/* {"message":"…"}, which Docker ends with a newline at times. */
void
docker_message(const struct http_reply *r, char *out, size_t room)
{
	if (r->error) {
		join_texts(out, room, (const char *const[]){r->error, NULL});
		return;
	}
	if (text_of(r->body, r->n, "message", out, room) && *out) {
		for (size_t n = strlen(out); n && out[n - 1] == ' '; n--)
			out[n - 1] = 0;
		return;
	}
	join_texts(out, room,
		   (const char *const[]){"it answers with status ", guest_dec(r->status),
					 NULL});
}

bool
docker_stream_error(const struct http_reply *r, char *out, size_t room)
{
	const char *line = r->body;
	const char *end = r->body + r->n;

	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline ? newline : end;

		if (text_of(line, (size_t)(stop - line), "error", out, room))
			return true;
		line = stop + 1;
	}
	return false;
}
