/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom to trust and who we are, by server: the system's CAs (or SSL_CERT_FILE),
 * --cacert, and Docker's /etc/docker/certs.d/HOST[:PORT]/: *.crt are CAs,
 * NAME.cert with NAME.key our certificate.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/curl.h"
#include "base/stream.h"
#include "registry/internal.h"

enum { CA_FILE_MAX = 4 * 1024 * 1024, CA_ALL_MAX = 32 * 1024 * 1024 };

struct encl_tls {
	struct encl_tls *next;
	char *origin;
	struct encl_buf ca; /* PEM besides the system's; empty: none */
	char *cert;
	char *key;
};

void
encl_tls_free(struct encl_tls *t)
{
	while (t) {
		struct encl_tls *next = t->next;

		free(t->origin);
		encl_buf_clear(&t->ca);
		free(t->cert);
		free(t->key);
		free(t);
		t = next;
	}
}

static int
add_pem(struct encl_tls *t, const char *path, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	size_t n;

	if (encl_read_file(path, CA_FILE_MAX, &text, &n, e))
		return -1;
	encl_buf_add(&t->ca, text, n);
	encl_buf_add_byte(&t->ca, '\n');
	return encl_buf_check(&t->ca, path, e);
}

static bool
ends_in(const char *name, const char *ending)
{
	size_t n = strlen(name);
	size_t m = strlen(ending);

	return n > m && !strcmp(name + n - m, ending);
}

static int
add_client(struct encl_tls *t, const char *folder, const char *name, struct encl_err *e)
{
	encl_auto(encl_free) char *cert = encl_xasprintf("%s/%s", folder, name);
	encl_auto(encl_free) char *key =
		encl_xasprintf("%s/%.*s.key", folder, (int)(strlen(name) - 5), name);

	if (t->cert)
		return 0;
	if (access(key, R_OK))
		return encl_fail_sys(e, ENCL_HOST, "%s: its key %s", cert, key);
	t->cert = encl_take(cert, NULL);
	t->key = encl_take(key, NULL);
	return 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
read_folder(struct encl_tls *t, const char *folder, struct encl_err *e)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, NULL, by_name);
	int rc = 0;

	if (n < 0 && errno != ENOENT && errno != ENOTDIR)
		return encl_fail_sys(e, ENCL_HOST, "read folder %s", folder);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (!rc && ends_in(name, ".crt")) {
			encl_auto(encl_free) char *path =
				encl_xasprintf("%s/%s", folder, name);

			rc = add_pem(t, path, e);
		} else if (!rc && ends_in(name, ".cert")) {
			rc = add_client(t, folder, name, e);
		}
		free(list[i]);
	}
	free(list);
	return rc;
}

static int
read_folders(struct encl_registry *r, struct encl_tls *t, const struct encl_origin *o,
	     struct encl_err *e)
{
	const char *top = r->certs_dir ? r->certs_dir : "/etc/docker/certs.d";
	bool v6 = strchr(o->host, ':') != NULL;
	encl_auto(encl_free) char *plain =
		encl_xasprintf("%s/%s%s%s", top, v6 ? "[" : "", o->host, v6 ? "]" : "");
	encl_auto(encl_free) char *with_port = encl_xasprintf("%s:%u", plain, o->port);

	if (read_folder(t, with_port, e))
		return -1;
	return o->port == 443 ? read_folder(t, plain, e) : 0;
}

/* libcurl takes our own CAs instead of the system's file: that goes in front. */
static int
add_system(struct encl_tls *t, struct encl_err *e)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	const char *file = getenv("SSL_CERT_FILE");

	if (!file && !v->capath)
		file = v->cainfo;
	return file && *file ? add_pem(t, file, e) : 0;
}

static int
load(struct encl_registry *r, const struct encl_origin *o, const char *origin,
     struct encl_tls **out, struct encl_err *e)
{
	struct encl_tls *t = encl_xcalloc(1, sizeof *t);

	encl_buf_init(&t->ca, CA_ALL_MAX);
	t->origin = encl_xstrdup(origin);
	if (read_folders(r, t, o, e)) {
		encl_tls_free(t);
		return -1;
	}
	if (r->ca)
		encl_buf_add_str(&t->ca, r->ca);
	if (t->ca.len && add_system(t, e)) {
		encl_tls_free(t);
		return -1;
	}
	t->next = r->tls;
	r->tls = t;
	*out = t;
	return 0;
}

static int
find(struct encl_registry *r, const struct encl_origin *o, struct encl_tls **out,
     struct encl_err *e)
{
	encl_auto(encl_free) char *origin = encl_xasprintf("%s:%u", o->host, o->port);
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	for (*out = r->tls; *out; *out = (*out)->next)
		if (!strcmp((*out)->origin, origin))
			break;
	if (!*out)
		rc = load(r, o, origin, out, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int
encl_tls_set(struct encl_registry *r, CURL *c, const struct encl_origin *o,
	     struct encl_err *e)
{
	const char *file = getenv("SSL_CERT_FILE");
	const char *folder = getenv("SSL_CERT_DIR");
	struct encl_tls *t;

	if (strcmp(o->scheme, "https") != 0)
		return 0;
	if (find(r, o, &t, e))
		return -1;
	if (folder && *folder)
		curl_easy_setopt(c, CURLOPT_CAPATH, folder);
	if (t->ca.len) {
		struct curl_blob blob = {
			.data = t->ca.data, .len = t->ca.len, .flags = CURL_BLOB_NOCOPY};

		curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
	} else if (file && *file) {
		curl_easy_setopt(c, CURLOPT_CAINFO, file);
	}
	if (t->cert) {
		curl_easy_setopt(c, CURLOPT_SSLCERT, t->cert);
		curl_easy_setopt(c, CURLOPT_SSLKEY, t->key);
	}
	return 0;
}
