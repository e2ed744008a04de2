/* SPDX-License-Identifier: Apache-2.0 */
/* Answers and lines about refusals: every byte of a client's is made harmless. */
#include "launch/egress_say.h"

#include <string.h>

#include "guest/say.h"
#include "launch/docker.h"
#include "launch/loop.h"

enum { BURST = 20, EVERY_MS = 1000, SHOWN = 100 };

/* ---- answers ---- */

static const char *
reason(int status)
{
	switch (status) {
	case 400:
		return "400 Bad Request";
	case 403:
		return "403 Forbidden";
	case 431:
		return "431 Request Header Fields Too Large";
	case 501:
		return "501 Not Implemented";
	case 502:
		return "502 Bad Gateway";
	default:
		return "503 Service Unavailable";
	}
}

size_t
egress_answer(int status, const char *const *parts, char out[EGRESS_ANSWER])
{
	char text[EGRESS_ANSWER - 256];
	size_t n;

	join_texts(text, sizeof text - 1, parts);
	n = strlen(text);
	text[n++] = '\n';
	text[n] = 0;
	join_texts(out, EGRESS_ANSWER,
		   (const char *const[]){
			   "HTTP/1.1 ", reason(status),
			   "\r\nContent-Type: text/plain\r\nContent-Length: ",
			   guest_dec(n), "\r\nConnection: close\r\n\r\n", text, 0});
	return strlen(out);
}

size_t
egress_answer_denied(const struct egress_target *t, const struct egress_rule *rule,
		     char out[EGRESS_ANSWER])
{
	const char *key = t->is_address ? "cidr" : "host";
	const char *bits = !t->is_address ? "" : t->v4 ? "/32" : "/128";

	if (rule)
		return egress_say_answer(
			403, out, "egress to ", t->authority, " is denied: the rule for ",
			rule->host ? rule->host : rule->cidr, " has the ports ",
			rule->ports, ", not ", guest_dec(t->port),
			"; they stand in network.egress.allow of enclave.yaml");
	return egress_say_answer(403, out, "egress to ", t->authority,
				 " is denied: no rule of network.egress.allow in "
				 "enclave.yaml has it; it would be {",
				 key, ": \"", t->host, bits, "\", ports: [",
				 guest_dec(t->port), "]}");
}

/* ---- the console ---- */

/* May a line be printed now? */
static bool
may_say(void)
{
	static unsigned tokens = BURST;
	static uint64_t since;
	static unsigned long unsaid;
	const uint64_t now = loop_ms();
	const uint64_t more = (now - since) / EVERY_MS;

	if (more) {
		tokens = more >= BURST - tokens ? BURST : tokens + (unsigned)more;
		since = now;
	}
	if (!tokens) {
		unsaid++;
		return false;
	}
	tokens--;
	if (unsaid)
		say("egress: ", guest_dec(unsaid), " more were refused");
	unsaid = 0;
	return true;
}

void
egress_escape(const char *p, size_t n, char *out, size_t room)
{
	static const char hex[] = "0123456789abcdef";

	for (; n && room > 4; n--, p++) {
		unsigned char c = (unsigned char)*p;

		if (c >= ' ' && c < 0x7f && c != '\\' && c != '"') {
			*out++ = (char)c;
			room--;
			continue;
		}
		*out++ = '\\';
		*out++ = 'x';
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
		room -= 4;
	}
	*out = 0;
}

void
egress_log_denied(const struct egress_target *t, const struct egress_rule *rule)
{
	if (!may_say())
		return;
	if (rule)
		say("egress: denied ", t->authority, ": the rule for ",
		    rule->host ? rule->host : rule->cidr, " has the ports ", rule->ports);
	else
		say("egress: denied ", t->authority, ": no rule has the ",
		    t->is_address ? "address" : "host");
}

void
egress_log_refused(const char *head, size_t n, const char *why)
{
	const char *end = memchr(head, '\n', n);
	char shown[SHOWN];

	if (!may_say())
		return;
	n = end ? (size_t)(end - head) : n;
	if (n && head[n - 1] == '\r')
		n--;
	egress_escape(head, n, shown, sizeof shown);
	say("egress: refused \"", shown, "\": ", why);
}
