/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/hosts and /etc/resolv.conf, which an image never brings along right. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/file.h"
#include "launch/launch.h"

struct text {
	char *at;
	size_t n;
	bool short_of_memory;
};

static void
add(struct text *t, const char *s)
{
	size_t len = strlen(s);
	char *grown = t->short_of_memory ? NULL : realloc(t->at, t->n + len + 1);

	if (!grown) {
		t->short_of_memory = true;
		return;
	}
	t->at = grown;
	memcpy(grown + t->n, s, len + 1);
	t->n += len;
}

/* A link to nowhere (into systemd's /run, say) is replaced by the file. */
static void
write_out(struct text *t, const char *path)
{
	int r = -1;

	if (t->short_of_memory)
		errno = ENOMEM;
	else
		r = guest_write_file(path, t->at, t->n);
	if (r && (errno == ENOENT || errno == ELOOP) && unlink(path) == 0)
		r = guest_write_file(path, t->at, t->n);
	if (r)
		say("warning: write ", path, ": ", guest_why());
	free(t->at);
}

/* "ADDRESS NAME": is the name in the list? */
static bool
has_host(const struct strings *hosts, const char *name)
{
	for (size_t i = 0; i < hosts->n; i++) {
		const char *space = strchr(hosts->v[i], ' ');

		if (space && strcmp(space + 1, name) == 0)
			return true;
	}
	return false;
}

static void
write_hosts(const struct config *c)
{
	struct text t = {0};

	add(&t, "127.0.0.1 localhost\n"
		"::1 localhost ip6-localhost ip6-loopback\n");
	for (size_t i = 0; i < c->hosts.n; i++) {
		add(&t, c->hosts.v[i]);
		add(&t, "\n");
	}
	/* The own name resolves, as programs expect, unless the config has it. */
	if (c->hostname && strcmp(c->hostname, "localhost") != 0 &&
	    !has_host(&c->hosts, c->hostname)) {
		add(&t, "127.0.0.1 ");
		add(&t, c->hostname);
		add(&t, "\n");
	}
	write_out(&t, "/etc/hosts");
}

static void
write_resolv_conf(const struct config *c)
{
	struct text t = {0};
	struct stat st;

	/* What the image has stays where nothing is said. */
	if (!c->nameservers.n && stat("/etc/resolv.conf", &st) == 0)
		return;
	if (!c->nameservers.n)
		add(&t,
		    "# no name servers: network.nameservers of enclave.yaml is empty\n");
	for (size_t i = 0; i < c->nameservers.n; i++) {
		add(&t, "nameserver ");
		add(&t, c->nameservers.v[i]);
		add(&t, "\n");
	}
	write_out(&t, "/etc/resolv.conf");
}

void
launch_etc(const struct config *c)
{
	if (guest_mkdir("/etc", 0755))
		say("warning: create /etc: ", guest_why());
	write_hosts(c);
	write_resolv_conf(c);
}
