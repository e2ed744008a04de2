/* SPDX-License-Identifier: Apache-2.0 */
/* An enclave to the config of launch: "KEY LENGTH\n", the value, "\n", … "end 0\n\n". */
#include "ramdisk/launch_config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "ramdisk/launch_record.h"

enum {
	HOST_NAME_LONGEST = 64, /* sethostname(2) takes no more */
	UNITS_MAX = 1024,
	SHOWN_MAX = 60 /* bytes of a value in a message */
};

int
encl_launch_refuse(struct encl_err *e, const char *what, const char *value,
		   const char *why)
{
	size_t n = strnlen(value, SHOWN_MAX + 1);
	bool cut = n > SHOWN_MAX;
	encl_auto(encl_free) char *shown = encl_escape(value, cut ? SHOWN_MAX : n);

	return encl_fail(e, ENCL_USAGE, "%s \"%s%s\" %s", what, shown, cut ? "..." : "",
			 why);
}

void
encl_launch_record(struct encl_buf *out, const char *key, const char *value)
{
	size_t n = strlen(value);

	encl_buf_add_fmt(out, "%s %zu\n", key, n);
	encl_buf_add(out, value, n);
	encl_buf_add_byte(out, '\n');
}

/* Names of a line of /etc/hosts: no bytes that end or split it. */
static bool
is_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
			return false;
	return *name && *name != '-' && *name != '.';
}

static bool
is_address(const char *text)
{
	uint8_t address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, address) == 1 ||
	       inet_pton(AF_INET6, text, address) == 1;
}

static int
write_network(const struct encl_launch_config *c, struct encl_buf *out,
	      struct encl_err *e)
{
	if (c->hostname && *c->hostname) {
		if (!is_name(c->hostname) || strlen(c->hostname) > HOST_NAME_LONGEST)
			return encl_launch_refuse(
				e, "host name", c->hostname,
				"is not a name of letters, digits, - . _, at most 64 long");
		encl_launch_record(out, "hostname", c->hostname);
	}
	for (size_t i = 0; i < c->hosts.n; i++) {
		const struct encl_pair *h = &c->hosts.v[i];
		encl_auto(encl_free) char *line = NULL;

		if (!is_name(h->key))
			return encl_launch_refuse(e, "host", h->key,
						  "is not a host name");
		if (!is_address(h->value))
			return encl_launch_refuse(e, "address of a host", h->value,
						  "is not an IPv4 or IPv6 address");
		line = encl_xasprintf("%s %s", h->value, h->key);
		encl_launch_record(out, "host", line);
	}
	for (size_t i = 0; i < c->nameservers.n; i++) {
		if (!is_address(c->nameservers.v[i]))
			return encl_launch_refuse(e, "name server", c->nameservers.v[i],
						  "is not an IPv4 or IPv6 address");
		encl_launch_record(out, "nameserver", c->nameservers.v[i]);
	}
	return 0;
}

static int
write_ingress(const struct encl_launch_config *c, struct encl_buf *out,
	      struct encl_err *e)
{
	for (size_t i = 0; i < c->n_ingress; i++) {
		const struct encl_ingress *in = &c->ingress[i];
		encl_auto(encl_free) char *text =
			encl_xasprintf("%s %u %u", in->name, in->vsock, in->tcp);

		if (!*in->name || strchr(in->name, ' '))
			return encl_launch_refuse(e, "ingress", in->name, "is no name");
		if (in->vsock == UINT32_MAX || !in->tcp || in->tcp > 65535)
			return encl_launch_refuse(e, "ingress", text, "has no such port");
		encl_launch_record(out, "ingress", text);
	}
	return 0;
}

/* "host NAME PORTS" or "cidr NETWORK PORTS", the ports with commas between. */
static int
write_allow(const struct encl_allow *rule, struct encl_buf *out, struct encl_err *e)
{
	const char *what = rule->host ? rule->host : rule->cidr;
	encl_auto(encl_buf_clear) struct encl_buf text;

	if (!what || !*what || strchr(what, ' ') || !rule->ports.n)
		return encl_launch_refuse(e, "egress", what ? what : "", "is no rule");
	encl_buf_init(&text, 4096);
	encl_buf_add_fmt(&text, "%s %s ", rule->host ? "host" : "cidr", what);
	for (size_t i = 0; i < rule->ports.n; i++)
		encl_buf_add_fmt(&text, "%s%s", i ? "," : "", rule->ports.v[i]);
	if (encl_buf_check(&text, "a rule of egress", e))
		return -1;
	encl_launch_record(out, "egress_allow", encl_buf_text(&text));
	return 0;
}

static int
write_egress(const struct encl_launch_config *c, struct encl_buf *out, struct encl_err *e)
{
	encl_auto(encl_free) char *port = NULL;

	if (!c->egress || !c->egress->given)
		return 0;
	port = encl_xasprintf("%u", c->egress->proxy_port);
	if (!c->egress->proxy_port || c->egress->proxy_port > 65535)
		return encl_launch_refuse(e, "egress port", port, "is none");
	encl_launch_record(out, "egress", port);
	for (size_t i = 0; i < c->n_gateways; i++)
		encl_launch_record(out, "egress_gateway", c->gateways[i]);
	for (size_t i = 0; i < c->egress->n_allow; i++)
		if (write_allow(&c->egress->allow[i], out, e))
			return -1;
	return 0;
}

