/* SPDX-License-Identifier: Apache-2.0 */
/* nitro-cli's answers, and a run by the stand-in tests/support/nitro-cli. */
#include "launch/nitro_cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "eif.h"
#include "launch/enclave.h"
#include "launch/machine.h"
#include "test.h"

static const char wrapper[] =
	"Failed connections: 1\n[ E39 ] Enclave process connection failure. Such error "
	"appears when the enclave manager fails to connect.\n";

TEST(launch_nitro_cli_errors)
{
	encl_auto(encl_free) char *said = encl_xasprintf(
		"Start allocating memory...\n[ E27 ] Insufficient memory available. User "
		"needs to provide more.\n\nFor more details, please visit "
		"https://docs.aws.amazon.com/#E27\n%s",
		wrapper);

	EQ_INT(-1, encl_nitro_cli_fail(&e, said, 39));
	EQ_STR("nitro-cli run-enclave: E27: Insufficient memory available; there are not "
	       "enough huge pages free; see \"enclavebuild host check\"",
	       e.msg);
	EQ_INT(ENCL_HOST, e.code);
	EQ_INT(-1, encl_nitro_cli_fail(&e, wrapper, 39));
	EQ_STR("nitro-cli run-enclave: E39: Enclave process connection failure; see "
	       "/var/log/nitro_enclaves",
	       e.msg);
	EQ_INT(-1, encl_nitro_cli_fail(&e, "[ E37 ] Event wait failure. x\n", 37));
	EQ_STR("nitro-cli run-enclave: E37: Event wait failure; \"nitro-cli explain "
	       "--error-code\" says more",
	       e.msg);
	EQ_INT(ENCL_LOST, e.code);
	EQ_INT(-1, encl_nitro_cli_fail(&e, "one\nthe last\n", 101));
	EQ_STR("nitro-cli run-enclave ended with code 101: the last", e.msg);
	EQ_INT(-1, encl_nitro_cli_fail(&e, "[ Exx ] none [ E1234 ] none", 1));
	EQ_STR("nitro-cli run-enclave ended with code 1: [ Exx ] none [ E1234 ] none",
	       e.msg);
	EQ_INT(-1, encl_nitro_cli_fail(&e, "", 1));
	EQ_STR("nitro-cli run-enclave ended with code 1: ", e.msg);
}

/* Each that we know has its own way out. */
TEST(launch_nitro_cli_hints)
{
	static const struct {
		int number;
		enum encl_code code;
	} known[] = {
		{11, ENCL_LOST},  {18, ENCL_HOST}, {19, ENCL_HOST},  {20, ENCL_USAGE},
		{21, ENCL_HOST},  {22, ENCL_HOST}, {23, ENCL_USAGE}, {24, ENCL_HOST},
		{26, ENCL_USAGE}, {27, ENCL_HOST}, {29, ENCL_LOST},  {35, ENCL_FAILED},
		{36, ENCL_LOST},  {39, ENCL_LOST}, {51, ENCL_HOST},  {59, ENCL_SIGN},
	};
	char *said[sizeof known / sizeof *known];

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		encl_auto(encl_free) char *text =
			encl_xasprintf("[ E%02d ] X. y\n", known[i].number);

		EQ_INT(-1, encl_nitro_cli_fail(&e, text, 1));
		EQ_INT(known[i].code, e.code);
		CHECK(!strstr(e.msg, "says more"));
		CHECK(strstr(e.msg, ": X; "));
		said[i] = encl_xstrdup(strstr(e.msg, ": X; "));
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(said[i], said[j]) != 0);
	}
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		free(said[i]);
}

static int
parse(const char *text, struct encl_nitro_cli_enclave *out)
{
	return encl_nitro_cli_parse(text, strlen(text), out, &e);
}

#define ENCLAVE(id, pid, cid, cpus)                                                      \
	"{\"EnclaveName\": \"app\", \"EnclaveID\": \"" id "\", \"ProcessID\": " pid      \
	", \"EnclaveCID\": " cid ", \"NumberOfCPUs\": 2, \"CPUIDs\": " cpus              \
	", \"MemoryMiB\": 512}"

