/* SPDX-License-Identifier: Apache-2.0 */
/* The guest programs that live inside the tool, and their place in the image. */
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "build.h"
#include "embedded.h"
#include "ramdisk/launch_config.h"
#include "rootfs/tree.h"
#include "rootfs/user.h"
#include "sources/source.h"

int
encl_guest_program(enum encl_arch arch, const char *name, struct encl_content *out,
		   struct encl_err *e)
{
	const struct {
		enum encl_arch arch;
		const char *name;
		const unsigned char *from;
		const unsigned char *to;
	} rows[] = {
		{ENCL_ARCH_X86_64, "init", encl_embedded_init_x86_64,
		 encl_embedded_init_x86_64_end},
		{ENCL_ARCH_X86_64, "launch", encl_embedded_launch_x86_64,
		 encl_embedded_launch_x86_64_end},
		{ENCL_ARCH_AARCH64, "init", encl_embedded_init_aarch64,
		 encl_embedded_init_aarch64_end},
		{ENCL_ARCH_AARCH64, "launch", encl_embedded_launch_aarch64,
		 encl_embedded_launch_aarch64_end},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].arch != arch || strcmp(rows[i].name, name) != 0 ||
		    !rows[i].from)
			continue;
		*out = (struct encl_content){
			.data = rows[i].from,
			.size = (uint64_t)(rows[i].to - rows[i].from),
		};
		out->crc = encl_crc32(0, out->data, (size_t)out->size);
		return 0;
	}
	return encl_fail(e, ENCL_HOST,
			 "this build of enclavebuild has no %s for %s; build it with a "
			 "cross compiler for that architecture (make setup)",
			 name, encl_arch_name(arch));
}

/* ENTRYPOINT and CMD together, as Docker runs them; app.command replaces both. */
static int
pick_command(const struct encl_manifest *m, const struct encl_image_config *config,
	     struct encl_strings *out, struct encl_err *e)
{
	size_t n = config->entrypoint.n + config->cmd.n;
	encl_auto(encl_free) char *at = encl_manifest_at(m, m->app.pos);

	if (m->app.has_command) {
		*out = (struct encl_strings){
			encl_xmemdup(m->app.command.v,
				     m->app.command.n * sizeof *m->app.command.v),
			m->app.command.n};
		return 0;
	}
	if (!n)
		return encl_fail(e, ENCL_USAGE,
				 "%sapp.command: missing, and no image of rootfs has an "
				 "ENTRYPOINT or CMD",
				 m->app.given ? at : "");
	out->v = encl_xcalloc(n, sizeof *out->v);
	out->n = n;
	for (size_t i = 0; i < n; i++)
		out->v[i] = i < config->entrypoint.n
				    ? config->entrypoint.v[i]
				    : config->cmd.v[i - config->entrypoint.n];
	return 0;
}

static bool
is_overridden(const struct encl_manifest *m, const char *assignment)
{
	size_t n = strcspn(assignment, "=");

	for (size_t i = 0; i < m->app.env.n; i++)
		if (strlen(m->app.env.v[i].key) == n &&
		    !strncmp(m->app.env.v[i].key, assignment, n))
			return true;
	return false;
}

/* The image's environment, then the manifest's, which wins. */
static void
merge_env(const struct encl_manifest *m, const struct encl_image_config *config,
	  struct encl_arena *arena, struct encl_strings *out)
{
	out->v = encl_arena_alloc(arena,
				  (config->env.n + m->app.env.n) * sizeof *out->v + 1);
	out->n = 0;
	for (size_t i = 0; i < config->env.n; i++)
		if (!is_overridden(m, config->env.v[i]))
			out->v[out->n++] = config->env.v[i];
	for (size_t i = 0; i < m->app.env.n; i++) {
		encl_auto(encl_free) char *pair = encl_xasprintf(
			"%s=%s", m->app.env.v[i].key, m->app.env.v[i].value);

		out->v[out->n++] = encl_arena_strdup(arena, pair);
	}
}

