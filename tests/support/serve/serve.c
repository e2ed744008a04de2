/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 server for tests: sockets, TLS, threads and requests. */
#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"

enum { MAX_HEAD = 64 * 1024, LINGER_SECONDS = 5 };

struct job {
	struct server *server;
	SSL_CTX *tls;
	int fd;
};

long
serve_read(struct conn *c, void *p, size_t n)
{
	int want = n > 1 << 20 ? 1 << 20 : (int)n;
	long got;

	if (c->ssl) {
		got = SSL_read(c->ssl, p, want);
		return got > 0							  ? got
		       : SSL_get_error(c->ssl, (int)got) == SSL_ERROR_ZERO_RETURN ? 0
										  : -1;
	}
	do
		got = recv(c->fd, p, (size_t)want, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

int
serve_write(struct conn *c, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		int want = n > 1 << 20 ? 1 << 20 : (int)n;
		long done = c->ssl ? SSL_write(c->ssl, p, want)
				   : send(c->fd, p, (size_t)want, MSG_NOSIGNAL);

		if (done <= 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

void
serve_abort(struct conn *c, bool reset)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (reset)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	else
		shutdown(c->fd, SHUT_RDWR);
	if (c->ssl)
		SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	c->fd = -1;
}

/* Closes so that what was sent arrives: an unread byte would make it a reset. */
static void
close_gently(struct conn *c)
{
	struct timeval limit = {.tv_sec = LINGER_SECONDS};
	char rest[16384];

	if (c->fd < 0)
		return;
	if (c->ssl)
		SSL_shutdown(c->ssl);
	shutdown(c->fd, SHUT_WR);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	while (recv(c->fd, rest, sizeof rest, 0) > 0)
		;
	serve_abort(c, false);
}

char *
serve_header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strstr(head, "\r\n"); p && p[2]; p = strstr(p + 2, "\r\n")) {
		const char *line = p + 2;

		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1;
		line += strspn(line, " \t");
		return encl_xstrndup(line, strcspn(line, "\r\n"));
	}
	return NULL;
}

/* Reads up to the empty line; what is behind it is the body's. */
static bool
read_head(struct request *q)
{
	char *text = encl_xcalloc(1, MAX_HEAD + 1);
	char *end = NULL;
	size_t n = 0;

	q->head = text;
	while (!end && n < MAX_HEAD) {
		long got = serve_read(q->conn, text + n, MAX_HEAD - n);

		if (got <= 0)
			return false;
		n += (size_t)got;
		text[n] = 0;
		if (text[0] == 0x16) { /* TLS to a server that has none */
			(void)serve_write(q->conn, "HTTP/1.0 400 Bad Request\r\n\r\n",
					  28);
			return false;
		}
		end = strstr(text, "\r\n\r\n");
	}
	if (!end)
		return false;
	q->n_early = n - (size_t)(end + 4 - text);
	q->early = encl_xmemdup(end + 4, q->n_early + 1);
	end[2] = 0;
	return true;
}

static bool
read_request(struct request *q)
{
	encl_auto(encl_free) char *length = NULL;
	encl_auto(encl_free) char *coding = NULL;
	encl_auto(encl_free) char *expect = NULL;
	const char *space;

	if (!read_head(q))
		return false;
	space = strchr(q->head, ' ');
	if (!space || space - q->head >= (long)sizeof q->method)
		return false;
	memcpy(q->method, q->head, (size_t)(space - q->head));
	q->target = encl_xstrndup(space + 1, strcspn(space + 1, " \r\n"));
	length = serve_header(q->head, "Content-Length");
	coding = serve_header(q->head, "Transfer-Encoding");
	expect = serve_header(q->head, "Expect");
	q->length = length ? strtoull(length, NULL, 10) : 0;
	q->chunked = coding != NULL;
	q->expects = expect != NULL;
	return true;
}

static void *
run(void *arg)
{
	struct job *job = arg;
	struct conn c = {.fd = job->fd};
	struct request q = {.conn = &c};
	bool good = true;

	if (job->tls) {
		c.ssl = SSL_new(job->tls);
		SSL_set_fd(c.ssl, c.fd);
		good = SSL_accept(c.ssl) == 1;
	}
	if (good && read_request(&q))
		job->server->answer(job->server->arg, &q);
	close_gently(&c);
	free(q.head);
	free(q.early);
	free(q.target);
	free(job);
	return NULL;
}

static SSL_CTX *
open_tls(const struct server *s)
{
	SSL_CTX *tls;

	if (!s->cert)
		return NULL;
	tls = SSL_CTX_new(TLS_server_method());
	if (SSL_CTX_use_certificate_chain_file(tls, s->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, s->key, SSL_FILETYPE_PEM) != 1) {
		fprintf(stderr, "%s, %s: no certificate and key\n", s->cert, s->key);
		exit(1);
	}
	return tls;
}

static int
listen_on(struct server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, s->address ? s->address : "127.0.0.1", &a.sin_addr) != 1 ||
	    fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 256) ||
	    getsockname(fd, (struct sockaddr *)&a, &n)) {
		perror("listen");
		exit(1);
	}
	s->port = ntohs(a.sin_port);
	return fd;
}

void
serve(struct server *s)
{
	SSL_CTX *tls = open_tls(s);
	int fd = listen_on(s);
	pthread_attr_t detached;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	printf("listening %u\n", s->port);
	for (;;) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		struct job *job;
		pthread_t t;

		if (c < 0)
			continue;
		job = encl_xcalloc(1, sizeof *job);
		*job = (struct job){.server = s, .tls = tls, .fd = c};
		if (pthread_create(&t, &detached, run, job)) {
			close(c);
			free(job);
		}
	}
}
