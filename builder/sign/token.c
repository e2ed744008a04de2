/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few declarations of PKCS#11 2.40 that a look at the tokens takes: the
 * function list has its entries in the order of the standard (C_Initialize is
 * the first), and structures are not packed on Unix.
 */
#include "sign/token.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"

enum { GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, MAX_SLOTS = 64, MAX_SHOWN = 8 };

struct version {
	unsigned char major, minor;
};
struct function_list {
	struct version version;
	void (*functions[68])(void);
};
struct token_info {
	unsigned char label[32], manufacturer[32], model[16], serial[16];
	unsigned long flags, numbers[10];
	struct version hardware, firmware;
	unsigned char time[16];
};
typedef unsigned long get_function_list(struct function_list **out);
typedef unsigned long get_slot_list(unsigned char present, unsigned long *slots,
				    unsigned long *n);
typedef unsigned long get_token_info(unsigned long slot, struct token_info *out);

/* Fields are padded with spaces. */
static bool
field_is(const unsigned char *field, size_t n, const char *want)
{
	while (n && field[n - 1] == ' ')
		n--;
	return !want || (strlen(want) == n && !memcmp(field, want, n));
}

static bool
is_meant(const struct token_info *t, const struct encl_pkcs11_uri *u)
{
	return field_is(t->label, sizeof t->label, u->values[ENCL_PKCS11_TOKEN]) &&
	       field_is(t->manufacturer, sizeof t->manufacturer,
			u->values[ENCL_PKCS11_MANUFACTURER]) &&
	       field_is(t->model, sizeof t->model, u->values[ENCL_PKCS11_MODEL]) &&
	       field_is(t->serial, sizeof t->serial, u->values[ENCL_PKCS11_SERIAL]);
}

static void
add_name(struct encl_buf *names, const struct token_info *t)
{
	size_t n = sizeof t->label;
	encl_auto(encl_free) char *shown = NULL;

	while (n && t->label[n - 1] == ' ')
		n--;
	if (!n) /* a slot for a token that is still to be made */
		return;
	shown = encl_escape((const char *)t->label, n);
	encl_buf_add_fmt(names, "%s%s", names->len ? ", " : "", shown);
}

enum encl_token_state
encl_token_look(void *module, const struct encl_pkcs11_uri *u, struct encl_buf *names)
{
	unsigned long slots[MAX_SLOTS];
	unsigned long n = MAX_SLOTS;
	struct function_list *list = NULL;
	enum encl_token_state state = ENCL_TOKEN_ABSENT;
	get_function_list *get_list;
	get_slot_list *get_slots;
	get_token_info *get_info;

	*(void **)&get_list = dlsym(module, "C_GetFunctionList");
	if (!get_list || get_list(&list) || !list)
		return ENCL_TOKEN_UNKNOWN;
	get_slots = (get_slot_list *)list->functions[GET_SLOT_LIST];
	get_info = (get_token_info *)list->functions[GET_TOKEN_INFO];
	if (!get_slots || !get_info || get_slots(1, slots, &n) || n > MAX_SLOTS)
		return ENCL_TOKEN_UNKNOWN;
	for (unsigned long i = 0; i < n; i++) {
		struct token_info t;

		if (get_info(slots[i], &t))
			continue;
		if (is_meant(&t, u))
			state = ENCL_TOKEN_THERE;
		if (i < MAX_SHOWN)
			add_name(names, &t);
	}
	return state;
}
