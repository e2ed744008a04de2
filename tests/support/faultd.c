/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registry with faults: passes every request on to a real one and does to it
 * what the rules say.
 *
 *	faultd [listen=ADDRESS] [tls=CERT,KEY] [seed=N] [wire=FILE] UPSTREAM RULE…
 *
 * UPSTREAM is host:port (http), or "none".  "listening PORT" is the first line
 * on stdout; each request that ended adds
 *
 *	STATUS METHOD TARGET auth=WHO range=RANGE sent=BYTES got=BYTES
 *
 * (sent: of the answer's body, got: of the request's).  FILE gets the heads of
 * all requests as they came.
 *
 * A rule is "COUNT METHOD SUBSTRING ACTION [ARGUMENT]".  It meets the requests
 * of METHOD ("*": any) whose target has SUBSTRING ("*": any): COUNT "3" the
 * first three, "2-4" the second to the fourth, "*" all.  All rules that meet a
 * request are followed.
 *
 * Answered here:
 *	status CODE [html|empty|TEXT]	JSON of an error where nothing is given
 *	redirect PREFIX			307 to PREFIX and the target; "self"
 *	guard NAME:PASSWORD		401 (Basic) to who does not give them; what is
 *					refused meets no rule behind this one
 *	drop				the connection ends without an answer
 *	upcut N|random			it ends after N bytes of the request's body
 *	referrers			a referrers API: manifests with a subject are
 *					kept and listed, OCI-Subject is answered
 * Done to the answer of the upstream:
 *	header NAME: VALUE		set; removed where there is no value
 *	location relative|HOST:PORT	of its Location
 *	code CODE			another status
 *	norange				the request's Range is not passed on
 *	cut N|random, reset N|random	it ends after N bytes of the body (FIN, RST)
 *	stall N				so does its sending, for ten minutes
 *	rate N				at most N bytes a second
 *	rubbish				other bytes, as many
 *	pad N				N more bytes (blanks), announced
 *	length N			N more bytes announced than there are (or less)
 *	unsized				no Content-Length: it ends with the connection
 *	file NAME			this file's bytes instead
 *	late N				comes after N milliseconds
 *	mute				is not passed on: the connection ends
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

static void
answer(void *arg, struct request *q)
{
	struct exchange x = {.f = arg, .q = q};
	encl_auto(encl_free) char *who = serve_who(q);
	encl_auto(encl_free) char *range = serve_header(q->head, "Range");
	const char *list = strstr(q->target, "/referrers/");

	fault_plan(x.f, q, &x.plan);
	fault_sleep(x.plan.late);
	if (x.plan.refused)
		fault_refuse(&x);
	else if (x.plan.drop)
		serve_abort(q->conn, false);
	else if (x.plan.upcut)
		fault_cut_upload(&x);
	else if (x.plan.status)
		fault_status(&x);
	else if (x.plan.redirect)
		fault_redirect(&x);
	else if (x.plan.referrers && list && !strcmp(q->method, "GET"))
		fault_referrers(&x, list + 11);
	else
		fault_forward(&x);
	pthread_mutex_lock(&x.f->lock);
	printf("%ld %s %s auth=%s range=%s sent=%llu got=%llu\n", x.status, q->method,
	       q->target, who, range ? range : "-", (unsigned long long)x.sent,
	       (unsigned long long)q->got);
	pthread_mutex_unlock(&x.f->lock);
}

static bool
read_option(struct faults *f, char *text)
{
	char *comma;

	if (!strncmp(text, "listen=", 7)) {
		f->server.address = text + 7;
	} else if (!strncmp(text, "seed=", 5)) {
		f->random ^= strtoull(text + 5, NULL, 10) * UINT64_C(0x2545F4914F6CDD1D);
	} else if (!strncmp(text, "wire=", 5)) {
		f->wire = fopen(text + 5, "we");
	} else if (!strncmp(text, "tls=", 4) && (comma = strchr(text, ','))) {
		*comma = 0;
		f->server.cert = text + 4;
		f->server.key = comma + 1;
	} else {
		return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	static struct faults f = {.random = UINT64_C(88172645463325252),
				  .lock = PTHREAD_MUTEX_INITIALIZER,
				  .server = {.address = "127.0.0.1", .answer = answer}};
	int i = 1;

	f.server.arg = &f;
	f.referrers = json_object();
	while (i < argc && read_option(&f, argv[i]))
		i++;
	if (i == argc)
		return 2;
	if (strcmp(argv[i], "none") != 0) {
		char *colon = strrchr(argv[i], ':');

		if (!colon)
			return 2;
		*colon = 0;
		f.host = argv[i];
		f.port = colon + 1;
	}
	while (++i < argc)
		if (!fault_rule(&f, argv[i])) {
			fprintf(stderr, "faultd: not a rule: %s\n", argv[i]);
			return 2;
		}
	serve(&f.server);
}