TEST(launch_nitro_cli_parse)
{
	static const char none[] =
		"nitro-cli: EnclaveID, ProcessID or EnclaveCID is none";
	struct encl_nitro_cli_enclave it;

	OK(parse(ENCLAVE("i-1-enc2", "77", "18", "[2, 3, 9]"), &it));
	EQ_STR("i-1-enc2", it.id);
	EQ_INT(77, it.pid);
	EQ_INT(18, it.cid);
	EQ_INT(3, it.cpus);
	EQ_STR("2-3,9", it.cpu_ids);
	EQ_INT(512, it.mib);
	free(it.cpu_ids);
	FAILS(parse(ENCLAVE("", "77", "18", "[]"), &it), ENCL_LOST, none);
	FAILS(parse(ENCLAVE("--all", "77", "18", "[]"), &it), ENCL_LOST, none);
	FAILS(parse(ENCLAVE("i", "1", "18", "[]"), &it), ENCL_LOST, none);
	FAILS(parse(ENCLAVE("i", "4294967296", "18", "[]"), &it), ENCL_LOST, none);
	FAILS(parse(ENCLAVE("i", "77", "4294967296", "[]"), &it), ENCL_LOST, none);
	FAILS(parse(ENCLAVE("i", "77", "18", "[-1]"), &it), ENCL_LOST,
	      "nitro-cli: CPUIDs: not a list of CPUs");
	FAILS(parse(ENCLAVE("i", "77", "18", "[\"2\"]"), &it), ENCL_LOST,
	      "nitro-cli: CPUIDs: not a list of CPUs");
	CHECK(parse("Killed", &it) == -1);
	CHECK(parse("{}", &it) == -1);
}

#if defined __x86_64__
/* ---- a run ---- */

struct heard {
	char console[256];
	size_t n;
	int beats;
};

static void
hear(void *arg, const char *p, size_t n)
{
	struct heard *h = arg;

	CHECK(h->n + n < sizeof h->console);
	memcpy(h->console + h->n, p, n);
	h->n += n;
}

static void
beat(void *arg)
{
	((struct heard *)arg)->beats++;
}

struct machine {
	struct heard heard;
	struct encl_eif eif;
	struct encl_run_options o;
	struct encl_machine *m;
	char *path; /* PATH as it was */
};

static void
set_up(struct machine *t)
{
	encl_auto(encl_free) char *path = NULL;
	encl_auto(encl_free) char *here = getcwd(NULL, 0);

	memset(t, 0, sizeof *t);
	t->path = encl_xstrdup(getenv("PATH"));
	path = encl_xasprintf("%s/tests/support:%s", here, t->path);
	setenv("PATH", path, 1);
	setenv("NITRO_CLI_FAKE", test_dir(), 1);
	t->eif.fd = -1;
	OK(encl_eif_open(VECTORS "signed.eif", &t->eif, &e));
	t->o = (struct encl_run_options){
		.image_path = VECTORS "signed.eif", .memory_mib = 64, .cpus = 4};
}

static void
tear_down(struct machine *t)
{
	encl_eif_close(&t->eif);
	setenv("PATH", t->path, 1);
	unsetenv("NITRO_CLI_FAKE");
	free(t->path);
}

static int
start(struct machine *t)
{
	const struct encl_machine_listener l = {hear, beat, &t->heard};

	return encl_nitro_cli_start(&t->eif, &t->o, &l, &t->m, &e);
}

static void
eq_calls(const char *want)
{
	encl_auto(encl_free) char *got = NULL;
	size_t n;

	OK(encl_read_file(test_path("calls"), 4096, &got, &n, &e));
	EQ_STR(want, got);
}

static pid_t
enclave_pid(void)
{
	encl_auto(encl_free) char *text = NULL;
	size_t n;

	OK(encl_read_file(test_path("pid"), 64, &text, &n, &e));
	return (pid_t)strtol(text, NULL, 10);
}

