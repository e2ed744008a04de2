/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One enclave from start to end: its machine, the relays, the status channel, the
 * record, signals and the clock in one poll loop.
 */
#include "launch/enclave.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "launch/console.h"
#include "launch/egress.h"
#include "launch/enclave_internal.h"
#include "launch/host.h"
#include "launch/notify.h"
#include "launch/qemu.h"
#include "launch/relay.h"
#include "launch/state_write.h"

enum {
	END_MS = 30000,	  /* from the enclave's word of its end to the machine's */
	STATUS_MS = 30000 /* without the status channel the heartbeat is all there is */
};

/* ---- what it tells ---- */

static void
set_state(struct encl_life *l, const char *state)
{
	encl_record_set(l->record, "State", json_string(state));
	encl_record_save(l->record, true, l->o->log);
}

static void
say_ready(struct encl_life *l)
{
	if (l->told_ready)
		return;
	l->told_ready = true;
	set_state(l, "ready");
	encl_notify("READY=1\nSTATUS=%s", l->status.ready ? "ready" : "running");
}

static void
take_console(void *arg, const char *p, size_t n)
{
	struct encl_life *l = arg;

	l->last_output = encl_clock_ms();
	encl_console_feed(&l->console, p, n);
	encl_record_console(l->record, p, n);
	if (l->o->console)
		l->o->console(l->o->arg, p, n);
}

static void
take_heartbeat(void *arg)
{
	struct encl_life *l = arg;

	l->console.up = true;
	l->result.heartbeat = true;
	l->beat_at = encl_clock_ms();
	encl_info(l->o->log, "heartbeat after %.1f s",
		  (double)(l->beat_at - l->started) / 1000);
	encl_record_set(l->record, "Heartbeat", json_true());
	set_state(l, "running");
	l->begin = true; /* by the loop: we are in the machine's step */
}

/* ---- once it is up ---- */

static json_t *
ports_json(const struct encl_run_options *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_ways; i++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:s?, s:I}", "Address",
						      o->ways[i].address, "Port",
						      (json_int_t)o->ways[i].port, "Name",
						      o->ways[i].name, "Vsock",
						      (json_int_t)o->ways[i].vsock));
	return list;
}

static void
begin(struct encl_life *l)
{
	l->begin = false;
	if (!l->machine->has_wall)
		return;
	encl_life_ask_status(l);
	if (l->folders)
		encl_folders_start(l->folders, &l->machine->wall);
	if (l->o->n_ways) {
		encl_relay_hold(l->relay, false);
		encl_publish_tell(l->o->ways, l->o->n_ways, l->o->log);
		l->result.published = true;
		encl_record_set(l->record, "Ports", ports_json(l->o));
		encl_record_save(l->record, false, l->o->log);
	}
}

/* ---- the end ---- */

/* The first asks for an end in order, the second switches off. */
static void
stop(struct encl_life *l, unsigned seconds)
{
	if (l->stopping || !encl_life_say(l, "stop\n")) {
		l->off = true;
		return;
	}
	l->stopping = true;
	l->stop_at = encl_clock_ms() + (uint64_t)seconds * 1000;
	encl_info(l->o->log, "asked the enclave to end, for at most %u s", seconds);
	encl_notify("STOPPING=1");
	set_state(l, "ending");
}

static void
take_signal(struct encl_life *l)
{
	struct signalfd_siginfo info;

	if (read(l->signals, &info, sizeof info) != sizeof info)
		return;
	if (l->o->stop_timeout_s)
		stop(l, l->o->stop_timeout_s);
	else
		l->off = true;
	if (!l->result.interrupted)
		l->result.interrupted = (int)info.ssi_signo;
}

static uint64_t
sooner(uint64_t at, unsigned seconds)
{
	uint64_t other = encl_clock_ms() + (uint64_t)seconds * 1000;

	return other < at ? other : at;
}

static void
take_requests(struct encl_life *l)
{
	struct encl_request q;

	while ((q = encl_record_request(l->record)).kind != ENCL_REQUEST_NONE) {
		l->result.stopped = true;
		/* Who asks too may shorten the time, and is no second signal. */
		if (q.seconds && l->stopping)
			l->stop_at = sooner(l->stop_at, q.seconds);
		else if (q.seconds)
			stop(l, q.seconds);
		else
			l->off = true;
	}
}

