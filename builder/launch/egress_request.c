/* SPDX-License-Identifier: Apache-2.0 */
/* The one request that the parent's proxy takes (RFC 9110 §9.3.6). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "launch/egress_internal.h"

#define METHOD	"CONNECT "
#define VERSION " HTTP/1.1"

enum { HEAD_MAX = 4096 };

static bool
read_port(const char *p, size_t n, unsigned *out)
{
	unsigned v = 0;

	if (!n || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(p[i] - '0');
	}
	*out = v;
	return v > 0 && v <= 65535;
}

/* "HOST:PORT" or "[ADDRESS]:PORT"; nothing that a resolver could stumble on. */
static bool
read_authority(const char *p, size_t n, struct encl_egress_request *out)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	static const char digits[] = "0123456789abcdef:.";
	const char *colon = memrchr(p, ':', n);
	size_t host = colon ? (size_t)(colon - p) : 0;
	bool v6 = host > 2 && p[0] == '[' && p[host - 1] == ']';

	if (!colon || !read_port(colon + 1, n - host - 1, &out->port))
		return false;
	if (v6) {
		p++;
		host -= 2;
	}
	if (!host || host >= sizeof out->host || p[0] == '-')
		return false;
	memcpy(out->host, p, host);
	out->host[host] = 0;
	return strspn(out->host, v6 ? digits : letters) == host;
}

static bool
read_line(const char *p, size_t n, struct encl_egress_request *out)
{
	static const size_t method = sizeof METHOD - 1;
	static const size_t version = sizeof VERSION - 1;

	return n > method + version && !memcmp(p, METHOD, method) &&
	       !memcmp(p + n - version, VERSION, version) &&
	       read_authority(p + method, n - method - version, out);
}

int
encl_egress_read(const char *p, size_t n, struct encl_egress_request *out)
{
	static const char plain[] = "Enclave-Plain: yes";
	struct encl_egress_request r = {.plain = false};
	bool first = true;

	for (size_t at = 0;;) {
		const char *line = p + at;
		size_t left = n < HEAD_MAX ? n - at : HEAD_MAX - at;
		const char *end = left ? memmem(line, left, "\r\n", 2) : NULL;
		size_t len = end ? (size_t)(end - line) : 0;

		if (!end)
			return n < HEAD_MAX ? 0 : -1;
		at += len + 2;
		if (first && !read_line(line, len, &r))
			return -1;
		if (!first && !len) {
			r.head = at;
			*out = r;
			return 1;
		}
		if (len == sizeof plain - 1 && !memcmp(line, plain, len))
			r.plain = true;
		first = false;
	}
}
