/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nitro-cli's words: "[ E27 ] Insufficient memory available. …" on stderr and the
 * description of an enclave as JSON on stdout (nitro-cli 1.x).
 */
#include "launch/nitro_cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "launch/host.h"
#include "launch/nitro_cli_codes.h"

enum { WRAPPER = 39, TEXT = 160 };

/* ---- errors ---- */

/* "[ E27 ] Insufficient …": the number and what stands behind it. */
static const char *
read_error(const char *line, unsigned *number)
{
	const char *digits = strncmp(line, "[ E", 3) ? NULL : line + 3;
	size_t n = digits ? strspn(digits, "0123456789") : 0;
	char text[4] = {0};
	uint64_t value;

	if (n < 1 || n >= sizeof text || strncmp(digits + n, " ] ", 3) != 0)
		return NULL;
	memcpy(text, digits, n);
	if (!encl_parse_uint(text, 10, 99, &value) &&
	    !encl_parse_uint(text + 1, 10, 9, &value))
		return NULL;
	*number = (unsigned)value;
	return digits + n + 3;
}

static const char *
find_error(const char *text, unsigned *number)
{
	const char *wrapper = NULL;

	for (const char *at = text; at; at = strchr(at, '\n')) {
		unsigned it = 0;
		const char *words;

		at += *at == '\n';
		words = read_error(at, &it);
		if (words && it == WRAPPER) {
			wrapper = wrapper ? wrapper : words;
		} else if (words) {
			*number = it;
			return words;
		}
	}
	*number = WRAPPER;
	return wrapper;
}

int
encl_nitro_cli_fail(struct encl_err *e, const char *stderr_text, int status)
{
	unsigned number = 0;
	const char *words = find_error(stderr_text, &number);
	const char *last = stderr_text;
	const char *hint = "\"nitro-cli explain --error-code\" says more";
	enum encl_code code = ENCL_LOST;
	char text[TEXT] = "";

	if (!words) {
		/* the last line that it wrote */
		for (const char *at = last; (at = strchr(at, '\n')) && at[1]; at++)
			last = at + 1;
		return encl_fail(e, ENCL_LOST,
				 "nitro-cli run-enclave ended with code %d: %.*s", status,
				 (int)strcspn(last, "\n"), last);
	}
	/* its first sentence */
	snprintf(text, sizeof text, "%.*s", (int)strcspn(words, ".\n"), words);
	if (number < encl_n_nitro_cli_codes) {
		code = encl_nitro_cli_codes[number].code;
		if (encl_nitro_cli_codes[number].hint)
			hint = encl_nitro_cli_codes[number].hint;
	}
	return encl_fail(e, code, "nitro-cli run-enclave: E%02u: %s; %s", number, text,
			 hint);
}

/* ---- JSON ---- */

static int
parse_cpu_ids(const json_t *json, struct encl_nitro_cli_enclave *out, struct encl_err *e)
{
	encl_auto(encl_free) unsigned *ids = NULL;
	json_t *list, *value;
	size_t n, i;

	if (encl_json_array(json, "CPUIDs", "nitro-cli", &list, e))
		return -1;
	n = json_array_size(list);
	ids = encl_xcalloc(n + 1, sizeof *ids);
	json_array_foreach (list, i, value) {
		json_int_t id = json_integer_value(value);

		if (!json_is_integer(value) || id < 0 || id >= ENCL_HOST_CPUS)
			return encl_fail(e, ENCL_LOST,
					 "nitro-cli: CPUIDs: not a list of CPUs");
		ids[i] = (unsigned)id;
	}
	out->cpus = (unsigned)n;
	out->cpu_ids = encl_host_format_list(ids, n);
	return 0;
}

int
encl_nitro_cli_parse(const char *text, size_t n, struct encl_nitro_cli_enclave *out,
		     struct encl_err *e)
{
	static const char what[] = "nitro-cli";
	encl_auto(json_decref) json_t *json = NULL;
	struct encl_nitro_cli_enclave it = {.pid = 0};
	const char *id;
	uint64_t pid, cid;

	if (encl_json_parse(text, n, what, &json, e) ||
	    encl_json_str(json, "EnclaveID", what, &id, e) ||
	    encl_json_u64(json, "ProcessID", what, &pid, e) ||
	    encl_json_u64(json, "EnclaveCID", what, &cid, e) ||
	    encl_json_u64(json, "MemoryMiB", what, &it.mib, e))
		return -1;
	if (!*id || strlen(id) >= sizeof it.id || *id == '-' || pid < 2 ||
	    pid > INT32_MAX || cid > UINT32_MAX)
		return encl_fail(e, ENCL_LOST,
				 "nitro-cli: EnclaveID, ProcessID or EnclaveCID is none");
	if (parse_cpu_ids(json, &it, e))
		return -1;
	snprintf(it.id, sizeof it.id, "%s", id);
	it.pid = (pid_t)pid;
	it.cid = (uint32_t)cid;
	*out = it;
	return 0;
}
