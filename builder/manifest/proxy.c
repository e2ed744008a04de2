/* SPDX-License-Identifier: Apache-2.0 */
/* How programs in the enclave are told of the proxy of network.egress. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "manifest/manifest.h"

/* In either case: of curl and wget http_proxy, of Java's and Go's programs
 * HTTP_PROXY is known to some only. */
static const char *const names[ENCL_PROXY_VARIABLES] = {
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"};

static bool
is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

/* What is inside the enclave is reached directly. */
static char *
without_proxy(const struct encl_manifest *m)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 20};
	size_t n;

	encl_buf_add_str(&b, "NO_PROXY=localhost,127.0.0.1,::1");
	for (size_t i = 0; i < m->hosts.n; i++)
		if (is_loopback(m->hosts.v[i].value) &&
		    strcmp(m->hosts.v[i].key, "localhost") != 0)
			encl_buf_add_fmt(&b, ",%s", m->hosts.v[i].key);
	if (m->docker.given)
		encl_buf_add_str(&b, ",172.17.0.0/16,172.18.0.0/16");
	for (size_t i = 0; i < m->docker.n_containers; i++) {
		const struct encl_container *c = &m->docker.containers[i];

		encl_buf_add_fmt(&b, ",%s", c->unit.name);
		for (size_t j = 0; j < c->aliases.n; j++)
			encl_buf_add_fmt(&b, ",%s", c->aliases.v[j]);
	}
	return (char *)encl_buf_steal(&b, &n);
}

char *
encl_manifest_proxy_variable(const struct encl_manifest *m, const char *address,
			     const struct encl_pairs *given, size_t i)
{
	char *text;

	if (!m->egress.given)
		return NULL;
	for (size_t j = 0; j < given->n; j++)
		if (!strcasecmp(given->v[j].key, names[i]))
			return NULL;
	if (strcasecmp(names[i], "no_proxy") != 0)
		return encl_xasprintf("%s=http://%s:%u", names[i], address,
				      m->egress.proxy_port);
	text = without_proxy(m);
	memcpy(text, names[i], strlen(names[i]));
	return text;
}
