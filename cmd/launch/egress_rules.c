/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations in one spelling, and the rules that match them. */
#include "launch/egress_rules.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "launch/config_read.h"

enum { LABEL = 63 };

static const char not_a_name[] = "the host is not a name of letters, digits, - and _";

/* ---- destinations ---- */

static bool
digits(const char *text, size_t n, unsigned max, unsigned *out)
{
	unsigned v = 0;

	if (!n || n > 5 || (n > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (unsigned)(text[i] - '0');
	}
	*out = v;
	return v <= max;
}

/* As resolvers and browsers see it: then it is an address, or nothing. */
static bool
ends_in_number(const char *host)
{
	const char *last = strrchr(host, '.');

	last = last ? last + 1 : host;
	if (!last[strspn(last, "0123456789")])
		return true;
	return last[0] == '0' && last[1] == 'x' &&
	       !last[2 + strspn(last + 2, "0123456789abcdef")];
}

/* Copies in lower case, without the dot of the root. */
static const char *
take_name(const char *text, size_t n, struct egress_target *out)
{
	size_t label = 0;

	if (n > 1 && text[n - 1] == '.')
		n--;
	if (!n)
		return "the host is empty";
	if (n > EGRESS_NAME)
		return "the host's name is too long";
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		out->host[i] = c;
		if (c == '.' ? !label || text[i - 1] == '-'
			     : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
				 c == '_' || (c == '-' && label)))
			return not_a_name;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL)
			return "a part of the host's name is too long";
	}
	out->host[n] = 0;
	return !label || text[n - 1] == '-' ? not_a_name : NULL;
}

static const char *
take_v4(struct egress_target *out)
{
	struct in_addr a;

	/* also 127.1, 0x7f000001, 2130706433 and 0177.0.0.1 */
	if (!inet_aton(out->host, &a))
		return "the host ends in a number, but is no address";
	memcpy(out->address, &a, 4);
	out->is_address = out->v4 = true;
	inet_ntop(AF_INET, &a, out->host, sizeof out->host);
	return NULL;
}

static const char *
take_v6(const char *text, size_t n, struct egress_target *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char digits6[INET6_ADDRSTRLEN];

	if (n >= sizeof digits6)
		return "there is no IPv6 address within the brackets";
	memcpy(digits6, text, n);
	digits6[n] = 0;
	if (strlen(digits6) != n || inet_pton(AF_INET6, digits6, out->address) != 1)
		return "there is no IPv6 address within the brackets";
	out->is_address = true;
	out->v4 = !memcmp(out->address, mapped, sizeof mapped);
	if (out->v4)
		memmove(out->address, out->address + 12, 4);
	inet_ntop(out->v4 ? AF_INET : AF_INET6, out->address, out->host,
		  sizeof out->host);
	return NULL;
}

static const char *
take_host(const char *text, size_t n, struct egress_target *out)
{
	const char *wrong;

	if (n && text[0] == '[')
		return text[n - 1] == ']' ? take_v6(text + 1, n - 2, out)
					  : "a bracket is not closed";
	if (memchr(text, ':', n))
		return "an IPv6 address has to stand in brackets";
	wrong = take_name(text, n, out);
	if (!wrong && ends_in_number(out->host))
		wrong = take_v4(out);
	return wrong;
}

static void
write_authority(struct egress_target *t)
{
	bool brackets = t->is_address && !t->v4;
	size_t n = strlen(t->host);
	char *at = t->authority;
	char port[6];
	char *p = port + sizeof port - 1;

	if (brackets)
		*at++ = '[';
	memcpy(at, t->host, n);
	at += n;
	if (brackets)
		*at++ = ']';
	*at++ = ':';
	*p = 0;
	for (unsigned v = t->port; v; v /= 10)
		*--p = (char)('0' + v % 10);
	memcpy(at, p, strlen(p) + 1);
}

const char *
egress_target_parse(const char *text, size_t n, unsigned standard,
		    struct egress_target *out)
{
	size_t host = n;
	const char *wrong;

	memset(out, 0, sizeof *out);
	out->port = standard;
	if (memchr(text, '@', n))
		return "a user or a password stands before the host";
	while (host && text[host - 1] != ':' && text[host - 1] != ']')
		host--;
	/* "HOST:PORT" or "[…]:PORT": the last colon, if it is behind the brackets */
	if (host && text[host - 1] == ':') {
		if (!digits(text + host, n - host, PORT_MAX, &out->port) || !out->port)
			return "the port is not a number from 1 to 65535";
		host--;
	} else {
		host = n;
	}
	if (!out->port)
		return "there is no port";
	wrong = take_host(text, host, out);
	if (!wrong)
		write_authority(out);
	return wrong;
}

