/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's reader of the Docker daemon's replies: HTTP, JSON, frames. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/guest/say.c"
#include "../../cmd/launch/docker.c"
#include "../../cmd/launch/frames.c"
#include "../../cmd/launch/http_parse.c"
#include "../../cmd/launch/json.c"
#pragma GCC diagnostic pop
#include "fuzz.h"

const char guest_name[] = "fuzz";

struct whole {
	char *body;
	size_t n;
	struct frames frames;
};

static void
whole_data(struct http_parser *p, const char *s, size_t n)
{
	struct whole *w = p->arg;

	memcpy(w->body + w->n, s, n); /* never more than came in */
	w->n += n;
	frames_feed(&w->frames, s, n);
}

static void
frame_out(void *arg, int stream, const char *p, size_t n)
{
	volatile char sum = 0;

	(void)arg;
	(void)stream;
	for (size_t i = 0; i < n; i++)
		sum = (char)(sum + p[i]);
}

static void
ask_json(const char *text, size_t n)
{
	static const char *const paths[] = {"State.ExitCode", "State.OOMKilled",
					    "State.Error", "Id", "message"};
	struct json j;
	char out[24];
	long number;

	if (json_parse(&j, text, n))
		for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
			json_text(&j, paths[i], out, sizeof out);
			json_int(&j, paths[i], &number);
			json_flag(&j, paths[i]);
		}
	json_clear(&j);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct whole w = {.body = malloc(size + 1)};
	struct http_parser p = {.data = whole_data, .arg = &w};
	size_t first = size ? data[0] % size : 0;
	char out[64];
	int r;

	if (!w.body)
		return 0;
	w.frames = (struct frames){.out = frame_out};
	r = http_feed(&p, (const char *)data, first);
	if (!r)
		r = http_feed(&p, (const char *)data + first, size - first);
	if (!r)
		http_end(&p);
	w.body[w.n] = 0;
	ask_json(w.body, w.n);
	docker_stream_error(&(struct http_reply){.body = w.body, .n = w.n}, out,
			    sizeof out);
	free(w.body);
	return 0;
}
