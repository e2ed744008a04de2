/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `enclavebuild status`: what runs, whether it is what it should be, and whether it
 * has come to where it should; the gate of `deploy`, the probe of a pod.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "against.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "cmd.h"
#include "image.h"
#include "launch/deploy.h"
#include "launch/state.h"
#include "launch/template.h"
#include "manifests.h"
#include "transport.h"
#include "verbs.h"

enum { POLL_MS = 200, OUTPUT_MAX = 1 << 20 };

static const struct option_spec options[] = {
	{"wait", 'w', "S", "wait for it, at most S seconds; then exit code 124", false},
	{"until", 0, "STATE",
	 "ready (default with --wait) or heartbeat; what is not there yet is an error",
	 false},
	{"against", 'a', "PCR0|IMAGE|FILE",
	 "what has to run: a PCR0, an image, a measurements file, a manifest or its lock; "
	 "else exit code 3",
	 false},
	{"attestation", 0, "WHEN",
	 "auto: attested where it has a Nitro Secure Module; required: always", false},
	{"not-pid", 0, "PID", "the enclave of that process does not count", false},
	{"target", 't', "TARGET", "of another host: as deploy has it", false},
	{"ssh-config", 0, "FILE", "configuration for ssh (default: ssh's own)", false},
	{NULL, 0, NULL, NULL, false},
};

/* What is asked for. */
struct wish {
	bool wait, until, ready, attested, required;
	uint64_t wait_ms;
	uint64_t not_pid; /* 0: none */
	bool compare;
	char pcr0[PCR0_TEXT];
};

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- is it as asked? ---- */

/* ENCL_OK; ENCL_TIMEOUT: not yet; else what it is. */
static enum encl_code
not_yet(struct encl_err *e, const char *name, const char *what)
{
	encl_fail(e, ENCL_TIMEOUT, "%s %s", name, what);
	return ENCL_TIMEOUT;
}

static enum encl_code
judge_attestation(const struct wish *w, const struct encl_state *s, struct encl_err *e)
{
	const json_t *nsm = json_object_get(s->json, "NSM");
	const json_t *a = json_object_get(s->json, "Attestation");
	const char *none = json_string_value(json_object_get(a, "None"));
	const char *pcr0 = text_of(a, "PCR0");

	if (json_is_false(nsm)) {
		if (!w->required)
			return ENCL_OK;
		encl_fail(e, ENCL_MISMATCH,
			  "%s has no Nitro Secure Module: nothing attests what it is",
			  s->name);
		return ENCL_MISMATCH;
	}
	if (none) {
		encl_auto(encl_free) char *why = printable(none);

		encl_fail(e, ENCL_MISMATCH, "%s is not attested: %s", s->name, why);
		return ENCL_MISMATCH;
	}
	if (!json_is_object(a))
		return json_is_true(nsm) || w->required
			       ? not_yet(e, s->name, "is not attested yet")
			       : ENCL_OK;
	if (!json_is_true(json_object_get(a, "Matches")) ||
	    (w->compare && strcmp(pcr0, w->pcr0) != 0)) {
		encl_auto(encl_free) char *got = printable(pcr0);

		encl_fail(e, ENCL_MISMATCH, "%s attests PCR0 %s, not %s", s->name, got,
			  w->compare ? w->pcr0 : text_of(s->json, "PCR0"));
		return ENCL_MISMATCH;
	}
	return ENCL_OK;
}

static enum encl_code
judge_end(const struct encl_state *s, struct encl_err *e)
{
	const json_t *code = json_object_get(s->json, "ExitCode");
	const char *error = text_of(s->json, "Error");
	encl_auto(encl_free) char *why = printable(error);

	if (*why)
		encl_fail(e, ENCL_LOST, "%s does not run: %s", s->name, why);
	else if (json_is_integer(code))
		encl_fail(e, ENCL_LOST, "%s does not run: it ended with code %d", s->name,
			  (int)json_integer_value(code));
	else
		encl_fail(e, ENCL_LOST, "%s does not run: it was %s", s->name,
			  strcmp(text_of(s->json, "State"), "ended") != 0 ? "killed"
									  : "ended");
	return ENCL_LOST;
}

