/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `verify --image`: the measured sections end where the other image's do.  Equal
 * registers say that their bytes are equal one after another, not where one ends.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "operand.h"
#include "verify.h"

/* "kernel 3584, cmdline 13, ramdisk 512, ramdisk 1024" */
static char *
sizes(const struct encl_eif *eif)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 4096};

	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		if (s->type != ENCL_SECTION_SIGNATURE && s->type != ENCL_SECTION_METADATA)
			encl_buf_add_fmt(&b, "%s%s %" PRIu64, b.len ? ", " : "",
					 encl_section_name(s->type), s->size);
	}
	return encl_xstrdup(encl_buf_text(&b));
}

int
verify_sections(struct verification *v, struct encl_err *e)
{
	encl_auto(encl_free) char *got = sizes(&v->eif);
	const char *text;

	for (size_t i = 0; (text = args_nth(v->args, "image", i)); i++) {
		encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
		encl_auto(encl_free) char *expected = NULL;

		if (operand_open(v->cli, text, &eif, e))
			return -1;
		expected = sizes(&eif);
		encl_checks_compare(&v->checks, "sections", text, expected, got);
	}
	return 0;
}
