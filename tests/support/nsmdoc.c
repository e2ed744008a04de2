/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CA like AWS's for enclaves, and attestation documents of it, good and bad:
 *
 *	nsmdoc FOLDER EPOCH NONCE PCR0 PCR1 PCR2 PCR8
 *
 * writes root.pem, other.pem (its namesake) and one CASE.bin for each row of the table
 * below, as if made at EPOCH.  Keys are new each time.  COSE and X.509 are made by
 *OpenSSL and libcbor's encoder, nothing of what the tool verifies with but its buffers.
 */
#include <cbor.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"

enum { ROOT, REGION, ZONE, LEAF, CERTS, PCR = 48, PCRS = 16, FIELD = 8192 };
enum { HOUR = 3600, DAY = 24 * HOUR };

/* What is wrong with it. */
enum flaw {
	NONE,
	/* certificates */
	OTHER_ROOT,
	OTHER_FIRST,
	STRANGER,
	CA_USAGE,
	NOT_CA,
	PATH,
	RSA_LEAF,
	P256_LEAF,
	SHA256_CA,
	LEAF_USAGE,
	NO_USAGE,
	LEAF_CA,
	EXPIRED,
	CA_EXPIRED,
	EXTRA_CA,
	REVERSED,
	NO_BUNDLE,
	BAD_LEAF,
	BAD_CA,
	/* payload */
	OLD,
	FUTURE,
	BACKDATED,
	DEBUG,
	OPEN,
	NULLS,
	NO_MODULE,
	BAD_MODULE,
	NO_DIGEST,
	OTHER_DIGEST,
	NO_TIME,
	ZERO_TIME,
	NO_PCRS,
	EMPTY_PCRS,
	FEW_PCRS,
	SHORT_PCR,
	PCR_32,
	PCR_TWICE,
	NO_CERTIFICATE,
	NO_CABUNDLE,
	KEY_TWICE,
	UNKNOWN_KEY,
	LONG_NONCE,
	CHUNKED,
	TEXT_NONCE,
	AFTER_PAYLOAD,
	NOT_MAP,
	/* COSE */
	TAGGED,
	OTHER_TAG,
	ES256,
	UNPROTECTED,
	SHORT_RS,
	ALTERED_DATA,
	ALTERED_PCR,
	ALTERED_RS,
	TRUNCATED,
	TRAILING,
	OPEN_COSE
};

static const struct {
	const char *name;
	enum flaw flaw;
} cases[] = {
	{"good", NONE},
	{"other-root", OTHER_ROOT},
	{"other-first", OTHER_FIRST},
	{"stranger", STRANGER},
	{"ca-usage", CA_USAGE},
	{"not-ca", NOT_CA},
	{"path", PATH},
	{"rsa-leaf", RSA_LEAF},
	{"p256-leaf", P256_LEAF},
	{"sha256-ca", SHA256_CA},
	{"leaf-usage", LEAF_USAGE},
	{"no-usage", NO_USAGE},
	{"leaf-ca", LEAF_CA},
	{"expired", EXPIRED},
	{"ca-expired", CA_EXPIRED},
	{"extra-ca", EXTRA_CA},
	{"reversed", REVERSED},
	{"no-bundle", NO_BUNDLE},
	{"bad-leaf", BAD_LEAF},
	{"bad-ca", BAD_CA},
	{"old", OLD},
	{"future", FUTURE},
	{"backdated", BACKDATED},
	{"debug", DEBUG},
	{"open", OPEN},
	{"nulls", NULLS},
	{"no-module", NO_MODULE},
	{"bad-module", BAD_MODULE},
	{"no-digest", NO_DIGEST},
	{"sha512", OTHER_DIGEST},
	{"no-time", NO_TIME},
	{"zero-time", ZERO_TIME},
	{"no-pcrs", NO_PCRS},
	{"empty-pcrs", EMPTY_PCRS},
	{"few-pcrs", FEW_PCRS},
	{"short-pcr", SHORT_PCR},
	{"pcr-32", PCR_32},
	{"pcr-twice", PCR_TWICE},
	{"no-certificate", NO_CERTIFICATE},
	{"no-cabundle", NO_CABUNDLE},
	{"key-twice", KEY_TWICE},
	{"unknown-key", UNKNOWN_KEY},
	{"long-nonce", LONG_NONCE},
	{"chunked", CHUNKED},
	{"text-nonce", TEXT_NONCE},
	{"after-payload", AFTER_PAYLOAD},
	{"not-map", NOT_MAP},
	{"tagged", TAGGED},
	{"other-tag", OTHER_TAG},
	{"es256", ES256},
	{"unprotected", UNPROTECTED},
	{"short-rs", SHORT_RS},
	{"altered-data", ALTERED_DATA},
	{"altered-pcr", ALTERED_PCR},
	{"altered-rs", ALTERED_RS},
	{"truncated", TRUNCATED},
	{"trailing", TRAILING},
	{"open-cose", OPEN_COSE},
};

