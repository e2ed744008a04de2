/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What update-ca-certificates makes of /usr/share/ca-certificates and
 * /usr/local/share/ca-certificates: one bundle in the order of paths, a link
 * a certificate, and the links by subject hash that OpenSSL looks up.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "rootfs/debian_internal.h"

enum { MAX_BUNDLE = 16 << 20, MAX_CERTIFICATE = 1 << 20, MAX_SAME_HASH = 16 };

struct certificate {
	char *path; /* without leading slash */
	char *text;
	size_t n;
	uint32_t hash;
	bool parsed;
};

struct certificates {
	struct encl_debian *d;
	struct certificate *v;
	size_t n;
};

static void
certificates_clear(struct certificates *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].path);
		free(c->v[i].text);
	}
	free(c->v);
}
ENCL_AUTO_VAL(struct certificates, certificates_clear);

static void
hash_subject(struct certificate *c)
{
	BIO *bio = BIO_new_mem_buf(c->text, (int)c->n);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	c->parsed = x != NULL;
	if (x)
		c->hash = (uint32_t)X509_subject_name_hash(x);
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
}

static int
collect(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	struct certificates *c = arg;
	size_t len = strlen(path);
	struct certificate *one;

	if (strncmp(path, "usr/share/ca-certificates/", 26) != 0 &&
	    strncmp(path, "usr/local/share/ca-certificates/", 32) != 0)
		return 0;
	if (n->inode->type != ENCL_REG || len < 4 || strcmp(path + len - 4, ".crt") != 0)
		return 0;
	c->v = encl_xrealloc(c->v, c->n + 1, sizeof *c->v);
	one = &c->v[c->n];
	*one = (struct certificate){.path = NULL};
	if (encl_tree_read(c->d->tree, n, MAX_CERTIFICATE, &one->text, &one->n, e))
		return -1;
	one->path = encl_xstrdup(path);
	c->n++;
	hash_subject(one);
	if (!one->parsed)
		encl_warn(c->d->log, "%s: not a certificate in PEM; left out", path);
	return 0;
}

/* Debian's own before the local ones, each in the order of paths. */
static int
by_place(const void *a, const void *b)
{
	const struct certificate *x = a;
	const struct certificate *y = b;
	bool local_x = x->path[4] == 'l';
	bool local_y = y->path[4] == 'l';

	return local_x != local_y ? local_x - local_y : strcmp(x->path, y->path);
}

static int
link_one(struct encl_debian *d, const struct certificates *all, size_t i,
	 struct encl_err *e)
{
	const struct certificate *c = &all->v[i];
	const char *base = strrchr(c->path, '/') + 1;
	size_t n = strlen(base) - strlen(".crt");
	encl_auto(encl_free) char *pem = encl_xasprintf("%.*s.pem", (int)n, base);
	encl_auto(encl_free) char *path = encl_xasprintf("etc/ssl/certs/%s", pem);
	encl_auto(encl_free) char *target = encl_xasprintf("/%s", c->path);
	encl_auto(encl_free) char *hash = NULL;
	unsigned same = 0;

	for (char *p = pem; *p; p++)
		if (strchr(" ,()", *p))
			*p = *p == ' ' ? '_' : *p == ',' ? '_' : '=';
	for (size_t k = 0; k < i; k++)
		same += all->v[k].parsed && all->v[k].hash == c->hash;
	hash = encl_xasprintf("etc/ssl/certs/%08x.%u", c->hash, same);
	if (same >= MAX_SAME_HASH)
		return 0;
	return encl_debian_link(d, path, target, e) || encl_debian_link(d, hash, pem, e)
		       ? -1
		       : 0;
}

static int
write_all(struct encl_debian *d, const struct certificates *all, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf bundle = {.cap = MAX_BUNDLE};
	encl_auto(encl_buf_clear) struct encl_buf conf = {.cap = MAX_BUNDLE};

	if (encl_debian_begin(d, "certificates", e))
		return -1;
	for (size_t i = 0; i < all->n; i++) {
		const struct certificate *c = &all->v[i];

		if (!c->parsed)
			continue;
		encl_buf_add(&bundle, c->text, c->n);
		if (c->n && c->text[c->n - 1] != '\n')
			encl_buf_add_byte(&bundle, '\n');
		if (!strncmp(c->path, "usr/share/", 10))
			encl_buf_add_fmt(&conf, "%s\n", c->path + 26);
		if (link_one(d, all, i, e))
			return -1;
	}
	if (encl_buf_check(&bundle, "ca-certificates.crt", e) ||
	    encl_debian_file(d, "etc/ssl/certs/ca-certificates.crt", 0644, 0,
			     encl_buf_text(&bundle), bundle.len, e) ||
	    encl_debian_file(d, "etc/ca-certificates.conf", 0644, 0, encl_buf_text(&conf),
			     conf.len, e))
		return -1;
	return encl_debian_end(d, e);
}

int
encl_debian_certificates(struct encl_debian *d, struct encl_err *e)
{
	encl_auto(certificates_clear) struct certificates all = {.d = d};

	if (!encl_debian_package(d, "ca-certificates"))
		return 0;
	if (encl_tree_walk(d->tree, collect, &all, e))
		return -1;
	if (all.n)
		qsort(all.v, all.n, sizeof *all.v, by_place);
	return write_all(d, &all, e);
}
