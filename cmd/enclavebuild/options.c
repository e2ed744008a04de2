/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables to parsed arguments. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "cmd.h"
#include "options.h"

static const struct option_spec *
find_in(const struct option_spec *table, const char *name, size_t n)
{
	for (; table && table->name; table++)
		if (strlen(table->name) == n && !strncmp(table->name, name, n))
			return table;
	return NULL;
}

static const struct option_spec *
find_letter(const struct option_spec *table, char letter)
{
	for (; table && table->name; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static const char *
nearest(const struct option_spec *table, const char *name, const char *best,
	unsigned *distance)
{
	for (; table && table->name; table++) {
		unsigned d = encl_edit_distance(table->name, name);

		if (d < *distance) {
			*distance = d;
			best = table->name;
		}
	}
	return best;
}

static int
unknown(const struct command *c, const char *name, struct encl_err *e)
{
	unsigned distance = 3;
	const char *best = nearest(global_options, name,
				   nearest(c->options, name, NULL, &distance), &distance);

	return encl_fail(e, ENCL_USAGE,
			 "%s: unknown option --%s%s%s%s; see \"enclavebuild %s --help\"",
			 c->name, name, best ? " (did you mean --" : "", best ? best : "",
			 best ? "?)" : "", c->name);
}

static int
take(struct args *a, const struct option_spec *o, const char *value, struct encl_err *e)
{
	if (!o->many && args_has(a, o->name) && o->arg)
		return encl_fail(e, ENCL_USAGE, "--%s is given twice", o->name);
	if (a->n_given == ARGS_MAX_OPTIONS)
		return encl_fail(e, ENCL_USAGE, "more than %d options", ARGS_MAX_OPTIONS);
	a->given[a->n_given] = o;
	a->values[a->n_given++] = value;
	return 0;
}

static int
take_long(const struct command *c, const char *text, char **argv, int argc, int *at,
	  struct args *a, struct encl_err *e)
{
	const char *equals = strchr(text, '=');
	size_t n = equals ? (size_t)(equals - text) : strlen(text);
	const struct option_spec *o = find_in(c->options, text, n);

	if (!o)
		o = find_in(global_options, text, n);
	if (!o)
		return unknown(c, text, e);
	if (!o->arg && equals)
		return encl_fail(e, ENCL_USAGE, "--%s takes no value", o->name);
	if (!o->arg)
		return take(a, o, "", e);
	if (equals)
		return take(a, o, equals + 1, e);
	if (*at + 1 >= argc)
		return encl_fail(e, ENCL_USAGE, "--%s needs a value (%s)", o->name,
				 o->arg);
	return take(a, o, argv[++*at], e);
}

static int
take_letters(const struct command *c, const char *text, char **argv, int argc, int *at,
	     struct args *a, struct encl_err *e)
{
	for (; *text; text++) {
		const struct option_spec *o = find_letter(c->options, *text);

		if (!o)
			o = find_letter(global_options, *text);
		if (!o)
			return encl_fail(
				e, ENCL_USAGE,
				"%s: unknown option -%c; see \"enclavebuild %s --help\"",
				c->name, *text, c->name);
		if (!o->arg) {
			if (take(a, o, "", e))
				return -1;
			continue;
		}
		if (text[1])
			return take(a, o, text + 1, e);
		if (*at + 1 >= argc)
			return encl_fail(e, ENCL_USAGE, "-%c needs a value (%s)",
					 o->letter, o->arg);
		return take(a, o, argv[++*at], e);
	}
	return 0;
}

static int
parse_one(const struct command *c, char **argv, int argc, int *at, bool *only_operands,
	  struct args *a, struct encl_err *e)
{
	char *text = argv[*at];

	if (c->options_until && a->n_operands >= c->options_until)
		*only_operands = true;
	if (*only_operands || text[0] != '-' || !text[1]) {
		if (a->n_operands == c->max_operands)
			return encl_fail(
				e, ENCL_USAGE,
				"%s: unexpected argument \"%s\"; see \"enclavebuild %s --help\"",
				c->name, text, c->name);
		a->operands[a->n_operands++] = text;
		return 0;
	}
	if (!strcmp(text, "--")) {
		*only_operands = true;
		return 0;
	}
	if (text[1] == '-')
		return take_long(c, text + 2, argv, argc, at, a, e);
	return take_letters(c, text + 1, argv, argc, at, a, e);
}

int
options_parse(const struct command *c, int argc, char **argv, struct args *a,
	      struct encl_err *e)
{
	bool only_operands = false;

	for (int at = 0; at < argc; at++)
		if (parse_one(c, argv, argc, &at, &only_operands, a, e))
			return -1;
	if (!args_has(a, "help") && a->n_operands < c->min_operands)
		return encl_fail(e, ENCL_USAGE,
				 "%s: %s is missing; see \"enclavebuild %s --help\"",
				 c->name, c->operands, c->name);
	return 0;
}

const char *
args_get(const struct args *a, const char *name)
{
	for (size_t i = a->n_given; i-- > 0;)
		if (!strcmp(a->given[i]->name, name))
			return a->values[i];
	return NULL;
}

bool
args_has(const struct args *a, const char *name)
{
	return args_get(a, name) != NULL;
}

const char *
args_nth(const struct args *a, const char *name, size_t nth)
{
	for (size_t i = 0; i < a->n_given; i++)
		if (!strcmp(a->given[i]->name, name) && nth-- == 0)
			return a->values[i];
	return NULL;
}

int
args_number(const struct args *a, const char *name, uint64_t min, uint64_t max,
	    uint64_t fallback, uint64_t *out, struct encl_err *e)
{
	const char *text = args_get(a, name);
	uint64_t v = fallback;

	if (text && (!encl_parse_uint(text, 10, max, &v) || v < min))
		return encl_fail(e, ENCL_USAGE,
				 "--%s: \"%s\" is not a number from %llu to %llu", name,
				 text, (unsigned long long)min, (unsigned long long)max);
	*out = v;
	return 0;
}

static bool
same_file(const struct stat *s, const char *path)
{
	struct stat other;

	return !stat(path, &other) && other.st_dev == s->st_dev &&
	       other.st_ino == s->st_ino;
}

int
args_output(const struct args *a, const char *name, struct encl_err *e)
{
	const char *path = args_get(a, name);
	struct stat s;
	bool read = false;

	if (!path || stat(path, &s))
		return 0;
	for (size_t i = 0; i < a->n_operands; i++)
		read |= same_file(&s, a->operands[i]);
	for (size_t i = 0; i < a->n_given; i++)
		read |= strcmp(a->given[i]->name, name) != 0 &&
			same_file(&s, a->values[i]);
	if (read && !S_ISCHR(s.st_mode))
		return encl_fail(e, ENCL_USAGE, "--%s: %s is what is read", name, path);
	return 0;
}