static struct {
	const char *folder;
	uint64_t now;
	uint8_t nonce[512];
	size_t n_nonce;
	uint8_t pcrs[PCRS][PCR];
} the;

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "nsmdoc: %s\n", what);
	exit(1);
}

/* ---- certificates ---- */

struct pair {
	EVP_PKEY *key;
	X509 *x;
};

static void
release(struct pair *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->x);
}

static EVP_PKEY *
new_key(const char *kind)
{
	EVP_PKEY *k = !strcmp(kind, "RSA") ? EVP_RSA_gen(2048) : EVP_EC_gen(kind);

	return k ? k : (die("no key"), NULL);
}

static void
extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext || !X509_add_ext(x, ext, -1))
		die("no extension");
	X509_EXTENSION_free(ext);
}

struct wish {
	const char *name, *key, *constraints, *usage; /* the last two may be NULL */
	uint64_t from, to;
	const EVP_MD *md;
};

static struct pair
issue(const struct wish *w, const struct pair *ca)
{
	struct pair p = {new_key(w->key), X509_new()};
	X509_NAME *name = X509_get_subject_name(p.x);
	static long serial = 1000;

	X509_set_version(p.x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(p.x), serial++);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
				   (const unsigned char *)w->name, -1, -1, 0);
	X509_set_issuer_name(p.x, ca ? X509_get_subject_name(ca->x) : name);
	ASN1_TIME_set(X509_getm_notBefore(p.x), (time_t)w->from);
	ASN1_TIME_set(X509_getm_notAfter(p.x), (time_t)w->to);
	X509_set_pubkey(p.x, p.key);
	if (w->constraints)
		extend(p.x, ca ? ca->x : p.x, NID_basic_constraints, w->constraints);
	if (w->usage)
		extend(p.x, ca ? ca->x : p.x, NID_key_usage, w->usage);
	if (!X509_sign(p.x, ca ? ca->key : p.key, w->md ? w->md : EVP_sha384()))
		die("cannot sign a certificate");
	return p;
}

static struct pair
new_root(const char *name, const char *file)
{
	const struct wish w = {name,
			       "P-384",
			       "critical,CA:TRUE",
			       "critical,digitalSignature,keyCertSign,cRLSign",
			       the.now - 365 * DAY,
			       the.now + 3650ULL * DAY,
			       NULL};
	struct pair p = issue(&w, NULL);
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", the.folder, file);
	f = fopen(path, "w");
	if (!f || !PEM_write_X509(f, p.x) || fclose(f))
		die("cannot write a root");
	return p;
}

