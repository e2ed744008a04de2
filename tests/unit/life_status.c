/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's status.c under the names of life.h, its parent and its module. */
#include "life.h"

#include "test.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/status.c"
#pragma GCC diagnostic pop
#undef connect

const char *life_nsm;
static bool asking;
static struct sockaddr_un address;
static socklen_t address_n;

bool
launch_has_vsock(void)
{
	return true;
}

void
exec_unit_ended(const struct unit *u)
{
	EQ_INT(UNIT_ENDED, u->state);
}

bool
launch_egress_parent(uint32_t port)
{
	return port == 4294967294U;
}

/* An address of the kernel's choice. */
int
encl_relay_listen(const struct encl_relay_end *end)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	EQ_INT(ENCL_RELAY_VSOCK, end->kind);
	EQ_INT(9001, end->port);
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
	address_n = sizeof address;
	CHECK(getsockname(fd, (struct sockaddr *)&address, &address_n) == 0);
	CHECK(listen(fd, 100) == 0);
	return fd;
}

int
life_parent(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&address, address_n) == 0);
	return fd;
}

const char *
life_told(int parent)
{
	static char text[1 << 20];
	size_t n = 0;
	ssize_t r;

	while ((r = recv(parent, text + n, sizeof text / 2 - n, MSG_DONTWAIT)) > 0)
		n += (size_t)r;
	text[n] = 0;
	for (char *p = text; (p = strchr(p, '\n')); p += 2) {
		memmove(p + 2, p + 1, strlen(p + 1) + 1);
		p[0] = ';';
		p[1] = ' ';
	}
	if (r == 0 || errno != EAGAIN)
		strcat(text, "closed");
	return text;
}

/* ---- the module ---- */

bool
nsm_there(void)
{
	return life_nsm;
}

bool
nsm_is_busy(void)
{
	return asking;
}

static struct {
	struct timer timer;
	void (*told)(const char *document, const char *why);
} module;

static void
answer(struct timer *t)
{
	(void)t;
	asking = false;
	if (*life_nsm == '!')
		module.told(NULL, life_nsm + 1);
	else
		module.told(life_nsm, NULL);
}

void
nsm_attest(const uint8_t *nonce, size_t n,
	   void (*told)(const char *document, const char *why))
{
	CHECK(n >= 8 && nonce[0] == 0x0a);
	asking = true;
	module.told = told;
	module.timer = (struct timer){.expired = answer};
	loop_timer(&module.timer, 100);
}

void
life_reset_status(void)
{
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (the.peers[i]) {
			close(the.peers[i]->watch.fd);
			free(the.peers[i]);
		}
	if (the.began)
		close(the.listener.fd);
	memset(&the, 0, sizeof the);
	life_nsm = NULL;
	asking = false;
}
