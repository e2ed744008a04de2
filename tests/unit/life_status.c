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
char life_asked_nsm[6000];
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

static struct {
	struct timer timer;
	struct nsm_call *first;
} module;

static void
note_bytes(struct nsm_bytes b)
{
	char *at = life_asked_nsm + strlen(life_asked_nsm);

	if (b.p)
		hex_encode(b.p, b.n, at);
	else
		strcpy(at, "-");
}

static void
note_asked(const struct nsm_call *c)
{
	life_asked_nsm[0] = 0;
	if (c->question == NSM_REGISTERS) {
		strcpy(life_asked_nsm, "registers");
		return;
	}
	note_bytes(c->ask.user_data);
	strcat(life_asked_nsm, "/");
	note_bytes(c->ask.nonce);
	strcat(life_asked_nsm, "/");
	note_bytes(c->ask.public_key);
}

static void
answer(struct timer *t)
{
	static struct nsm_pcr pcrs[NSM_PCRS];
	struct nsm_call *c = module.first;

	if (!c)
		return;
	module.first = c->next;
	if (module.first)
		loop_timer(t, 100);
	note_asked(c);
	for (unsigned i = 0; i < NSM_PCRS; i++) {
		memset(pcrs[i].value, (int)i, NSM_PCR_SIZE);
		pcrs[i].locked = i < 17;
	}
	if (*life_nsm == '!' || *life_nsm == '?')
		c->told(c, NULL, 0, life_nsm + 1, *life_nsm == '?');
	else if (c->question == NSM_REGISTERS)
		c->told(c, pcrs[0].value, sizeof pcrs, NULL, false);
	else
		c->told(c, (const uint8_t *)life_nsm, strlen(life_nsm), NULL, false);
}

void
nsm_ask(struct nsm_call *c)
{
	struct nsm_call **end = &module.first;

	while (*end)
		end = &(*end)->next;
	*end = c;
	c->next = NULL;
	module.timer.expired = answer;
	if (module.first == c)
		loop_timer(&module.timer, 100);
}

void
nsm_forget(struct nsm_call *c)
{
	for (struct nsm_call **p = &module.first; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			return;
		}
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
	memset(&module, 0, sizeof module);
}