static void
make_chain(enum flaw flaw, const struct pair *root, struct pair out[CERTS])
{
	const struct wish region = {"region.test",
				    "P-384",
				    flaw == PATH ? "critical,CA:TRUE,pathlen:0"
						 : "critical,CA:TRUE,pathlen:2",
				    "critical,digitalSignature,keyCertSign,cRLSign",
				    the.now - 10 * DAY,
				    flaw == CA_EXPIRED ? the.now - DAY
						       : the.now + 10 * DAY,
				    flaw == SHA256_CA ? EVP_sha256() : NULL};
	const struct wish zone = {
		"zone.test",
		"P-384",
		flaw == NOT_CA ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0",
		flaw == CA_USAGE ? "critical,digitalSignature" : "critical,keyCertSign",
		the.now - DAY,
		the.now + DAY,
		NULL};
	const struct wish leaf = {"enclave.test",
				  flaw == RSA_LEAF    ? "RSA"
				  : flaw == P256_LEAF ? "P-256"
						      : "P-384",
				  flaw == LEAF_CA ? "critical,CA:TRUE"
						  : "critical,CA:FALSE",
				  flaw == NO_USAGE     ? NULL
				  : flaw == LEAF_USAGE ? "keyAgreement"
				  : flaw == LEAF_CA    ? "digitalSignature,keyCertSign"
						    : "digitalSignature,nonRepudiation",
				  the.now - HOUR,
				  flaw == EXPIRED ? the.now - HOUR / 2 : the.now + HOUR,
				  NULL};

	out[ROOT] = *root;
	out[REGION] = issue(&region, root);
	out[ZONE] = issue(&zone, &out[REGION]);
	if (flaw == STRANGER) {
		struct pair stranger = {new_key("P-384"), out[ZONE].x};

		out[LEAF] = issue(&leaf, &stranger);
		EVP_PKEY_free(stranger.key);
	} else {
		out[LEAF] = issue(&leaf, &out[ZONE]);
	}
}

/* ---- CBOR ---- */

static void
head(struct encl_buf *b, size_t (*encode)(size_t, unsigned char *, size_t), size_t n)
{
	uint8_t h[9];

	encl_buf_add(b, h, encode(n, h, sizeof h));
}

static void
add_uint(struct encl_buf *b, uint64_t v)
{
	uint8_t h[9];

	encl_buf_add(b, h, cbor_encode_uint(v, h, sizeof h));
}

static void
add_text(struct encl_buf *b, const char *s)
{
	head(b, cbor_encode_string_start, strlen(s));
	encl_buf_add_str(b, s);
}

static void
add_bytes(struct encl_buf *b, const void *p, size_t n)
{
	head(b, cbor_encode_bytestring_start, n);
	encl_buf_add(b, p, n);
}

static void
add_der(struct encl_buf *b, X509 *x, bool broken)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	if (n <= 0 || n > 1024)
		die("a certificate is too long");
	add_bytes(b, der, (size_t)n - broken);
	OPENSSL_free(der);
}

static void
add_pcrs(struct encl_buf *b, enum flaw flaw)
{
	static const uint8_t zero[PCR];
	size_t n = flaw == FEW_PCRS ? PCRS - 1 : flaw == EMPTY_PCRS ? 0 : PCRS;

	add_text(b, "pcrs");
	if (flaw == OPEN)
		encl_buf_add_byte(b, 0xbf);
	else
		head(b, cbor_encode_map_start, n);
	for (size_t i = 0; i < n; i++) {
		add_uint(b, flaw == PCR_32 && i == PCRS - 1	 ? 32
			    : flaw == PCR_TWICE && i == PCRS - 1 ? 3
								 : i);
		add_bytes(b, flaw == DEBUG && i < 3 ? zero : the.pcrs[i],
			  flaw == SHORT_PCR && i == 8 ? 32 : PCR);
	}
	if (flaw == OPEN)
		encl_buf_add_byte(b, 0xff);
}

static void
add_cabundle(struct encl_buf *b, enum flaw flaw, const struct pair *c,
	     const struct pair *other)
{
	X509 *v[4] = {flaw == OTHER_FIRST ? other->x : c[ROOT].x, c[REGION].x, c[ZONE].x,
		      other->x};
	size_t n = flaw == NO_BUNDLE ? 0 : flaw == EXTRA_CA ? 4 : 3;

	if (flaw == REVERSED) {
		v[1] = c[ZONE].x;
		v[2] = c[REGION].x;
	}
	add_text(b, "cabundle");
	if (flaw == OPEN)
		encl_buf_add_byte(b, 0x9f);
	else
		head(b, cbor_encode_array_start, n);
	for (size_t i = 0; i < n; i++)
		add_der(b, v[i], flaw == BAD_CA && i == 2);
	if (flaw == OPEN)
		encl_buf_add_byte(b, 0xff);
}

