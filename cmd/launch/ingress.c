/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network.ingress: vsock ports that the parent connects to, relayed to
 * 127.0.0.1 (builder/launch/relay.h).  A target that refuses closes the vsock
 * side.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest/boot.h"
#include "launch/launch.h"
#include "launch/loop.h"
#include "launch/relay.h"

static void
ready(struct watch *w, uint32_t events)
{
	(void)events;
	encl_relay_step(w->arg);
}

static bool
add(struct encl_relay *r, const struct ingress *in, bool framed)
{
	const struct encl_relay_end wall = {
		.kind = ENCL_RELAY_VSOCK, .port = (uint32_t)in->vsock, .framed = framed};
	const struct encl_relay_end target = {.kind = ENCL_RELAY_TCP,
					      .port = (uint32_t)in->tcp};

	if (!encl_relay_add(r, &wall, &target))
		return true;
	say("ingress ", in->name, ": listen on vsock ", guest_dec(in->vsock), ": ",
	    guest_why());
	return false;
}

/* With no vsock at all (enclave.heartbeat=off) the program runs all the same. */
bool
launch_has_vsock(void)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	close(fd);
	return !guest_boot_word("enclave.heartbeat=off");
}

void
launch_ingress(const struct config *c)
{
	static struct watch watch;
	bool framed = guest_boot_word("enclave.relay=framed");
	struct encl_relay *r;

	if (!c->n_ingress)
		return;
	if (!launch_has_vsock()) {
		say("no vsock: nothing of network.ingress is reachable");
		return;
	}
	r = encl_relay_new(0);
	if (!r) {
		say("ingress: ", guest_why());
		return;
	}
	for (size_t i = 0; i < c->n_ingress; i++)
		if (add(r, &c->ingress[i], framed))
			say("ingress ", c->ingress[i].name, ": vsock ",
			    guest_dec(c->ingress[i].vsock),
			    " to 127.0.0.1:", guest_dec(c->ingress[i].tcp));
	watch.ready = ready;
	watch.arg = r;
	if (loop_watch(&watch, encl_relay_fd(r), EPOLLIN))
		say("ingress: ", guest_why());
}
