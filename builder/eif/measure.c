/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCR0 = kernel, command line, all ramdisks; PCR1 = kernel, command line,
 * first ramdisk; PCR2 = all other ramdisks (docs/5-eif.md).  PCR1 is a prefix
 * of PCR0, so it costs a copy of the hash's state instead of a second pass.
 */
#include "eif/measure.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"

/* One hash that sees the sections begin. */
struct half {
	struct encl_hash *hash;
	size_t ramdisks; /* begun so far */
};

struct encl_measure {
	struct half pcr0;
	struct encl_hash *pcr1; /* taken when ramdisk 1 begins, or at the end */
	struct half pcr2;
};

void
encl_pcr_extend(const struct encl_digest *content, struct encl_pcr *out)
{
	uint8_t both[2 * ENCL_PCR_SIZE] = {0};
	struct encl_digest d;

	memcpy(both + ENCL_PCR_SIZE, content->bytes, ENCL_PCR_SIZE);
	encl_digest_of(ENCL_SHA384, both, sizeof both, &d);
	memcpy(out->bytes, d.bytes, ENCL_PCR_SIZE);
}

struct encl_measure *
encl_measure_new(void)
{
	struct encl_measure *m = encl_xcalloc(1, sizeof *m);

	m->pcr0.hash = encl_hash_new(ENCL_SHA384);
	m->pcr2.hash = encl_hash_new(ENCL_SHA384);
	return m;
}

void
encl_measure_free(struct encl_measure *m)
{
	if (!m)
		return;
	encl_hash_free(m->pcr0.hash);
	encl_hash_free(m->pcr1);
	encl_hash_free(m->pcr2.hash);
	free(m);
}

static void
begin_pcr01(struct encl_measure *m, enum encl_section_type type)
{
	if (type == ENCL_SECTION_RAMDISK && m->pcr0.ramdisks++ == 1)
		m->pcr1 = encl_hash_clone(m->pcr0.hash);
}

static void
begin_pcr2(struct encl_measure *m, enum encl_section_type type)
{
	if (type == ENCL_SECTION_RAMDISK)
		m->pcr2.ramdisks++;
}

void
encl_measure_take_pcr01(void *arg, const struct encl_chunk *c)
{
	struct encl_measure *m = arg;

	if (c->begin)
		begin_pcr01(m, c->type);
	if (c->measured)
		encl_hash_update(m->pcr0.hash, c->p, c->n);
}

void
encl_measure_take_pcr2(void *arg, const struct encl_chunk *c)
{
	struct encl_measure *m = arg;

	if (c->begin)
		begin_pcr2(m, c->type);
	if (c->measured && m->pcr2.ramdisks > 1)
		encl_hash_update(m->pcr2.hash, c->p, c->n);
}

void
encl_measure_begin(struct encl_measure *m, enum encl_section_type type)
{
	begin_pcr01(m, type);
	begin_pcr2(m, type);
}

void
encl_measure_update(struct encl_measure *m, const void *p, size_t n)
{
	encl_hash_update(m->pcr0.hash, p, n);
	if (m->pcr2.ramdisks > 1)
		encl_hash_update(m->pcr2.hash, p, n);
}

static void
end(struct encl_hash *h, struct encl_pcr *out)
{
	struct encl_digest d;

	encl_hash_final(h, &d);
	encl_pcr_extend(&d, out);
}

void
encl_measure_final(struct encl_measure *m, struct encl_measurements *out)
{
	memset(out, 0, sizeof *out);
	if (!m->pcr1)
		m->pcr1 = encl_hash_clone(m->pcr0.hash);
	end(m->pcr0.hash, &out->pcr0);
	end(m->pcr1, &out->pcr1);
	end(m->pcr2.hash, &out->pcr2);
}

static void
add(json_t *to, const char *key, const struct encl_pcr *pcr)
{
	char hex[2 * ENCL_PCR_SIZE + 1];

	encl_hex(pcr->bytes, ENCL_PCR_SIZE, hex);
	json_object_set_new(to, key, json_string(hex));
}

json_t *
encl_measurements_json(const struct encl_measurements *m)
{
	json_t *v = json_object();

	json_object_set_new(v, "HashAlgorithm", json_string("Sha384 { ... }"));
	add(v, "PCR0", &m->pcr0);
	add(v, "PCR1", &m->pcr1);
	add(v, "PCR2", &m->pcr2);
	if (m->has_pcr8)
		add(v, "PCR8", &m->pcr8);
	return json_pack("{s:o}", "Measurements", v);
}
