/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's command line says to the guest programs. */
#ifndef GUEST_BOOT_H
#define GUEST_BOOT_H

#include <stdbool.h>

/* Is this one of its words? */
bool guest_boot_word(const char *word);

#endif
