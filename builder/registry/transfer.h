/* SPDX-License-Identifier: Apache-2.0 */
/* One request on its way: the callbacks of libcurl (transport.c sets them). */
#ifndef ENCL_REGISTRY_TRANSFER_H
#define ENCL_REGISTRY_TRANSFER_H

#include "registry/internal.h"

struct encl_transfer {
	struct encl_registry *r;
	const struct encl_request *q;
	struct encl_answer *a;
	CURL *curl;
	uint64_t header_bytes;
	uint64_t position; /* in the body that is sent */
	uint64_t dropped;
	bool enough; /* we ended the transfer; what came will do */
};

size_t encl_transfer_on_header(char *p, size_t size, size_t count, void *arg);
size_t encl_transfer_on_body(char *p, size_t size, size_t count, void *arg);
size_t encl_transfer_on_send(char *p, size_t size, size_t count, void *arg);
int encl_transfer_on_seek(void *arg, curl_off_t offset, int origin);
/* Ends it where its call is to stop. */
int encl_transfer_on_progress(void *arg, curl_off_t down, curl_off_t downloaded,
			      curl_off_t up, curl_off_t uploaded);

#endif
