/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild ps`: enclaves that run here, and ran. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cmd.h"
#include "image.h"
#include "running.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"all", 'a', NULL, "also those that have ended", false},
	{"prune", 0, NULL, "forget those that have ended", false},
	{NULL, 0, NULL, NULL, false},
};

static long long
number_of(const struct encl_state *s, const char *key)
{
	return (long long)json_integer_value(json_object_get(s->json, key));
}

static char *
since(long long from, long long to)
{
	long long s = to > from ? to - from : 0;

	if (s < 120)
		return encl_xasprintf("%lld s", s);
	if (s < 7200)
		return encl_xasprintf("%lld min", s / 60);
	if (s < 172800)
		return encl_xasprintf("%lld h", s / 3600);
	return encl_xasprintf("%lld d", s / 86400);
}

/* "ended (7)", "ready" */
static char *
state_text(const struct encl_state *s)
{
	const char *state = running_state(s);
	const json_t *code = json_object_get(s->json, "ExitCode");
	const json_t *signal = json_object_get(s->json, "Signal");

	if (json_is_integer(code))
		return encl_xasprintf("%s (%lld)", state,
				      (long long)json_integer_value(code));
	if (json_is_integer(signal))
		return encl_xasprintf("%s (signal %lld)", state,
				      (long long)json_integer_value(signal));
	return encl_xstrdup(state);
}

static char *
ports_text(const struct encl_state *s)
{
	char *text = encl_xstrdup("");
	const json_t *port;
	size_t i;

	if (!s->alive)
		return text;
	json_array_foreach (json_object_get(s->json, "Ports"), i, port) {
		const char *address = json_string_value(json_object_get(port, "Address"));
		char *more = encl_xasprintf(
			"%s%s%s:%lld->%lld", text, i ? "," : "", address ? address : "",
			(long long)json_integer_value(json_object_get(port, "Port")),
			(long long)json_integer_value(json_object_get(port, "Vsock")));

		free(text);
		text = more;
	}
	return text;
}

static void
print_one(const struct encl_state *s)
{
	const char *backend = json_string_value(json_object_get(s->json, "Backend"));
	const char *image = json_string_value(json_object_get(s->json, "Image"));
	long long ended = number_of(s, "Ended");
	encl_auto(encl_free) char *age =
		since(number_of(s, "Started"), ended ? ended : (long long)encl_now());
	encl_auto(encl_free) char *state = state_text(s);
	encl_auto(encl_free) char *ports = ports_text(s);
	encl_auto(encl_free) char *shown = printable(image ? image : "");
	char cid[32] = "-";

	if (number_of(s, "CID"))
		snprintf(cid, sizeof cid, "%lld", number_of(s, "CID"));
	report("%-20s %-14s %-8s %-7lld %-8s %-10s %6lld MiB %3lld  %s  %s\n", s->name,
	       state, age, number_of(s, "Pid"), backend ? backend : "-", cid,
	       number_of(s, "MemoryMiB"), number_of(s, "CPUs"), *ports ? ports : "-",
	       shown);
}

static json_t *
one_json(const struct encl_state *s)
{
	json_t *doc = json_deep_copy(s->json);

	json_object_set_new(doc, "State", json_string(running_state(s)));
	json_object_set_new(doc, "Alive", json_boolean(s->alive));
	return doc;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	bool all = args_has(args, "all");
	encl_auto(json_decref) json_t *doc = json_array();
	struct encl_state *list;
	size_t n;
	int rc = 0;

	if (encl_state_list(&list, &n, e))
		return -1;
	if (!cli->json && n)
		report("%-20s %-14s %-8s %-7s %-8s %-10s %10s %3s  %s  %s\n", "NAME",
		       "STATE", "SINCE", "PID", "BACKEND", "CID", "MEMORY", "CPU",
		       "PORTS", "IMAGE");
	for (size_t i = 0; i < n; i++) {
		if (!list[i].alive && args_has(args, "prune"))
			rc |= !rc && encl_state_remove(&list[i], e);
		else if (!list[i].alive && !all)
			;
		else if (cli->json)
			json_array_append_new(doc, one_json(&list[i]));
		else
			print_one(&list[i]);
		encl_state_clear(&list[i]);
	}
	free(list);
	if (cli->json && !rc)
		report_json(doc);
	return rc ? -1 : 0;
}

const struct command cmd_ps = {
	.name = "ps",
	.summary = "list the enclaves that run here",
	.operands = "",
	.help = "Those that `run` of this user has started, whatever the backend.  STATE is\n"
		"starting, running (the heartbeat came), ready (all that it has runs and is\n"
		"healthy), ending, ended with its exit code, or killed where its `run` is gone\n"
		"without a word.  What has ended is kept, for `logs`, until its name is used\n"
		"again or --prune.",
	.options = options,
	.run = run,
};