/* ---- rules ---- */

/* The next "80" or "80-90" of a list; NULL at its end or where it is none. */
static const char *
next_range(const char *at, unsigned *from, unsigned *to)
{
	size_t n = strcspn(at, ",-");

	if (!digits(at, n, PORT_MAX, from) || !*from)
		return NULL;
	*to = *from;
	at += n;
	if (*at == '-') {
		n = strcspn(++at, ",");
		if (!digits(at, n, PORT_MAX, to) || *to <= *from)
			return NULL;
		at += n;
	}
	return *at == ',' ? at + 1 : at;
}

static bool
are_ports(const char *text)
{
	unsigned from;
	unsigned to;

	if (!*text || text[strlen(text) - 1] == ',')
		return false;
	while (text && *text)
		text = next_range(text, &from, &to);
	return text;
}

static bool
has_port(const char *ports, unsigned port)
{
	unsigned from;
	unsigned to;

	while (*ports) {
		ports = next_range(ports, &from, &to);
		if (port >= from && port <= to)
			return true;
	}
	return false;
}

static bool
is_pattern(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-*";
	const char *last = strrchr(text, '.');
	size_t n = strlen(text);

	return n && n <= EGRESS_NAME && !text[strspn(text, allowed)] &&
	       !strchr(last ? last : text, '*') && text[0] != '.' && text[n - 1] != '.' &&
	       !strstr(text, "..") && !ends_in_number(text);
}

static bool
parse_network(const char *text, struct egress_rule *out)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	size_t n = slash ? (size_t)(slash - text) : sizeof address;

	if (n >= sizeof address)
		return false;
	memcpy(address, text, n);
	address[n] = 0;
	out->v4 = !strchr(address, ':');
	return inet_pton(out->v4 ? AF_INET : AF_INET6, address, out->address) == 1 &&
	       digits(slash + 1, strlen(slash + 1), out->v4 ? 32 : 128, &out->prefix);
}

bool
egress_rule_parse(char *text, struct egress_rule *out)
{
	char *what = strchr(text, ' ');
	char *ports = what ? strchr(what + 1, ' ') : NULL;

	if (!ports)
		return false;
	*what++ = 0;
	*ports++ = 0;
	memset(out, 0, sizeof *out);
	out->ports = ports;
	if (strcmp(text, "host") == 0)
		out->host = what;
	else if (strcmp(text, "cidr") == 0)
		out->cidr = what;
	return are_ports(ports) && ((out->host && is_pattern(what)) ||
				    (out->cidr && parse_network(what, out)));
}

/* One label of each; "*" is any run of characters of it. */
static bool
label_matches(const char *p, size_t np, const char *s, size_t ns)
{
	size_t star = np; /* where the last "*" was; what it covers ends at covered */
	size_t covered = 0;
	size_t i = 0;
	size_t j = 0;

	while (j < ns) {
		if (i < np && p[i] == '*') {
			star = i++;
			covered = j;
		} else if (i < np && p[i] == s[j]) {
			i++;
			j++;
		} else if (star < np) {
			i = star + 1;
			j = ++covered;
		} else {
			return false;
		}
	}
	while (i < np && p[i] == '*')
		i++;
	return i == np;
}

static bool
name_matches(const char *p, const char *s)
{
	for (;;) {
		size_t np = strcspn(p, ".");
		size_t ns = strcspn(s, ".");

		if (!label_matches(p, np, s, ns) || !p[np] != !s[ns])
			return false;
		if (!p[np])
			return true;
		p += np + 1;
		s += ns + 1;
	}
}

static bool
is_within(const struct egress_rule *r, const struct egress_target *t)
{
	if (r->v4 != t->v4)
		return false;
	for (unsigned i = 0; i < r->prefix; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		if ((r->address[i / 8] ^ t->address[i / 8]) & bit)
			return false;
	}
	return true;
}

enum egress_verdict
egress_match(const struct egress_rule *rules, size_t n, const struct egress_target *t,
	     const struct egress_rule **rule)
{
	*rule = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct egress_rule *r = &rules[i];

		if (t->is_address ? !r->cidr || !is_within(r, t)
				  : !r->host || !name_matches(r->host, t->host))
			continue;
		if (has_port(r->ports, t->port))
			return EGRESS_ALLOWED;
		if (!*rule)
			*rule = r;
	}
	return *rule ? EGRESS_NO_PORT : EGRESS_NO_RULE;
}