/* ---- the clock ---- */

static uint64_t
earlier(uint64_t left, uint64_t now, uint64_t at)
{
	if (!at)
		return left;
	if (at <= now)
		return 0;
	return at - now < left ? at - now : left;
}

/* What is too late now; *left_ms: until the next of them may be. */
static int
check_clock(struct encl_life *l, int *left_ms, struct encl_err *e)
{
	uint64_t now = encl_clock_ms();
	uint64_t total =
		l->o->timeout_s ? l->started + (uint64_t)l->o->timeout_s * 1000 : 0;
	uint64_t silence = (uint64_t)l->o->boot_timeout_s * 1000;

	if (total && now >= total)
		return encl_fail(e, ENCL_TIMEOUT, "the enclave did not end within %u s",
				 l->o->timeout_s);
	if (l->machine->has_console && silence && !l->console.up &&
	    now - l->last_output >= silence)
		return encl_fail(e, ENCL_LOST,
				 "the enclave did not come up: no output for %u s%s%s",
				 l->o->boot_timeout_s, *l->console.last ? " after: " : "",
				 l->console.last);
	if (l->stopping && now >= l->stop_at && !l->off) {
		encl_warn(l->o->log, "the enclave did not end in time: switched off");
		l->off = true;
	}
	if (l->ended_at && now >= l->ended_at + END_MS)
		l->off = true;
	if (!l->told_ready && !l->status.greeted &&
	    (l->beat_at ? now - l->beat_at >= STATUS_MS
			: l->console.up && !l->machine->has_wall))
		say_ready(l);
	encl_record_save(l->record, false, l->o->log);
	*left_ms = 1 + (int)earlier(earlier(encl_record_pending(l->record) ? 100 : 1000,
					    now, total),
				    now, l->stopping ? l->stop_at : 0);
	return 0;
}

enum { FOR_SIGNALS, FOR_RELAY, FOR_EGRESS, FOR_STATUS, FOR_REQUESTS, FOR_MACHINE, FOR_N };

static void
serve(struct encl_life *l, const struct pollfd *p)
{
	if (p[FOR_RELAY].revents)
		encl_relay_step(l->relay);
	if (p[FOR_EGRESS].revents)
		encl_egress_step(l->egress);
	if (p[FOR_STATUS].revents)
		encl_life_hear(l);
	if (p[FOR_SIGNALS].revents)
		take_signal(l);
	if (p[FOR_REQUESTS].revents)
		take_requests(l);
	if (l->status.ready)
		say_ready(l);
}

static int
watch(struct encl_life *l, struct encl_err *e)
{
	int left_ms = 0;

	while (!l->machine->gone && !l->off) {
		struct pollfd p[FOR_N] = {
			[FOR_SIGNALS] = {l->signals, POLLIN, 0},
			[FOR_RELAY] = {encl_relay_fd(l->relay), POLLIN, 0},
			[FOR_EGRESS] = {l->egress ? encl_egress_fd(l->egress) : -1,
					POLLIN, 0},
			[FOR_STATUS] = {l->channel, POLLIN, 0},
			[FOR_REQUESTS] = {encl_record_fd(l->record), POLLIN, 0},
			[FOR_MACHINE] = {l->machine->fd, POLLIN, 0}};

		if (check_clock(l, &left_ms, e))
			return -1;
		if (poll(p, FOR_N, left_ms) < 0 && errno != EINTR)
			return encl_fail_sys(e, ENCL_LOST, "wait for the enclave");
		l->machine->ops->step(l->machine);
		if (l->begin)
			begin(l);
		serve(l, p);
	}
	/* Its last words may be on their way still. */
	if (l->channel >= 0) {
		encl_relay_step(l->relay);
		encl_life_hear(l);
	}
	return 0;
}