static void
add_nonce(struct encl_buf *b, enum flaw flaw)
{
	static const uint8_t big[FIELD];

	add_text(b, "nonce");
	if (flaw == NULLS)
		encl_buf_add_byte(b, 0xf6);
	else if (flaw == LONG_NONCE)
		add_bytes(b, big, 4097);
	else if (flaw == TEXT_NONCE)
		add_text(b, "12345678");
	else if (flaw == CHUNKED) {
		encl_buf_add_byte(b, 0x5f);
		add_bytes(b, the.nonce, the.n_nonce);
		encl_buf_add_byte(b, 0xff);
	} else
		add_bytes(b, the.nonce, the.n_nonce);
}

static uint64_t
made(enum flaw flaw)
{
	return flaw == OLD	   ? the.now - HOUR / 2
	       : flaw == EXPIRED   ? the.now - HOUR / 2 - 60
	       : flaw == FUTURE	   ? the.now + 600
	       : flaw == BACKDATED ? the.now - 2 * HOUR
				   : the.now - 1;
}

static bool
left_out(enum flaw flaw)
{
	return flaw == NO_MODULE || flaw == NO_DIGEST || flaw == NO_TIME ||
	       flaw == NO_PCRS || flaw == NO_CERTIFICATE || flaw == NO_CABUNDLE;
}

static void
add_payload(struct encl_buf *b, enum flaw flaw, const struct pair *c,
	    const struct pair *other)
{
	size_t n = 9U - left_out(flaw) + (flaw == KEY_TWICE) + (flaw == UNKNOWN_KEY);

	if (flaw == NOT_MAP) {
		add_text(b, "hello");
		return;
	}
	if (flaw == OPEN)
		encl_buf_add_byte(b, 0xbf);
	else
		head(b, cbor_encode_map_start, n);
	if (flaw != NO_MODULE) {
		add_text(b, "module_id");
		add_text(b, flaw == BAD_MODULE ? "i-1\x1b[2J" : "i-0123-enc4567");
	}
	if (flaw != NO_DIGEST) {
		add_text(b, "digest");
		add_text(b, flaw == OTHER_DIGEST ? "SHA512" : "SHA384");
	}
	if (flaw != NO_TIME) {
		add_text(b, "timestamp");
		add_uint(b, flaw == ZERO_TIME ? 0 : made(flaw) * 1000 + 7);
	}
	if (flaw != NO_PCRS)
		add_pcrs(b, flaw);
	if (flaw != NO_CERTIFICATE) {
		add_text(b, "certificate");
		add_der(b, c[LEAF].x, flaw == BAD_LEAF);
	}
	if (flaw != NO_CABUNDLE)
		add_cabundle(b, flaw, c, other);
	add_text(b, "public_key");
	if (flaw == NULLS)
		encl_buf_add_byte(b, 0xf6);
	else
		add_bytes(b, "public key", 10);
	add_text(b, "user_data");
	if (flaw == NULLS)
		encl_buf_add_byte(b, 0xf6);
	else
		add_bytes(b, "user data", 9);
	add_nonce(b, flaw);
	if (flaw == KEY_TWICE) {
		add_text(b, "user_data");
		add_bytes(b, "USER DATA", 9);
	}
	if (flaw == UNKNOWN_KEY) {
		add_text(b, "weather");
		add_text(b, "fine");
	}
	if (flaw == OPEN)
		encl_buf_add_byte(b, 0xff);
	if (flaw == AFTER_PAYLOAD)
		encl_buf_add_byte(b, 0xf6);
}

/* ---- COSE ---- */

static void
sign(EVP_PKEY *key, const struct encl_buf *text, uint8_t rs[96])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[512];
	const uint8_t *p = der;
	size_t n = sizeof der;
	ECDSA_SIG *sig;

	memset(rs, 1, 96);
	if (!EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key) ||
	    !EVP_DigestSign(ctx, der, &n, text->data, text->len))
		die("cannot sign");
	EVP_MD_CTX_free(ctx);
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
		return;
	sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, 48);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 48, 48);
	ECDSA_SIG_free(sig);
}

