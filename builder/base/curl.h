/* SPDX-License-Identifier: Apache-2.0 */
/* What every user of libcurl here has in common. */
#ifndef ENCL_BASE_CURL_H
#define ENCL_BASE_CURL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

enum {
	ENCL_CURL_ATTEMPTS = 4, /* of one request */
	ENCL_CURL_REDIRECTS = 10,
	ENCL_CURL_RETRY_AFTER_MAX_S = 60,
};

ENCL_AUTO_PTR(CURLU, curl_url_cleanup);
ENCL_AUTO_PTR(struct curl_slist, curl_slist_free_all);

/* Sets libcurl up, once for the process; from any thread. */
void encl_curl_init(void);

/* Takes the credentials out of a URL that libcurl quotes in its words: of a proxy
 * whose URL it cannot use. */
void encl_curl_hide(char *text);

/* Time limits, user agent, no signals, bytes as the server sends them. */
void encl_curl_set_common(CURL *c);

/* Whether the same request may well succeed a little later. */
bool encl_curl_status_passes(long status);
bool encl_curl_error_passes(CURLcode code);

/* How long to wait behind attempt 1, 2, …; after_s is Retry-After's, or 0. */
uint64_t encl_curl_delay_ms(unsigned attempt, uint64_t after_s);

/* " (what to do)" about a status, or "". */
const char *encl_curl_hint(long status);

#endif
