/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and requests of exec.h, for both sides of the wall. */
#include "launch/exec.h"

#include <stdlib.h>
#include <string.h>

void
encl_exec_put32(uint8_t *out, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (24 - 8 * i));
}

uint32_t
encl_exec_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void
encl_exec_head(uint8_t *out, enum encl_exec_type type, size_t n)
{
	out[0] = (uint8_t)type;
	encl_exec_put32(out + 1, (uint32_t)n);
}

/* ---- frames ---- */

void
encl_exec_reader_clear(struct encl_exec_reader *r)
{
	free(r->body);
	memset(r, 0, sizeof *r);
}

struct limits {
	bool of_parent;
	uint32_t least, most;
};

/* What a type may be long, by who says it; NULL: it is no type. */
static const struct limits *
limits_of(uint8_t type)
{
	static const struct limits table[] = {
		[ENCL_EXEC_REQUEST] = {true, 1, ENCL_EXEC_REQUEST_MAX},
		[ENCL_EXEC_INPUT] = {true, 1, ENCL_EXEC_FRAME},
		[ENCL_EXEC_CLOSE] = {true, 0, 0},
		[ENCL_EXEC_RESIZE] = {true, 4, 4},
		[ENCL_EXEC_SIGNAL] = {true, 1, 1},
		[ENCL_EXEC_STARTED] = {false, 0, 0},
		[ENCL_EXEC_TOOK] = {false, 4, 4},
		[ENCL_EXEC_OUTPUT] = {false, 1, ENCL_EXEC_FRAME},
		[ENCL_EXEC_ERRORS] = {false, 1, ENCL_EXEC_FRAME},
		[ENCL_EXEC_LOST] = {false, 8, 8},
		[ENCL_EXEC_FAILED] = {false, 2, 1024},
		[ENCL_EXEC_ENDED] = {false, 2, 2},
	};

	switch (type) {
	case ENCL_EXEC_REQUEST:
	case ENCL_EXEC_INPUT:
	case ENCL_EXEC_CLOSE:
	case ENCL_EXEC_RESIZE:
	case ENCL_EXEC_SIGNAL:
	case ENCL_EXEC_STARTED:
	case ENCL_EXEC_TOOK:
	case ENCL_EXEC_OUTPUT:
	case ENCL_EXEC_ERRORS:
	case ENCL_EXEC_LOST:
	case ENCL_EXEC_FAILED:
	case ENCL_EXEC_ENDED:
		return &table[type];
	default:
		return NULL;
	}
}

/* The head is whole: is it one, and is there room for its body? */
static bool
begin(struct encl_exec_reader *r)
{
	const struct limits *limits = limits_of(r->head[0]);
	uint32_t n = encl_exec_get32(r->head + 1);

	/* the request comes first, and once */
	if (!limits || limits->of_parent != r->of_parent || n < limits->least ||
	    n > limits->most ||
	    (r->of_parent && r->began == (r->head[0] == ENCL_EXEC_REQUEST)))
		return false;
	if (!r->body || !r->began) {
		free(r->body);
		r->body = malloc(r->head[0] == ENCL_EXEC_REQUEST ? ENCL_EXEC_REQUEST_MAX
								 : ENCL_EXEC_FRAME);
	}
	r->began = true;
	r->n = 0;
	return r->body;
}

int
encl_exec_feed(struct encl_exec_reader *r, const uint8_t *p, size_t n, size_t *used,
	       const uint8_t **body, size_t *length)
{
	*used = 0;
	while (!r->broken) {
		size_t left;

		while (r->n_head < ENCL_EXEC_HEAD && *used < n) {
			r->head[r->n_head++] = p[(*used)++];
			if (r->n_head == ENCL_EXEC_HEAD && !begin(r)) {
				r->broken = true;
				return 0;
			}
		}
		if (r->n_head < ENCL_EXEC_HEAD)
			return 0;
		*length = encl_exec_get32(r->head + 1);
		left = *length - r->n;
		if (left > n - *used)
			left = n - *used;
		if (left)
			memcpy(r->body + r->n, p + *used, left);
		r->n += left;
		*used += left;
		if (r->n < *length)
			return 0;
		r->n_head = 0;
		*body = r->body;
		return r->head[0];
	}
	return 0;
}

/* ---- requests ---- */

void
encl_exec_request_clear(struct encl_exec_request *r)
{
	free(r->env);
	free(r->argv);
	memset(r, 0, sizeof *r);
}

struct writer {
	uint8_t *p;
	size_t n;
	bool full;
};

static void
put(struct writer *w, const char *key, const char *value)
{
	size_t n = strlen(key);
	size_t m = strlen(value) + 1;

	if (m > ENCL_EXEC_REQUEST_MAX || n + m > ENCL_EXEC_REQUEST_MAX - w->n) {
		w->full = true;
		return;
	}
	memcpy(w->p + w->n, key, n);
	memcpy(w->p + w->n + n, value, m);
	w->n += n + m;
}

static void
put_if(struct writer *w, const char *key, const char *value)
{
	if (value)
		put(w, key, value);
}