static int
write_config(struct encl_log *log, const struct encl_manifest *m,
	     const struct encl_image_config *config, struct encl_tree *tree,
	     struct encl_buf *out, struct encl_err *e)
{
	const char *user = m->app.user ? m->app.user : config->user;
	const char *workdir = m->app.workdir ? m->app.workdir : config->workdir;
	encl_auto(encl_arena_free) struct encl_arena *arena = encl_arena_new();
	encl_auto(encl_user_clear) struct encl_user who = {0};
	encl_auto(encl_free) char *at = encl_manifest_at(m, m->app.pos);
	struct encl_strings argv = {0};
	struct encl_launch_config c = {0};
	int rc;

	if (m->n_services)
		return encl_fail(e, ENCL_FAILED, "services: not built yet");
	if (pick_command(m, config, &argv, e))
		return -1;
	encl_auto(encl_free) const char **owned = argv.v;

	(void)owned;
	if (encl_user_resolve(tree, user && *user ? user : "0:0", &who, e))
		return encl_wrap(e, "%sapp.user", m->app.user ? at : "");
	c.argv = argv;
	merge_env(m, config, arena, &c.env);
	c.workdir = workdir && *workdir ? workdir : "/";
	c.uid = who.uid;
	c.gid = who.gid;
	c.groups = who.groups;
	c.n_groups = who.n_groups;
	c.home = who.home;
	c.hostname = m->name;
	c.hosts = m->hosts;
	c.nameservers = m->nameservers;
	if (encl_launch_check_lines(&c.argv, "command", e) ||
	    encl_launch_check_lines(&c.env, "env", e))
		return encl_wrap(e, "%sapp", at);
	if (argv.v && argv.v[0][0] == '/' && !encl_tree_find(tree, argv.v[0]))
		encl_warn(log, "%sapp.command: %s is not in the image", at, argv.v[0]);
	rc = encl_launch_config_write(&c, out, e);
	return rc ? encl_wrap(e, "%sapp", at) : 0;
}

static int
add_file(struct encl_entry_sink *sink, const char *path, uint32_t mode, uint64_t sde,
	 const struct encl_content *content, struct encl_err *e)
{
	const struct encl_entry entry = {
		.path = path,
		.type = content ? ENCL_REG : ENCL_DIR,
		.mode = mode,
		.mtime = (int64_t)sde,
		.content = content ? *content : (struct encl_content){0},
	};

	return sink->add(sink, &entry, e);
}

static struct encl_content
content_of(const void *data, size_t n)
{
	return (struct encl_content){
		.data = data, .size = n, .crc = encl_crc32(0, data, n)};
}

int
encl_install_guest(struct encl_log *log, const struct encl_manifest *m,
		   const json_t *lock, const struct encl_image_config *config,
		   struct encl_tree *tree, struct encl_err *e)
{
	static const struct encl_origin origin = {"generated", "enclavebuild"};
	encl_auto(encl_buf_clear) struct encl_buf text = {.cap = ENCL_LAUNCH_CONFIG_MAX};
	encl_auto(encl_buf_clear) struct encl_buf line = {.cap = ENCL_DIGEST_TEXT + 1};
	struct encl_entry_sink *sink = encl_tree_sink(tree);
	struct encl_content launch;
	struct encl_content written;
	struct encl_content named;
	struct encl_digest digest;
	char digest_text[ENCL_DIGEST_TEXT];
	uint64_t sde = m->source_date_epoch;

	static const char *const ours[] = {"/.enclave"};
	size_t matched;

	if (encl_guest_program(m->arch, "launch", &launch, e) ||
	    encl_tree_remove(tree, ours, 1, &matched, e) ||
	    write_config(log, m, config, tree, &text, e))
		return -1;
	if (matched)
		encl_warn(log, "/.enclave of the sources is left out: it is the tool's");
	encl_manifest_digest(m, lock, &digest);
	encl_digest_format(&digest, digest_text);
	encl_buf_add_fmt(&line, "%s\n", digest_text);
	written = content_of(text.data, text.len);
	named = content_of(line.data, line.len);
	if (sink->begin(sink, &origin, 0, e) ||
	    add_file(sink, ".enclave", 0755, sde, NULL, e) ||
	    add_file(sink, ".enclave/config", 0600, sde, &written, e) ||
	    add_file(sink, ".enclave/launch", 0755, sde, &launch, e) ||
	    add_file(sink, ".enclave/manifest.digest", 0644, sde, &named, e))
		return -1;
	return sink->end(sink, e);
}
