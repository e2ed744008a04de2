/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A deployment onto a host: looks at it, sends what it lacks, and runs the script
 * there, which does the rest by itself, also the way back.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/parse.h"
#include "deploy.h"
#include "launch/template.h"

enum { ANSWER_MAX = 1 << 16 };

/* What there is, a line each. */
static char *
look_script(const struct subject *s)
{
	encl_auto(encl_free) char *tool = encl_template_shell_word(s->d.tool);

	return encl_xasprintf("PATH=$PATH:/usr/local/bin:/usr/sbin\n"
			      "root=\n"
			      "[ \"$(id -u)\" -eq 0 ] || root='sudo -n'\n"
			      "echo \"uid $(id -u)\"\n"
			      "echo \"machine $(uname -m)\"\n"
			      "echo \"tool $($root %s version 2>/dev/null)\"\n"
			      "if echo '%s  %s/%s/%s.eif' | $root sha256sum -c --status "
			      "2>/dev/null; then echo 'image yes'; fi\n",
			      tool, s->sha256, ENCL_DEPLOY_FOLDER, s->name, s->sha256);
}

struct host {
	bool root;
	bool same_machine; /* as this one */
	bool same_tool;
	bool image;
	char machine[65];
};

/* The rest of the line that begins with the word (malloc'ed), or NULL. */
static char *
answer(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (!strncmp(p, word, n) && p[n] == ' ')
			return encl_xstrndup(p + n + 1, strcspn(p + n + 1, "\n"));
	}
	return NULL;
}

static int
look(const struct transport *t, const struct subject *s, struct host *h,
     struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = ANSWER_MAX};
	encl_auto(encl_free) char *script = look_script(s);
	struct utsname here;
	int status;

	if (transport_run(t, "exec sh -s", script, 0, &out, &status, e))
		return -1;

	encl_auto(encl_free) char *uid = answer(encl_buf_text(&out), "uid");
	encl_auto(encl_free) char *machine = answer(encl_buf_text(&out), "machine");
	encl_auto(encl_free) char *tool = answer(encl_buf_text(&out), "tool");
	encl_auto(encl_free) char *image = answer(encl_buf_text(&out), "image");

	if (status || !uid || !machine || !tool || uname(&here))
		return encl_fail(e, ENCL_FAILED,
				 "what sh said there is not what it was asked (exit %d)",
				 status);
	*h = (struct host){.root = !strcmp(uid, "0"),
			   .same_machine = !strcmp(machine, here.machine),
			   .same_tool = !strcmp(tool, "enclavebuild " ENCL_VERSION),
			   .image = image != NULL};
	snprintf(h->machine, sizeof h->machine, "%s", machine);
	return 0;
}

/* It gets its name as a whole: another deploy may send or read the same one. */
static char *
sending(const char *folder, const char *to)
{
	return encl_xasprintf("sh -c 'umask 077; to=%s; mkdir -p %s && cat >$to.$$ && "
			      "mv -f $to.$$ $to || { rm -f $to.$$; exit 1; }'",
			      to, folder);
}

/* A file's bytes into one of the target's folder; nobody else can write there. */
static int
send_file(const struct transport *t, const char *path, const char *to, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	encl_auto(encl_free) char *folder =
		encl_xstrndup(to, (size_t)(strrchr(to, '/') - to));
	encl_auto(encl_free) char *plain = sending(folder, to);
	encl_auto(encl_free) char *command = transport_root(t, plain);
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = ANSWER_MAX};
	int status;

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	if (transport_run(t, command, NULL, fd, &out, &status, e))
		return -1;
	return status ? encl_fail(e, ENCL_FAILED, "could not write %s there (exit %d)",
				  to, status)
		      : 0;
}

/* The tool, where it is another one there: what --tool names, or this program. */
static int
send_tool(struct cli *cli, const struct args *args, const struct transport *t,
	  const struct host *h, char sha256[65], struct encl_err *e)
{
	const char *given = args_get(args, "tool");
	const char *path = given ? given : "/proc/self/exe";
	encl_auto(encl_close_fd) int fd = -1;
	encl_auto(encl_free) char *to = NULL;
	struct encl_digest digest;

	*sha256 = 0;
	if (h->same_tool && !given)
		return 0;
	if (!given && getenv("ENCLAVEBUILD_SELF"))
		return encl_fail(e, ENCL_HOST,
				 "it has no enclavebuild " ENCL_VERSION
				 "; give --tool the bundle that this one came in");
	if (!given && !h->same_machine)
		return encl_fail(e, ENCL_HOST,
				 "it is of %s, and has no enclavebuild " ENCL_VERSION
				 "; give --tool one that was made for it",
				 h->machine);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	if (encl_digest_fd(ENCL_SHA256, fd, &digest, NULL, e))
		return encl_wrap(e, "%s", path);
	encl_hex(digest.bytes, encl_digest_size(ENCL_SHA256), sha256);
	to = encl_xasprintf("%s/tool-%s", ENCL_DEPLOY_FOLDER, sha256);
	encl_info(&cli->log, "sending enclavebuild " ENCL_VERSION);
	return send_file(t, path, to, e);
}

