/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small texts of Docker into structs, by the forms that the Compose
 * specification gives them; what would need a guess is refused.
 */
#include "manifest/docker_value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"

enum { MIB = 1 << 20, MAX_PARTS = 4 };

static const char *
keep(struct encl_arena *arena, char *text)
{
	encl_auto(encl_free) char *owned = text;

	return encl_arena_strdup(arena, owned);
}

/* ---- ports ---- */

static bool
is_address(const char *text)
{
	unsigned char b[16];

	return inet_pton(AF_INET, text, b) == 1 || inet_pton(AF_INET6, text, b) == 1;
}

static bool
port_number(const char *text, unsigned *out)
{
	uint64_t v;

	if (!encl_parse_uint(text, 10, 65535, &v) || !v)
		return false;
	*out = (unsigned)v;
	return true;
}

/* Cuts "/udp" off. */
static const char *
protocol(char *text, struct encl_publish *out)
{
	char *slash = strchr(text, '/');

	if (!slash)
		return NULL;
	*slash++ = 0;
	out->udp = !strcmp(slash, "udp");
	return out->udp || !strcmp(slash, "tcp") ? NULL : "is neither tcp nor udp";
}

/* Cuts "ADDRESS:" off; *rest is what follows it. */
static const char *
split_address(struct encl_arena *arena, char *text, struct encl_publish *out, char **rest)
{
	char *last = strrchr(text, ':');
	char *first = strchr(text, ':');
	char *close = *text == '[' ? strchr(text, ']') : NULL;

	*rest = text;
	if (close && close[1] == ':') {
		*close = 0;
		*rest = close + 2;
		text++;
	} else if (last && first != last && strchr(first + 1, ':') == last) {
		*first = 0;
		*rest = first + 1;
	} else {
		return NULL;
	}
	if (!is_address(text))
		return "has an address that is neither IPv4 nor [IPv6]";
	out->address = encl_arena_strdup(arena, text);
	return NULL;
}

const char *
encl_docker_port(struct encl_arena *arena, const char *text, struct encl_publish *out)
{
	encl_auto(encl_free) char *copy = encl_xstrdup(text);
	struct encl_publish p = {.host = 0};
	const char *wrong = protocol(copy, &p);
	char *rest;
	char *colon;

	if (!wrong)
		wrong = split_address(arena, copy, &p, &rest);
	if (wrong)
		return wrong;
	if (strchr(rest, '-'))
		return "is a range; write each port out";
	colon = strchr(rest, ':');
	if (!colon)
		return "names no port of the enclave; write ENCLAVE:CONTAINER, such as "
		       "\"8080:80\"";
	*colon = 0;
	if (!port_number(rest, &p.host) || !port_number(colon + 1, &p.container))
		return "has a port that is not a number from 1 to 65535";
	*out = p;
	return NULL;
}

const char *
encl_docker_port_text(struct encl_arena *arena, const struct encl_publish *p)
{
	bool six = p->address && strchr(p->address, ':');

	return keep(arena, encl_xasprintf("%s%s%s%s%u:%u%s", six ? "[" : "",
					  p->address ? p->address : "", six ? "]" : "",
					  p->address ? ":" : "", p->host, p->container,
					  p->udp ? "/udp" : ""));
}

/* ---- volumes ---- */

/* Absolute, in its one form, below "/". */
static bool
is_normal(const char *path)
{
	if (*path != '/' || !path[1])
		return false;
	while (*path) {
		size_t n = strcspn(++path, "/");

		if (!n || n > 255 || (n == 1 && *path == '.') ||
		    (n == 2 && !strncmp(path, "..", 2)))
			return false;
		path += n;
	}
	return true;
}

/* runc mounts nothing there. */
static const char *
wrong_target(const char *target)
{
	return encl_path_within(target, "/proc")
		       ? "has a target in /proc, which is the container's own"
		       : NULL;
}

static bool
is_volume_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t n = strlen(text);

	return n && n < 128 && strchr(letters, *text) &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

static const char *
volume_source(const char *text, struct encl_mount *out)
{
	if (*text == '.' || *text == '~')
		return "begins with a path that is not absolute; a folder is one of the "
		       "enclave, such as \"/srv/data:/data\"";
	if (*text != '/') {
		out->kind = ENCL_MOUNT_VOLUME;
		return is_volume_name(text) ? NULL
					    : "has a source that is neither an absolute "
					      "path nor a volume's name";
	}
	out->kind = ENCL_MOUNT_BIND;
	if (strcmp(text, "/") != 0 && !is_normal(text))
		return "has a source with \".\", \"..\", an empty part or a final \"/\"";
	if (!strncmp(text, "/.enclave", 9) && (!text[9] || text[9] == '/'))
		return "has a source in /.enclave, which is enclavebuild's own";
	return NULL;
}

