/* SPDX-License-Identifier: Apache-2.0 */
/* By libcbor, whose own limits hold for depth; sizes are checked here. */
#include "launch/document.h"

#include <cbor.h>
#include <openssl/evp.h>
#include <string.h>

static void
unref(cbor_item_t **item)
{
	if (*item)
		cbor_decref(item);
}

static bool
is_key(const cbor_item_t *key, const char *name)
{
	return cbor_isa_string(key) && cbor_string_is_definite(key) &&
	       cbor_string_length(key) == strlen(name) &&
	       !memcmp(cbor_string_handle(key), name, strlen(name));
}

/* Borrowed, or NULL. */
static cbor_item_t *
member(const cbor_item_t *map, const char *name)
{
	const struct cbor_pair *pairs = cbor_map_handle(map);

	for (size_t i = 0; i < cbor_map_size(map); i++)
		if (is_key(pairs[i].key, name))
			return pairs[i].value;
	return NULL;
}

static bool
bytes_of(const cbor_item_t *item, const uint8_t **p, size_t *n)
{
	if (!item || !cbor_isa_bytestring(item) || !cbor_bytestring_is_definite(item))
		return false;
	*p = cbor_bytestring_handle(item);
	*n = cbor_bytestring_length(item);
	return true;
}

static bool
read_pcr0(const cbor_item_t *pcrs, struct encl_document *d)
{
	const struct cbor_pair *pairs;
	const uint8_t *p;
	size_t n;

	if (!pcrs || !cbor_isa_map(pcrs))
		return false;
	pairs = cbor_map_handle(pcrs);
	for (size_t i = 0; i < cbor_map_size(pcrs); i++) {
		if (!cbor_isa_uint(pairs[i].key) || cbor_get_int(pairs[i].key) != 0)
			continue;
		if (!bytes_of(pairs[i].value, &p, &n) || n != ENCL_DOCUMENT_PCR)
			return false;
		memcpy(d->pcr0, p, n);
		d->debug = true;
		for (size_t j = 0; j < n; j++)
			d->debug = d->debug && !p[j];
		return true;
	}
	return false;
}

static bool
read_payload(const cbor_item_t *map, struct encl_document *d)
{
	const cbor_item_t *module = member(map, "module_id");
	const cbor_item_t *nonce = member(map, "nonce");
	const uint8_t *p;
	size_t n;

	if (!module || !cbor_isa_string(module) || !cbor_string_is_definite(module) ||
	    cbor_string_length(module) >= sizeof d->module ||
	    !read_pcr0(member(map, "pcrs"), d))
		return false;
	n = cbor_string_length(module);
	p = cbor_string_handle(module);
	for (size_t i = 0; i < n; i++)
		d->module[i] = (char)(p[i] > ' ' && p[i] < 0x7f ? p[i] : '?');
	if (!nonce || cbor_is_null(nonce))
		return true;
	if (!bytes_of(nonce, &p, &n) || n > sizeof d->nonce)
		return false;
	memcpy(d->nonce, p, n);
	d->n_nonce = n;
	return true;
}

/* libcbor makes room for as many items as a head promises, before it looks for one;
 * each takes a byte at least, so all promises together are no more than the bytes. */
struct promise {
	size_t left;
	bool broken;
};

static void
look(void *arg, size_t items)
{
	struct promise *p = arg;

	p->broken = p->broken || items > p->left;
	if (!p->broken)
		p->left -= items;
}

static bool
keeps_its_promises(const uint8_t *bytes, size_t n)
{
	struct cbor_callbacks callbacks = cbor_empty_callbacks;
	struct promise p = {n, false};

	callbacks.array_start = look;
	callbacks.map_start = look;
	for (size_t at = 0; at < n && !p.broken;) {
		struct cbor_decoder_result r =
			cbor_stream_decode(bytes + at, n - at, &callbacks, &p);

		if (r.status != CBOR_DECODER_FINISHED || !r.read)
			return false;
		at += r.read;
	}
	return !p.broken;
}

static int
fail(struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "not an attestation document");
}

int
encl_document_read(const uint8_t *p, size_t n, struct encl_document *out,
		   struct encl_err *e)
{
	struct encl_document d = {0};
	struct cbor_load_result result;
	const uint8_t *payload;
	size_t n_payload;

	if (!n || n > ENCL_DOCUMENT_MAX || !keeps_its_promises(p, n))
		return fail(e);
	__attribute__((cleanup(unref))) cbor_item_t *cose = cbor_load(p, n, &result);

	if (!cose || result.read != n || !cbor_isa_array(cose) ||
	    cbor_array_size(cose) != 4 ||
	    !bytes_of(cbor_array_handle(cose)[2], &payload, &n_payload) || !n_payload ||
	    !keeps_its_promises(payload, n_payload))
		return fail(e);
	__attribute__((cleanup(unref))) cbor_item_t *map =
		cbor_load(payload, n_payload, &result);

	if (!map || result.read != n_payload || !cbor_isa_map(map) ||
	    !read_payload(map, &d))
		return fail(e);
	*out = d;
	return 0;
}

int
encl_document_decode(const char *base64, struct encl_document *out, struct encl_err *e)
{
	uint8_t bytes[ENCL_DOCUMENT_MAX + 3];
	size_t n = strlen(base64);
	int got;

	if (!n || n % 4 || n / 4 * 3 > sizeof bytes)
		return fail(e);
	got = EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)n);
	if (got <= 0)
		return fail(e);
	/* It counts what stands for the padding. */
	got -= (base64[n - 1] == '=') + (base64[n - 2] == '=');
	return encl_document_read(bytes, (size_t)got, out, e);
}