static int
judge(struct encl_life *l, struct encl_err *e)
{
	struct encl_console *c = &l->console;
	struct encl_err why;
	int rc;

	/* A last line without its newline counts. */
	encl_console_feed(c, "\n", c->n ? 1 : 0);
	rc = l->machine->gone ? l->machine->ops->judge(l->machine, &why) : 0;
	if (l->status.ended || (c->ended && !rc)) {
		l->result.ended = true;
		l->result.code = l->status.ended ? l->status.code : c->code;
		l->result.signal = l->status.ended ? l->status.signal : c->signal;
		return 0;
	}
	if (l->off && (l->result.interrupted || l->result.stopped))
		return 0;
	if (c->panicked)
		return encl_fail(e, ENCL_LOST, "the enclave is lost: %s", c->panic);
	if (rc) {
		*e = why;
		return -1;
	}
	if (!l->machine->has_console)
		return encl_fail(e, ENCL_LOST,
				 "the enclave ended without telling its exit code%s; "
				 "--debug-mode shows its console",
				 l->result.heartbeat ? "" : ", before its heartbeat");
	return encl_fail(
		e, ENCL_LOST,
		"the enclave ended without telling its exit code (the last line of "
		"boot.init: builtin is missing)%s%s",
		*c->last ? "; last line: " : "", c->last);
}

/* ---- start ---- */

static bool
is_cancelled(void *arg)
{
	const struct encl_life *l = arg;
	struct pollfd p = {l->signals, POLLIN, 0};

	return poll(&p, 1, 0) > 0;
}

static int
start_machine(struct encl_life *l, const struct encl_eif *eif, struct encl_err *e)
{
	const struct encl_machine_listener listener = {take_console, take_heartbeat, l};

	l->started = l->last_output = encl_clock_ms();
	switch (l->o->backend) {
	case ENCL_BACKEND_NITRO:
		return encl_nitro_start(eif, l->o, &listener, &l->machine, e);
	case ENCL_BACKEND_NITRO_CLI:
		return encl_nitro_cli_start(eif, l->o, &listener, &l->machine, e);
	default:
		return encl_qemu_start(eif, l->o, &listener, &l->machine, e);
	}
}

static void
record_machine(struct encl_life *l)
{
	const struct encl_machine *m = l->machine;

	encl_record_set(l->record, "Backend", json_string(m->ops->name));
	encl_record_set(l->record, "MemoryMiB", json_integer((json_int_t)m->memory_mib));
	encl_record_set(l->record, "CPUs", json_integer((json_int_t)m->cpus));
	if (m->cpu_ids)
		encl_record_set(l->record, "CPUIDs", json_string(m->cpu_ids));
	encl_record_set(l->record, "Debug", json_boolean(m->debug));
	encl_record_set(l->record, "Console", json_boolean(m->has_console));
	if (m->has_wall && m->wall.socket)
		encl_record_set(l->record, "Socket", json_string(m->wall.socket));
	else if (m->has_wall)
		encl_record_set(l->record, "CID", json_integer((json_int_t)m->wall.cid));
	encl_record_save(l->record, false, l->o->log);
}

/* Ports and folders are this machine's: they are taken before the enclave's. */
static int
open_ways(struct encl_life *l, struct encl_err *e)
{
	if (l->o->n_folders &&
	    encl_folders_open(l->o->folders, l->o->n_folders, l->o->log, &l->folders, e))
		return -1;
	return encl_publish_open(l->o->ways, l->o->n_ways, &l->relay, &l->listeners, e);
}

static int
lead_ways(struct encl_life *l, struct encl_err *e)
{
	const struct encl_machine *m = l->machine;
	const struct encl_egress_options egress = {l->o->egress_local, l->o->log};

	if (!m->has_wall)
		return 0;
	if (encl_publish_lead(l->relay, l->listeners, l->o->ways, l->o->n_ways, &m->wall,
			      e))
		return -1;
	return l->o->egress ? encl_egress_open(&m->wall, &egress, &l->egress,
					       &l->egress_port, e)
			    : 0;
}

/* Who did not ask for a name is not to fail for want of a run folder. */
static int
open_record(struct encl_life *l, struct encl_err *e)
{
	struct encl_err why;

	if (!l->o->state)
		return 0;
	if (l->o->name_exact)
		return encl_record_open(l->o->name, true, &l->record, e);
	if (encl_record_open(l->o->name ? l->o->name : "enclave", false, &l->record,
			     &why))
		encl_warn(l->o->log, "ps and stop will not know this enclave: %s",
			  why.msg);
	return 0;
}