static void
step_until(struct machine *t, const char *console)
{
	for (int i = 0; i < 200; i++) {
		struct pollfd p = {t->m->fd, POLLIN, 0};

		t->m->ops->step(t->m);
		if (console ? strstr(t->heard.console, console) != NULL : t->m->gone)
			return;
		poll(&p, 1, 50);
	}
	test_fail(__FILE__, __LINE__, "it did not come: %s", console ? console : "gone");
}

TEST(launch_nitro_cli_run)
{
	struct machine t;

	set_up(&t);
	t.o.debug = true;
	t.o.cid = 21;
	t.o.cpu_ids = "6,2-3";
	t.o.name = "app";
	OK(start(&t));
	EQ_INT(21, t.m->wall.cid);
	EQ_STR("2-3,6", t.m->cpu_ids);
	EQ_INT(64, t.m->memory_mib);
	CHECK(t.m->has_wall && t.m->has_console && t.m->debug);
	step_until(&t, "Hello from the enclave\n");
	EQ_INT(1, t.heard.beats);
	CHECK(!t.m->gone);
	/* it ends by itself: nobody has to end it */
	CHECK(!kill(enclave_pid(), SIGTERM));
	step_until(&t, NULL);
	OK(t.m->ops->judge(t.m, &e));
	EQ_INT(1, t.heard.beats);
	t.m->ops->free(t.m);
	eq_calls("run-enclave --eif-path " VECTORS "signed.eif --memory 64 --enclave-cid "
		 "21 --debug-mode --enclave-name app --cpu-ids 2 3 6\n"
		 "console --enclave-id i-0123-enc4567\n");
	tear_down(&t);
}

TEST(launch_nitro_cli_stop)
{
	struct machine t;

	set_up(&t);
	OK(start(&t));
	EQ_INT(16, t.m->wall.cid);
	CHECK(!t.m->has_console);
	t.m->ops->step(t.m);
	CHECK(!t.m->gone);
	t.m->ops->free(t.m);
	eq_calls("run-enclave --eif-path " VECTORS
		 "signed.eif --memory 64 --cpu-count 4\n"
		 "terminate-enclave --enclave-id i-0123-enc4567\n");
	tear_down(&t);
}

TEST(launch_nitro_cli_refused)
{
	struct machine t;
	FILE *f;

	set_up(&t);
	f = fopen(test_path("fail"), "w");
	CHECK(f && fputs("[ E36 ] Enclave boot failure. Such error …\n", f) >= 0 &&
	      fputs(wrapper, f) >= 0 && !fclose(f));
	FAILS(start(&t), ENCL_LOST,
	      "nitro-cli run-enclave: E36: Enclave boot failure; no heartbeat: the image "
	      "did not come up, another start is under way (vsock port 9000), or the "
	      "signature is not accepted; --debug-mode shows the console");
	t.o.cpu_ids = "0,2";
	FAILS(start(&t), ENCL_USAGE,
	      "--cpu-ids: CPU 0 is its parent's; choose from the pool");
	t.o.cid = 2;
	CHECK(start(&t) == -1);
	EQ_INT(ENCL_USAGE, e.code);
	t.eif.size = 100 << 20;
	FAILS(start(&t), ENCL_USAGE,
	      "64 MiB of memory: nitro-cli wants 4 times the image's size, 400 MiB; raise "
	      "--memory, or use --backend nitro, which needs what \"enclavebuild plan\" "
	      "says");
	setenv("PATH", "/nonexistent", 1);
	FAILS(start(&t), ENCL_HOST,
	      "nitro-cli is not installed; install aws-nitro-enclaves-cli, or use "
	      "--backend nitro, which does not need it");
	eq_calls("run-enclave --eif-path " VECTORS "signed.eif --memory 64 --cpu-count "
		 "4\n");
	tear_down(&t);
}
#endif
