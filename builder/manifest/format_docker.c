/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of texts of the docker section (docs/7-docker-compose.md). */
#include <arpa/inet.h>
#include <string.h>

#include "manifest/docker_value.h"
#include "manifest/format.h"

/* A parser of docker_value.c as a check. */
#define CHECK_BY(name, parser, type)                                                     \
	static const char *name(const char *text)                                        \
	{                                                                                \
		encl_auto(encl_arena_free) struct encl_arena *arena = encl_arena_new();  \
		type v;                                                                  \
                                                                                         \
		return parser(arena, text, &v);                                          \
	}

CHECK_BY(published_port, encl_docker_port, struct encl_publish)
CHECK_BY(volume, encl_docker_volume, struct encl_mount)
CHECK_BY(tmpfs, encl_docker_tmpfs, struct encl_mount)

static const char *
capability(const char *text)
{
	return encl_docker_capability(text) ? NULL : "is not a capability of Linux";
}

static const char *
ulimit_name(const char *text)
{
	return encl_docker_ulimit_name(text) ? NULL : "is not a limit that Docker knows";
}

static const char *
ulimit(const char *text)
{
	int64_t soft, hard;

	return encl_docker_ulimit(text, &soft, &hard)
		       ? NULL
		       : "is a soft limit above the hard one, or too large";
}

static const char *
host_address(const char *text)
{
	unsigned char b[16];

	if (!strcmp(text, "host-gateway") || inet_pton(AF_INET, text, b) == 1 ||
	    inet_pton(AF_INET6, text, b) == 1)
		return NULL;
	return "is not an IPv4 or IPv6 address, nor \"host-gateway\"";
}

/* Part of a repository's name, and the whole with an optional tag. */
#define PART "[a-z0-9]+([._-]+[a-z0-9]+)*"
#define NAME PART "(:[0-9]+)?(/" PART ")*"
#define TAG  "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
#define ID   "sha256:[0-9a-f]{64}"

const struct encl_format encl_format_image_name = {
	.noun = "image name ",
	.what = "NAME or NAME:TAG in lower-case letters, such as \"memcached:1.6\"",
	.pattern = "^" NAME TAG "$",
	.max = 383,
};
const struct encl_format encl_format_image_reference = {
	.noun = "image ",
	.what = "the name of a preloaded image such as \"memcached:1.6\", or its "
		"sha256:ID",
	.pattern = "^(" NAME TAG "(@" ID ")?|" ID ")$",
	.max = 512,
};
const struct encl_format encl_format_text = {
	.what = "text",
	.max = 65536,
	.free_text = true,
	.empty_ok = true,
};
const struct encl_format encl_format_container_env = {
	.what = "a variable's name of letters, digits, \"_\", \".\" and \"-\" that does not "
		"begin with a digit",
	.pattern = "^[A-Za-z_][A-Za-z0-9_.-]*$",
	.max = 256,
};
const struct encl_format encl_format_published_port = {
	.noun = "port ",
	.what = "[ADDRESS:]ENCLAVE:CONTAINER[/tcp|/udp], such as \"8080:80\"",
	.check = published_port,
	.max = 128,
};
const struct encl_format encl_format_volume = {
	.noun = "volume ",
	.what = "FOLDER:TARGET[:ro] with a folder of the enclave, NAME:TARGET[:ro], or "
		"TARGET",
	.check = volume,
	.max = 8192,
};
const struct encl_format encl_format_device = {
	.noun = "device ",
	.what = "a device of the enclave such as \"/dev/nsm\" or "
		"\"/dev/nsm:/dev/other:rw\"",
	.pattern =
		"^/dev(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+(:/dev(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+(:r?w?m?)?)?$",
	.max = 512,
};
const struct encl_format encl_format_tmpfs = {
	.noun = "tmpfs ",
	.what = "a folder of the container such as \"/run\" or \"/tmp:size=64m\"",
	.check = tmpfs,
	.max = 4095,
};
const struct encl_format encl_format_capability = {
	.noun = "capability ",
	.what = "a capability such as \"NET_ADMIN\", or \"ALL\"",
	.pattern = "^[A-Za-z_]+$",
	.check = capability,
	.max = 64,
};
const struct encl_format encl_format_ulimit_name = {
	.noun = "limit ",
	.what = "a limit such as \"nofile\"",
	.pattern = "^[a-z]+$",
	.check = ulimit_name,
	.max = 16,
};
const struct encl_format encl_format_ulimit = {
	.noun = "limit ",
	.what = "a number such as \"1024\", \"SOFT:HARD\", or \"-1\"",
	.pattern = "^(-1|[0-9]+)(:(-1|[0-9]+))?$",
	.check = ulimit,
	.max = 41,
	.free_text = true,
};
const struct encl_format encl_format_label = {
	.what = "a label's name without spaces and \"=\"",
	.pattern = "^[!-<>-~]+$",
	.max = 256,
};
const struct encl_format encl_format_group = {
	.what = "a group: a name or a number",
	.pattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
	.max = 64,
	.free_text = true,
};
const struct encl_format encl_format_host_address = {
	.what = "an IPv4 or IPv6 address, or \"host-gateway\"",
	.check = host_address,
	.max = 45,
};
