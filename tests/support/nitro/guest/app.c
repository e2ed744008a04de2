/* SPDX-License-Identifier: Apache-2.0 */
/* The app of the Nitro tests' enclaves (tests/support/nitro.sh). */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* To whoever asks; of known length, since the end of it may not arrive. */
static int
serve(void)
{
	static const char reply[] =
		"HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\nserved\n";
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(8080)};
	int s = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 100))
		return 3;
	puts("serving");
	fflush(stdout);
	for (;;) {
		int c = accept(s, NULL, NULL);
		char question[4096];

		if (c >= 0 && read(c, question, sizeof question) > 0 &&
		    write(c, reply, sizeof reply - 1) < 0)
			return 4;
		close(c);
	}
}

int
main(int argc, char **argv)
{
	puts("hello from the enclave");
	fflush(stdout);
	if (argc > 1 && !strcmp(argv[1], "serve"))
		return serve();
	if (argc > 2 && !strcmp(argv[1], "sleep"))
		sleep((unsigned)atoi(argv[2]));
	return 7;
}
