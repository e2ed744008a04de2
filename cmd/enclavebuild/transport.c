/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh(1) with BatchMode: it asks nothing, and a host whose key is not known is
 * refused, as its configuration says.
 */
#include "transport.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "launch/template.h"
#include "manifest/format.h"

enum { SSH_FAILED = 255, DAY_S = 86400, PORT_MAX = 65535, WORDS = 32 };

struct words {
	char **v;
	size_t n;
};

static void
add(struct words *w, const char *text)
{
	w->v[w->n++] = encl_xstrdup(text);
}

static void
add_option(struct words *w, const char *option, const char *value)
{
	add(w, option);
	add(w, value);
}

static void
add_ssh(struct words *w, const struct transport *t)
{
	static const char *const options[] = {"BatchMode=yes", "ConnectTimeout=20",
					      "ServerAliveInterval=15",
					      "ServerAliveCountMax=8"};
	const struct encl_target_ssh *ssh = &t->target->ssh;

	add(w, "ssh");
	add(w, "-T");
	if (t->ssh_config)
		add_option(w, "-F", t->ssh_config);
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		add_option(w, "-o", options[i]);
	if (ssh->port) {
		encl_auto(encl_free) char *port = encl_xasprintf("%u", ssh->port);

		add_option(w, "-p", port);
	}
	if (ssh->user)
		add_option(w, "-l", ssh->user);
	if (ssh->identity) {
		add_option(w, "-i", ssh->identity);
		add_option(w, "-o", "IdentitiesOnly=yes");
	}
	add_option(w, "--", ssh->host);
}

char **
transport_argv(const struct transport *t, const char *command)
{
	struct words w = {.v = encl_xcalloc(WORDS, sizeof *w.v)};

	if (t->target->kind == ENCL_TARGET_SSH)
		add_ssh(&w, t);
	else
		add_option(&w, "sh", "-c");
	add(&w, command);
	return w.v;
}

void
transport_argv_free(char **argv)
{
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	free(argv);
}

char *
transport_root(const struct transport *t, const char *command)
{
	return encl_xasprintf("%s%s", t->sudo ? "sudo -n " : "", command);
}

int
transport_run(const struct transport *t, const char *command, const char *input,
	      int input_fd, struct encl_buf *out, int *status, struct encl_err *e)
{
	encl_auto(transport_argv_free) char **argv = transport_argv(t, command);
	struct encl_spawn s = {.argv = (const char *const *)argv,
			       .input = input,
			       .n_input = input ? strlen(input) : 0,
			       .input_fd = input_fd,
			       .keep_env = true,
			       .show_err = true,
			       .timeout_s = DAY_S,
			       .out = out};

	if (encl_spawn_run(&s, status, e))
		return -1;
	if (t->target->kind == ENCL_TARGET_SSH && *status == SSH_FAILED)
		return encl_fail(e, ENCL_NETWORK, "ssh to %s failed",
				 t->target->ssh.host);
	return 0;
}

static int
check_part(const struct encl_format *f, const char *text, struct encl_err *e)
{
	encl_auto(encl_free) char *wrong =
		encl_manifest_format_check(f, text, strlen(text));

	return wrong ? encl_fail(e, ENCL_USAGE, "%s", wrong) : 0;
}

int
transport_parse(char *text, struct encl_target *out, struct encl_err *e)
{
	static const char scheme[] = "ssh://";
	struct encl_target t = {.name = "ssh", .kind = ENCL_TARGET_SSH};
	char *host = text + sizeof scheme - 1;
	char *at = strrchr(host, '@');
	char *port = NULL;
	uint64_t n = 0;

	if (at) {
		*at = 0;
		t.ssh.user = host;
		host = at + 1;
	}
	if (*host == '[' && strchr(host, ']')) { /* IPv6 */
		char *close = strchr(++host, ']');

		*close = 0;
		port = close[1] == ':' ? close + 2 : NULL;
		if (close[1] && !port)
			return encl_fail(e, ENCL_USAGE, "\"%s\" follows the address",
					 close + 1);
	} else if ((port = strrchr(host, ':'))) {
		*port++ = 0;
	}
	if (port && (!encl_parse_uint(port, 10, PORT_MAX, &n) || !n))
		return encl_fail(e, ENCL_USAGE, "\"%s\" is not a port", port);
	t.ssh.host = host;
	t.ssh.port = (unsigned)n;
	if (check_part(&encl_format_ssh_host, host, e) ||
	    (t.ssh.user && check_part(&encl_format_login, t.ssh.user, e)))
		return -1;
	*out = t;
	return 0;
}

static int
find(const char *text, const struct encl_manifest *m, struct encl_target *out,
     struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf names = {.cap = 600};

	for (size_t i = 0; m && i < m->deploy.n_targets; i++) {
		encl_buf_add_fmt(&names, ", %s", m->deploy.targets[i].name);
		if (!text || strcmp(m->deploy.targets[i].name, text) != 0)
			continue;
		*out = m->deploy.targets[i];
		return 0;
	}
	if (!text)
		return encl_fail(e, ENCL_USAGE, "there are several: say --target local%s",
				 encl_buf_text(&names));
	return encl_fail(e, ENCL_USAGE,
			 "--target %s: there are local%s, and ssh://[USER@]HOST[:PORT]",
			 text, encl_buf_text(&names));
}

int
transport_choose(const char *text, const struct encl_manifest *m, struct encl_target *out,
		 char **own, struct encl_err *e)
{
	static const struct encl_target local = {.name = "local",
						 .kind = ENCL_TARGET_LOCAL};
	size_t n = m ? m->deploy.n_targets : 0;

	if (text && !strncmp(text, "ssh://", 6)) {
		*own = encl_xstrdup(text);
		return transport_parse(*own, out, e) ? encl_wrap(e, "--target %s", text)
						     : 0;
	}
	if ((text && !strcmp(text, "local")) || (!text && !n)) {
		*out = local;
		return 0;
	}
	if (!text && n == 1) {
		*out = m->deploy.targets[0];
		return 0;
	}
	return find(text, m, out, e);
}

char *
transport_name(const struct encl_target *t)
{
	if (t->kind != ENCL_TARGET_SSH)
		return encl_xstrdup(t->name);
	return encl_xasprintf("ssh://%s%s%s", t->ssh.user ? t->ssh.user : "",
			      t->ssh.user ? "@" : "", t->ssh.host);
}
