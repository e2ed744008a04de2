/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's calls. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nitro/shim/shim.h"

static int
enclave_ioctl(int fd, unsigned long number, uint64_t *argument)
{
	struct nitro_request q = {.op = NITRO_IOCTL, .pid = getpid(), .a = {number}};
	size_t n = number >> 16 & 0x3fff;
	const struct slot *enclave = shim_find(fd, ENCLAVE);
	struct nitro_answer a;
	int error, got = -1;

	if (!argument || n > 24)
		return shim_fail(argument ? ENOTTY : EFAULT);
	memcpy(&q.a[1], argument, n);
	if (number == NE_SET_USER_MEMORY_REGION)
		shim_pieces(&q, (uintptr_t)q.a[3], q.a[2]);
	error = shim_exchange(fd, &q, &a, &got);
	/* It hung up: the enclave has ended. */
	if (error == EPIPE)
		error = NE_ERR_NOT_IN_INIT_STATE;
	if (error)
		return shim_fail(error);
	/* The memory is the enclave's: who touches it dies. */
	if (number == NE_SET_USER_MEMORY_REGION && enclave)
		shim_give_away(enclave->id, (uintptr_t)q.a[3], q.a[2]);
	else
		memcpy(argument, a.a, n);
	if (number == NE_CREATE_VM) {
		struct slot *s = shim_mark(got, ENCLAVE);

		if (s)
			s->id = a.a[0];
	}
	return got >= 0 ? got : 0;
}

int
ioctl(int fd, unsigned long number, ...)
{
	va_list ap;
	void *argument;

	va_start(ap, number);
	argument = va_arg(ap, void *);
	va_end(ap);
	if ((number >> 8 & 0xff) == 0xae &&
	    (shim_find(fd, DEVICE) || shim_find(fd, ENCLAVE)))
		return enclave_ioctl(fd, number & 0xffffffff, argument);
	return (int)syscall(SYS_ioctl, fd, number, argument);
}