static enum encl_code
judge(const struct wish *w, const struct encl_state *s, struct encl_err *e)
{
	const char *state = text_of(s->json, "State");
	json_int_t pid = json_integer_value(json_object_get(s->json, "Pid"));
	enum encl_code code;

	if (w->not_pid && pid > 0 && (uint64_t)pid == w->not_pid)
		return not_yet(e, s->name, "has not started anew");
	if (!s->alive || !strcmp(state, "ended"))
		return judge_end(s, e);
	if (w->compare && strcmp(text_of(s->json, "PCR0"), w->pcr0) != 0) {
		encl_auto(encl_free) char *got = printable(text_of(s->json, "PCR0"));

		if (!*got)
			return not_yet(e, s->name, "is not measured yet");
		encl_fail(e, ENCL_MISMATCH, "%s has PCR0 %s, not %s", s->name, got,
			  w->pcr0);
		return ENCL_MISMATCH;
	}
	if (w->until && w->ready && strcmp(state, "ready") != 0)
		return not_yet(e, s->name, "is not ready");
	if (w->until && !json_is_true(json_object_get(s->json, "Heartbeat")))
		return not_yet(e, s->name, "has no heartbeat");
	/* Without a status channel `run` takes the heartbeat, and 30 s, for ready. */
	if (w->until && w->ready && !json_is_boolean(json_object_get(s->json, "NSM")))
		return not_yet(
			e, s->name,
			"has not answered on its status channel; --until heartbeat "
			"is for images without one");
	code = w->attested ? judge_attestation(w, s, e) : ENCL_OK;
	return code;
}

/* ---- what is told ---- */

static void
print_units(const json_t *units)
{
	const json_t *u;
	size_t i;

	json_array_foreach (units, i, u) {
		encl_auto(encl_free) char *name = printable(text_of(u, "Name"));
		const json_t *code = json_object_get(u, "ExitCode");

		report("unit     %-20s %s", name, text_of(u, "State"));
		if (json_is_integer(code))
			report(" (code %d)", (int)json_integer_value(code));
		if (json_is_true(json_object_get(u, "OOM")))
			report(" (out of memory)");
		report("\n");
	}
}

static const char *
attested(const json_t *state)
{
	const json_t *a = json_object_get(state, "Attestation");

	if (json_is_true(json_object_get(a, "Matches")))
		return "attested by the Nitro Secure Module";
	if (json_is_false(json_object_get(state, "NSM")))
		return "not attested: there is no Nitro Secure Module";
	if (json_is_object(a))
		return "not attested";
	return "not attested yet";
}

static void
print_text(const struct encl_state *s)
{
	encl_auto(encl_free) char *image = printable(text_of(s->json, "Image"));
	const json_t *p;
	char since[32];
	size_t i;

	encl_format_time(
		(uint64_t)json_integer_value(json_object_get(s->json, "Started")), since);
	report("name     %s\n", s->name);
	report("state    %s, started %s\n",
	       s->alive || !strcmp(text_of(s->json, "State"), "ended")
		       ? text_of(s->json, "State")
		       : "killed",
	       since);
	report("image    %s\n", image);
	report("PCR0     %s\n", text_of(s->json, "PCR0"));
	report("         %s\n", attested(s->json));
	report("backend  %s, %" JSON_INTEGER_FORMAT " MiB, %" JSON_INTEGER_FORMAT
	       " CPUs\n",
	       text_of(s->json, "Backend"),
	       json_integer_value(json_object_get(s->json, "MemoryMiB")),
	       json_integer_value(json_object_get(s->json, "CPUs")));
	json_array_foreach (json_object_get(s->json, "Ports"), i, p) {
		encl_auto(encl_free) char *name = printable(text_of(p, "Name"));

		report("port     %s:%" JSON_INTEGER_FORMAT " -> %s\n",
		       text_of(p, "Address"),
		       json_integer_value(json_object_get(p, "Port")),
		       *name ? name : "vsock");
	}
	print_units(json_object_get(s->json, "Units"));
}

