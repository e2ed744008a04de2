/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the registry's client, as tests want them:
 *
 *	registry-call [plain] [trace] [offline] [push] [once] [authfile=FILE] [ca=FILE]
 *		[certs=FOLDER] [from=REPOSITORY] [also=STATUS] [offset=N] [body=FILE]
 *		[max=N] [times=N] [threads=N] [sink=FILE] METHOD REFERENCE PATH|URL
 *
 * METHOD "UPLOAD" is POST and, to the Location with PATH added, PUT of the body.
 * A line "STATUS TYPE got=N location=URL digest=D next=URL" each time, then the
 * body; errors on stderr.  The exit status is the error's code.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "registry/credentials.h"
#include "registry/registry.h"

static void
on_event(struct encl_log *log, enum encl_level level, const char *text)
{
	static const char *const names[] = {"debug", "info", "warning"};

	(void)log;
	fprintf(stderr, "%s: %s\n", names[level], text);
}

struct job {
	struct encl_log log;
	struct encl_env env;
	struct encl_registry_options options;
	struct encl_registry_call call;
	struct encl_sink_fd sink;
	long also[2];
	uint64_t times;
	uint64_t threads;
	struct encl_registry *r;
	struct encl_err *e; /* of the first that failed */
};

static void
body(struct job *j, const char *path)
{
	struct stat st;

	j->call.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (j->call.fd < 0 || fstat(j->call.fd, &st)) {
		perror(path);
		exit(2);
	}
	j->call.size = (uint64_t)st.st_size;
}

static void
into(struct job *j, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0) {
		perror(path);
		exit(2);
	}
	encl_sink_fd_init(&j->sink, fd, path);
	j->call.sink = &j->sink.sink;
}

/* Whether a word is a setting. */
static bool
set(struct job *j, const char *word)
{
	char *value = strchr(word, '=');

	if (value)
		value++;
	if (!strcmp(word, "plain"))
		j->options.plain_http = true;
	else if (!strcmp(word, "trace"))
		j->options.trace = true;
	else if (!strcmp(word, "offline"))
		j->env.offline = true;
	else if (!strcmp(word, "push"))
		j->call.access = ENCL_REGISTRY_PUSH;
	else if (!strcmp(word, "once"))
		j->call.once = true;
	else if (!strncmp(word, "authfile=", 9))
		j->options.auth_file = value;
	else if (!strncmp(word, "ca=", 3))
		j->options.ca_file = value;
	else if (!strncmp(word, "certs=", 6))
		j->options.certs_dir = value;
	else if (!strncmp(word, "from=", 5))
		j->call.from = value;
	else if (!strncmp(word, "also=", 5))
		j->also[0] = strtol(value, NULL, 10);
	else if (!strncmp(word, "offset=", 7))
		j->call.offset = strtoull(value, NULL, 10);
	else if (!strncmp(word, "max=", 4))
		j->call.max = strtoull(value, NULL, 10);
	else if (!strncmp(word, "times=", 6))
		j->times = strtoull(value, NULL, 10);
	else if (!strncmp(word, "threads=", 8))
		j->threads = strtoull(value, NULL, 10);
	else if (!strncmp(word, "sink=", 5))
		into(j, value);
	else if (!strncmp(word, "body=", 5))
		body(j, value);
	else
		return false;
	return true;
}

static const char *
text(const char *s)
{
	return s ? s : "-";
}

static int
once(struct job *j, struct encl_registry *r, struct encl_err *e)
{
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	bool broken;

	if (encl_registry_call(r, &j->call, &reply, &broken, e)) {
		fprintf(stderr, "error: %s\n", e->msg);
		printf("failed broken=%d got=%" PRIu64 "\n", broken, reply.got);
		return -1;
	}
	printf("%ld %s got=%" PRIu64 " location=%s digest=%s next=%s\n", reply.status,
	       text(reply.content_type), reply.got, text(reply.location),
	       text(reply.digest), text(reply.next));
	fwrite(encl_buf_text(&reply.body), 1, reply.body.len, stdout);
	return 0;
}

static void *
many(void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct job *j = arg;

	for (uint64_t i = 0; i < j->times; i++) {
		struct encl_err e = {0};

		if (!once(j, j->r, &e))
			continue;
		pthread_mutex_lock(&lock);
		*j->e = e;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

/* The same calls by several threads at once. */
static int
in_parallel(struct job *j, struct encl_registry *r, struct encl_err *e)
{
	pthread_t id[64];
	uint64_t n;

	j->r = r;
	j->e = e;
	for (n = 0; n < j->threads && n < 64; n++)
		if (pthread_create(&id[n], NULL, many, j))
			abort();
	while (n--)
		pthread_join(id[n], NULL);
	return (int)e->code;
}

/* What a push does, in one session. */
static int
upload(struct job *j, struct encl_registry *r, struct encl_err *e)
{
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	encl_auto(encl_free) char *url = NULL;
	struct encl_registry_call post = {.method = "POST",
					  .where = j->call.where,
					  .access = ENCL_REGISTRY_PUSH,
					  .path = "blobs/uploads/"};

	if (encl_registry_call(r, &post, &reply, NULL, e)) {
		fprintf(stderr, "error: %s\n", e->msg);
		return -1;
	}
	url = encl_xasprintf("%s%s", text(reply.location), j->call.path);
	j->call.method = "PUT";
	j->call.url = url;
	j->call.access = ENCL_REGISTRY_PUSH;
	j->call.once = true;
	return once(j, r, e);
}

int
main(int argc, char **argv)
{
	static struct job j = {
		.log = {.event = on_event}, .call = {.max = 1 << 20}, .times = 1};
	encl_auto(encl_registry_free) struct encl_registry *r = NULL;
	encl_auto(encl_reference_clear) struct encl_reference where = {0};
	struct encl_err e = {0};
	int i = 1;

	j.env.log = &j.log;
	j.env.jobs = 1;
	while (i < argc && set(&j, argv[i]))
		i++;
	if (argc - i != 3)
		return 2;
	j.call.method = argv[i];
	j.call.where = &where;
	j.call.also = j.also;
	if (strstr(argv[i + 2], "://"))
		j.call.url = argv[i + 2];
	else
		j.call.path = argv[i + 2];
	if (encl_reference_parse(argv[i + 1], &where, &e) ||
	    encl_registry_open(&j.env, &j.options, &r, &e)) {
		fprintf(stderr, "error: %s\n", e.msg);
		return (int)e.code;
	}
	if (j.threads)
		return in_parallel(&j, r, &e);
	while (j.times--)
		if (strcmp(j.call.method, "UPLOAD") ? once(&j, r, &e) : upload(&j, r, &e))
			return (int)e.code;
	return 0;
}
