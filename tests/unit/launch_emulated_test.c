/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/emulated.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "test.h"

TEST(launch_emulated_named)
{
	static const char help[] = "Supported machines are:\n"
				   "microvm              microvm (i386)\n"
				   "nitro-enclave-next   another\n"
				   "none                 nitro-enclave machine";

	CHECK(encl_emulated_named(help, "microvm"));
	CHECK(encl_emulated_named(help, "none"));
	CHECK(!encl_emulated_named(help, "nitro-enclave"));
	CHECK(!encl_emulated_named(help, "micro"));
	CHECK(!encl_emulated_named("", "microvm"));
	CHECK(encl_emulated_named("a  b\nnitro-enclave\tAWS\n", "nitro-enclave"));
	CHECK(encl_emulated_named("nitro-enclave", "nitro-enclave"));
}

/* A program that answers to "-M help" as QEMU does, or ends with a code. */
static char *
fake(const char *machines, int code)
{
	char *path = encl_xasprintf("%s/encl-qemu-XXXXXX",
				    getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	dprintf(fd,
		"#!/bin/sh\n[ \"$1 $2\" = \"-M help\" ] || exit 9\necho '%s'\nexit %d\n",
		machines, code);
	CHECK(!fchmod(fd, 0755));
	close(fd);
	return path;
}

TEST(launch_emulated_choose)
{
	char *with = fake("nitro-enclave        AWS Nitro Enclave", 0);
	char *without = fake("microvm              microvm (i386)", 0);
	char *broken = fake("nitro-enclave        AWS Nitro Enclave", 1);
	char *message = encl_xasprintf(
		"--machine nitro-enclave: %s has no such machine; it takes QEMU 9.2 or "
		"later, built with libcbor and gnutls, such as \"make conformance\" builds",
		without);
	struct encl_emulated_ask ask = {
		.qemu = with, .cmdline_devices = true, .vsock = true};
	const char *got = NULL;

	OK(encl_emulated_choose(&ask, &got, &e));
	EQ_STR("nitro-enclave", got);
	ask.qemu = without;
	OK(encl_emulated_choose(&ask, &got, &e));
	EQ_STR("microvm", got);
	ask.qemu = broken;
	OK(encl_emulated_choose(&ask, &got, &e));
	EQ_STR("microvm", got);
	ask.qemu = with;
	ask.cmdline_devices = false;
	OK(encl_emulated_choose(&ask, &got, &e));
	EQ_STR("microvm", got);
	ask.wanted = ENCL_EMULATED_NITRO; /* who asks for it gets it */
	OK(encl_emulated_choose(&ask, &got, &e));
	EQ_STR("nitro-enclave", got);
	ask.wanted = ENCL_EMULATED_MICROVM;
	ask.cmdline_devices = true;
	OK(encl_emulated_choose(&ask, &got, &e));
	EQ_STR("microvm", got);
	ask.wanted = ENCL_EMULATED_AUTO;
	ask.vsock = false;
	OK(encl_emulated_choose(&ask, &got, &e));
	EQ_STR("microvm", got);
	ask.wanted = ENCL_EMULATED_NITRO;
	FAILS(encl_emulated_choose(&ask, &got, &e), ENCL_HOST,
	      "--machine nitro-enclave: it needs vsock; leave --no-vsock out, and install "
	      "vhost-device-vsock (\"cargo install --locked vhost-device-vsock\")");
	ask.vsock = true;
	ask.qemu = without;
	FAILS(encl_emulated_choose(&ask, &got, &e), ENCL_HOST, message);
	ask.arch = ENCL_ARCH_AARCH64;
	FAILS(encl_emulated_choose(&ask, &got, &e), ENCL_USAGE,
	      "--machine nitro-enclave: QEMU has it for x86_64 only");
	ask.wanted = ENCL_EMULATED_AUTO;
	OK(encl_emulated_choose(&ask, &got, &e));
	EQ_STR("virt", got);
	unlink(with);
	unlink(without);
	unlink(broken);
	free(message);
	free(with);
	free(without);
	free(broken);
}
