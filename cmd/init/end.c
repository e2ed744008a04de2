/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the enclave: one line that says how, then a reboot. */
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

#include "init/init.h"

void
init_end(const char *what, int n)
{
	say("end ", what, "=", guest_dec((unsigned)n));
	tcdrain(STDERR_FILENO); /* the reset would cut what the port has not sent */
	sync();
	reboot(RB_AUTOBOOT);
	_exit(n); /* not reached: the kernel panics and resets */
}
