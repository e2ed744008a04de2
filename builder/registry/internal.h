/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the registry's client share. */
#ifndef ENCL_REGISTRY_INTERNAL_H
#define ENCL_REGISTRY_INTERNAL_H

#include <curl/curl.h>
#include <pthread.h>

#include "registry/address.h"
#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/registry.h"
#include "registry/scopes.h"

enum { ENCL_REGISTRY_TROUBLE_MAX = 64 * 1024 /* of an error's body */ };

/* A free handle of libcurl keeps the connections of the origin it was used for. */
struct encl_handle {
	struct encl_handle *next;
	CURL *curl;
	char *origin;
};

struct encl_host;
struct encl_tls;

struct encl_registry {
	struct encl_env *env;
	char *auth_file;
	char *ca; /* PEM text of ca_file; or NULL */
	char *certs_dir;
	const struct encl_credentials *credentials; /* instead of any file */
	bool plain_http;
	bool trace;
	pthread_mutex_t lock; /* of what follows */
	struct encl_host *hosts;
	struct encl_handle *idle;
	struct encl_tls *tls; /* by origin */
	char **warnings;      /* told already */
	size_t n_warnings;
	struct encl_registry_uploads uploads;
	CURLSH *share;
	pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];
};

/* One that was used for the origin, or a new one. */
struct encl_handle *encl_handle_take(struct encl_registry *r, const char *origin);
void encl_handle_give(struct encl_registry *r, struct encl_handle *h);

/* ---- one request on the wire (transport.c, exchange.c) ---- */

struct encl_request {
	const char *method;
	const char *url;
	const struct encl_origin *home;	       /* of the registry */
	const char *authorization;	       /* for home only; or NULL */
	const struct encl_registry_call *call; /* what else is to be sent */
	struct encl_registry_reply *reply;
	bool probing; /* https is tried where it may be http */
};

/* What came back, besides the reply. */
struct encl_answer {
	char *url;		     /* that was asked last */
	bool elsewhere;		     /* which is not of home */
	CURLcode code;		     /* CURLE_OK: there is a status */
	bool no_tls;		     /* the connection stands, but speaks no TLS */
	long proxy_status;	     /* of a tunnel; 0: none was asked for */
	char text[CURL_ERROR_SIZE];  /* about code */
	struct encl_challenge asked; /* of a 401 */
	struct encl_buf trouble;     /* the body of an error */
	uint64_t retry_after_s;
	int64_t skew_s; /* the server's clock less ours, where it tells */
	bool ours;	/* err is a failure of our side: sink, source, limit */
	bool of_sink;	/* and is passed on as it is */
	struct encl_err err;
};
void encl_answer_clear(struct encl_answer *a);
ENCL_AUTO_VAL(struct encl_answer, encl_answer_clear);

/* Exactly one request and its reply. */
void encl_transport(struct encl_registry *r, const struct encl_request *q,
		    struct encl_answer *a);
/* Follows redirects and tries again; 0: reply->status is set (any), or the
 * connection failed while probing; -1: ENCL_NETWORK or the failure of our side. */
int encl_exchange(struct encl_registry *r, const struct encl_request *q,
		  struct encl_answer *a, bool *broken,
		  struct encl_err *e) ENCL_MUST_CHECK;

/* The CAs and the client's certificate for an origin, put into a handle. */
int encl_tls_set(struct encl_registry *r, CURL *c, const struct encl_origin *o,
		 struct encl_err *e) ENCL_MUST_CHECK;
void encl_tls_free(struct encl_tls *t);

/* ---- hosts and what they want (auth.c) ---- */

enum encl_speaks { ENCL_SPEAKS_UNKNOWN, ENCL_SPEAKS_HTTPS, ENCL_SPEAKS_HTTP };

struct encl_token;
struct encl_known;

struct encl_host {
	struct encl_host *next;
	char *name; /* as credentials know it: "docker.io" */
	char *api;
	bool loopback;
	enum encl_speaks speaks; /* under the client's lock */
	pthread_mutex_t lock;	 /* of what follows; held while a token is fetched */
	struct encl_challenge wants;
	struct encl_known *known; /* credentials by repository */
	struct encl_token *tokens;
};
struct encl_host *encl_host_find(struct encl_registry *r,
				 const struct encl_reference *where);
void encl_host_free(struct encl_host *h);

/* How far one call has come with its authorisation. */
struct encl_login {
	char *authorization;	  /* the field's value; or NULL */
	bool fresh;		  /* it was got for this call */
	unsigned rounds;	  /* challenges that were met */
	struct encl_scopes wider; /* what a challenge asked for besides */
};
void encl_login_clear(struct encl_login *l);
ENCL_AUTO_VAL(struct encl_login, encl_login_clear);

/* What is known to be wanted: nothing, the password, a token (fetched where
 * there is none). */
int encl_authorize(struct encl_registry *r, struct encl_host *h,
		   const struct encl_origin *home, const struct encl_registry_call *call,
		   struct encl_login *l, struct encl_err *e) ENCL_MUST_CHECK;
/* After a 401: *again is whether there is something else to try. */
int encl_challenged(struct encl_registry *r, struct encl_host *h,
		    const struct encl_origin *home, const struct encl_registry_call *call,
		    struct encl_answer *a, struct encl_login *l, bool *again,
		    struct encl_err *e) ENCL_MUST_CHECK;

/* ---- errors (explain.c) ---- */

/* Fails with what the server said to a status; host: whom to log in to.  Words
 * that repeat the request's secret are left out. */
int encl_explain(const struct encl_request *q, const struct encl_answer *a,
		 const char *host, struct encl_err *e);
/* Fails with why there is no answer. */
int encl_explain_error(const struct encl_request *q, const struct encl_answer *a,
		       struct encl_err *e);
/* Text of a server made fit for a line: malloc'ed, at most 200 characters. */
char *encl_printable(const char *text, size_t n);

/* explicit_bzero and free; NULL is nothing. */
void encl_wipe(char *secret);

#endif
