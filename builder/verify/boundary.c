/* SPDX-License-Identifier: Apache-2.0 */
/* Sections in every writer's order, a kernel that ends where it says, one line. */
#include "verify/boundary.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "verify/kernel_end.h"

static const struct encl_eif_section *
find(const struct encl_eif *eif, enum encl_section_type type)
{
	for (size_t i = 0; i < eif->n_sections; i++)
		if (eif->sections[i].type == type)
			return &eif->sections[i];
	return NULL;
}

/* Registers are of the sections in the file's order, tools think of them as kernel,
 * command line, ramdisks: there is one order in which both are the same. */
static bool
check_order(const struct encl_eif *eif, struct encl_checks *checks)
{
	const struct encl_eif_section *kernel = find(eif, ENCL_SECTION_KERNEL);
	const struct encl_eif_section *cmdline = find(eif, ENCL_SECTION_CMDLINE);
	const struct encl_eif_section *ramdisk = find(eif, ENCL_SECTION_RAMDISK);

	if (kernel->offset < cmdline->offset && cmdline->offset < ramdisk->offset)
		return true;
	encl_checks_add(checks, "boundaries", ENCL_CHECK_FAIL,
			"the measured sections are not in the order kernel, command "
			"line, ramdisks");
	return false;
}

/*
 * How archives begin that the kernel unpacks, as far as they can be printed.  With one
 * of these in it, the rest of the command line could as well be the ramdisk's first
 * entry: two images with the same registers, and neither looks damaged.
 */
static bool
check_archive(const char *text, struct encl_checks *checks)
{
	static const char *const begins[] = {"070701", "070702", "BZh"};

	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
		if (strstr(text, begins[i])) {
			encl_checks_add(checks, "boundaries", ENCL_CHECK_FAIL,
					"command line: has a \"%s\", which could be the "
					"beginning of the ramdisk",
					begins[i]);
			return false;
		}
	return true;
}

static bool
check_cmdline(const char *text, const struct encl_kernel_end *kernel,
	      struct encl_checks *checks)
{
	size_t n = strlen(text);
	size_t max = kernel->cmdline_size && kernel->cmdline_size < ENCL_CMDLINE_MAX
			     ? kernel->cmdline_size
			     : ENCL_CMDLINE_MAX;

	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~') {
			encl_checks_add(checks, "boundaries", ENCL_CHECK_FAIL,
					"command line: byte %zu is 0x%02x and no "
					"printable ASCII character",
					i, (unsigned)(uint8_t)text[i]);
			return false;
		}
	if (n <= max)
		return check_archive(text, checks);
	encl_checks_add(checks, "boundaries", ENCL_CHECK_FAIL,
			"command line: %zu bytes, the kernel takes %zu and drops the "
			"rest",
			n, max);
	return false;
}

static bool
check_kernel(const struct encl_eif *eif, struct encl_kernel_end *end,
	     struct encl_checks *checks)
{
	const struct encl_eif_section *s = find(eif, ENCL_SECTION_KERNEL);
	struct encl_err why;

	if (encl_kernel_end(eif->fd, s->offset, s->size, eif->arch, end, &why)) {
		encl_checks_add(checks, "boundaries", ENCL_CHECK_FAIL, "%s", why.msg);
		return false;
	}
	if (end->known)
		return true;
	encl_checks_add(checks, "boundaries", ENCL_CHECK_NOTE,
			"kernel: no EFI header tells where it ends, so bytes that moved "
			"between it and the command line would not be seen here; "
			"compare with another image or a rebuild");
	return true;
}

void
encl_verify_boundaries(const struct encl_eif *eif, struct encl_checks *checks)
{
	struct encl_kernel_end kernel = {.known = false};
	bool order = check_order(eif, checks);
	bool whole = check_kernel(eif, &kernel, checks);
	bool line = check_cmdline(eif->cmdline, &kernel, checks);

	if (!order || !whole || !line)
		return;
	if (kernel.signature)
		encl_checks_add(checks, "boundaries", ENCL_CHECK_PASS,
				"kernel of %" PRIu64 " bytes with %" PRIu64
				" of EFI signatures, command line of one line",
				kernel.own, kernel.signature);
	else if (kernel.known)
		encl_checks_add(checks, "boundaries", ENCL_CHECK_PASS,
				"kernel of %" PRIu64
				" bytes as its header says, command line of one line",
				kernel.own);
}
