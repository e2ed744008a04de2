/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a registry's answer: "NAME: VALUE" lines as they come, each also as a
 * challenge and its scopes. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "registry/internal.h"
#include "registry/reply.h"
#include "registry/scopes.h"
#include "registry/tokens.h"

static void
read_line(char *line, struct encl_challenge *c, struct encl_registry_reply *r)
{
	encl_auto(encl_scopes_clear) struct encl_scopes s = {0};
	encl_auto(encl_scopes_clear) struct encl_scopes again = {0};
	char *colon = strchr(line, ':');

	free(encl_warning_text(line));
	free(encl_link_next(line));
	encl_challenge_read(line, c);
	encl_scopes_add_text(&s, c->scope ? c->scope : line);
	for (size_t i = 0; i < s.n; i++) {
		encl_auto(encl_free) char *text = encl_scope_text(&s.v[i]);

		encl_scopes_add_text(&again, text);
	}
	if (!encl_scopes_cover(&again, &s) || !encl_scopes_cover(&s, &again))
		abort();
	if (!colon)
		return;
	*colon = 0;
	encl_reply_field(r, "https://r.io:443/v2/a/", line, colon + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_free) char *text = encl_xstrndup((const char *)data, size);
	encl_auto(encl_challenge_clear) struct encl_challenge c = {0};
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply r = {0};
	encl_auto(encl_token_answer_clear) struct encl_token_answer token = {0};
	encl_auto(encl_free) char *shown = encl_printable((const char *)data, size);
	struct encl_err e;
	char *save = NULL;

	if (strlen(shown) > 200)
		abort();
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		read_line(line, &c, &r);
	if (r.has_range && (r.first > r.last || r.last >= r.total))
		abort();
	if (encl_token_answer_parse((const char *)data, size, &token, &e) == 0 &&
	    !token.token)
		abort();
	return 0;
}
