/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify(3): what systemd, or whoever set NOTIFY_SOCKET, is told. */
#ifndef ENCL_LAUNCH_NOTIFY_H
#define ENCL_LAUNCH_NOTIFY_H

#include "base/err.h"

/* "READY=1\nSTATUS=…".  Without NOTIFY_SOCKET nothing; a failure is none of ours. */
void encl_notify(const char *fmt, ...) ENCL_PRINTF(1, 2);

#endif
