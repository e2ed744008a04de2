/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An enclave by AWS's nitro-cli, for those who want that: started by run-enclave,
 * watched by the process that has it, read by console, ended by terminate-enclave.
 * Unlike one of --backend nitro it outlives a killed run: nitro-cli's process has it.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/spawn.h"
#include "launch/child.h"
#include "launch/enclave.h"
#include "launch/machine.h"
#include "launch/memory.h"
#include "launch/nitro_check.h"
#include "launch/nitro_cli.h"

enum {
	SAID = 65536, /* of what nitro-cli says, each way */
	FACTOR = 4,   /* it wants the image's size so many times */
	WORDS = 20,   /* of a command, but for the CPUs' numbers */
	LOOK_MS = 100,
	GRACE_S = 120, /* beside the heartbeat: the driver's longest call */
	END_S = 60,    /* for terminate-enclave */
	LAST_WORDS_MS = 1000,
	CHUNK = 16384
};

struct nitro_cli {
	struct encl_machine m; /* first */
	struct encl_log *log;
	char *program;
	char *id;
	pid_t pid; /* of nitro-cli's process that has the enclave */
	int pidfd; /* or -1: the kernel has none */
	struct encl_child console;
	uint64_t ended; /* ms; 0: it runs */
	bool told;
};

/* ---- run-enclave ---- */

struct words {
	const char **v;
	size_t n;
};

static void
word(struct words *w, const char *name, const char *value)
{
	w->v[w->n++] = name;
	if (value)
		w->v[w->n++] = value;
}

struct said {
	struct encl_buf out, err_out;
	int status;
};

static void
clear_said(struct said *s)
{
	encl_buf_clear(&s->out);
	encl_buf_clear(&s->err_out);
}
ENCL_AUTO_VAL(struct said, clear_said);

/* False: nothing more comes. */
static bool
take(int fd, struct encl_buf *to)
{
	char chunk[CHUNK];
	ssize_t n = read(fd, chunk, sizeof chunk);

	if (n < 0 && errno == EINTR)
		return true;
	if (n > 0 && to->len + (size_t)n <= to->cap)
		encl_buf_add(to, chunk, (size_t)n);
	return n > 0;
}

/* Takes what is there to be read; as poll(2). */
static int
listen_to(struct encl_child *c, struct said *said, int wait_ms, bool *exited)
{
	struct pollfd p[3] = {{c->out, POLLIN, 0},
			      {c->err_out, POLLIN, 0},
			      {*exited ? -1 : c->pidfd, POLLIN, 0}};
	int n = poll(p, 3, wait_ms);

	if (p[0].revents && !take(c->out, &said->out))
		encl_close_fd(encl_take(c->out, -1));
	if (p[1].revents && !take(c->err_out, &said->err_out))
		encl_close_fd(encl_take(c->err_out, -1));
	*exited = *exited || p[2].revents;
	return n;
}

/*
 * To its end, also when a signal has come: half way through it cannot be stopped
 * without leaving an enclave behind.  Its end counts, not that of its pipes: what it
 * leaves running may have them.
 */
static int
run_to_end(struct encl_child *c, struct said *said, uint64_t until,
	   const struct encl_run_options *o, struct encl_err *e)
{
	bool told = false, exited = false;

	while (!exited && (c->out >= 0 || c->err_out >= 0)) {
		listen_to(c, said, LOOK_MS, &exited);
		if (!told && o->cancelled && o->cancelled(o->cancel_arg)) {
			encl_info(o->log, "waiting for nitro-cli, to end its enclave");
			told = true;
		}
		if (encl_clock_ms() >= until)
			return encl_fail(e, ENCL_LOST,
					 "nitro-cli run-enclave does not end; see "
					 "\"nitro-cli describe-enclaves\"");
	}
	while (exited && listen_to(c, said, 0, &exited) > 0)
		;
	said->status = encl_child_wait(c);
	return 0;
}

static void
add_cpus(struct words *w, const struct encl_run_options *o, const unsigned *ids,
	 char (*numbers)[16])
{
	if (!ids) {
		snprintf(numbers[0], sizeof *numbers, "%u", o->cpus ? o->cpus : 2);
		word(w, "--cpu-count", numbers[0]);
		return;
	}
	word(w, "--cpu-ids", NULL);
	for (size_t i = 0; ids[i]; i++) {
		snprintf(numbers[i], sizeof *numbers, "%u", ids[i]);
		word(w, numbers[i], NULL);
	}
}

