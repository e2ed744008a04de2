/* SPDX-License-Identifier: Apache-2.0 */
/* Standard streams: the kernel could open none, /dev was empty then. */
#include <fcntl.h>
#include <unistd.h>

#include "init/init.h"

void
init_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	/* An enclave without a console runs all the same. */
	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	for (int i = 0; fd >= 0 && i < 3; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
}
