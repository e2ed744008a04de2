/* SPDX-License-Identifier: Apache-2.0 */
/* When a document's certificates were valid. */
#include <stdio.h>
#include <time.h>

#include "base/parse.h"
#include "verify/attestation_internal.h"

void
encl_attestation_time(uint64_t epoch, char out[ENCL_TIME_SHOWN])
{
	char text[32];

	encl_format_time(epoch, text);
	(void)snprintf(out, ENCL_TIME_SHOWN, "%.19sZ", text);
}

bool
encl_attestation_epoch(const ASN1_TIME *t, uint64_t *out)
{
	struct tm tm;
	time_t s;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	s = timegm(&tm);
	*out = (uint64_t)s;
	return s >= 0;
}

struct validity {
	uint64_t from, to;
};

/* Is it valid at that time?  Says so where it is not. */
static bool
check_date(X509 *x, uint64_t at, struct validity *v, struct encl_checks *checks)
{
	char name[ENCL_NAME_SHOWN];
	char shown[ENCL_TIME_SHOWN];

	encl_attestation_name(X509_get_subject_name(x), name);
	if (!encl_attestation_epoch(X509_get0_notBefore(x), &v->from) ||
	    !encl_attestation_epoch(X509_get0_notAfter(x), &v->to)) {
		(void)encl_checks_add(checks, "dates", ENCL_CHECK_FAIL,
				      "%s: its dates cannot be read", name);
		return false;
	}
	/* A leaf is made when it is first needed, seconds before its first document. */
	if (at + ENCL_ATTESTATION_SKEW >= v->from && at <= v->to)
		return true;
	encl_attestation_time(at < v->from ? v->from : v->to, shown);
	(void)encl_checks_add(checks, "dates", ENCL_CHECK_FAIL, "%s: %s %s", name,
			      at < v->from ? "not valid before" : "expired on", shown);
	return false;
}

static bool
check_signing_date(X509 *leaf, const struct validity *v, uint64_t made,
		   struct encl_checks *checks)
{
	char name[ENCL_NAME_SHOWN];
	char shown[ENCL_TIME_SHOWN];

	if (made + ENCL_ATTESTATION_SKEW >= v->from && made <= v->to)
		return true;
	encl_attestation_name(X509_get_subject_name(leaf), name);
	encl_attestation_time(made, shown);
	(void)encl_checks_add(checks, "dates", ENCL_CHECK_FAIL,
			      "%s: not valid when it signed, on %s", name, shown);
	return false;
}

void
encl_attestation_check_dates(X509 *const *v, size_t n, uint64_t made, uint64_t at,
			     struct encl_checks *checks)
{
	struct validity all = {0, UINT64_MAX};
	char from[ENCL_TIME_SHOWN];
	char to[ENCL_TIME_SHOWN];

	for (size_t i = 0; i < n; i++) {
		struct validity one;

		if (!check_date(v[i], at, &one, checks) ||
		    (i == 0 && !check_signing_date(v[i], &one, made, checks)))
			return;
		all.from = one.from > all.from ? one.from : all.from;
		all.to = one.to < all.to ? one.to : all.to;
	}
	encl_attestation_time(all.from, from);
	encl_attestation_time(all.to, to);
	(void)encl_checks_add(checks, "dates", ENCL_CHECK_PASS, "all valid from %s to %s",
			      from, to);
}