static json_t *
state_json(const struct encl_state *s, enum encl_code code, const struct encl_err *e)
{
	json_t *v = json_deep_copy(s->json);

	json_object_set_new(v, "Alive", json_boolean(s->alive));
	json_object_set_new(v, "AsAsked", json_boolean(code == ENCL_OK));
	json_object_set_new(v, "Why",
			    code == ENCL_OK ? json_null() : json_string(e->msg));
	return v;
}

/* ---- this host ---- */

static int
read_wish(struct cli *cli, const struct args *args, struct wish *w, struct encl_err *e)
{
	const char *until = args_get(args, "until");
	const char *when = args_get(args, "attestation");
	const char *against = args_get(args, "against");
	uint64_t seconds;

	*w = (struct wish){.wait = args_has(args, "wait")};
	if (until && strcmp(until, "ready") != 0 && strcmp(until, "heartbeat") != 0)
		return encl_fail(e, ENCL_USAGE,
				 "--until: \"%s\" is not one of: ready, heartbeat",
				 until);
	if (when && strcmp(when, "auto") != 0 && strcmp(when, "required") != 0)
		return encl_fail(e, ENCL_USAGE,
				 "--attestation: \"%s\" is not one of: auto, required",
				 when);
	if (args_number(args, "wait", 0, 86400, 0, &seconds, e) ||
	    args_number(args, "not-pid", 0, INT32_MAX, 0, &w->not_pid, e))
		return -1;
	w->wait_ms = seconds * 1000;
	w->until = until || w->wait;
	w->ready = !until || *until == 'r';
	w->attested = when != NULL;
	w->required = when && *when == 'r';
	w->compare = against != NULL;
	return against ? against_read(cli, against, w->pcr0, e) : 0;
}

/* The only one, where none is named. */
static int
find(const char *name, struct encl_state *out, struct encl_err *e)
{
	struct encl_state *list = NULL;
	size_t n = 0;
	size_t i;
	int rc = 0;

	if (name)
		return encl_state_find(name, out, e);
	if (encl_state_list(&list, &n, e))
		return -1;
	if (n == 1) {
		*out = list[0];
	} else {
		encl_auto(encl_buf_clear) struct encl_buf names = {.cap = 600};

		for (i = 0; i < n; i++) {
			encl_buf_add_fmt(&names, "%s%s", i ? ", " : "", list[i].name);
			encl_state_clear(&list[i]);
		}
		rc = encl_fail(e, ENCL_USAGE,
			       n ? "there are %zu: name one of %s"
				 : "nothing has run here",
			       n, encl_buf_text(&names));
	}
	encl_free_at(&list);
	return rc;
}

static void
nap(void)
{
	struct timespec t = {.tv_nsec = POLL_MS * 1000000L};

	nanosleep(&t, NULL);
}

/* Until it is as asked, cannot become so, or the time is over. */
static int
wait_for(const struct wish *w, const char *name, struct encl_state *out,
	 enum encl_code *code, struct encl_err *e)
{
	uint64_t deadline = encl_clock_ms() + w->wait_ms;

	for (;;) {
		encl_auto(encl_state_clear) struct encl_state s = {.name = NULL};
		bool over = !w->wait || encl_clock_ms() >= deadline;

		if (find(name, &s, e)) {
			if (e->code != ENCL_USAGE || !w->wait)
				return -1;
			if (over) {
				e->code = ENCL_TIMEOUT;
				return -1;
			}
		} else {
			*code = judge(w, &s, e);
			if (*code != ENCL_TIMEOUT || over) {
				*out = encl_take(s, (struct encl_state){.name = NULL});
				return 0;
			}
		}
		nap();
	}
}

