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

enum { WRAPPER = 39, TEXT = 160 };

static const struct {
	unsigned number;
	enum encl_code code;
	const char *hint;
} hints[] = {
	{11, ENCL_LOST, "the enclave may have ended already"},
	{18, ENCL_HOST, "run it as root or as a member of the group ne"},
	{19, ENCL_HOST,
	 "is the driver loaded and the device there? See \"enclavebuild host check\""},
	{20, ENCL_USAGE, "name each CPU once in --cpu-ids"},
	{21, ENCL_HOST,
	 "a CPU of --cpu-ids is not in the pool; see \"enclavebuild host check\""},
	{22, ENCL_HOST,
	 "the pool has not as many CPUs; lower --cpus, or \"enclavebuild host setup\""},
	{23, ENCL_USAGE, "correct --cpu-ids"},
	{24, ENCL_HOST, "an enclave takes whole cores; correct --cpus"},
	{26, ENCL_USAGE,
	 "nitro-cli wants 4 times the image's size; raise --memory, or use --backend "
	 "nitro, which needs what \"enclavebuild plan\" says"},
	{27, ENCL_HOST,
	 "there are not enough huge pages free; see \"enclavebuild host check\""},
	{29, ENCL_LOST, "the driver refused a call; --backend nitro says which and why"},
	{35, ENCL_FAILED, "the image is damaged; see \"enclavebuild inspect\""},
	{36, ENCL_LOST,
	 "no heartbeat: the image did not come up, another start is under way (vsock "
	 "port 9000), or the signature is not accepted; --debug-mode shows the console"},
	{39, ENCL_LOST, "see /var/log/nitro_enclaves"},
	{51, ENCL_HOST, "set NITRO_CLI_ARTIFACTS or HOME"},
	{59, ENCL_SIGN, "is the signing certificate still valid?"},
};

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
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (hints[i].number == number) {
			hint = hints[i].hint;
			code = hints[i].code;
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
