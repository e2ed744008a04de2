/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of keys.  Decoding, defaults, the canonical form, the JSON
 * Schema, the reference chapter and the man page all walk it.
 */
#ifndef ENCL_MANIFEST_SCHEMA_H
#define ENCL_MANIFEST_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct encl_format;

enum encl_key_type {
	ENCL_KEY_TEXT,	 /* const char *, or uint32_t for the mode format */
	ENCL_KEY_NUMBER, /* unsigned of field_size bytes */
	ENCL_KEY_BOOL,	 /* bool */
	ENCL_KEY_ENUM,	 /* one of words; the index, as an enum */
	ENCL_KEY_WORD,	 /* one of words; const char *, or no field */
	ENCL_KEY_TEXTS,	 /* struct encl_strings */
	ENCL_KEY_PAIRS,	 /* struct encl_pairs: names of name_format, values of format */
	/* Decimal of up to three digits behind the point; uint64_t thousandths. */
	ENCL_KEY_DECIMAL,
	/* Names of name_format to one of words: struct encl_dependency * at the
	 * field, count beside. */
	ENCL_KEY_DEPENDS,
	ENCL_KEY_MAP,  /* keys, in a struct at the field */
	ENCL_KEY_MAPS, /* list of structs with keys: pointer at the field, count beside */
	ENCL_KEY_LATER /* refused with help as the reason */
};

enum {
	ENCL_KEY_REQUIRED = 1 << 0,   /* of the map, where the map is given */
	ENCL_KEY_UNMEASURED = 1 << 1, /* not in the canonical form */
	ENCL_KEY_ALIAS = 1 << 2,      /* another spelling; canonical under another key */
	ENCL_KEY_UNIQUE = 1 << 3,     /* a list without repetitions */
	ENCL_KEY_ONE_OF = 1 << 4, /* of the map's keys with this exactly one is given */
	/* A map or list that the canonical form leaves out where it says nothing. */
	ENCL_KEY_SPARSE = 1 << 5,   /* also a BOOL, where it is false */
	ENCL_KEY_IF_GIVEN = 1 << 6, /* a MAP that it has only where the file has it */
};

struct encl_key {
	const char *name; /* NULL ends a table */
	enum encl_key_type type;
	unsigned flags;
	/* Only next to one of these keys ("package" or "package|modules"), and with
	 * needs_me that key only next to this one. */
	const char *needs;
	bool needs_me;
	const struct encl_format *format;
	const struct encl_format *name_format;
	const char *const *words; /* NULL-ended */
	/* Of a number (thousandths of a decimal), or of the count of a list or map. */
	uint64_t min, max;
	const char *fallback;  /* the default as it would be written, or NULL */
	const char *null_word; /* this text leaves the field at 0 or NULL */
	const struct encl_key *keys;
	/* Where it goes, in the struct of the surrounding map or list element. */
	size_t at;
	size_t field_size; /* 0: no field */
	size_t count_at;   /* MAPS */
	size_t item_size;  /* MAPS */
	/* The offset + 1, or 0: a bool set where the key is there, and a position. */
	size_t given;
	size_t pos; /* in the map's own struct for MAP, else in the surrounding one */
	size_t item_pos; /* MAPS: in each element */
	/* Choosing this key sets an enum: the offset + 1, or 0, and the value. */
	size_t chooses;
	unsigned choice;
	/* An ENUM that may also be a map: the enum's value then.  (A TEXT with keys may
	 * be a map too; the text is NULL then.) */
	unsigned map_choice;
	const char *example; /* for the reference, or NULL */
	const char
		*way_out; /* what to write where a required one is not there, or NULL */
	const char *help; /* sentences */
};

extern const struct encl_key encl_manifest_keys[];

/* The key of that name, or NULL. */
const struct encl_key *encl_manifest_key(const struct encl_key *keys, const char *name);

/* The nearest key's name for "did you mean", or NULL. */
const char *encl_manifest_nearest(const struct encl_key *keys, const char *name);

/* 1500 as "1.5" (malloc'ed). */
char *encl_manifest_decimal(uint64_t thousandths);

/* Is `name` one of the words of "a|b|c"? */
bool encl_manifest_in_words(const char *words, const char *name);

#endif
