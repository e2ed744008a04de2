/* SPDX-License-Identifier: Apache-2.0 */
/* Words of /proc/cmdline.  QEMU's runner appends some (docs/run.md); on Nitro the
 * line is measured. */
#include "guest/boot.h"

#include <stdlib.h>
#include <string.h>

#include "guest/file.h"

bool
guest_boot_word(const char *word)
{
	size_t len;
	char *text = guest_read_file("/proc/cmdline", 1 << 16, &len);
	const size_t n = strlen(word);
	bool found = false;

	for (const char *at = text; at && !found && (at = strstr(at, word)); at += n)
		found = (at == text || at[-1] == ' ') && (!at[n] || strchr(" \n", at[n]));
	free(text);
	return found;
}
