/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, retry rule and hints of everything that goes over libcurl. */
#include "base/curl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_DELAY_MS = 250,
	DELAY_FACTOR = 3,
	CONNECT_TIMEOUT_S = 20,
	STALL_BYTES_PER_S = 500,
	STALL_S = 30,
	RECEIVE_BUFFER = 256 * 1024
};

static void
global_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		abort();
}

void
encl_curl_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, global_init);
}

void
encl_curl_hide(char *text)
{
	char *quote = strchr(text, '\'');
	char *at = strrchr(text, '@');

	if (quote && at > quote)
		memmove(quote + 1, at + 1, strlen(at + 1) + 1);
}

void
encl_curl_set_common(CURL *c)
{
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "enclavebuild/" ENCL_VERSION);
	curl_easy_setopt(c, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
}

bool
encl_curl_status_passes(long status)
{
	return status == 408 || status == 429 ||
	       (status >= 499 && status != 501 && status != 505);
}

bool
encl_curl_error_passes(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

uint64_t
encl_curl_delay_ms(unsigned attempt, uint64_t after_s)
{
	uint64_t delay = FIRST_DELAY_MS;

	if (after_s > ENCL_CURL_RETRY_AFTER_MAX_S)
		after_s = ENCL_CURL_RETRY_AFTER_MAX_S;
	if (after_s)
		return after_s * 1000;
	for (unsigned i = 1; i < attempt; i++)
		delay *= DELAY_FACTOR;
	return delay;
}

const char *
encl_curl_hint(long status)
{
	switch (status) {
	case 401:
	case 403:
		return " (no access)";
	case 404:
	case 410:
		return " (not there; check the address)";
	case 407:
		return " (the proxy wants credentials; check http_proxy)";
	case 408:
	case 504:
		return " (the server took too long; try again)";
	case 429:
		return " (too many requests; try again later)";
	default:
		return status >= 500 ? " (the server is in trouble; try again later)"
				     : "";
	}
}
