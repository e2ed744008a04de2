/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker-daemon:NAME: what `docker save` writes, over the API that it uses
 * (Docker Engine API, GET /images/NAME/get), and then a docker-archive.  Of its
 * two formats the old one is taken: config and DiffIDs are the same for every
 * daemon and version, what a manifest would pin of the saved bytes is not.
 */
#include "sources/image_daemon.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/http.h"
#include "base/json.h"
#include "sources/cache.h"
#include "sources/fetch.h"
#include "sources/image_open.h"
#include "sources/tar.h"

#define DEFAULT_SOCKET "/var/run/docker.sock"

/* By the digest of the config: the saved archive. */
static const char link_kind[] = "docker-image";

static int
socket_path(const char **out, struct encl_err *e)
{
	const char *host = getenv("DOCKER_HOST");

	*out = DEFAULT_SOCKET;
	if (!host || !*host)
		return 0;
	if (strncmp(host, "unix://", 7) != 0 || host[7] != '/')
		return encl_fail(e, ENCL_USAGE,
				 "DOCKER_HOST is not unix:///PATH, the only kind of "
				 "address that docker-daemon: takes; use a registry, or "
				 "docker save and docker-archive:");
	*out = host + 7;
	return 0;
}

/* Names keep their slashes and colons, and nothing else that means something. */
static char *
url_of(const char *name, const char *what)
{
	encl_auto(encl_free) char *base = encl_fetch_url("http://docker/images", name);

	return encl_xasprintf("%s/%s", base, what);
}

struct save {
	struct encl_http_get get;
	struct encl_env *env;
	const char *what;
	struct encl_cache_writer writer;
	struct encl_digest digest;
};

static int
begin(struct encl_http_get *get, struct encl_sink **sink, struct encl_err *e)
{
	struct save *s = (struct save *)get;

	encl_cache_writer_clear(&s->writer);
	if (encl_cache_write(s->env->cache, &s->writer, ENCL_TAR_MAX_BYTES, s->what, e))
		return -1;
	*sink = &s->writer.sink;
	return 0;
}

static int
end(struct encl_http_get *get, struct encl_err *e)
{
	struct save *s = (struct save *)get;

	return encl_cache_commit(&s->writer, NULL, &s->digest, NULL, e);
}

static int
save(struct encl_env *env, const char *socket, const char *name, struct encl_digest *out,
     struct encl_err *e)
{
	encl_auto(encl_free) char *url = url_of(name, "get");
	encl_auto(encl_free) char *label = encl_xasprintf("saving %s", name);
	const char *urls[] = {url};
	struct save s = {.env = env, .what = name};
	struct encl_http_get *gets[] = {&s.get};
	int rc;

	s.get.urls = urls;
	s.get.n_urls = 1;
	s.get.socket = socket;
	s.get.max = ENCL_TAR_MAX_BYTES;
	s.get.begin = begin;
	s.get.end = end;
	rc = encl_http_get_all(env, label, gets, 1, e);
	encl_cache_writer_clear(&s.writer);
	*out = s.digest;
	return rc;
}

/* The daemon is asked first whether it knows the name: its archive of an image
 * that it does not have is an error without words. */
static int
save_known(struct encl_env *env, const char *name, struct encl_digest *out,
	   struct encl_err *e)
{
	encl_auto(encl_free) char *url = url_of(name, "json");
	encl_auto(encl_buf_clear) struct encl_buf about = {.cap = ENCL_IMAGE_JSON_MAX};
	const char *socket;

	if (socket_path(&socket, e))
		return -1;
	if (encl_http_get_socket(env, socket, url, &about, e) ||
	    save(env, socket, name, out, e))
		return encl_wrap(e, "docker-daemon:%s", name);
	return 0;
}

static int
open_saved(struct encl_env *env, const struct encl_image_ref *ref,
	   const struct encl_digest *tar, enum encl_arch arch,
	   struct encl_image_store *store, struct encl_image *out, bool *found,
	   struct encl_err *e)
{
	encl_auto(encl_image_store_clear) struct encl_image_store s = {.dirfd = -1};
	const struct encl_image_ref whole = {.kind = ENCL_IMAGE_DOCKER_ARCHIVE};
	uint64_t size;
	int fd;

	if (encl_cache_get(env->cache, tar, env->log, &fd, &size, e))
		return -1;
	*found = fd >= 0;
	if (!*found)
		return 0;
	if (encl_image_store_of_tar(fd, size, ref->path, &s, e) ||
	    encl_docker_archive_open(&s, &whole, arch, out, e))
		return -1;
	*store = s;
	s = (struct encl_image_store){.dirfd = -1};
	return 0;
}

static int
open_pinned(struct encl_env *env, const struct encl_image_ref *ref, const json_t *pin,
	    enum encl_arch arch, struct encl_image_store *store, struct encl_image *out,
	    bool *found, struct encl_err *e)
{
	const char *config = json_string_value(json_object_get(pin, "config"));
	struct encl_digest tar;

	*found = false;
	if (!config)
		return 0;
	if (encl_cache_link_get(env->cache, link_kind, config, &tar, found, e))
		return -1;
	return *found ? open_saved(env, ref, &tar, arch, store, out, found, e) : 0;
}

int
encl_image_daemon_open(struct encl_env *env, const struct encl_image_ref *ref,
		       const json_t *pin, enum encl_arch arch,
		       struct encl_image_store *store, struct encl_image *out,
		       struct encl_err *e)
{
	struct encl_digest tar;
	bool found;

	if (open_pinned(env, ref, pin, arch, store, out, &found, e))
		return -1;
	if (found)
		return 0;
	if (save_known(env, ref->path, &tar, e) ||
	    open_saved(env, ref, &tar, arch, store, out, &found, e))
		return -1;
	if (!found)
		return encl_fail(e, ENCL_FAILED,
				 "%s: the saved image vanished from the "
				 "cache",
				 ref->path);
	return encl_cache_link_set(env->cache, link_kind, out->config, &tar, e);
}
