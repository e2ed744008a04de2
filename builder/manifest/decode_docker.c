/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the table of keys leaves as text in the docker section becomes structs,
 * and all that has several spellings one (canonical) spelling.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "manifest/docker_value.h"
#include "manifest/internal.h"

static bool
is_hub(const char *name, size_t n)
{
	static const char *const hosts[] = {"docker.io", "index.docker.io",
					    "registry-1.docker.io"};

	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		if (strlen(hosts[i]) == n && !strncmp(hosts[i], name, n))
			return true;
	return false;
}

char *
encl_image_name(const char *reference)
{
	const char *name = reference;
	size_t host = strcspn(name, "/");
	const char *at = strchr(name, '@');
	const char *slash;
	const char *colon;

	if (!strncmp(name, "sha256:", 7))
		return encl_xstrdup(name);
	if (name[host] && is_hub(name, host))
		name += host + 1;
	if (!strncmp(name, "library/", 8) && !strchr(name + 8, '/'))
		name += 8;
	slash = strrchr(name, '/');
	colon = strchr(slash ? slash : name, ':');
	if (at && colon && colon < at)
		return encl_xasprintf("%.*s%s", (int)(colon - name), name, at);
	return encl_xasprintf("%s%s", name, at || colon ? "" : ":latest");
}

static const char *
image_name(struct encl_decoder *d, const char *text)
{
	encl_auto(encl_free) char *name = text ? encl_image_name(text) : NULL;

	return name ? encl_arena_strdup(d->arena, name) : NULL;
}

static void
finish_engine(struct encl_decoder *d, struct encl_docker_engine *engine)
{
	struct encl_layer *l = &engine->layer;

	l->pos = engine->pos;
	l->kind = ENCL_LAYER_PACKAGES;
	if (engine->kind == ENCL_DOCKER_ARCHIVE) {
		/* docker/dockerd, docker/containerd, … */
		l->kind = ENCL_LAYER_ARCHIVE;
		l->at = "/usr/bin";
		l->strip_components = 1;
		l->owner = "0:0";
	}
	encl_decode_finish_layer(d, l);
}

static void
finish_image(struct encl_decoder *d, struct encl_docker_image *image)
{
	image->name = image_name(d, image->name);
	encl_decode_finish_signal(d, &image->stop_signal);
	for (size_t i = 0; i < image->n_layers; i++)
		encl_decode_finish_layer(d, &image->layers[i]);
}

static void
finish_ports(struct encl_decoder *d, struct encl_container *c)
{
	c->ports = encl_arena_alloc(d->arena, (c->publish.n + 1) * sizeof *c->ports);
	for (size_t i = 0; i < c->publish.n; i++) {
		struct encl_publish *p = &c->ports[c->n_ports];

		if (encl_docker_port(d->arena, c->publish.v[i], p))
			continue; /* reported when it was read */
		c->publish.v[c->n_ports++] = encl_docker_port_text(d->arena, p);
	}
	c->publish.n = c->n_ports;
}

typedef const char *mount_fn(struct encl_arena *arena, const char *text,
			     struct encl_mount *out);

static void
finish_mounts(struct encl_decoder *d, struct encl_container *c,
	      struct encl_strings *texts, mount_fn *parse)
{
	size_t n = 0;

	for (size_t i = 0; i < texts->n; i++) {
		struct encl_mount *m = &c->mounts[c->n_mounts];

		if (parse(d->arena, texts->v[i], m))
			continue;
		c->n_mounts++;
		texts->v[n++] = encl_docker_mount_text(d->arena, m);
	}
	texts->n = n;
}

static void
finish_ulimits(struct encl_decoder *d, struct encl_pairs *ulimits)
{
	for (size_t i = 0; i < ulimits->n; i++) {
		struct encl_pair *p = &ulimits->v[i];
		encl_auto(encl_free) char *text = NULL;
		int64_t soft, hard;

		if (!encl_docker_ulimit(p->value, &soft, &hard))
			continue;
		text = encl_xasprintf("%" PRId64 ":%" PRId64, soft, hard);
		p->value = encl_arena_strdup(d->arena, text);
	}
}

static void
finish_capabilities(struct encl_strings *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *name = encl_docker_capability(list->v[i]);

		list->v[i] = name ? name : list->v[i];
	}
}

void
encl_decode_finish_container(struct encl_decoder *d, const struct encl_docker *docker,
			     struct encl_container *c)
{
	c->image = image_name(d, c->image);
	encl_decode_finish_signal(d, &c->unit.stop_signal);
	finish_ports(d, c);
	c->mounts = encl_arena_alloc(d->arena,
				     (c->volumes.n + c->tmpfs.n + 1) * sizeof *c->mounts);
	finish_mounts(d, c, &c->volumes, encl_docker_volume);
	finish_mounts(d, c, &c->tmpfs, encl_docker_tmpfs);
	finish_ulimits(d, &c->ulimits);
	finish_capabilities(&c->cap_add);
	finish_capabilities(&c->cap_drop);
	if (!c->has_network)
		c->host_network = docker->host_network;
}

void
encl_decode_finish_docker(struct encl_decoder *d, struct encl_manifest *m)
{
	struct encl_docker *docker = &m->docker;

	finish_engine(d, &docker->engine);
	for (size_t i = 0; i < docker->n_images; i++)
		finish_image(d, &docker->images[i]);
	for (size_t i = 0; i < docker->n_containers; i++)
		encl_decode_finish_container(d, docker, &docker->containers[i]);
}