static void
flip(struct encl_buf *b, const void *what, size_t n)
{
	uint8_t *p = memmem(b->data, b->len, what, n);

	if (!p)
		die("nothing to alter");
	p[n - 1] ^= 1;
}

static void
make(struct encl_buf *out, enum flaw flaw, const struct pair *c, const struct pair *other)
{
	struct encl_buf payload = {.cap = 65536};
	struct encl_buf text = {.cap = 65536};
	const char *protected = flaw == ES256 ? "\xa1\x01\x26" : "\xa1\x01\x38\x22";
	uint8_t rs[96];

	add_payload(&payload, flaw, c, other);
	head(&text, cbor_encode_array_start, 4);
	add_text(&text, "Signature1");
	add_bytes(&text, protected, strlen(protected));
	add_bytes(&text, "", 0);
	add_bytes(&text, payload.data, payload.len);
	sign(c[LEAF].key, &text, rs);
	if (flaw == ALTERED_DATA)
		flip(&payload, "user data", 9);
	if (flaw == ALTERED_PCR)
		flip(&payload, the.pcrs[0], PCR);
	rs[95] ^= flaw == ALTERED_RS;
	if (flaw == TAGGED || flaw == OTHER_TAG)
		encl_buf_add_byte(out, flaw == TAGGED ? 0xd2 : 0xd1);
	if (flaw == OPEN_COSE)
		encl_buf_add_byte(out, 0x9f);
	else
		head(out, cbor_encode_array_start, 4);
	add_bytes(out, protected, strlen(protected));
	head(out, cbor_encode_map_start, flaw == UNPROTECTED);
	if (flaw == UNPROTECTED) {
		add_uint(out, 4);
		add_bytes(out, "kid", 3);
	}
	add_bytes(out, payload.data, payload.len);
	add_bytes(out, rs, flaw == SHORT_RS ? 64 : 96);
	if (flaw == OPEN_COSE)
		encl_buf_add_byte(out, 0xff);
	if (flaw == TRUNCATED)
		out->len -= 100;
	if (flaw == TRAILING)
		encl_buf_add_byte(out, 0);
	encl_buf_clear(&payload);
	encl_buf_clear(&text);
}

static void
write_case(size_t i, const struct pair *root, const struct pair *other)
{
	struct encl_buf out = {.cap = 65536};
	struct pair c[CERTS];
	char path[4096];
	FILE *f;

	make_chain(cases[i].flaw, cases[i].flaw == OTHER_ROOT ? other : root, c);
	make(&out, cases[i].flaw, c, other);
	(void)snprintf(path, sizeof path, "%s/%s.bin", the.folder, cases[i].name);
	f = fopen(path, "w");
	if (!f || fwrite(out.data, 1, out.len, f) != out.len || fclose(f))
		die("cannot write a document");
	encl_buf_clear(&out);
	for (size_t k = REGION; k < CERTS; k++)
		release(&c[k]);
}

int
main(int argc, char **argv)
{
	static const size_t registers[] = {0, 1, 2, 8};
	struct pair root, other;

	if (argc != 8 || !encl_parse_uint(argv[2], 10, UINT32_MAX, &the.now))
		die("usage: nsmdoc FOLDER EPOCH NONCE PCR0 PCR1 PCR2 PCR8");
	the.folder = argv[1];
	the.n_nonce = strlen(argv[3]) / 2;
	if (the.n_nonce > sizeof the.nonce ||
	    !encl_unhex(argv[3], the.nonce, the.n_nonce))
		die("NONCE is not hex");
	for (size_t i = 0; i < 4; i++)
		if (!encl_unhex(argv[4 + i], the.pcrs[registers[i]], PCR))
			die("a PCR is not hex");
	root = new_root("root.test", "root.pem");
	other = new_root("root.test", "other.pem");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		write_case(i, &root, &other);
	release(&root);
	release(&other);
	return 0;
}