/* ids ends in 0, which is no CPU of a pool; or NULL. */
static int
run_enclave(const struct nitro_cli *n, const struct encl_run_options *o, uint64_t mib,
	    const unsigned *ids, uint64_t patience_s, struct said *said,
	    struct encl_err *e)
{
	encl_auto(encl_child_clear) struct encl_child child = {.pid = 0};
	encl_auto(encl_free) char *memory = encl_xasprintf("%" PRIu64, mib);
	encl_auto(encl_free) char *cid = encl_xasprintf("%" PRIu32, o->cid);
	static const int keep[] = {-1};
	size_t cpus = 1;

	while (ids && ids[cpus - 1])
		cpus++;
	encl_auto(encl_free) const char **v = encl_xcalloc(WORDS + cpus, sizeof *v);
	encl_auto(encl_free) char(*numbers)[16] = encl_xcalloc(cpus, sizeof *numbers);
	struct words w = {v, 0};

	word(&w, n->program, "run-enclave");
	word(&w, "--eif-path", o->image_path);
	word(&w, "--memory", memory);
	if (o->cid)
		word(&w, "--enclave-cid", cid);
	if (o->debug)
		word(&w, "--debug-mode", NULL);
	if (o->name)
		word(&w, "--enclave-name", o->name);
	add_cpus(&w, o, ids, numbers);
	for (size_t i = 0; i < w.n; i++)
		encl_debug(n->log, "nitro-cli[%zu] %s", i, v[i]);
	if (encl_child_start(&child, n->program, v, keep, false, e))
		return -1;
	return run_to_end(&child, said, encl_clock_ms() + (patience_s + GRACE_S) * 1000,
			  o, e);
}

/* ---- the end ---- */

static void
terminate(const struct nitro_cli *n)
{
	const char *const argv[] = {n->program, "terminate-enclave", "--enclave-id",
				    n->id, NULL};
	const struct encl_spawn s = {.argv = argv, .keep_env = true, .timeout_s = END_S};
	struct encl_err e = {.code = ENCL_OK};
	int status = 0;

	if (encl_spawn_run(&s, &status, &e))
		encl_warn(n->log, "%s", e.msg);
	else if (status)
		encl_warn(n->log,
			  "nitro-cli terminate-enclave --enclave-id %s ended with code "
			  "%d; see \"nitro-cli describe-enclaves\"",
			  n->id, status);
}

static void
free_cli(struct encl_machine *m)
{
	struct nitro_cli *n = (struct nitro_cli *)m;

	if (n->id && !n->ended)
		terminate(n);
	encl_child_clear(&n->console);
	encl_close_fd(n->pidfd);
	encl_close_fd(m->fd);
	free(m->cpu_ids);
	free(n->id);
	free(n->program);
	free(n);
}

/* ---- the watch ---- */

static bool
has_ended(const struct nitro_cli *n)
{
	struct pollfd p = {n->pidfd, POLLIN, 0};

	if (n->pidfd >= 0)
		return poll(&p, 1, 0) > 0;
	return kill(n->pid, 0) && errno == ESRCH;
}

static void
read_console(struct nitro_cli *n)
{
	struct pollfd p[2] = {{n->console.out, POLLIN, 0},
			      {n->console.err_out, POLLIN, 0}};
	char chunk[CHUNK];
	ssize_t got;

	poll(p, 2, 0);
	if (p[1].revents && read(n->console.err_out, chunk, sizeof chunk) <= 0)
		encl_close_fd(encl_take(n->console.err_out, -1));
	if (!p[0].revents)
		return;
	got = read(n->console.out, chunk, sizeof chunk);
	if (got <= 0)
		encl_close_fd(encl_take(n->console.out, -1));
	else if (n->m.listener.console)
		n->m.listener.console(n->m.listener.arg, chunk, (size_t)got);
}

static void
step(struct encl_machine *m)
{
	struct nitro_cli *n = (struct nitro_cli *)m;

	/* run-enclave is back: the heartbeat has come. */
	if (!encl_take(n->told, true) && m->listener.heartbeat)
		m->listener.heartbeat(m->listener.arg);
	if (n->console.pid)
		read_console(n);
	if (!n->ended && has_ended(n)) {
		n->ended = encl_clock_ms();
		if (n->pidfd >= 0)
			epoll_ctl(m->fd, EPOLL_CTL_DEL, n->pidfd, NULL);
	}
	if (n->ended && (!n->console.pid || n->console.out < 0 ||
			 encl_clock_ms() - n->ended >= LAST_WORDS_MS))
		m->gone = true;
}

static int
judge(struct encl_machine *m, struct encl_err *e)
{
	(void)m;
	(void)e;
	return 0; /* how it ended it does not tell */
}

static const struct encl_machine_ops ops = {"nitro-cli", step, judge, free_cli};

static void
add(const struct nitro_cli *n, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

	if (fd >= 0)
		epoll_ctl(n->m.fd, EPOLL_CTL_ADD, fd, &event);
}

