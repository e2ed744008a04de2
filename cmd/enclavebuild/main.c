/* SPDX-License-Identifier: Apache-2.0 */
/* The command table, the one error line and the exit code. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "base/tmpfile.h"
#include "cmd.h"
#include "options.h"
#include "progress.h"
#include "sources/cache.h"
#include "verbs.h"

/* One a line: */
/* a verb a line */
/* clang-format off */
const struct command *const commands[] = {
	&cmd_attach,
	&cmd_attest,
	&cmd_build,
	&cmd_cache,
	&cmd_check,
	&cmd_completion,
	&cmd_console,
	&cmd_deploy,
	&cmd_diff,
	&cmd_discover,
	&cmd_doctor,
	&cmd_exec,
	&cmd_explain,
	&cmd_extract,
	&cmd_host,
	&cmd_init,
	&cmd_inspect,
	&cmd_list,
	&cmd_lock,
	&cmd_login,
	&cmd_logout,
	&cmd_logs,
	&cmd_measure,
	&cmd_plan,
	&cmd_policy,
	&cmd_provenance,
	&cmd_ps,
	&cmd_pull,
	&cmd_push,
	&cmd_report,
	&cmd_run,
	&cmd_sbom,
	&cmd_schema,
	&cmd_sign,
	&cmd_status,
	&cmd_stop,
	&cmd_verify,
	&cmd_version,
	NULL,
};
/* clang-format on */

const struct option_spec global_options[] = {
	{"json", 0, NULL, "results as JSON on standard output", false},
	{"quiet", 'q', NULL, "no messages but errors and warnings", false},
	{"verbose", 'v', NULL, "say what is done and why", true},
	{"cache-dir", 0, "DIR", "cache folder (default: $XDG_CACHE_HOME/enclavebuild)",
	 false},
	{"jobs", 'j', "N", "threads (default: all processors); never changes the result",
	 false},
	{"offline", 0, NULL, "never touch the network", false},
	{"auth-file", 0, "FILE",
	 "credentials for registries (default: those of docker and podman)", false},
	{"cacert", 0, "FILE", "further CAs that registries are trusted by (PEM)", false},
	{"plain-http", 0, NULL, "registries without TLS, also where not on this machine",
	 false},
	{"help", 'h', NULL, "this text", false},
	{NULL, 0, NULL, NULL, false},
};

/* Nothing half-written stays behind when a signal ends the program. */
static void
on_signal(int sig)
{
	encl_tmpfile_abort_all(); /* NOLINT(*signal-handler,cert-sig30-c): unlink only */
	signal(sig, SIG_DFL);
	raise(sig);
}

static const struct command *
find_command(const char *name, struct encl_err *e)
{
	unsigned distance = 3;
	const char *best = NULL;

	for (const struct command *const *c = commands; *c; c++) {
		unsigned d = encl_edit_distance((*c)->name, name);

		if (!strcmp((*c)->name, name))
			return *c;
		if (d < distance) {
			distance = d;
			best = (*c)->name;
		}
	}
	encl_fail(e, ENCL_USAGE,
		  "unknown command \"%s\"%s%s%s; see \"enclavebuild --help\"", name,
		  best ? " (did you mean " : "", best ? best : "", best ? "?)" : "");
	return NULL;
}

static int
set_up(struct cli *cli, const struct args *a, struct encl_err *e)
{
	uint64_t jobs;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (args_number(a, "jobs", 1, 256, cores > 0 ? (uint64_t)cores : 1, &jobs, e))
		return -1;
	cli->json = args_has(a, "json");
	cli->quiet = args_has(a, "quiet");
	for (size_t i = 0; args_nth(a, "verbose", i); i++)
		cli->verbose++;
	cli->cache_dir = args_get(a, "cache-dir");
	cli->registry = (struct encl_registry_options){
		.auth_file = args_get(a, "auth-file"),
		.ca_file = args_get(a, "cacert"),
		.plain_http = args_has(a, "plain-http"),
		.trace = cli->verbose > 1,
	};
	cli->env.jobs = (unsigned)jobs;
	cli->env.offline = args_has(a, "offline");
	cli->env.log = &cli->log;
	progress_init(cli);
	return 0;
}

static int
dispatch(struct cli *cli, int argc, char **argv, struct encl_err *e)
{
	encl_auto(encl_free) const char **operands =
		encl_xcalloc((size_t)argc + 1, sizeof *operands);
	struct args args = {.operands = operands};
	const struct command *c;

	if (argc < 2)
		return encl_fail(e, ENCL_USAGE,
				 "no command given; see \"enclavebuild --help\"");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		if (argc == 2 || argv[2][0] == '-') {
			help_tool();
			return report_flush(e);
		}
		c = find_command(argv[2], e);
		if (!c)
			return -1;
		help_command(c);
		return report_flush(e);
	}
	c = find_command(!strcmp(argv[1], "--version") ? "version" : argv[1], e);
	if (!c || options_parse(c, argc - 2, argv + 2, &args, e))
		return -1;
	if (args_has(&args, "help")) {
		help_command(c);
		return report_flush(e);
	}
	if (set_up(cli, &args, e) || c->run(cli, &args, e))
		return -1;
	return report_flush(e);
}

int
cli_need_cache(struct cli *cli, struct encl_err *e)
{
	if (cli->env.cache)
		return 0;
	if (encl_cache_open(cli->cache_dir, &cli->env.cache, e))
		return -1;
	cli->env.cache_dir = encl_cache_dir(cli->env.cache);
	return 0;
}

int
cli_need_registry(struct cli *cli, struct encl_err *e)
{
	if (cli->env.registry)
		return 0;
	return encl_registry_open(&cli->env, &cli->registry, &cli->env.registry, e);
}

/* Where 0 to 2 are closed, what is opened next would be taken for the terminal: so
 * they are filled, each the wrong way around, and their use is an error as before. */
static void
fill_standard(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			_exit(ENCL_FAILED);
}

/* Keys and tokens pass through memory: no core file has them, whatever ends this. */
static void
leave_no_core(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit))
		return;
	limit.rlim_cur = 0;
	setrlimit(RLIMIT_CORE, &limit);
}

int
main(int argc, char **argv)
{
	struct cli cli = {.exit_code = 0};
	struct encl_err e = {.code = ENCL_OK};
	int rc;

	fill_standard();
	leave_no_core();
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* write says so */
	signal(SIGINT, on_signal);
	signal(SIGQUIT, on_signal);
	signal(SIGTERM, on_signal);
	if (signal(SIGHUP, on_signal) == SIG_IGN)
		signal(SIGHUP, SIG_IGN); /* nohup */
	rc = dispatch(&cli, argc, argv, &e);
	progress_end();
	encl_registry_free(cli.env.registry);
	encl_cache_free(cli.env.cache);
	if (rc == 0)
		return cli.exit_code;
	fprintf(stderr, "enclavebuild: %s\n", e.msg);
	return (int)e.code;
}
