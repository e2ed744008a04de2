/* SPDX-License-Identifier: Apache-2.0 */
/* Amazon ECR's hosts: what a registry's name says about account and service. */
#ifndef ENCL_REGISTRY_ECR_HOST_H
#define ENCL_REGISTRY_ECR_HOST_H

#include <stdbool.h>

struct encl_ecr_host {
	char account[16]; /* 12 digits; "public" */
	char region[40];  /* "eu-central-1" */
	char api[128];	  /* where GetAuthorizationToken is: a URL, no slash behind */
	bool is_public;
};

/* False where host is none of ECR's; out may be NULL. */
bool encl_ecr_host_parse(const char *host, struct encl_ecr_host *out);

#endif