/* The API's port and gateways; extensions, then locks. */
static int
write_attestation(const struct encl_launch_config *c, struct encl_buf *out,
		  struct encl_err *e)
{
	encl_auto(encl_free) char *port = encl_xasprintf("%u", c->attest);

	if (c->attest > 65535)
		return encl_launch_refuse(e, "attestation port", port, "is none");
	if (c->attest)
		encl_launch_record(out, "attest", port);
	for (size_t i = 0; c->attest && i < c->n_gateways; i++)
		encl_launch_record(out, "attest_gateway", c->gateways[i]);
	for (size_t i = 0; i < c->n_extend; i++) {
		const struct encl_launch_extension *x = &c->extend[i];
		char digits[2 * ENCL_DIGEST_MAX + 1];
		encl_auto(encl_free) char *text = NULL;

		encl_hex(x->data.bytes, encl_digest_size(x->data.algo), digits);
		text = encl_xasprintf("%u %s", x->pcr, digits);
		if (x->data.algo != ENCL_SHA384 || x->pcr < ENCL_EXTEND_FIRST ||
		    x->pcr > ENCL_EXTEND_LAST)
			return encl_launch_refuse(e, "extension", text,
						  "is of no such register");
		encl_launch_record(out, "extend", text);
	}
	for (size_t i = 0; i < c->lock.n; i++)
		encl_launch_record(out, "lock", c->lock.v[i]);
	return 0;
}

static int
write_exchanges(const struct encl_launch_config *c, struct encl_buf *out,
		struct encl_err *e)
{
	for (size_t i = 0; i < c->n_exchanges; i++) {
		const struct encl_exchange *x = &c->exchanges[i];
		encl_auto(encl_free) char *text =
			encl_xasprintf("%s %u %" PRIu64 " %s %s", x->name, x->vsock,
				       x->max_mib, x->writable ? "rw" : "ro", x->path);

		if (!*x->name || strchr(x->name, ' '))
			return encl_launch_refuse(e, "exchange", x->name, "is no name");
		if (x->vsock == UINT32_MAX || x->max_mib > UINT32_MAX || *x->path != '/')
			return encl_launch_refuse(e, "exchange", text,
						  "has no such port, size or path");
		encl_launch_record(out, "exchange", text);
	}
	return 0;
}

/* Names are unique, and what is depended on comes first. */
static int
check_order(const struct encl_launch_config *c, size_t at, struct encl_err *e)
{
	const struct encl_unit *u = c->units[at].unit;

	for (size_t i = 0; i < at; i++)
		if (!strcmp(c->units[i].unit->name, u->name))
			return encl_launch_refuse(e, "unit", u->name, "is there twice");
	for (size_t d = 0; d < u->n_depends; d++) {
		size_t i = 0;

		while (i < at && strcmp(c->units[i].unit->name, u->depends[d].name) != 0)
			i++;
		if (i == at)
			return encl_launch_refuse(e, "dependency", u->depends[d].name,
						  "is no unit before the one it is of");
	}
	return 0;
}

static int
write_units(const struct encl_launch_config *c, struct encl_buf *out, struct encl_err *e)
{
	if (!c->n_units || c->n_units > UNITS_MAX)
		return encl_fail(e, ENCL_USAGE, "%zu units are not 1 to %d", c->n_units,
				 UNITS_MAX);
	for (size_t i = 0; i < c->n_units; i++) {
		if (check_order(c, i, e))
			return -1;
		if (encl_launch_unit_write(&c->units[i], out, e))
			return encl_wrap(e, "%s", c->units[i].unit->name);
	}
	return 0;
}

int
encl_launch_config_write(const struct encl_launch_config *c, struct encl_buf *out,
			 struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf b;

	encl_buf_init(&b, ENCL_LAUNCH_CONFIG_MAX);
	encl_buf_add_str(&b, "enclave-launch 2\n");
	if (c->exec)
		encl_launch_record(&b, "exec", "");
	if (write_network(c, &b, e) || write_ingress(c, &b, e) ||
	    write_egress(c, &b, e) || write_attestation(c, &b, e) ||
	    write_exchanges(c, &b, e) || write_units(c, &b, e))
		return -1;
	encl_launch_record(&b, "end", "");
	if (encl_buf_check(&b, "the config of launch (command, environment, hosts)", e))
		return -1;
	encl_buf_add(out, b.data, b.len);
	return 0;
}

int
encl_launch_check_lines(const struct encl_strings *items, const char *what,
			struct encl_err *e)
{
	for (size_t i = 0; i < items->n; i++)
		if (strchr(items->v[i], '\n'))
			return encl_launch_refuse(
				e, what, items->v[i],
				"has a newline, which AWS's one-a-line lists cannot carry");
	return 0;
}
