/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports to routes of the relay. */
#include "launch/publish.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "launch/relay.h"

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

int
encl_publish_open(const struct encl_way *ways, size_t n, const char *socket,
		  struct encl_relay **out, struct encl_err *e)
{
	struct encl_relay *r = encl_relay_new(0);

	if (!r)
		return encl_fail_sys(e, ENCL_FAILED, "start the relay");
	encl_relay_hold(r, true);
	raise_limit();
	for (size_t i = 0; i < n; i++) {
		const struct encl_relay_end here = {.kind = ENCL_RELAY_TCP,
						    .host = ways[i].address,
						    .port = ways[i].port};
		const struct encl_relay_end there = {.kind = ENCL_RELAY_UNIX,
						     .path = socket,
						     .port = ways[i].vsock,
						     .framed = ways[i].name != NULL,
						     .timeout_ms = ENCL_WAY_TIMEOUT_MS,
						     .retry = true};

		if (encl_relay_add(r, &here, &there)) {
			fail_to_listen(&ways[i], e);
			encl_relay_free(r);
			return -1;
		}
	}
	*out = r;
	return 0;
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
