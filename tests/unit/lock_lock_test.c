/* SPDX-License-Identifier: Apache-2.0 */
#include "lock/lock.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/tmpfile.h"
#include "test.h"

static json_t *
parse(const char *text)
{
	json_t *v = NULL;

	OK(encl_json_parse(text, strlen(text), "test", &v, &e));
	return v;
}

static void
compare(const char *lock_text, const char *items_text, const char *want)
{
	encl_auto(json_decref) json_t *lock = parse(lock_text);
	encl_auto(json_decref) json_t *items = parse(items_text);
	encl_auto(encl_buf_clear) struct encl_buf changed = {.cap = 1000};

	encl_lock_compare(lock, items, &changed);
	EQ_STR(want, encl_buf_text(&changed));
}

#define LOCK                                                                                    \
	"{\"arch\":\"x86_64\",\"rootfs\":[{\"item\":{\"file\":{\"path\":\"/a\"}},\"pin\":{}}]," \
	"\"kernel\":{\"item\":{\"blobs\":\"b\"},\"pin\":{}},\"init\":\"builtin\",\"ramdisk\":{}}"

TEST(lock_compare_names_changed_keys)
{
	compare(LOCK,
		"{\"arch\":\"x86_64\",\"rootfs\":[{\"file\":{\"path\":\"/a\"}}],"
		"\"kernel\":{\"blobs\":\"b\"},\"init\":\"builtin\",\"ramdisk\":{}}",
		"");
	compare(LOCK,
		"{\"arch\":\"aarch64\",\"rootfs\":[{\"file\":{\"path\":\"/b\",\"mode\":\"1\"}}],"
		"\"kernel\":{\"blobs\":\"b\"},\"init\":\"aws\",\"ramdisk\":{}}",
		"arch, rootfs[0].file.path, rootfs[0].file.mode, init");
	compare(LOCK,
		"{\"arch\":\"x86_64\",\"rootfs\":[{\"file\":{\"path\":\"/a\"}},{\"x\":1}],"
		"\"kernel\":{\"package\":\"p\"},\"init\":\"builtin\",\"ramdisk\":{}}",
		"rootfs[1], kernel.blobs, kernel.package");
}

TEST(lock_items_leave_the_way_out)
{
	encl_auto(json_decref) json_t *canonical = parse(
		"{\"arch\":\"x86_64\",\"rootfs\":[{\"packages\":{\"suite\":\"s\",\"mirror\":\"m\","
		"\"sources\":[{\"suite\":\"s\",\"keyring\":\"k\"}]}}],"
		"\"boot\":{\"kernel\":{\"package\":\"p\",\"mirror\":\"m\"},\"init\":\"builtin\","
		"\"ramdisk\":{}}}");
	encl_auto(json_decref) json_t *items = encl_lock_items(canonical);
	encl_auto(encl_free) char *text = encl_json_compact(items);

	EQ_STR("{\"arch\":\"x86_64\",\"rootfs\":[{\"packages\":{\"suite\":\"s\","
	       "\"sources\":[{\"suite\":\"s\"}]}}],\"kernel\":{\"package\":\"p\"},"
	       "\"init\":\"builtin\",\"ramdisk\":{}}",
	       text);
}

static void
refuse(const char *text, const char *want)
{
	json_t *lock = NULL;
	const char *path = test_path("enclave.lock");

	OK(encl_write_file(path, text, strlen(text), 0644, &e));
	EQ_INT(-1, encl_lock_read(path, &lock, &e));
	EQ_INT(ENCL_MISMATCH, e.code);
	EQ_STR(want, e.msg + strlen(path));
}

TEST(lock_read_refuses)
{
	json_t *lock = (json_t *)&lock;

	OK(encl_lock_read(test_path("absent"), &lock, &e));
	CHECK(lock == NULL);
	refuse("[]", ": not a lock");
	refuse("{\"lockVersion\":2}",
	       ": \"lockVersion\" is not 1, which this version of the tool writes; use the "
	       "tool that wrote it or run \"enclavebuild lock\"");
	refuse("{\"lockVersion\":1,\"compat\":1,\"x\":1}",
	       ": unknown key \"x\": written by another version; run \"enclavebuild lock\"");
	refuse("{\"lockVersion\":1,\"compat\":1,\"rootfs\":[{}],\"kernel\":{\"item\":{},\"pin\":{}}}",
	       ": a part that is not just \"item\" and \"pin\"; run \"enclavebuild lock\"");
}

TEST(lock_path_stands_beside_the_manifest)
{
	static const struct {
		const char *file;
		const char *want;
	} rows[] = {{"enclave.yaml", "enclave.lock"},
		    {"a/b.yml", "a/b.lock"},
		    {"a.yaml/m", "a.yaml/m.lock"},
		    {"-", "enclave.lock"}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct encl_manifest m = {.file = rows[i].file};
		encl_auto(encl_free) char *got = encl_lock_path(&m);

		EQ_STR(rows[i].want, got);
	}
}
