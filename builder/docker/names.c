/* SPDX-License-Identifier: Apache-2.0 */
/* Names of images by the grammar of Docker's references. */
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "docker/image.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define ALNUM LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

enum { NAME_MAX_BYTES = 255, TAG_MAX_BYTES = 128 };

/* Lower-case words joined by ".", "_", "__" or dashes. */
static bool
is_component(const char *s, size_t n)
{
	const char *end = s + n;

	for (;;) {
		size_t word = strspn(s, LOWER);
		size_t sep;

		s += word;
		if (!word || s > end)
			return false;
		if (s == end)
			return true;
		sep = strspn(s, "-");
		if (!sep)
			sep = *s == '.' ? 1 : strspn(s, "_");
		if (!sep || (*s == '_' && sep > 2))
			return false;
		s += sep;
	}
}

/* Is the first component a host?  "docker.io", "host:5000", "localhost". */
static bool
is_host(const char *s, size_t n)
{
	return memchr(s, '.', n) || memchr(s, ':', n) ||
	       (n == 9 && !memcmp(s, "localhost", 9));
}

/* Words of letters, digits and dashes inside, joined by dots; a port. */
static bool
is_host_text(const char *s, size_t n)
{
	size_t name = strspn(s, ALNUM ".-");
	const char *port = s + name + 1;

	if (!name || name > n)
		return false;
	for (size_t i = 0; i < name; i++) {
		bool edge = i == 0 || i == name - 1 || s[i - 1] == '.' || s[i + 1] == '.';

		if (edge && (s[i] == '-' || (s[i] == '.' && (i == 0 || i == name - 1 ||
							     s[i + 1] == '.'))))
			return false;
	}
	return name == n || (s[name] == ':' && port < s + n &&
			     strspn(port, "0123456789") == (size_t)(s + n - port));
}

static bool
is_repository(const char *s)
{
	size_t n = strcspn(s, "/");

	if (strlen(s) > NAME_MAX_BYTES)
		return false;
	if (s[n] && is_host(s, n)) {
		if (!is_host_text(s, n))
			return false;
		s += n + 1;
	}
	for (;; s += n + 1) {
		n = strcspn(s, "/");
		if (!is_component(s, n))
			return false;
		if (!s[n])
			return true;
	}
}

static bool
is_tag(const char *s)
{
	size_t n = strlen(s);

	return n && n <= TAG_MAX_BYTES && *s != '.' && *s != '-' &&
	       strspn(s, ALNUM "_.-") == n;
}

static const char *
without_default_host(const char *name)
{
	static const char *const hosts[] = {"docker.io/", "index.docker.io/"};

	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		size_t n = strlen(hosts[i]);

		if (strncmp(name, hosts[i], n) != 0)
			continue;
		name += n;
		/* library/a/b is another repository than a/b */
		if (!strncmp(name, "library/", 8) && !strchr(name + 8, '/'))
			name += 8;
		break;
	}
	return name;
}

int
encl_docker_name(const char *text, char **out, struct encl_err *e)
{
	const char *name = without_default_host(text);
	const char *slash = strrchr(name, '/');
	const char *colon = strchr(slash ? slash : name, ':');
	const char *tag = colon ? colon + 1 : "latest";
	encl_auto(encl_free) char *repository =
		encl_xstrndup(name, colon ? (size_t)(colon - name) : strlen(name));

	if (!strchr(name, '@') && is_repository(repository) && is_tag(tag)) {
		*out = encl_xasprintf("%s:%s", repository, tag);
		return 0;
	}
	encl_auto(encl_free) char *safe = encl_escape(text, strlen(text));

	safe[strlen(safe) < 200 ? strlen(safe) : 200] = 0;
	return encl_fail(e, ENCL_USAGE,
			 "\"%s\" is not a name that Docker gives an image (NAME:TAG, in "
			 "lower case)",
			 safe);
}
