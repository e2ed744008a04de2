/* SPDX-License-Identifier: Apache-2.0 */
/* A launch config to the registers that it makes. */
#include "verify/extended.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "ramdisk/launch_config.h"
#include "ramdisk/ramdisk.h"

enum { HEX = 2 * ENCL_PCR_SIZE, NUMBER = 3, NAME = 16 };
#define CONFIG "rootfs/.enclave/config"

/* "16" */
static bool
lock(bool locked[ENCL_PCRS], const struct encl_launch_item *item)
{
	char digits[NUMBER] = "";
	uint64_t pcr;

	if (item->n != 2)
		return false;
	memcpy(digits, item->value, 2);
	if (!encl_parse_uint(digits, 10, ENCL_EXTEND_LAST, &pcr) ||
	    pcr < ENCL_EXTEND_FIRST)
		return false;
	locked[pcr] = true;
	return true;
}

/* "16 DIGITS" */
static bool
extend(struct encl_extended *x, const struct encl_launch_item *item)
{
	uint8_t both[2 * ENCL_PCR_SIZE];
	char digits[HEX + 1];
	struct encl_digest d;
	uint64_t pcr;

	if (item->n != NUMBER + HEX || item->value[2] != ' ')
		return false;
	memcpy(digits, item->value, 2);
	digits[2] = 0;
	if (!encl_parse_uint(digits, 10, ENCL_EXTEND_LAST, &pcr) ||
	    pcr < ENCL_EXTEND_FIRST)
		return false;
	memcpy(digits, item->value + NUMBER, HEX);
	digits[HEX] = 0;
	memcpy(both, x->v[pcr].bytes, ENCL_PCR_SIZE);
	if (!encl_unhex(digits, both + ENCL_PCR_SIZE, ENCL_PCR_SIZE))
		return false;
	encl_digest_of(ENCL_SHA384, both, sizeof both, &d);
	memcpy(x->v[pcr].bytes, d.bytes, ENCL_PCR_SIZE);
	x->has[pcr] = true;
	return true;
}

int
encl_extended_of_config(const char *text, size_t n, struct encl_extended *out,
			struct encl_err *e)
{
	struct encl_extended x = {.has = {false}};
	struct encl_launch_item item = {.key = ""};
	size_t at = encl_launch_config_begin(text, n);
	bool locked[ENCL_PCRS] = {false};
	bool units = false;
	bool good = at > 0;

	while (good && strcmp(item.key, "end") != 0) {
		size_t used = encl_launch_config_next(text + at, n - at, &item);

		at += used;
		good = used > 0;
		units = units || !strcmp(item.key, "unit");
		if (good && !strcmp(item.key, "extend"))
			good = !units && extend(&x, &item);
		if (good && !strcmp(item.key, "lock"))
			good = !units && lock(locked, &item);
	}
	if (!good || at != n)
		return encl_fail(e, ENCL_FAILED,
				 "/.enclave/config is not one of this version of launch");
	/* the others are not in a document, and not what they stay */
	for (size_t i = 0; i < ENCL_PCRS; i++)
		x.has[i] = x.has[i] && locked[i];
	*out = x;
	return 0;
}

struct reader {
	struct encl_cpio_visitor visitor; /* first */
	struct encl_sink_buf sink;
	struct encl_buf config;
	unsigned found;
};

static int
visit(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
      struct encl_sink **sink, struct encl_err *e)
{
	struct reader *r = (struct reader *)v;

	if (strcmp(entry->path, CONFIG) != 0)
		return 0;
	if (r->found++)
		return encl_fail(e, ENCL_FAILED, CONFIG " is there twice");
	*sink = &r->sink.sink;
	return 0;
}

int
encl_extended_of_image(const struct encl_eif *eif, struct encl_extended *out,
		       struct encl_err *e)
{
	struct reader r = {.visitor = {.entry = visit}};
	int result = 0;

	encl_buf_init(&r.config, ENCL_LAUNCH_CONFIG_MAX);
	encl_sink_buf_init(&r.sink, &r.config, CONFIG);
	for (size_t i = 0; !result && i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		if (s->type == ENCL_SECTION_RAMDISK)
			result = encl_ramdisk_read(eif->fd, s->offset, s->size,
						   &r.visitor, e);
	}
	memset(out, 0, sizeof *out);
	if (!result && r.found)
		result = encl_extended_of_config(encl_buf_text(&r.config), r.config.len,
						 out, e);
	encl_buf_clear(&r.config);
	return result;
}

json_t *
encl_extended_json(const struct encl_extended *x)
{
	json_t *v = json_object();

	for (unsigned i = 0; i < ENCL_PCRS; i++) {
		char name[NAME];
		char hex[HEX + 1];

		if (!x->has[i])
			continue;
		(void)snprintf(name, sizeof name, "PCR%u", i);
		encl_hex(x->v[i].bytes, ENCL_PCR_SIZE, hex);
		json_object_set_new(v, name, json_string(hex));
	}
	if (json_object_size(v))
		return v;
	json_decref(v);
	return NULL;
}

void
encl_extended_registers(const struct encl_eif *eif,
			const struct encl_expectations *expected, struct encl_extended *x,
			struct encl_registers *r)
{
	bool wanted = false;
	struct encl_err e;

	for (size_t i = 0; i < expected->n; i++)
		wanted = wanted || expected->v[i].pcr >= ENCL_EXTEND_FIRST;
	/* what cannot be read is not there, and what is expected of it fails */
	if (!wanted || encl_extended_of_image(eif, x, &e))
		return;
	for (unsigned i = 0; i < ENCL_PCRS; i++)
		if (x->has[i])
			r->v[i] = &x->v[i];
}

void
encl_extended_expect(const struct encl_extended *x, struct encl_expectations *out,
		     const char *source)
{
	for (unsigned i = 0; i < ENCL_PCRS; i++)
		if (x->has[i])
			encl_expect_value(out, i, &x->v[i], source);
}
