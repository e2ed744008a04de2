/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports to routes of the relay. */
#include "launch/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "launch/relay.h"
#include "launch/wall.h"

/* IPv6 addresses stand in brackets. */
#define ADDRESS(w)                                                                       \
	strchr((w)->address, ':') ? "[" : "", (w)->address,                              \
		strchr((w)->address, ':') ? "]" : "", (w)->port

/* A connection takes two descriptors here and one in the vsock program. */
static void
raise_limit(void)
{
	const rlim_t wanted = (rlim_t)ENCL_RELAY_MAX * 4;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int
fail_to_listen(const struct encl_way *w, struct encl_err *e)
{
	if (errno == EADDRINUSE)
		return encl_fail(e, ENCL_HOST,
				 "publish %s%s%s:%u: the port is in use; choose another "
				 "with -p, or --no-publish",
				 ADDRESS(w));
	return encl_fail_sys(e, ENCL_HOST, "publish %s%s%s:%u", ADDRESS(w));
}

static struct encl_relay_end
listen_end(const struct encl_way *w)
{
	return (struct encl_relay_end){
		.kind = ENCL_RELAY_TCP, .host = w->address, .port = w->port};
}

int
encl_publish_open(const struct encl_way *ways, size_t n, struct encl_relay **out,
		  int **listeners, struct encl_err *e)
{
	int *fds = encl_xcalloc(n + 1, sizeof *fds);
	struct encl_relay *r;
	size_t i;

	for (i = 0; i < n; i++)
		fds[i] = -1;
	for (i = 0; i < n; i++) {
		const struct encl_relay_end here = listen_end(&ways[i]);

		fds[i] = encl_relay_listen(&here);
		if (fds[i] < 0) {
			fail_to_listen(&ways[i], e);
			encl_publish_close(fds, n);
			return -1;
		}
	}
	r = encl_relay_new(0);
	if (!r) {
		encl_fail_sys(e, ENCL_FAILED, "start the relay");
		encl_publish_close(fds, n);
		return -1;
	}
	encl_relay_hold(r, true);
	raise_limit();
	*listeners = fds;
	*out = r;
	return 0;
}

int
encl_publish_lead(struct encl_relay *r, int *listeners, const struct encl_way *ways,
		  size_t n, const struct encl_wall *wall, struct encl_err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct encl_relay_end here = listen_end(&ways[i]);
		struct encl_relay_end there;

		encl_wall_target(wall, ways[i].vsock, ways[i].name != NULL, &there);
		there.timeout_ms = ENCL_WAY_TIMEOUT_MS;
		there.retry = true;
		here.fd = encl_take(listeners[i], -1);
		if (encl_relay_add(r, &here, &there))
			return fail_to_listen(&ways[i], e);
	}
	return 0;
}

void
encl_publish_close(int *listeners, size_t n)
{
	for (size_t i = 0; listeners && i < n; i++)
		encl_close_fd(listeners[i]);
	free(listeners);
}

void
encl_publish_tell(const struct encl_way *ways, size_t n, struct encl_log *log)
{
	for (size_t i = 0; i < n; i++) {
		const struct encl_way *w = &ways[i];

		if (w->name)
			encl_info(log, "publishing %s%s%s:%u -> %s (vsock %u)",
				  ADDRESS(w), w->name, w->vsock);
		else
			encl_info(log, "publishing %s%s%s:%u -> vsock %u", ADDRESS(w),
				  w->vsock);
	}
}
