/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that come elsewhere than at the relay's listeners. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch/relay_internal.h"

/* What the connection keeps, in one piece of memory: strings follow. */
struct kept {
	struct encl_relay_visitor visitor; /* first: freed as such */
	struct encl_relay_end target;
	char bytes[];
};

static const char *
keep(char **at, const char *p, size_t n)
{
	char *kept = *at;

	if (!p)
		return NULL;
	if (n)
		memcpy(kept, p, n);
	*at += n;
	return kept;
}

static struct kept *
keep_all(const struct encl_relay_visitor *v, const struct encl_relay_end *target)
{
	const size_t n_host = target->host ? strlen(target->host) + 1 : 0;
	const size_t n_path = target->path ? strlen(target->path) + 1 : 0;
	struct kept *k = malloc(sizeof *k + v->n_head + v->n_hello + v->n_refusal +
				n_host + n_path);
	char *at;

	if (!k)
		return NULL;
	at = k->bytes;
	k->visitor = *v;
	k->visitor.head = keep(&at, v->head, v->n_head);
	k->visitor.hello = keep(&at, v->hello, v->n_hello);
	k->visitor.refusal = keep(&at, v->refusal, v->n_refusal);
	k->target = *target;
	k->target.host = keep(&at, target->host, n_host);
	k->target.path = keep(&at, target->path, n_path);
	return k;
}

int
encl_relay_adopt(struct encl_relay *r, const struct encl_relay_visitor *v,
		 const struct encl_relay_end *target)
{
	struct kept *k = keep_all(v, target);
	struct encl_relay_connection *c;

	if (!k) {
		close(v->fd);
		if (target->kind == ENCL_RELAY_OPEN && target->fd >= 0)
			close(target->fd);
		return -1;
	}
	c = encl_relay_begin(r, v->fd, v->framed, &k->target);
	if (!c) {
		free(k);
		return -1;
	}
	c->visitor = &k->visitor;
	encl_relay_wake(r, c->retry_at);
	return 0;
}
