/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of a build: present, fresh, and written by a tool with our bytes. */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "build_internal.h"
#include "lock/lock.h"

/* The programs of this tool are what the lock says, or bytes would differ. */
static int
check_tool(const struct encl_build *b, const char *path, struct encl_err *e)
{
	const char *compressor = encl_root_compressor(&b->m->boot);
	const json_t *guest = json_object_get(b->lock, "guest");
	const char *locked = json_string_value(json_object_get(b->lock, "compressor"));
	static const char *const names[] = {"init", "launch"};

	if (!locked || strcmp(locked, compressor) != 0)
		return encl_fail(
			e, ENCL_MISMATCH,
			"%s: compressor is \"%s\" there and \"%s\" here: the bytes "
			"would differ; use that version or run \"enclavebuild lock\"",
			path, locked ? locked : "", compressor);
	for (size_t i = 0; i < 2; i++) {
		const char *want = json_string_value(json_object_get(guest, names[i]));
		struct encl_content program;
		struct encl_digest digest;
		char text[ENCL_DIGEST_TEXT];

		if (i == 0 && b->m->boot.init != ENCL_INIT_BUILTIN)
			continue;
		if (encl_guest_program(b->m->arch, names[i], &program, e))
			return -1;
		encl_digest_of(ENCL_SHA256, program.data, (size_t)program.size, &digest);
		encl_digest_format(&digest, text);
		if (!want || strcmp(want, text) != 0)
			return encl_fail(
				e, ENCL_MISMATCH,
				"%s: guest program %s is %s there and %s in this "
				"tool: the bytes would differ; use the tool that "
				"wrote the lock or run \"enclavebuild lock\"",
				path, names[i], want ? want : "absent", text);
	}
	return 0;
}

static int
check_fresh(const struct encl_build *b, const char *path, struct encl_err *e)
{
	encl_auto(json_decref) json_t *canonical = encl_manifest_canonical(b->m);
	encl_auto(json_decref) json_t *items = encl_lock_items(canonical);
	encl_auto(encl_buf_clear) struct encl_buf changed = {.cap = 600};

	encl_lock_compare(b->lock, items, &changed);
	if (changed.len)
		return encl_fail(
			e, ENCL_MISMATCH,
			"%s is stale: changed in %s: %s; run \"enclavebuild lock\"", path,
			b->m->file, encl_buf_text(&changed));
	return check_tool(b, path, e);
}

int
encl_build_lock(struct encl_build *b, bool locked, bool *had_lock, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_lock_path(b->m);
	const struct encl_resolve_request fresh = {0};

	if (!b->lock && encl_lock_read(path, &b->lock, e))
		return -1;
	*had_lock = b->lock != NULL;
	if (b->lock)
		return check_fresh(b, path, e) ||
				       (b->env->offline && encl_build_offline(b, e))
			       ? -1
			       : 0;
	if (locked)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s is not there; run \"enclavebuild lock\" first",
				 path);
	if (encl_build_pinned(b->m, e))
		return -1;
	encl_info(b->env->log, "no %s: resolving now; \"enclavebuild lock\" pins it",
		  path);
	return encl_resolve(b->env, b->m, &fresh, &b->lock, e);
}
