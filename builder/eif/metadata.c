/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata section: compact JSON with nitro-cli's keys in its order, all
 * of them, as its reader wants (docs/5-eif.md).  Nothing measures it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "eif/eif.h"
#include "eif/metadata.h"

/* Length of the word at *p, words ending at " ", "/", "-" or the line's end;
 * *p moves behind it and its separator. */
static const char *
word(const char **p, size_t *n)
{
	const char *start = *p;

	*n = strcspn(start, " /-\n");
	*p = start + *n + (start[*n] && start[*n] != '\n');
	return start;
}

/*
 * Words 1 and 3 of the configuration's third line, "# Linux/x86_64 6.1.0-9 …":
 * the system and its version, as nitro-cli takes them.
 */
static void
kernel_names(const char *config, char **system, char **version)
{
	const char *line = config ? config : "";
	const char *words[4];
	size_t sizes[4];

	for (int i = 0; i < 2 && line; i++) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	for (size_t i = 0; line && i < 4; i++)
		words[i] = word(&line, &sizes[i]);
	if (line && sizes[1] && sizes[3] && sizes[1] < 256 && sizes[3] < 256) {
		*system = encl_xstrndup(words[1], sizes[1]);
		*version = encl_xstrndup(words[3], sizes[3]);
		return;
	}
	*system = encl_xstrdup("Linux");
	*version = encl_xstrdup("unknown");
}

/* As serde_json's maps, which nitro-cli uses: sorted by key. */
static char *
custom_text(const json_t *custom)
{
	char *text = custom ? json_dumps(custom, JSON_COMPACT | JSON_ENSURE_ASCII |
							 JSON_ENCODE_ANY | JSON_SORT_KEYS)
			    : encl_xstrdup("null");

	if (!text)
		abort();
	return text;
}

static json_t *
text_value(const char *text)
{
	json_t *v = json_string(text);

	return v ? v : json_string(""); /* not UTF-8 */
}

char *
encl_metadata_text(const char *image_name, const char *image_version, uint64_t build_time,
		   const char *kernel_config, const json_t *custom)
{
	encl_auto(encl_free) char *system = NULL;
	encl_auto(encl_free) char *version = NULL;
	encl_auto(encl_free) char *head = NULL;
	encl_auto(encl_free) char *tail = custom_text(custom);
	encl_auto(json_decref) json_t *v = NULL;
	char time[32];

	kernel_names(kernel_config, &system, &version);
	encl_format_time(build_time, time);
	v = json_pack("{s:o, s:o, s:{s:s, s:s, s:s, s:o, s:o}}", "ImageName",
		      text_value(image_name), "ImageVersion", text_value(image_version),
		      "BuildMetadata", "BuildTime", time, "BuildTool", "enclavebuild",
		      "BuildToolVersion", ENCL_VERSION, "OperatingSystem",
		      text_value(system), "KernelVersion", text_value(version));
	head = encl_json_compact(v);
	head[strlen(head) - 1] = 0; /* the closing brace */
	return encl_xasprintf("%s,\"DockerInfo\":null,\"CustomMetadata\":%s}", head,
			      tail);
}

int
encl_metadata_check(const char *text, size_t n, struct encl_err *e)
{
	static const char *const top[] = {"ImageName", "ImageVersion"};
	static const char *const build[] = {"BuildTime", "BuildTool", "BuildToolVersion",
					    "OperatingSystem", "KernelVersion"};
	static const char *const any[] = {"DockerInfo", "CustomMetadata"};
	encl_auto(json_decref) json_t *v = NULL;
	json_t *b;
	const char *s;

	if (encl_json_parse(text, n, "metadata", &v, e))
		return -1;
	for (size_t i = 0; i < sizeof top / sizeof *top; i++)
		if (encl_json_str(v, top[i], "metadata", &s, e))
			return -1;
	if (encl_json_object(v, "BuildMetadata", "metadata", &b, e))
		return -1;
	for (size_t i = 0; i < sizeof build / sizeof *build; i++)
		if (encl_json_str(b, build[i], "metadata: BuildMetadata", &s, e))
			return -1;
	for (size_t i = 0; i < sizeof any / sizeof *any; i++)
		if (!json_object_get(v, any[i]))
			return encl_fail(e, ENCL_FAILED, "metadata: \"%s\" is missing",
					 any[i]);
	return 0;
}
