/* SPDX-License-Identifier: Apache-2.0 */
/* A list of blobs, a few threads that take the next one. */
#include "push/upload.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/parallel.h"
#include "base/stream.h"

void
encl_uploads_clear(struct encl_uploads *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->v[i].label);
	free(u->v);
	memset(u, 0, sizeof *u);
}

void
encl_uploads_add(struct encl_uploads *u, const struct encl_upload *upload,
		 const char *label)
{
	for (size_t i = 0; i < u->n; i++)
		if (encl_digest_equal(&u->v[i].digest, &upload->digest))
			return;
	u->v = encl_xrealloc(u->v, u->n + 1, sizeof *u->v);
	u->v[u->n] = *upload;
	u->v[u->n++].label = encl_xstrdup(label);
}

struct work {
	struct encl_registry *r;
	const struct encl_reference *where;
	const char *mount_from;
	struct encl_upload *v;
};

/* What is in memory gets a descriptor, for the one way that there is to send. */
static int
memory_file(const struct encl_upload *u, int *out, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = memfd_create("blob", MFD_CLOEXEC);

	if (fd < 0)
		return encl_fail_sys(e, ENCL_HOST, "memfd_create");
	if (encl_pwrite_full(fd, u->data, u->size, 0, u->label, e))
		return -1;
	*out = encl_take(fd, -1);
	return 0;
}

static int
send_one(void *arg, size_t i, struct encl_err *e)
{
	const struct work *w = arg;
	struct encl_upload *u = &w->v[i];
	encl_auto(encl_close_fd) int memory = -1;
	const struct encl_registry_blob blob = {u->digest, u->size, u->label};

	if (u->fd < 0 && memory_file(u, &memory, e))
		return -1;
	return encl_registry_blob_put(w->r, w->where, &blob, u->fd < 0 ? memory : u->fd,
				      u->offset, w->mount_from, &u->outcome, e);
}

int
encl_uploads_send(struct encl_registry *r, const struct encl_reference *where,
		  struct encl_uploads *u, size_t from, const char *mount_from,
		  unsigned threads, struct encl_err *e)
{
	struct work w = {r, where, mount_from, u->v + from};

	return encl_parallel(threads, u->n - from, send_one, &w, e);
}

json_t *
encl_uploads_json(const struct encl_uploads *u, uint64_t *sent)
{
	static const char *const outcomes[] = {[ENCL_BLOB_THERE] = "there",
					       [ENCL_BLOB_MOUNTED] = "mounted",
					       [ENCL_BLOB_SENT] = "sent"};
	json_t *list = json_array();

	*sent = 0;
	for (size_t i = 0; i < u->n; i++) {
		const struct encl_upload *v = &u->v[i];
		char text[ENCL_DIGEST_TEXT];

		encl_digest_format(&v->digest, text);
		if (v->outcome == ENCL_BLOB_SENT)
			*sent += v->size;
		json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "Digest", text,
						      "Size", (json_int_t)v->size,
						      "Outcome", outcomes[v->outcome]));
	}
	return list;
}
