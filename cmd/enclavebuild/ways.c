/* SPDX-License-Identifier: Apache-2.0 */
/* -p [ADDRESS:]PORT:NAME and the image's own list to ports that are published. */
#include "ways.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"

#define LOOPBACK "127.0.0.1"

#define VSOCK_MAX (UINT32_MAX - 1)

enum { PORT_MAX = 65535 };

void
ways_clear(struct ways *w)
{
	for (size_t i = 0; w->texts && w->texts[i]; i++)
		free(w->texts[i]);
	free(w->texts);
	free(w->v);
	json_decref(w->about);
	memset(w, 0, sizeof *w);
}

json_t *
image_about(const struct encl_eif *eif)
{
	encl_auto(json_decref) json_t *metadata = json_loads(eif->metadata, 0, NULL);
	json_t *about = json_object_get(json_object_get(metadata, "CustomMetadata"),
					"enclavebuild");

	return json_is_object(about) ? json_incref(about) : json_object();
}

static bool
read_port(const json_t *v, uint64_t max, uint64_t *out)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 1 || (uint64_t)n > max)
		return false;
	*out = (uint64_t)n;
	return true;
}

/* The entry of that name, and its vsock port. */
static const char *
find_ingress(const json_t *about, const char *name, uint64_t *vsock)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(about, "ingress"), i, entry) {
		const char *s = json_string_value(json_object_get(entry, "name"));

		if (s && !strcmp(s, name) &&
		    read_port(json_object_get(entry, "vsock"), VSOCK_MAX, vsock))
			return s;
	}
	return NULL;
}

static bool
is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 ||
	       inet_pton(AF_INET6, text, bytes) == 1;
}

/* Cuts text, which is the caller's copy of what, into its two or three parts. */
static int
parse(char *text, const char *what, const json_t *about, struct encl_way *w,
      struct encl_err *e)
{
	char *target = strrchr(text, ':');
	char *port;
	uint64_t number, vsock;

	if (!target)
		return encl_fail(e, ENCL_USAGE, "-p %s: write PORT:NAME", what);
	*target++ = 0;
	w->address = LOOPBACK;
	if ((port = strrchr(text, ':'))) {
		*port++ = 0;
		w->address = text;
		if (text[0] == '[' && text[1] && text[strlen(text) - 1] == ']') {
			text[strlen(text) - 1] = 0;
			w->address = text + 1;
		}
		if (!is_address(w->address))
			return encl_fail(
				e, ENCL_USAGE,
				"-p %s: \"%s\" is not an address in digits; IPv6 "
				"stands in brackets",
				what, w->address);
	} else {
		port = text;
	}
	if (!encl_parse_uint(port, 10, PORT_MAX, &number) || !number)
		return encl_fail(e, ENCL_USAGE, "-p %s: \"%s\" is not a port", what,
				 port);
	w->port = (unsigned)number;
	w->name = find_ingress(about, target, &vsock);
	if (!w->name && (!encl_parse_uint(target, 10, VSOCK_MAX, &vsock) || !vsock))
		return encl_fail(e, ENCL_USAGE,
				 "-p %s: the image's network.ingress has no \"%s\"", what,
				 target);
	w->vsock = (uint32_t)vsock;
	return 0;
}

/* Those of a number that network.ingress has are launch's too. */
static const char *
name_of(const json_t *about, uint32_t vsock)
{
	const json_t *entry;
	uint64_t n;
	size_t i;

	json_array_foreach (json_object_get(about, "ingress"), i, entry)
		if (read_port(json_object_get(entry, "vsock"), VSOCK_MAX, &n) &&
		    n == vsock)
			return json_string_value(json_object_get(entry, "name"));
	return NULL;
}

static int
choose_asked(const struct args *args, struct ways *w, struct encl_err *e)
{
	const char *text;
	size_t n = 0;

	while (args_nth(args, "publish", n))
		n++;
	w->v = encl_xcalloc(n, sizeof *w->v);
	w->texts = encl_xcalloc(n + 1, sizeof *w->texts);
	for (; (text = args_nth(args, "publish", w->n)); w->n++) {
		struct encl_way *way = &w->v[w->n];

		w->texts[w->n] = encl_xstrdup(text);
		if (parse(w->texts[w->n], text, w->about, way, e))
			return -1;
		if (!way->name)
			way->name = name_of(w->about, way->vsock);
	}
	return 0;
}

static void
choose_offered(const json_t *ports, struct encl_log *log, struct ways *w)
{
	const json_t *list = json_object_get(w->about, "ingress");
	const json_t *entry;
	size_t i;

	w->v = encl_xcalloc(json_array_size(list) + 1, sizeof *w->v);
	json_array_foreach (list, i, entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));
		uint64_t vsock, port;

		if (!name ||
		    !read_port(json_object_get(entry, "vsock"), VSOCK_MAX, &vsock))
			continue;
		port = vsock;
		read_port(json_object_get(ports, name), PORT_MAX, &port);
		if (port > PORT_MAX) {
			encl_warn(log,
				  "%s is not published: vsock %" PRIu64
				  " is no TCP port; use -p or deploy.ports",
				  name, vsock);
			continue;
		}
		w->v[w->n++] = (struct encl_way){.address = LOOPBACK,
						 .port = (unsigned)port,
						 .vsock = (uint32_t)vsock,
						 .name = name};
	}
}

int
ways_choose(const struct args *args, const struct encl_eif *eif, const json_t *ports,
	    struct encl_log *log, struct ways *out, struct encl_err *e)
{
	encl_auto(ways_clear) struct ways w = {.about = image_about(eif)};

	w.asked = args_has(args, "publish");
	if (w.asked && args_has(args, "no-publish"))
		return encl_fail(e, ENCL_USAGE, "-p and --no-publish exclude each other");
	if (w.asked && args_has(args, "no-vsock"))
		return encl_fail(e, ENCL_USAGE, "-p needs vsock; leave --no-vsock out");
	if (w.asked && choose_asked(args, &w, e))
		return -1;
	if (!w.asked && !args_has(args, "no-publish") && !args_has(args, "no-vsock"))
		choose_offered(ports, log, &w);
	*out = encl_take(w, (struct ways){0});
	return 0;
}

json_t *
ways_json(const struct encl_way *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:s?, s:I}", "Address", v[i].address,
					"Port", (json_int_t)v[i].port, "Name", v[i].name,
					"Vsock", (json_int_t)v[i].vsock));
	return list;
}