static int
prepare(struct encl_life *l, struct encl_err *e)
{
	if (open_record(l, e))
		return -1;
	encl_record_set(l->record, "Name", json_string(encl_record_name(l->record)));
	encl_record_set(l->record, "Image", json_string(l->o->image ? l->o->image : ""));
	if (l->o->pcr0)
		encl_record_set(l->record, "PCR0", json_string(l->o->pcr0));
	encl_record_set(l->record, "Pid", json_integer(getpid()));
	encl_record_set(l->record, "Started", json_integer((json_int_t)encl_now()));
	encl_record_set(l->record, "Heartbeat", json_false());
	set_state(l, "starting");
	return 0;
}

static int
live(struct encl_life *l, const struct encl_eif *eif, struct encl_err *e)
{
	if (prepare(l, e) || open_ways(l, e) || start_machine(l, eif, e))
		return -1;
	record_machine(l);
	if (lead_ways(l, e) || watch(l, e))
		return -1;
	return judge(l, e);
}

/* The record of the end. */
static void
record_end(struct encl_life *l, int rc, const struct encl_err *e)
{
	struct encl_run_result *r = &l->result;

	encl_record_set(l->record, "Ended", json_integer((json_int_t)encl_now()));
	encl_record_set(l->record, "ExitCode",
			rc || !r->ended || r->signal ? json_null()
						     : json_integer(r->code));
	encl_record_set(l->record, "Signal",
			r->signal ? json_integer(r->signal) : json_null());
	encl_record_set(l->record, "Error", rc ? json_string(e->msg) : json_null());
	encl_record_set(l->record, "Socket", json_null());
	set_state(l, "ended");
}

static void
fill_result(struct encl_life *l)
{
	const struct encl_machine *m = l->machine;
	struct encl_run_result *r = &l->result;

	r->ready = l->status.ready;
	r->nsm = l->status.greeted ? l->status.nsm : -1;
	r->milliseconds = encl_clock_ms() - l->started;
	if (!m)
		return;
	r->backend = m->ops->name;
	r->accel = m->accel;
	r->machine = m->type;
	r->memory_mib = m->memory_mib;
	r->cpus = m->cpus;
	r->cid = m->has_wall ? m->wall.cid : 0;
	r->vsock =
		l->o->backend == ENCL_BACKEND_QEMU ? encl_qemu_vsock(m) : ENCL_VSOCK_ON;
}

static void
end_life(struct encl_life *l)
{
	encl_folders_free(l->folders);
	encl_close_fd(l->channel);
	encl_relay_free(l->relay);
	encl_publish_close(l->listeners, l->o->n_ways);
	encl_egress_free(l->egress);
	encl_machine_free(l->machine);
	encl_status_clear(&l->status);
	encl_close_fd(l->signals);
}

void
encl_machine_free(struct encl_machine *m)
{
	if (m)
		m->ops->free(m);
}

enum encl_backend
encl_backend_here(void)
{
	encl_auto(encl_free) char *device = encl_host_path("/dev/nitro_enclaves");

	return access(device, F_OK) ? ENCL_BACKEND_QEMU : ENCL_BACKEND_NITRO;
}

int
encl_enclave_run(const struct encl_eif *eif, const struct encl_run_options *options,
		 struct encl_run_result *out, struct encl_err *e)
{
	struct encl_run_options o = *options;
	struct encl_life l = {.o = &o, .signals = -1, .channel = -1};
	struct sigaction hangup;
	sigset_t ends, before;
	int rc;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	/* A blocked signal comes even where nohup has it ignored. */
	if (sigaction(SIGHUP, NULL, &hangup) || hangup.sa_handler != SIG_IGN)
		sigaddset(&ends, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ends, &before);
	l.signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	l.result.code = -1;
	encl_status_init(&l.status);
	o.cancelled = is_cancelled;
	o.cancel_arg = &l;
	if (o.backend == ENCL_BACKEND_AUTO)
		o.backend = encl_backend_here();
	rc = live(&l, eif, e);
	fill_result(&l);
	end_life(&l);
	record_end(&l, rc, e);
	encl_record_free(l.record);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return -1;
	*out = l.result;
	return 0;
}