/* "COLUMNSxROWS"; both are at most 65535. */
static void
put_size(struct writer *w, unsigned columns, unsigned rows)
{
	char text[16];
	size_t at = sizeof text - 1;

	text[at] = 0;
	do
		text[--at] = (char)('0' + rows % 10);
	while ((rows /= 10));
	text[--at] = 'x';
	do
		text[--at] = (char)('0' + columns % 10);
	while ((columns /= 10));
	put(w, "tty=", text + at);
}

uint8_t *
encl_exec_request_write(const struct encl_exec_request *r, size_t *n)
{
	struct writer w = {.p = malloc(ENCL_EXEC_REQUEST_MAX)};

	if (!w.p)
		return NULL;
	put(&w, r->attach ? "attach" : "exec", "");
	put_if(&w, "unit=", r->unit);
	put_if(&w, "container=", r->container);
	put_if(&w, "user=", r->user);
	put_if(&w, "dir=", r->dir);
	for (size_t i = 0; i < r->n_env; i++)
		put(&w, "env=", r->env[i]);
	if (r->tty)
		put_size(&w, r->columns & 0xffff, r->rows & 0xffff);
	if (r->input)
		put(&w, "stdin", "");
	for (size_t i = 0; i < r->n_argv; i++)
		put(&w, "arg=", r->argv[i]);
	if (w.full || r->n_env > ENCL_EXEC_STRINGS || r->n_argv > ENCL_EXEC_STRINGS) {
		free(w.p);
		return NULL;
	}
	*n = w.n;
	return w.p;
}

static bool
take_number(const char **text, unsigned *out)
{
	unsigned v = 0;
	const char *p = *text;

	for (; *p >= '0' && *p <= '9' && v <= 65535; p++)
		v = v * 10 + (unsigned)(*p - '0');
	if (p == *text || v > 65535)
		return false;
	*text = p;
	*out = v;
	return true;
}

static bool
take_size(const char *text, struct encl_exec_request *r)
{
	r->tty = true;
	return take_number(&text, &r->columns) && *text++ == 'x' &&
	       take_number(&text, &r->rows) && !*text;
}

static const char *
add(const char ***list, size_t *n, const char *text)
{
	if (!*list)
		*list = calloc(ENCL_EXEC_STRINGS + 1, sizeof **list);
	if (!*list)
		return "there is no memory for the request";
	if (*n == ENCL_EXEC_STRINGS)
		return "there are too many arguments or variables";
	(*list)[(*n)++] = text;
	return NULL;
}

static const char *
once(const char **at, const char *value)
{
	if (*at || !*value)
		return "a key is there twice, or has no value";
	*at = value;
	return NULL;
}

static const char *
take(struct encl_exec_request *r, const char *text)
{
	static const char tty[] = "tty=";
	static const char env[] = "env=";
	static const char arg[] = "arg=";
	struct {
		const char *key;
		const char **at;
	} const keys[] = {{"unit=", &r->unit},
			  {"container=", &r->container},
			  {"user=", &r->user},
			  {"dir=", &r->dir}};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strncmp(text, keys[i].key, strlen(keys[i].key)) == 0)
			return once(keys[i].at, text + strlen(keys[i].key));
	if (strncmp(text, arg, sizeof arg - 1) == 0)
		return add(&r->argv, &r->n_argv, text + sizeof arg - 1);
	if (strncmp(text, env, sizeof env - 1) == 0) {
		const char *equals = strchr(text + sizeof env - 1, '=');

		if (!equals || equals == text + sizeof env - 1)
			return "a variable is not NAME=VALUE";
		return add(&r->env, &r->n_env, text + sizeof env - 1);
	}
	if (strncmp(text, tty, sizeof tty - 1) == 0)
		return !r->tty && take_size(text + sizeof tty - 1, r)
			       ? NULL
			       : "the terminal has no size";
	if (strcmp(text, "stdin") != 0 || r->input)
		return "a key is unknown";
	r->input = true;
	return NULL;
}

static const char *
check(const struct encl_exec_request *r)
{
	if (r->attach && (r->n_argv || r->n_env || r->container || r->user || r->dir ||
			  r->tty || r->input))
		return "attach has a unit and nothing else";
	if (!r->attach && (!r->n_argv || !*r->argv[0]))
		return "it names no program";
	return r->unit && r->container ? "it names a unit and a container" : NULL;
}

const char *
encl_exec_request_read(const uint8_t *p, size_t n, struct encl_exec_request *out)
{
	struct encl_exec_request r = {.attach = false};
	const char *wrong = NULL;
	const char *text = (const char *)p;

	if (!n || p[n - 1])
		return "it does not end with a NUL";
	r.attach = strcmp(text, "attach") == 0;
	if (!r.attach && strcmp(text, "exec") != 0)
		return "it is neither exec nor attach";
	for (text += strlen(text) + 1; !wrong && text < (const char *)p + n;
	     text += strlen(text) + 1)
		wrong = take(&r, text);
	if (!wrong)
		wrong = check(&r);
	if (wrong)
		encl_exec_request_clear(&r);
	else
		*out = r;
	return wrong;
}