static const char *
volume_option(const char *text, struct encl_mount *out)
{
	out->readonly = !strcmp(text, "ro");
	return out->readonly || !strcmp(text, "rw")
		       ? NULL
		       : "has an option other than \"ro\" and \"rw\"";
}

const char *
encl_docker_volume(struct encl_arena *arena, const char *text, struct encl_mount *out)
{
	char *copy = encl_arena_strdup(arena, text);
	struct encl_mount m = {.kind = ENCL_MOUNT_VOLUME, .source = ""};
	const char *wrong = NULL;
	char *part[MAX_PARTS] = {copy};
	size_t n = 1;

	for (char *p = strchr(copy, ':'); p && n < MAX_PARTS; p = strchr(p, ':')) {
		*p++ = 0;
		part[n++] = p;
	}
	if (n > 3)
		return "has more than three parts; it is SOURCE:TARGET[:ro]";
	m.target = part[n > 1];
	if (n > 1)
		m.source = part[0];
	if (n > 1)
		wrong = volume_source(m.source, &m);
	if (!wrong && n == 3)
		wrong = volume_option(part[2], &m);
	if (!wrong && !is_normal(m.target))
		wrong = "has a target that is not an absolute path below \"/\" in its one "
			"form";
	if (!wrong)
		wrong = wrong_target(m.target);
	if (!wrong)
		*out = m;
	return wrong;
}

const char *
encl_docker_tmpfs(struct encl_arena *arena, const char *text, struct encl_mount *out)
{
	char *copy = encl_arena_strdup(arena, text);
	char *options = strchr(copy, ':');
	struct encl_mount m = {.kind = ENCL_MOUNT_TMPFS, .source = "", .target = copy};
	uint64_t bytes;

	if (options)
		*options++ = 0;
	if (!is_normal(m.target))
		return "is not an absolute path below \"/\" in its one form";
	if (wrong_target(m.target))
		return wrong_target(m.target);
	if (options && strncmp(options, "size=", 5) != 0)
		return "has an option other than \"size=\"";
	if (options &&
	    (!encl_docker_size(options + 5, &bytes) || bytes < MIB || bytes % MIB))
		return "has a size that is not in whole MiB, such as \"size=64m\"";
	if (options)
		m.size_mib = bytes / MIB;
	*out = m;
	return NULL;
}

const char *
encl_docker_mount_text(struct encl_arena *arena, const struct encl_mount *m)
{
	if (m->kind == ENCL_MOUNT_TMPFS && m->size_mib)
		return keep(arena, encl_xasprintf("%s:size=%" PRIu64 "m", m->target,
						  m->size_mib));
	return keep(arena, encl_xasprintf("%s%s%s%s", m->source, *m->source ? ":" : "",
					  m->target, m->readonly ? ":ro" : ""));
}

/* ---- numbers ---- */

bool
encl_docker_ulimit(const char *text, int64_t *soft, int64_t *hard)
{
	encl_auto(encl_free) char *copy = encl_xstrdup(text);
	char *colon = strchr(copy, ':');
	const char *part[2] = {copy, colon ? colon + 1 : copy};
	int64_t v[2];

	if (colon)
		*colon = 0;
	for (int i = 0; i < 2; i++) {
		uint64_t u;

		if (!strcmp(part[i], "-1"))
			v[i] = -1;
		else if (encl_parse_uint(part[i], 10, INT64_MAX, &u))
			v[i] = (int64_t)u;
		else
			return false;
	}
	if (v[1] >= 0 && (v[0] < 0 || v[0] > v[1]))
		return false;
	*soft = v[0];
	*hard = v[1];
	return true;
}

bool
encl_docker_size(const char *text, uint64_t *bytes)
{
	static const struct {
		const char *unit;
		unsigned shift;
	} units[] = {
		{"", 0},    {"b", 0},	 {"k", 10}, {"kb", 10}, {"kib", 10}, {"m", 20},
		{"mb", 20}, {"mib", 20}, {"g", 30}, {"gb", 30}, {"gib", 30},
	};
	size_t n = strspn(text, "0123456789.");
	encl_auto(encl_free) char *number = encl_xstrndup(text, n);
	uint64_t v;

	if (!encl_parse_thousandths(number, UINT64_C(1) << 50, &v))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		uint64_t product;

		if (strcasecmp(text + n, units[i].unit) != 0)
			continue;
		if (__builtin_mul_overflow(v, UINT64_C(1) << units[i].shift, &product))
			return false;
		*bytes = product / 1000;
		return product % 1000 == 0;
	}
	return false;
}