static int
run_here(struct cli *cli, const struct args *args, const struct wish *w,
	 struct encl_err *e)
{
	encl_auto(encl_state_clear) struct encl_state s = {.name = NULL};
	const char *name = args->n_operands ? args->operands[0] : NULL;
	enum encl_code code = ENCL_OK;

	if (wait_for(w, name, &s, &code, e))
		return -1;
	/* not there yet, but nobody waited */
	if (code == ENCL_TIMEOUT && !w->wait)
		e->code = ENCL_FAILED;
	if (cli->json) {
		encl_auto(json_decref) json_t *doc = state_json(&s, code, e);

		report_json(doc);
	} else {
		print_text(&s);
	}
	return code ? -1 : 0;
}

/* ---- another host ---- */

static void
add_word(struct encl_buf *b, const char *word)
{
	encl_auto(encl_free) char *text = encl_template_shell_word(word);

	encl_buf_add_fmt(b, " %s", text);
}

static char *
there_script(struct cli *cli, const struct args *args, const struct wish *w)
{
	static const char *const passed[] = {"wait", "until", "attestation", "not-pid"};
	encl_auto(encl_buf_clear) struct encl_buf words = {.cap = OUTPUT_MAX};

	add_word(&words, "status");
	if (args->n_operands)
		add_word(&words, args->operands[0]);
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
		if (args_get(args, passed[i])) {
			encl_buf_add_fmt(&words, " --%s", passed[i]);
			add_word(&words, args_get(args, passed[i]));
		}
	if (w->compare)
		encl_buf_add_fmt(&words, " --against %s", w->pcr0);
	if (cli->json)
		encl_buf_add_str(&words, " --json");
	return encl_xasprintf("PATH=/usr/local/bin:$PATH\n"
			      "if [ \"$(id -u)\" -eq 0 ]; then exec enclavebuild%s; fi\n"
			      "exec sudo -n %s%s\n",
			      encl_buf_text(&words), ENCL_DEPLOY_TOOL,
			      encl_buf_text(&words));
}

static int
run_there(struct cli *cli, const struct args *args, const struct wish *w,
	  const struct encl_target *target, struct encl_err *e)
{
	struct transport t = {.target = target,
			      .ssh_config = args_get(args, "ssh-config")};
	encl_auto(encl_free) char *script = there_script(cli, args, w);
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = OUTPUT_MAX};

	if (target->kind != ENCL_TARGET_SSH)
		return encl_fail(e, ENCL_USAGE,
				 "target %s: status knows this host, and those of ssh",
				 target->name);
	if (transport_run(&t, "exec sh -s", script, 0, &out, &cli->exit_code, e))
		return -1;
	report("%s", encl_buf_text(&out));
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_free) char *own = NULL;
	encl_auto(encl_free) char *identity = NULL;
	const char *where = args_get(args, "target");
	struct encl_target target;
	struct wish w;

	if (read_wish(cli, args, &w, e))
		return -1;
	if (!where || !strcmp(where, "local"))
		return run_here(cli, args, &w, e);
	if (strncmp(where, "ssh://", 6) != 0 && read_manifest("enclave.yaml", &m, e))
		return -1;
	if (transport_choose(where, m, &target, &own, e))
		return -1;
	if (m && target.ssh.identity) {
		identity = encl_manifest_path(m, target.ssh.identity);
		target.ssh.identity = identity;
	}
	return run_there(cli, args, &w, &target, e);
}

const struct command cmd_status = {
	.name = "status",
	.summary = "tell whether an enclave runs, and is what it should be",
	.operands = "[NAME]",
	.max_operands = 1,
	.help = "Without NAME it is the only one.  Ends with 0 where it is as asked, 3 where it\n"
		"is not the image of --against or its attestation says so, 124 where it has not\n"
		"come so far within --wait, 125 where it does not run, else 1.",
	.options = options,
	.run = run,
};
