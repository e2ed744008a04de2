/* SPDX-License-Identifier: Apache-2.0 */
/* The client as a whole: its options, and what its threads share. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/curl.h"
#include "base/stream.h"
#include "registry/internal.h"

enum { CA_MAX = 4 * 1024 * 1024 };

static void
lock_share(CURL *c, curl_lock_data data, curl_lock_access access, void *arg)
{
	struct encl_registry *r = arg;

	(void)c;
	(void)access;
	pthread_mutex_lock(&r->share_locks[data]);
}

static void
unlock_share(CURL *c, curl_lock_data data, void *arg)
{
	struct encl_registry *r = arg;

	(void)c;
	pthread_mutex_unlock(&r->share_locks[data]);
}

/* Names and TLS sessions; libcurl does not share connections between threads. */
static void
open_share(struct encl_registry *r)
{
	r->share = curl_share_init();
	if (!r->share)
		abort();
	for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++)
		pthread_mutex_init(&r->share_locks[i], NULL);
	curl_share_setopt(r->share, CURLSHOPT_LOCKFUNC, lock_share);
	curl_share_setopt(r->share, CURLSHOPT_UNLOCKFUNC, unlock_share);
	curl_share_setopt(r->share, CURLSHOPT_USERDATA, r);
	curl_share_setopt(r->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(r->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

struct encl_handle *
encl_handle_take(struct encl_registry *r, const char *origin)
{
	struct encl_handle *h = NULL;

	pthread_mutex_lock(&r->lock);
	for (struct encl_handle **p = &r->idle; *p; p = &(*p)->next) {
		if (strcmp((*p)->origin, origin) != 0)
			continue;
		h = *p;
		*p = h->next;
		break;
	}
	pthread_mutex_unlock(&r->lock);
	if (h)
		return h;
	h = encl_xcalloc(1, sizeof *h);
	h->origin = encl_xstrdup(origin);
	h->curl = curl_easy_init();
	if (!h->curl)
		abort();
	return h;
}

void
encl_handle_give(struct encl_registry *r, struct encl_handle *h)
{
	curl_easy_reset(h->curl);
	pthread_mutex_lock(&r->lock);
	h->next = r->idle;
	r->idle = h;
	pthread_mutex_unlock(&r->lock);
}

static char *
copy_text(const char *s)
{
	return s ? encl_xstrdup(s) : NULL;
}

int
encl_registry_open(struct encl_env *env, const struct encl_registry_options *options,
		   struct encl_registry **out, struct encl_err *e)
{
	static const struct encl_registry_options none;
	encl_auto(encl_free) char *ca = NULL;
	struct encl_registry *r;
	size_t n;

	if (!options)
		options = &none;
	if (options->ca_file && encl_read_file(options->ca_file, CA_MAX, &ca, &n, e)) {
		e->code = ENCL_USAGE;
		return -1;
	}
	if (ca && !strstr(ca, "-----BEGIN "))
		return encl_fail(e, ENCL_USAGE, "%s: no certificate in PEM form",
				 options->ca_file);
	encl_curl_init();
	r = encl_xcalloc(1, sizeof *r);
	r->env = env;
	r->ca = encl_take(ca, NULL);
	r->auth_file = copy_text(options->auth_file);
	r->certs_dir = copy_text(options->certs_dir);
	r->credentials = options->credentials;
	r->plain_http = options->plain_http;
	r->trace = options->trace;
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_init(&r->uploads.lock, NULL);
	pthread_cond_init(&r->uploads.fewer, NULL);
	open_share(r);
	*out = r;
	return 0;
}

static void
free_texts(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

void
encl_registry_free(struct encl_registry *r)
{
	if (!r)
		return;
	while (r->idle) {
		struct encl_handle *h = r->idle;

		r->idle = h->next;
		curl_easy_cleanup(h->curl);
		free(h->origin);
		free(h);
	}
	while (r->hosts) {
		struct encl_host *h = r->hosts;

		r->hosts = h->next;
		encl_host_free(h);
	}
	curl_share_cleanup(r->share);
	for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++)
		pthread_mutex_destroy(&r->share_locks[i]);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->uploads.fewer);
	pthread_mutex_destroy(&r->uploads.lock);
	encl_tls_free(r->tls);
	free_texts(r->warnings, r->n_warnings);
	free(r->auth_file);
	free(r->certs_dir);
	free(r->ca);
	free(r);
}

struct encl_env *
encl_registry_env(struct encl_registry *r)
{
	return r->env;
}

struct encl_registry_uploads *
encl_registry_uploads(struct encl_registry *r)
{
	return &r->uploads;
}
