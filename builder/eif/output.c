/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks to the file, whole blocks with O_DIRECT where that works. */
#include "eif/output.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/stream.h"

/* No block device of today asks for more; where one does, the write fails and
 * goes through the page cache. */
enum { BLOCK = ENCL_FANOUT_ALIGN };

void
encl_output_init(struct encl_output *o, int fd, bool direct)
{
	*o = (struct encl_output){.fd = fd, .try_direct = direct};
}

/* False where the file does not take the change. */
static bool
set_direct(struct encl_output *o, bool on)
{
	int flags;

	if (o->direct == on)
		return true;
	flags = fcntl(o->fd, F_GETFL);
	if (flags < 0 ||
	    fcntl(o->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) < 0)
		return false;
	o->direct = on;
	return true;
}

static bool
write_direct(struct encl_output *o, const struct encl_chunk *c)
{
	if (!o->try_direct || !c->n || c->n % BLOCK || c->offset % BLOCK)
		return false;
	o->try_direct = set_direct(o, true) &&
			pwrite(o->fd, c->p, c->n, (off_t)c->offset) == (ssize_t)c->n;
	return o->try_direct;
}

/* Whatever was wrong with the direct way, the usual one has the right error. */
void
encl_output_take(void *arg, const struct encl_chunk *c)
{
	struct encl_output *o = arg;

	if (atomic_load(&o->failed) || write_direct(o, c))
		return;
	if (!set_direct(o, false))
		(void)encl_fail_sys(&o->e, ENCL_FAILED, "write the image");
	else if (!encl_pwrite_full(o->fd, c->p, c->n, c->offset, "the image", &o->e))
		return;
	atomic_store(&o->failed, true);
}

int
encl_output_finish(struct encl_output *o, struct encl_err *e)
{
	if (!atomic_load(&o->failed) && !set_direct(o, false)) {
		(void)encl_fail_sys(&o->e, ENCL_FAILED, "write the image");
		atomic_store(&o->failed, true);
	}
	if (!atomic_load(&o->failed))
		return 0;
	*e = o->e;
	return -1;
}
