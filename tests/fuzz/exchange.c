/* SPDX-License-Identifier: Apache-2.0 */
/* What the other side of an exchange may send, applied to an empty folder. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "launch/exchange.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char hello[] = "H\0\0\0\0\0\0\22enclave-exchange 1";
	struct encl_exchange_session s = {
		.take = true, .max_bytes = 65536, .max_entries = 16};
	char folder[] = "/tmp/encl-fuzz-XXXXXX";
	char command[64];
	int fd[2];

	if (size > 65536 || !mkdtemp(folder))
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd))
		abort();
	s.fd = fd[0];
	s.root = open(folder, O_RDONLY | O_DIRECTORY);
	if (write(fd[1], hello, sizeof hello - 1) < 0 || write(fd[1], data, size) < 0 ||
	    shutdown(fd[1], SHUT_WR))
		abort();
	encl_exchange_run(&s);
	close(fd[0]);
	close(fd[1]);
	close(s.root);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return rmdir(folder) && system(command) ? 0 : 0;
}