bool
encl_docker_duration(const char *text, uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};
	const uint64_t max = UINT64_C(1000) * 3600000;
	uint64_t sum = 0;

	if (!strcmp(text, "0")) {
		*ms = 0;
		return true;
	}
	if (!*text || strlen(text) > 64)
		return false;
	while (*text) {
		size_t n = strspn(text, "0123456789.");
		size_t len = strcspn(text + n, "0123456789.");
		encl_auto(encl_free) char *number = encl_xstrndup(text, n);
		uint64_t v;
		size_t i = 0;

		while (i < 4 && (strlen(units[i].unit) != len ||
				 strncmp(units[i].unit, text + n, len) != 0))
			i++;
		if (i == 4 || !encl_parse_thousandths(number, max, &v) ||
		    v * units[i].ms % 1000)
			return false;
		sum += v * units[i].ms / 1000;
		text += n + len;
	}
	*ms = sum;
	return sum <= max;
}

/* ---- names ---- */

const char *
encl_docker_capability(const char *text)
{
	/* capabilities(7) */
	static const char *const names[] = {
		"ALL",
		"AUDIT_CONTROL",
		"AUDIT_READ",
		"AUDIT_WRITE",
		"BLOCK_SUSPEND",
		"BPF",
		"CHECKPOINT_RESTORE",
		"CHOWN",
		"DAC_OVERRIDE",
		"DAC_READ_SEARCH",
		"FOWNER",
		"FSETID",
		"IPC_LOCK",
		"IPC_OWNER",
		"KILL",
		"LEASE",
		"LINUX_IMMUTABLE",
		"MAC_ADMIN",
		"MAC_OVERRIDE",
		"MKNOD",
		"NET_ADMIN",
		"NET_BIND_SERVICE",
		"NET_BROADCAST",
		"NET_RAW",
		"PERFMON",
		"SETFCAP",
		"SETGID",
		"SETPCAP",
		"SETUID",
		"SYSLOG",
		"SYS_ADMIN",
		"SYS_BOOT",
		"SYS_CHROOT",
		"SYS_MODULE",
		"SYS_NICE",
		"SYS_PACCT",
		"SYS_PTRACE",
		"SYS_RAWIO",
		"SYS_RESOURCE",
		"SYS_TIME",
		"SYS_TTY_CONFIG",
		"WAKE_ALARM",
	};

	if (!strncasecmp(text, "CAP_", 4))
		text += 4;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcasecmp(names[i], text))
			return names[i];
	return NULL;
}

bool
encl_docker_ulimit_name(const char *text)
{
	/* setrlimit(2), as Docker spells them */
	static const char *const names[] = {
		"core",	   "cpu",      "data",	 "fsize",      "locks",
		"memlock", "msgqueue", "nice",	 "nofile",     "nproc",
		"rss",	   "rtprio",   "rttime", "sigpending", "stack",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(names[i], text))
			return true;
	return false;
}

/* ---- words ---- */

struct splitter {
	const char *p;
	char *out; /* the word grows here */
	bool open; /* a word has begun, perhaps an empty one */
};

/* Within double quotes a backslash protects only these (POSIX 2.2.3). */
static const char *
double_quoted(struct splitter *s)
{
	for (s->p++; *s->p && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p[1] == '\n') {
			s->p++;
			continue;
		}
		if (*s->p == '\\' && s->p[1] && strchr("$`\"\\", s->p[1]))
			s->p++;
		*s->out++ = *s->p;
	}
	if (!*s->p)
		return "has a double quote that is not closed";
	s->p++;
	return NULL;
}

static const char *
single_quoted(struct splitter *s)
{
	for (s->p++; *s->p && *s->p != '\''; s->p++)
		*s->out++ = *s->p;
	if (!*s->p)
		return "has a single quote that is not closed";
	s->p++;
	return NULL;
}

/* One character or one quoted part; the end of the word is the caller's. */
static const char *
take_part(struct splitter *s)
{
	s->open = true;
	if (*s->p == '\'')
		return single_quoted(s);
	if (*s->p == '"')
		return double_quoted(s);
	if (*s->p == '\\' && !s->p[1])
		return "ends in a backslash";
	if (*s->p == '\\' && s->p[1] == '\n') {
		s->p += 2;
		return NULL;
	}
	if (*s->p == '\\')
		s->p++;
	*s->out++ = *s->p++;
	return NULL;
}

const char *
encl_docker_words(struct encl_arena *arena, const char *text, struct encl_strings *out)
{
	size_t n = strlen(text);
	char *word = encl_arena_alloc(arena, 2 * n + 2);
	struct splitter s = {.p = text, .out = word};
	struct encl_strings list = {
		.v = encl_arena_alloc(arena, (n + 1) * sizeof *list.v)};

	for (;;) {
		bool ends = !*s.p || strchr(" \t\n", *s.p);
		const char *wrong;

		if (ends && s.open) {
			*s.out++ = 0;
			list.v[list.n++] = word;
			word = s.out;
			s.open = false;
		}
		if (!*s.p)
			break;
		if (ends) {
			s.p++;
			continue;
		}
		wrong = take_part(&s);
		if (wrong)
			return wrong;
	}
	*out = list;
	return NULL;
}
