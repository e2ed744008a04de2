/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACCOUNT.dkr.ecr[-fips].REGION.SUFFIX and, with IPv6, ACCOUNT.dkr-ecr[-fips].
 * REGION.on.SUFFIX; public.ecr.aws.  The service's own address follows AWS's
 * endpoint rules (ecr, 2015-09-21).
 */
#include "registry/ecr_host.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* DNS suffixes of registries and of the service, by partition. */
static const struct {
	const char *suffix;
	const char *api;
	bool dual; /* the name with IPv6 */
} partitions[] = {
	{"amazonaws.com", "amazonaws.com", false},
	{"amazonaws.com.cn", "amazonaws.com.cn", false},
	{"amazonaws.eu", "amazonaws.eu", false},
	{"c2s.ic.gov", "c2s.ic.gov", false},
	{"sc2s.sgov.gov", "sc2s.sgov.gov", false},
	{"cloud.adc-e.uk", "cloud.adc-e.uk", false},
	{"csp.hci.ic.gov", "csp.hci.ic.gov", false},
	{"on.aws", "api.aws", true},
	{"on.amazonwebservices.com.cn", "api.amazonwebservices.com.cn", true},
	{"on.amazonwebservices.eu", "api.amazonwebservices.eu", true},
};

static bool
skip(const char **p, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(*p, text, n) != 0)
		return false;
	*p += n;
	return true;
}

static bool
parse_public(const char *host, struct encl_ecr_host *out)
{
	if (strcmp(host, "public.ecr.aws") != 0 &&
	    strcmp(host, "ecr-public.aws.com") != 0)
		return false;
	*out = (struct encl_ecr_host){
		.account = "public",
		.region = "us-east-1",
		.api = "https://api.ecr-public.us-east-1.amazonaws.com",
		.is_public = true,
	};
	return true;
}

static bool
parse(const char *host, struct encl_ecr_host *out)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *p = host;
	bool dual, fips;
	size_t n;

	if (strspn(p, "0123456789") != 12)
		return false;
	snprintf(out->account, sizeof out->account, "%.12s", p);
	p += 12;
	dual = skip(&p, ".dkr-ecr");
	if (!dual && !skip(&p, ".dkr.ecr"))
		return false;
	fips = skip(&p, "-fips");
	n = *p == '.' ? strspn(p + 1, letters) : 0;
	if (!n || n >= sizeof out->region || p[1 + n] != '.')
		return false;
	snprintf(out->region, sizeof out->region, "%.*s", (int)n, p + 1);
	p += n + 2;
	for (size_t i = 0; i < sizeof partitions / sizeof *partitions; i++) {
		if (partitions[i].dual != dual || strcmp(partitions[i].suffix, p) != 0)
			continue;
		snprintf(out->api, sizeof out->api, "https://%secr%s.%s.%s",
			 dual ? "" : "api.", fips ? "-fips" : "", out->region,
			 partitions[i].api);
		return true;
	}
	return false;
}

bool
encl_ecr_host_parse(const char *host, struct encl_ecr_host *out)
{
	struct encl_ecr_host h = {.is_public = false};

	if (!parse_public(host, &h) && !parse(host, &h))
		return false;
	if (out)
		*out = h;
	return true;
}
