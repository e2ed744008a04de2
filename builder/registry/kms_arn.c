/* SPDX-License-Identifier: Apache-2.0 */
/* Names of KMS's keys.  Only a key's own full ARN names one key for ever. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/kms.h"

#define LOWER	   "abcdefghijklmnopqrstuvwxyz"
#define DIGITS	   "0123456789"
#define WANTED	   "; give the key's own ARN: arn:aws:kms:REGION:ACCOUNT:key/ID"
#define FIND_BY(x) " (aws kms describe-key --key-id " x " --query KeyMetadata.Arn)"

static const struct {
	const char *name;
	const char *suffix;
} partitions[] = {
	{"aws", "amazonaws.com"},	 {"aws-cn", "amazonaws.com.cn"},
	{"aws-us-gov", "amazonaws.com"}, {"aws-eusc", "amazonaws.eu"},
	{"aws-iso", "c2s.ic.gov"},	 {"aws-iso-b", "sc2s.sgov.gov"},
	{"aws-iso-e", "cloud.adc-e.uk"}, {"aws-iso-f", "csp.hci.ic.gov"},
};

/* The next part, of the given characters and at most max of them; its ':' is gone by. */
static bool
part(const char **p, const char *of, size_t min, size_t max, char out[64])
{
	size_t n = strspn(*p, of);

	if (n < min || n > max || (*p)[n] != ':')
		return false;
	memcpy(out, *p, n);
	out[n] = 0;
	*p += n + 1;
	return true;
}

static bool
is_id(const char *text)
{
	size_t skip = strncmp(text, "mrk-", 4) ? 0 : 4;
	size_t n = strspn(text + skip, "0123456789abcdef-");

	return !text[skip + n] && n == (skip ? 32 : 36);
}

bool
encl_kms_is_name(const char *text)
{
	return !strncmp(text, "alias/", 6) || is_id(text);
}

static const char *
suffix_of(const char *partition)
{
	for (size_t i = 0; i < sizeof partitions / sizeof *partitions; i++)
		if (!strcmp(partition, partitions[i].name))
			return partitions[i].suffix;
	return NULL;
}

const char *
encl_kms_arn_parse(const char *text, struct encl_kms_arn *out)
{
	static const char none[] = "is not the ARN of a key in KMS" WANTED;
	const char *fips = getenv("AWS_USE_FIPS_ENDPOINT");
	char partition[64], service[64], region[64], account[64];
	const char *p = text;

	if (!strncmp(text, "alias/", 6))
		return "is an alias, which can be moved to another key" WANTED FIND_BY(
			"ALIAS");
	if (is_id(text))
		return "is an id, which does not say region and account" WANTED FIND_BY(
			"ID");
	if (strncmp(p, "arn:", 4) != 0)
		return none;
	p += 4;
	if (!part(&p, LOWER DIGITS "-", 1, 16, partition) ||
	    !part(&p, LOWER, 1, 8, service) || strcmp(service, "kms") != 0 ||
	    !part(&p, LOWER DIGITS "-", 1, 39, region) ||
	    !part(&p, DIGITS, 12, 12, account))
		return none;
	if (!strncmp(p, "alias/", 6))
		return "is the ARN of an alias, which can be moved to another key" WANTED
			FIND_BY("ALIAS");
	if (strncmp(p, "key/", 4) != 0 || !is_id(p + 4))
		return none;
	if (!suffix_of(partition))
		return "is of a partition that is not known here";
	if (out) {
		snprintf(out->region, sizeof out->region, "%.39s", region);
		snprintf(out->url, sizeof out->url, "https://kms%s.%s.%s",
			 fips && !strcmp(fips, "true") ? "-fips" : "", region,
			 suffix_of(partition));
	}
	return NULL;
}