static const char *
result_of(const char *text)
{
	static const char *const words[] = {"deployed", "unchanged", "restored",
					    "removed", "lost"};
	encl_auto(encl_free) char *word = answer(text, "result");

	for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
		if (!strcmp(word, words[i]))
			return words[i];
	return NULL;
}

/* What the script's end means. */
static int
judge(int status, const char *result, struct encl_err *e)
{
	const char *now = !result			? "nothing was changed"
			  : !strcmp(result, "restored") ? "what was there before is back"
			  : !strcmp(result, "removed")
				  ? "nothing was there before, and nothing is now"
				  : "and what was there before does not come up either";

	if (!status)
		return 0;
	if (status == ENCL_MISMATCH)
		return encl_fail(e, ENCL_MISMATCH,
				 "the new enclave is not the image that it should be; %s",
				 now);
	if (status == ENCL_HOST)
		return encl_fail(e, ENCL_HOST, "the host lacks something; %s", now);
	return encl_fail(e, ENCL_FAILED, "%s; %s",
			 result ? "the new enclave did not pass its gate"
				: "it could not be put in place",
			 now);
}

static int
apply(const struct transport *t, const struct subject *s, const char **result,
      struct encl_err *e)
{
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files files = {.n = 0};
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = ANSWER_MAX};
	encl_auto(encl_free) char *command = transport_root(t, "sh -s");
	int status;

	if (encl_deploy_render(&s->d, &files, e) ||
	    transport_run(t, command, files.v[files.n - 1].text, 0, &out, &status, e))
		return -1;
	*result = result_of(encl_buf_text(&out));
	return judge(status, *result, e);
}

/* On this host the program that runs is the tool; in a bundle, what starts it. */
int
deploy_own_tool(const struct args *args, struct subject *s, struct encl_err *e)
{
	const char *bundled = getenv("ENCLAVEBUILD_SELF");
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	if (s->target.kind != ENCL_TARGET_LOCAL || args_has(args, "tool"))
		return 0;
	if (bundled && *bundled == '/') {
		free(s->identity);
		s->identity = encl_xstrdup(bundled);
		s->d.tool = s->identity;
		return 0;
	}
	if (n < 0)
		return encl_fail_sys(e, ENCL_FAILED, "readlink /proc/self/exe");
	path[n] = 0;
	free(s->identity);
	s->identity = encl_xstrdup(path);
	s->d.tool = s->identity;
	return 0;
}

static int
go(struct cli *cli, const struct args *args, struct subject *s, const char **result,
   struct encl_err *e)
{
	struct transport t = {.target = &s->target,
			      .ssh_config = args_get(args, "ssh-config")};
	encl_auto(encl_free) char *to = encl_xasprintf(
		"%s/%s/%s.eif.part", ENCL_DEPLOY_FOLDER, s->name, s->sha256);
	char sha256[65] = "";
	struct host h = {.root = false};

	if (look(&t, s, &h, e))
		return -1;
	t.sudo = !h.root;
	if (send_tool(cli, args, &t, &h, sha256, e))
		return -1;
	s->d.tool_sha256 = *sha256 ? sha256 : NULL;
	if (!s->reference && !h.image) {
		encl_info(&cli->log, "sending %s", s->path);
		if (send_file(&t, s->path, to, e))
			return -1;
	}
	return apply(&t, s, result, e);
}

int
deploy_host(struct cli *cli, const struct args *args, struct subject *s,
	    const char **result, struct encl_err *e)
{
	encl_auto(encl_free) char *name = transport_name(&s->target);

	*result = NULL;
	return go(cli, args, s, result, e) ? encl_wrap(e, "%s on %s", s->name, name) : 0;
}

static json_t *
command_json(const struct transport *t, const char *command)
{
	encl_auto(transport_argv_free) char **argv = transport_argv(t, command);
	json_t *list = json_array();

	for (size_t i = 0; argv[i]; i++)
		json_array_append_new(list, json_string(argv[i]));
	return list;
}

/* Whether it takes sudo there is known only there. */
json_t *
deploy_host_commands(const struct args *args, const struct subject *s)
{
	struct transport t = {.target = &s->target,
			      .ssh_config = args_get(args, "ssh-config")};
	json_t *list = json_array();

	json_array_append_new(list, command_json(&t, "exec sh -s"));
	if (!s->reference) {
		encl_auto(encl_free) char *folder =
			encl_xasprintf("%s/%s", ENCL_DEPLOY_FOLDER, s->name);
		encl_auto(encl_free) char *to =
			encl_xasprintf("%s/%s.eif.part", folder, s->sha256);
		encl_auto(encl_free) char *command = sending(folder, to);

		json_array_append_new(list, command_json(&t, command));
	}
	json_array_append_new(list, command_json(&t, "sh -s"));
	return list;
}
