/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens on disk: written whole, read as if anybody had written them. */
#include "registry/ecr_token.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/secret.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "registry/ecr.h"

enum { MARGIN_S = 300, LONGEST_S = 12 * 3600, MAX_FILE = 64 * 1024, KEY_BYTES = 8 };

char *
encl_ecr_token_path(const char *dir, const struct encl_ecr_host *h, const char *key_id,
		    const char *endpoint)
{
	encl_auto(encl_free) char *key = encl_xasprintf("%s\n%s", key_id, endpoint);
	struct encl_digest d;
	char hex[2 * KEY_BYTES + 1];

	encl_digest_of(ENCL_SHA256, key, strlen(key), &d);
	encl_hex(d.bytes, KEY_BYTES, hex);
	return encl_xasprintf("%s/ecr/%s.%s.%s.json", dir, h->account, h->region, hex);
}

/* A regular file of ours that nobody else may read or write. */
static bool
is_private(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 077) && st.st_size > 0 && st.st_size <= MAX_FILE;
}

bool
encl_ecr_token_load(const char *path, struct encl_credentials *out)
{
	encl_auto(encl_close_fd) int fd =
		open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	encl_auto(encl_secret_buf_clear) struct encl_buf text = {.data = NULL};
	encl_auto(encl_secret_json_free) json_t *doc = NULL;
	struct encl_err ignored = {.code = ENCL_OK};
	const char *user, *password;
	uint64_t expires;
	uint64_t now = encl_now();
	ssize_t n;

	if (fd < 0 || !is_private(fd))
		return false;
	encl_secret_buf_init(&text, MAX_FILE);
	n = read(fd, text.data, MAX_FILE);
	if (n <= 0 ||
	    encl_secret_json_parse((const char *)text.data, (size_t)n, path, &doc,
				   &ignored) ||
	    encl_json_str(doc, "user", path, &user, &ignored) ||
	    encl_json_str(doc, "password", path, &password, &ignored) ||
	    encl_json_u64(doc, "expires", path, &expires, &ignored))
		return false;
	if (expires <= now + MARGIN_S || expires > now + LONGEST_S + MARGIN_S)
		return false;
	out->user = encl_xstrdup(user);
	out->password = encl_xstrdup(password);
	return true;
}

int
encl_ecr_token_save(const char *path, const struct encl_credentials *c, uint64_t expires,
		    struct encl_err *e)
{
	encl_auto(encl_free) char *folder =
		encl_xstrndup(path, (size_t)(strrchr(path, '/') - path));
	encl_auto(encl_secret_json_free) json_t *doc = json_object();
	encl_auto(encl_secret_free) char *text = NULL;

	json_object_set_new(doc, "user", json_string(c->user));
	json_object_set_new(doc, "password", json_string(c->password));
	json_object_set_new(doc, "expires", json_integer((json_int_t)expires));
	text = encl_json_pretty(doc);
	if (encl_make_dirs(folder, 0700, e))
		return -1;
	return encl_write_file(path, text, strlen(text), 0600, e);
}

int
encl_ecr_forget(const char *cache_dir, const char *host, bool *any, struct encl_err *e)
{
	encl_auto(encl_free) char *folder = encl_xasprintf("%s/ecr", cache_dir);
	encl_auto(encl_free) char *start = NULL;
	struct encl_ecr_host h;
	struct dirent *entry;
	int rc = 0;
	DIR *d;

	*any = false;
	if (!encl_ecr_host_parse(host, &h))
		return 0;
	start = encl_xasprintf("%s.%s.", h.account, h.region);
	d = opendir(folder);
	if (!d)
		return 0;
	while (!rc && (entry = readdir(d))) {
		if (strncmp(entry->d_name, start, strlen(start)) != 0)
			continue;
		*any = true;
		if (unlinkat(dirfd(d), entry->d_name, 0))
			rc = encl_fail_sys(e, ENCL_FAILED, "remove %s/%s", folder,
					   entry->d_name);
	}
	closedir(d);
	return rc;
}
