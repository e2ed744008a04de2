/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loopback.  Setting lo up gives it no IPv4 address, and AWS's init does not
 * even do that: a server is then "started" and 127.0.0.1 does not answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launch/launch.h"

/* struct in6_ifreq of linux/ipv6.h, which musl does not ship. */
struct ifreq6 {
	struct in6_addr address;
	uint32_t prefix;
	int index;
};

static int
set_address(int fd, struct ifreq *lo, int request, uint32_t address)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(address)};

	memcpy(&lo->ifr_addr, &in, sizeof in);
	return ioctl(fd, request, lo);
}

static void
loopback(void)
{
	struct ifreq lo = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		say("warning: no loopback: ", guest_why());
		return;
	}
	if (set_address(fd, &lo, SIOCSIFADDR, INADDR_LOOPBACK) ||
	    set_address(fd, &lo, SIOCSIFNETMASK, 0xff000000) ||
	    ioctl(fd, SIOCGIFFLAGS, &lo))
		say("warning: loopback 127.0.0.1: ", guest_why());
	else {
		lo.ifr_flags |= IFF_UP | IFF_RUNNING;
		if (ioctl(fd, SIOCSIFFLAGS, &lo))
			say("warning: loopback up: ", guest_why());
	}
	close(fd);
}

/* The kernel gives lo ::1 itself when it goes up, unless told not to; a kernel
 * without IPv6 is fine too. */
static void
loopback6(void)
{
	struct ifreq6 lo = {.address = IN6ADDR_LOOPBACK_INIT, .prefix = 128};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	lo.index = (int)if_nametoindex("lo");
	if (ioctl(fd, SIOCSIFADDR, &lo) && errno != EEXIST && errno != EACCES)
		say("warning: loopback ::1: ", guest_why());
	close(fd);
}

void
launch_network(const struct config *c)
{
	const char *name = c->hostname ? c->hostname : "enclave";

	loopback();
	loopback6();
	if (sethostname(name, strlen(name)))
		say("warning: host name ", name, ": ", guest_why());
}
