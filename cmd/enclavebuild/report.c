/* SPDX-License-Identifier: Apache-2.0 */
/* Results on stdout. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd.h"

void
report_json(const json_t *v)
{
	encl_auto(encl_free) char *text = encl_json_pretty(v);

	fputs(text, stdout);
}

void
report(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

bool
report_room(int fd)
{
	enum { PATIENCE_MS = 2000 };
	static bool stuck[3];
	struct pollfd p = {fd, POLLOUT, 0};
	int n = poll(&p, 1, stuck[fd] ? 0 : PATIENCE_MS);

	stuck[fd] = n == 0;
	return n != 0;
}

int
report_flush(struct encl_err *e)
{
	if (fflush(stdout) || ferror(stdout))
		return encl_fail_sys(e, ENCL_FAILED, "write to standard output");
	return 0;
}