static int
watch(struct nitro_cli *n, struct encl_err *e)
{
	static const int keep[] = {-1};
	const char *const argv[] = {n->program, "console", "--enclave-id", n->id, NULL};

	n->m.fd = epoll_create1(EPOLL_CLOEXEC);
	if (n->m.fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "epoll");
	n->pidfd = (int)syscall(SYS_pidfd_open, n->pid, 0);
	add(n, n->pidfd);
	if (!n->m.debug)
		return 0;
	if (encl_child_start(&n->console, n->program, argv, keep, false, e))
		return -1;
	add(n, n->console.out);
	add(n, n->console.err_out);
	return 0;
}

/* ---- the start ---- */

static uint64_t
choose_memory(const struct encl_eif *eif, const struct encl_run_options *o)
{
	const uint64_t least = (eif->size * FACTOR + ((1 << 20) - 1)) >> 20;
	struct encl_memory_need need;
	struct encl_memory memory;

	if (o->memory_mib)
		return o->memory_mib;
	encl_memory_of_image(eif, &need);
	encl_memory_estimate(&need, &memory);
	return memory.mib > least ? memory.mib : least;
}

static int
check(const struct encl_eif *eif, const struct encl_run_options *o, uint64_t mib,
      struct encl_err *e)
{
	struct encl_nitro_plan plan = {.mib = mib};

	if (mib < (eif->size * FACTOR + ((1 << 20) - 1)) >> 20)
		return encl_fail(e, ENCL_USAGE,
				 "%" PRIu64 " MiB of memory: nitro-cli wants 4 times the "
				 "image's size, %" PRIu64
				 " MiB; raise --memory, or use --backend nitro, which "
				 "needs what \"enclavebuild plan\" says",
				 mib, (eif->size * FACTOR + ((1 << 20) - 1)) >> 20);
	if (encl_nitro_check_image(eif, mib, e) ||
	    encl_nitro_check_signature(eif, encl_now(), &plan, e) ||
	    encl_nitro_check_cid(o->cid, o->debug, e))
		return -1;
	return 0;
}

static int
begin(struct nitro_cli *n, const struct encl_eif *eif, const struct encl_run_options *o,
      struct encl_err *e)
{
	encl_auto(clear_said) struct said said = {.out = {.cap = SAID},
						  .err_out = {.cap = SAID}};
	encl_auto(encl_free) unsigned *ids = NULL;
	struct encl_nitro_cli_enclave it;
	const uint64_t mib = choose_memory(eif, o);
	size_t n_ids = 0;

	if (!n->program)
		return encl_fail(e, ENCL_HOST,
				 "nitro-cli is not installed; install "
				 "aws-nitro-enclaves-cli, or use --backend nitro, which "
				 "does not need it");
	if (check(eif, o, mib, e))
		return -1;
	if (o->cpu_ids && encl_host_parse_list(o->cpu_ids, &ids, &n_ids, e)) {
		e->code = ENCL_USAGE;
		return encl_wrap(e, "--cpu-ids");
	}
	if (ids) {
		if (!n_ids || !ids[0])
			return encl_fail(e, ENCL_USAGE,
					 "--cpu-ids: CPU 0 is its parent's; choose from "
					 "the pool");
		ids = encl_xrealloc(ids, n_ids + 1, sizeof *ids);
		ids[n_ids] = 0;
	}
	if (run_enclave(n, o, mib, ids, encl_nitro_patience(eif->size, mib), &said, e))
		return -1;
	if (said.status)
		return encl_nitro_cli_fail(e, encl_buf_text(&said.err_out), said.status);
	if (encl_nitro_cli_parse(encl_buf_text(&said.out), said.out.len, &it, e))
		return -1;
	n->id = encl_xstrdup(it.id);
	n->pid = it.pid;
	n->m.wall.cid = it.cid;
	n->m.memory_mib = it.mib;
	n->m.cpus = it.cpus;
	n->m.cpu_ids = it.cpu_ids;
	encl_info(n->log, "started by nitro-cli: %s, CID %" PRIu32, n->id, it.cid);
	return watch(n, e);
}

int
encl_nitro_cli_start(const struct encl_eif *eif, const struct encl_run_options *o,
		     const struct encl_machine_listener *l, struct encl_machine **out,
		     struct encl_err *e)
{
	struct nitro_cli *n = encl_xcalloc(1, sizeof *n);

	n->m = (struct encl_machine){.ops = &ops,
				     .listener = *l,
				     .has_wall = true,
				     .has_console = o->debug,
				     .debug = o->debug,
				     .fd = -1};
	n->log = o->log;
	n->program = encl_find_program("nitro-cli");
	n->pidfd = -1;
	if (begin(n, eif, o, e)) {
		free_cli(&n->m);
		return -1;
	}
	*out = &n->m;
	return 0;
}
