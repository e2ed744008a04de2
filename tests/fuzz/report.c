/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as text of a page: no markup, no control byte, valid UTF-8; and as the
 * config of launch that a report reads. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "verify/report_config.h"
#include "verify/report_text.h"

/* Each byte that may stand in text of a page; "&" begins one of our entities. */
static void
check(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == 0x7f || strchr("<>\"'", c))
			abort();
		if (c == '&' && strncmp(s + i, "&amp;", 5) && strncmp(s + i, "&lt;", 4) &&
		    strncmp(s + i, "&gt;", 4) && strncmp(s + i, "&quot;", 6) &&
		    strncmp(s + i, "&#39;", 5))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	encl_auto(encl_buf_clear) struct encl_buf again;
	encl_auto(encl_config_clear) struct encl_config c = {.n = 0};

	encl_buf_init(&b, 1 << 26);
	encl_buf_init(&again, 1 << 26);
	encl_report_text(&b, (const char *)p, n, n);
	check(encl_buf_text(&b), b.len);
	/* what is shown is shown as itself: only "\", "&" and the like change */
	if (!memchr(b.data ? (const char *)b.data : "", '\\', b.len) &&
	    !memchr(b.data ? (const char *)b.data : "", '&', b.len)) {
		if (b.len != n || (n && memcmp(b.data, p, n) != 0))
			abort();
	}
	encl_report_text(&again, (const char *)p, n, n / 2);
	check(encl_buf_text(&again), again.len);
	if (encl_report_fit((const char *)p, n,
			    encl_report_columns((const char *)p, n)) != n)
		abort();
	if (encl_config_read((const char *)p, n, &c))
		for (size_t i = c.n_global; i < c.n; i = encl_config_unit_end(&c, i))
			(void)encl_config_find(&c, i, encl_config_unit_end(&c, i),
					       "argv");
	return 0;
}
