/* SPDX-License-Identifier: Apache-2.0 */
/* By the first byte: a profile file, a command line, a document with an
 * identity, ECR's answer, an error's answer, a host. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "registry/ecr.h"

static void
profile(const char *text, size_t n)
{
	encl_auto(encl_aws_profile_clear) struct encl_aws_profile p = {0};
	struct encl_err e;

	if (!encl_aws_profile_parse(text, n, "f", "default", true, &p, &e) &&
	    !encl_aws_profile_parse(text, n, "f", "dev", false, &p, &e) && !p.found &&
	    (p.key_id || p.process))
		abort();
}

static void
line(const char *text)
{
	encl_auto(encl_free) char *words = NULL;
	encl_auto(encl_free) char **argv = NULL;
	struct encl_err e;

	if (!encl_aws_split(text, &words, &argv, &e) && !*argv[0])
		abort();
}

static void
error(const char *text, size_t n)
{
	encl_auto(encl_aws_reply_clear) struct encl_aws_reply r = {.status = 400};
	char id[] = "AKID", secret[] = "SECRET", session[] = "SESSION", from[] = "x";
	struct encl_aws_identity i = {id, secret, session, from};
	encl_auto(encl_free) char *said = NULL;

	encl_buf_init(&r.body, n + 1);
	encl_buf_add(&r.body, text, n);
	said = encl_ecr_explain(&r, &i);
	if (strstr(said, secret) || strstr(said, session))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_aws_identity_clear) struct encl_aws_identity i = {0};
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	struct encl_ecr_host h;
	struct encl_err e;
	uint64_t expires;

	if (!size)
		return 0;
	text = encl_xstrndup((const char *)data + 1, size - 1);
	if (*data == 'p')
		profile((const char *)data + 1, size - 1);
	else if (*data == 'c')
		line(text);
	else if (*data == 'e')
		error((const char *)data + 1, size - 1);
	else if (*data == 'i' &&
		 !encl_aws_identity_json(text, strlen(text), "f", &i, &e) && !i.secret)
		abort();
	else if (*data == 'a' && !encl_ecr_answer(text, strlen(text), &c, &expires, &e) &&
		 !c.password)
		abort();
	else if (*data == 'h' && encl_ecr_host_parse(text, &h) && !*h.region)
		abort();
	return 0;
}
