/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an enclave says on its status channel, line by line, to a struct.  The
 * image may be anybody's: what is not exactly a line of status.h ends it.
 */
#include "launch/status.h"

#include <stdlib.h>
#include <string.h>

enum { CODE_MAX = 255, SIGNAL_MAX = 64 };

/* In this order, each once, before anything else. */
enum { GREETING, NSM, EXEC, REST, OVER };

static const char *const state_names[] = {
	[ENCL_UNIT_STARTING] = "starting", [ENCL_UNIT_STARTED] = "started",
	[ENCL_UNIT_HEALTHY] = "healthy",   [ENCL_UNIT_UNHEALTHY] = "unhealthy",
	[ENCL_UNIT_EXITED] = "exited",	   [ENCL_UNIT_RESTARTING] = "restarting",
	[ENCL_UNIT_STOPPED] = "stopped",
};

enum { STATES = sizeof state_names / sizeof *state_names };

const char *
encl_status_state_name(enum encl_status_unit_state state)
{
	return state_names[state];
}

void
encl_status_init(struct encl_status *s)
{
	memset(s, 0, sizeof *s);
}

void
encl_status_clear(struct encl_status *s)
{
	free(s->units);
	free(s->line);
	encl_status_init(s);
}

/* The parts, cut where they do not fit. */
static enum encl_status_event
broken(struct encl_status *s, const char *what, const char *line)
{
	size_t n = strlen(what);
	size_t m = strlen(line);

	s->stage = OVER;
	memcpy(s->why, what, n + 1);
	if (!m)
		return ENCL_STATUS_BROKEN;
	s->why[n++] = ' ';
	s->why[n++] = '"';
	if (m > sizeof s->why - n - 2)
		m = sizeof s->why - n - 2;
	memcpy(s->why + n, line, m);
	s->why[n + m] = '"';
	s->why[n + m + 1] = 0;
	return ENCL_STATUS_BROKEN;
}

/* What follows word in text, or NULL. */
static char *
after(char *text, const char *word)
{
	size_t n = strlen(word);

	return strncmp(text, word, n) == 0 ? text + n : NULL;
}

/* Decimal without leading zeros, the whole of text. */
static bool
number(const char *text, int max, int *out)
{
	int v = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (*text - '0');
		if (v > max)
			return false;
	}
	*out = v;
	return true;
}

/* "code=N" or "signal=N". */
static bool
take_end(char *text, int *code, int *sig)
{
	char *value = after(text, "code=");

	*code = -1;
	*sig = 0;
	if (value)
		return number(value, CODE_MAX, code);
	value = after(text, "signal=");
	return value && number(value, SIGNAL_MAX, sig) && *sig;
}

static bool
yes_or_no(const char *text, bool *out)
{
	*out = strcmp(text, "yes") == 0;
	return *out || strcmp(text, "no") == 0;
}

/* The word up to the next space, which is cut off; *text goes behind it. */
static char *
cut(char **text)
{
	char *word = *text;
	char *space = word ? strchr(word, ' ') : NULL;

	if (space)
		*space = 0;
	*text = space ? space + 1 : NULL;
	return word;
}

static bool
is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= ENCL_STATUS_NAME && !name[n];
}

/* The unit of that name, or a new one; NULL: no room. */
static struct encl_status_unit *
unit_of(struct encl_status *s, const char *name)
{
	struct encl_status_unit *grown;

	for (size_t i = 0; i < s->n_units; i++)
		if (strcmp(s->units[i].name, name) == 0)
			return &s->units[i];
	if (s->n_units == ENCL_STATUS_UNITS)
		return NULL;
	grown = realloc(s->units, (s->n_units + 1) * sizeof *grown);
	if (!grown)
		return NULL;
	s->units = grown;
	grown += s->n_units++;
	memset(grown, 0, sizeof *grown);
	memcpy(grown->name, name, strlen(name) + 1);
	return grown;
}

/* "STATE [code=N|signal=N] [oom]" */
static bool
take_state(char *text, struct encl_status_unit *u)
{
	const char *state = cut(&text);
	size_t i = 0;
	const char *word;

	while (i < STATES && strcmp(state_names[i], state) != 0)
		i++;
	if (i == STATES)
		return false;
	u->state = (enum encl_status_unit_state)i;
	if (!text)
		return true;
	if (u->state < ENCL_UNIT_EXITED || !take_end(cut(&text), &u->code, &u->signal))
		return false;
	word = cut(&text);
	u->oom = word && strcmp(word, "oom") == 0;
	return !word || (u->oom && !text);
}

