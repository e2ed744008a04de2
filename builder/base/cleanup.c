/* SPDX-License-Identifier: Apache-2.0 */
/* Release functions for encl_auto; each keeps errno. */
#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
encl_close_fd(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

void
encl_close_fd_at(int *fd)
{
	encl_close_fd(*fd);
}

void
encl_free_at(void *p)
{
	void *q;

	memcpy(&q, p, sizeof q);
	free(q);
}

void
encl_fclose_at(FILE **f)
{
	if (*f)
		fclose(*f);
}
