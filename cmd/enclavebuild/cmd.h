/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: a table of verbs, each with a table of options from which
 * parsing, --help, completion and the check against the man page come.
 */
#ifndef ENCL_CMD_CMD_H
#define ENCL_CMD_CMD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/env.h"
#include "base/err.h"
#include "base/log.h"
#include "registry/registry.h"

struct option_spec {
	const char *name; /* long name; NULL ends the table */
	char letter;	  /* or 0 */
	const char *arg;  /* NULL: a flag; else the argument's name in help */
	const char *help;
	bool many; /* may be given several times */
};

enum { ARGS_MAX_OPTIONS = 64, ARGS_MAX_OPERANDS = 4096 };

struct args {
	const struct option_spec *given[ARGS_MAX_OPTIONS];
	const char *values[ARGS_MAX_OPTIONS];
	size_t n_given;
	const char **operands;
	size_t n_operands;
};
/* Value of the last --name given, or NULL; "" for a flag. */
const char *args_get(const struct args *a, const char *name);
bool args_has(const struct args *a, const char *name);
/* i-th value of a repeatable option, or NULL. */
const char *args_nth(const struct args *a, const char *name, size_t i);
/* ENCL_USAGE where the value is not a number in min..max; fallback when absent. */
int args_number(const struct args *a, const char *name, uint64_t min, uint64_t max,
		uint64_t fallback, uint64_t *out, struct encl_err *e) ENCL_MUST_CHECK;
/* ENCL_USAGE where the file that --name is to write is an operand or the value of
 * another option: what is read is not written over. */
int args_output(const struct args *a, const char *name,
		struct encl_err *e) ENCL_MUST_CHECK;

struct cli {
	struct encl_env env;
	struct encl_log log;
	bool json;
	bool quiet;
	unsigned verbose;
	bool tty;	/* progress bars on stderr */
	bool impatient; /* messages that nobody takes are dropped: see report_room */
	int exit_code;	/* what a successful verb ends with; 0 */
	const char *cache_dir;
	struct encl_registry_options registry; /* of --auth-file, --cacert, … */
};

struct command {
	const char *name;
	const char *summary;  /* one line, lower case, no full stop */
	const char *operands; /* "MANIFEST", "IMAGE [PATH…]" */
	size_t min_operands, max_operands;
	size_t options_until; /* so many operands; 0: options may stand anywhere */
	const char *help;     /* paragraphs for --help and the man page; may be NULL */
	const struct option_spec *options;
	int (*run)(struct cli *cli, const struct args *args, struct encl_err *e);
};

extern const struct command *const commands[];
extern const struct option_spec global_options[];

/* Results go to stdout by these; --json documents are pretty, key order kept. */
void report_json(const json_t *v);
void report(const char *fmt, ...) ENCL_PRINTF(1, 2);
/* ENCL_FAILED where stdout could not take everything (closed, disk full). */
int report_flush(struct encl_err *e) ENCL_MUST_CHECK;
/*
 * For who must not wait for a reader (run: ports, signals): whether 1 or 2 takes
 * PIPE_BUF bytes now.  One that stopped to take any is given 2 s, then no time.
 */
bool report_room(int fd);

/* Opens the cache into cli->env on first use. */
int cli_need_cache(struct cli *cli, struct encl_err *e) ENCL_MUST_CHECK;
/* The client of registries into cli->env on first use. */
int cli_need_registry(struct cli *cli, struct encl_err *e) ENCL_MUST_CHECK;

#endif
