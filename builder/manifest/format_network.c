/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of texts in network.egress.allow. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "manifest/format.h"

/* The pattern has seen to it that text is labels of letters, digits, "_", "-", "*". */
static const char *
host_pattern(const char *text)
{
	const char *last = strrchr(text, '.');
	bool hex;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, ".");

		if (n > 63)
			return "has a part longer than 63 bytes";
		if (p[0] == '-' || p[n - 1] == '-')
			return "has a part that begins or ends with \"-\"";
		p += n + (p[n] == '.');
	}
	/* What ends in a number is an address to whoever resolves it. */
	last = last ? last + 1 : text;
	hex = last[0] == '0' && last[1] == 'x' &&
	      !last[2 + strspn(last + 2, "0123456789abcdef")];
	if (hex || !last[strspn(last, "0123456789")])
		return "ends in a number, as addresses do; write those under \"cidr\"";
	return NULL;
}

static const char *
cidr(const char *text)
{
	const size_t n = strcspn(text, "/");
	encl_auto(encl_free) char *address = encl_xstrndup(text, n);
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned char b[16];
	char shortest[INET6_ADDRSTRLEN];
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	unsigned bits = family == AF_INET6 ? 128 : 32;
	uint64_t prefix;

	if (inet_pton(family, address, b) != 1)
		return "is not an IPv4 or IPv6 network";
	if (!text[n])
		return "has no length of its prefix; a single address is ADDRESS/32, or "
		       "ADDRESS/128 of IPv6";
	if (!encl_parse_uint(text + n + 1, 10, bits, &prefix))
		return "has no prefix of that length";
	if (family == AF_INET6 && prefix >= 96 && !memcmp(b, mapped, sizeof mapped))
		return "is IPv4 written as IPv6; write it as IPv4";
	for (size_t i = (size_t)prefix; i < bits; i++)
		if (b[i / 8] & (0x80 >> i % 8))
			return "has bits behind its prefix";
	if (!inet_ntop(family, b, shortest, sizeof shortest) ||
	    strcmp(shortest, address) != 0)
		return "is not in its shortest form";
	return NULL;
}

static const char *
port_range(const char *text)
{
	const char *dash = strchr(text, '-');
	unsigned long from = strtoul(text, NULL, 10); /* digits, says the pattern */
	unsigned long to = dash ? strtoul(dash + 1, NULL, 10) : from;

	if (from > 65535 || to > 65535)
		return "is not within 1 to 65535";
	return dash && to <= from ? "ends before it begins" : NULL;
}

const struct encl_format encl_format_host_pattern = {
	.noun = "host ",
	.what = "a host name in lower case, in which \"*\" stands for any characters of a "
		"label other than the last",
	.pattern = "^([a-z0-9_*-]+[.])*[a-z0-9_-]+$",
	.check = host_pattern,
	.max = 253,
};
const struct encl_format encl_format_cidr = {
	.noun = "network ",
	.what = "a network such as \"203.0.113.0/24\" or \"2001:db8::/32\"",
	.check = cidr,
	.max = 64,
};
const struct encl_format encl_format_port_range = {
	.noun = "port ",
	.what = "a port such as 443, or a range such as 8000-8010",
	.pattern = "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$",
	.check = port_range,
	.max = 11,
	.free_text = true,
};
