/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that an enclave has no business with: they lead to this machine or to
 * what trusts it.  Judged by what a name has been resolved to, so that no name
 * leads there either.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "launch/egress_internal.h"

struct range {
	uint8_t address[16];
	unsigned prefix;
	bool local; /* may be allowed */
	const char *what;
};

static const char loopback[] = "it is loopback of the parent";
static const char link_local[] =
	"it is link-local, where the instance's metadata service is";
static const char unspecified[] = "it is no address of a host";
static const char multicast[] = "it is no address of one host";

static const struct range v4_ranges[] = {
	{{0}, 8, false, unspecified},	    {{127}, 8, true, loopback},
	{{169, 254}, 16, true, link_local}, {{224}, 4, false, multicast},
	{{240}, 4, false, multicast},
};

static const struct range v6_ranges[] = {
	{{0}, 128, false, unspecified},
	{{[15] = 1}, 128, true, loopback},
	{{0xfe, 0x80}, 10, true, link_local},
	/* EC2: metadata, name server and clock (fd00:ec2::254, ::253, ::123) */
	{{0xfd, 0, 0x0e, 0xc2}, 32, true, link_local},
	{{0xff}, 8, false, multicast},
};

static bool
is_within(const uint8_t *address, const struct range *r)
{
	unsigned whole = r->prefix / 8;
	unsigned bits = r->prefix % 8;

	if (memcmp(address, r->address, whole) != 0)
		return false;
	return !bits || !((address[whole] ^ r->address[whole]) >> (8 - bits));
}

static const char *
in_ranges(const uint8_t *address, const struct range *r, size_t n, bool local)
{
	for (size_t i = 0; i < n; i++)
		if (is_within(address, &r[i]) && !(local && r[i].local))
			return r[i].what;
	return NULL;
}

/* The IPv4 address that an IPv6 one leads to, or NULL. */
static const uint8_t *
within_v6(const uint8_t *a)
{
	static const uint8_t zeros[12] = {0};
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};

	if (!memcmp(a, mapped, 12) || !memcmp(a, nat64, 12))
		return a + 12;
	if (!memcmp(a, zeros, 12) && (a[12] || a[13] || a[14]))
		return a + 12;
	return a[0] == 0x20 && a[1] == 0x02 ? a + 2 : NULL;
}

static const uint8_t *
bytes_of(const struct sockaddr *a, size_t *n)
{
	*n = a->sa_family == AF_INET ? 4 : 16;
	if (a->sa_family == AF_INET)
		return (const uint8_t *)&((const struct sockaddr_in *)(const void *)a)
			->sin_addr;
	return (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)a)
		->sin6_addr;
}

static bool
is_own(const uint8_t *address, size_t n)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all))
		return true; /* not known: then rather not */
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		const uint8_t *own;
		size_t n_own;

		if (!i->ifa_addr || (i->ifa_addr->sa_family != AF_INET &&
				     i->ifa_addr->sa_family != AF_INET6))
			continue;
		own = bytes_of(i->ifa_addr, &n_own);
		found = n_own == n && !memcmp(own, address, n);
	}
	freeifaddrs(all);
	return found;
}

static const char *
refuses_v4(const uint8_t *a, bool local)
{
	const char *why =
		in_ranges(a, v4_ranges, sizeof v4_ranges / sizeof *v4_ranges, local);

	if (!why && !local && is_own(a, 4))
		why = "it is the parent's own address";
	return why;
}

const char *
encl_egress_refuses(const struct sockaddr *sa, bool local)
{
	const uint8_t *inner;
	const uint8_t *a;
	const char *why;
	size_t n;

	if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6)
		return "it is no address of the internet";
	a = bytes_of(sa, &n);
	if (n == 4)
		return refuses_v4(a, local);
	inner = within_v6(a);
	why = in_ranges(a, v6_ranges, sizeof v6_ranges / sizeof *v6_ranges, local);
	if (!why && inner)
		why = refuses_v4(inner, local);
	if (!why && !local && is_own(a, 16))
		why = "it is the parent's own address";
	return why;
}

void
encl_egress_format(const struct sockaddr *a, char out[ENCL_EGRESS_TEXT])
{
	bool v6 = a->sa_family == AF_INET6;
	char text[INET6_ADDRSTRLEN] = "?";
	size_t n;
	in_port_t port = v6 ? ((const struct sockaddr_in6 *)(const void *)a)->sin6_port
			    : ((const struct sockaddr_in *)(const void *)a)->sin_port;

	inet_ntop(a->sa_family, bytes_of(a, &n), text, sizeof text);
	snprintf(out, ENCL_EGRESS_TEXT, v6 ? "[%s]:%u" : "%s:%u", text, ntohs(port));
}