/* NAME and the rest; the line is as it was when it is refused. */
static bool
take_unit(struct encl_status *s, char *text)
{
	struct encl_status_unit now = {.code = -1};
	char *name = cut(&text);
	struct encl_status_unit *u;

	if (!is_name(name) || !text || !take_state(text, &now))
		return false;
	u = unit_of(s, name);
	if (!u)
		return false;
	memcpy(now.name, name, strlen(name) + 1);
	*u = now;
	s->changed = (size_t)(u - s->units);
	return true;
}

static bool
is_base64(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789+/");
	size_t pads = strspn(text + n, "=");

	return n && pads <= 2 && !text[n + pads] && (n + pads) % 4 == 0;
}

static enum encl_status_event
take_attestation(struct encl_status *s, char *text)
{
	char *why = after(text, "none ");
	size_t n;

	s->text = NULL;
	if (!why) {
		s->text = text;
		return is_base64(text) ? ENCL_STATUS_ATTESTATION : ENCL_STATUS_NONE;
	}
	n = strnlen(why, sizeof s->why - 1);
	memcpy(s->why, why, n);
	s->why[n] = 0;
	return n ? ENCL_STATUS_ATTESTATION : ENCL_STATUS_NONE;
}

/* A line behind the first three; ENCL_STATUS_NONE: it is none. */
static enum encl_status_event
take_rest(struct encl_status *s, char *line)
{
	char *rest;

	if ((rest = after(line, "unit ")))
		return take_unit(s, rest) ? ENCL_STATUS_UNIT : ENCL_STATUS_NONE;
	if (strcmp(line, "ready") == 0) {
		s->ready = true;
		return ENCL_STATUS_READY;
	}
	if ((rest = after(line, "egress "))) {
		s->egress = strcmp(rest, "on") == 0;
		return s->egress || !strcmp(rest, "none") ? ENCL_STATUS_EGRESS
							  : ENCL_STATUS_NONE;
	}
	if ((rest = after(line, "attestation ")))
		return take_attestation(s, rest);
	rest = after(line, "end ");
	if (!rest || !take_end(rest, &s->code, &s->signal))
		return ENCL_STATUS_NONE;
	s->ended = true;
	s->stage = OVER;
	return ENCL_STATUS_END;
}

/* A whole line: an event, or ENCL_STATUS_NONE where there is nothing to tell. */
static enum encl_status_event
take_line(struct encl_status *s)
{
	char *line = s->line;
	char shown[64];
	size_t n = strnlen(line, sizeof shown - 1);
	enum encl_status_event event = ENCL_STATUS_NONE;
	char *rest;

	memcpy(shown, line, n); /* reading changes it */
	shown[n] = 0;
	switch (s->stage) {
	case GREETING:
		if (strcmp(line, "enclave-status 1") != 0)
			return broken(s,
				      "it does not begin with \"enclave-status 1\", "
				      "but with",
				      shown);
		s->greeted = true;
		break;
	case NSM:
		rest = after(line, "nsm ");
		if (!rest || !yes_or_no(rest, &s->nsm))
			return broken(s, "instead of \"nsm\" it says", shown);
		break;
	case EXEC:
		rest = after(line, "exec ");
		if (!rest || !yes_or_no(rest, &s->exec))
			return broken(s, "instead of \"exec\" it says", shown);
		break;
	default:
		event = take_rest(s, line);
		return event ? event : broken(s, "it says", shown);
	}
	s->stage++;
	return event;
}

enum encl_status_event
encl_status_feed(struct encl_status *s, const char *p, size_t n, size_t *used)
{
	*used = 0;
	if (!s->line)
		s->line = malloc(ENCL_STATUS_LINE);
	if (!s->line)
		return broken(s, "there is no memory for a line", "");
	while (*used < n) {
		char c = p[(*used)++];
		enum encl_status_event event;

		if (s->stage == OVER)
			return broken(s,
				      s->ended ? "it goes on behind its end"
					       : "it was broken before",
				      "");
		if (c != '\n') {
			if (c < ' ' || c > '~')
				return broken(s, "it says a byte that is no text", "");
			s->line[s->n_line++] = c;
			if (s->n_line == ENCL_STATUS_LINE)
				return broken(s, "it says a line that is too long", "");
			continue;
		}
		s->line[s->n_line] = 0;
		s->n_line = 0;
		event = take_line(s);
		if (event)
			return event;
	}
	return ENCL_STATUS_NONE;
}
