/* SPDX-License-Identifier: Apache-2.0 */
/* enclave.lock (docs/lock.md) to the list of what it pins, in its order. */
#include "verify/pins.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "sources/image_ref.h"

struct reader {
	struct encl_pins *out;
	const char *item; /* of what is read now; the arena's */
};

void
encl_pins_clear(struct encl_pins *p)
{
	free(p->v);
	encl_arena_free(p->arena);
	memset(p, 0, sizeof *p);
}

const char *
encl_pin_kind_name(enum encl_pin_kind kind)
{
	static const char *const names[] = {
		[ENCL_PIN_RELEASE] = "package index",
		[ENCL_PIN_PACKAGE] = "package",
		[ENCL_PIN_INDEX] = "image index",
		[ENCL_PIN_MANIFEST] = "image manifest",
		[ENCL_PIN_CONFIG] = "image config",
		[ENCL_PIN_LAYER] = "image layer",
		[ENCL_PIN_ARCHIVE] = "archive",
		[ENCL_PIN_DIRECTORY] = "directory",
		[ENCL_PIN_FILE] = "file",
		[ENCL_PIN_KERNEL] = "kernel",
		[ENCL_PIN_KERNEL_FILE] = "kernel file",
		[ENCL_PIN_MODULE] = "kernel module",
		[ENCL_PIN_PROGRAM] = "program",
	};

	return names[kind];
}

/* ---- values ---- */

static const char *
keep(struct reader *r, const char *text)
{
	return text ? encl_arena_strdup(r->out->arena, text) : NULL;
}

static const char *
text_of(struct reader *r, const json_t *v, const char *key)
{
	return keep(r, json_string_value(json_object_get(v, key)));
}

static const char *
base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && slash[1] ? slash + 1 : path;
}

/* "sha256:<hex>", or bare hex of a SHA-256. */
static bool
digest_of(const char *text, struct encl_digest *out)
{
	struct encl_digest d = {.algo = ENCL_SHA256};

	if (!text)
		return false;
	if (strchr(text, ':'))
		return encl_digest_parse(text, out);
	if (!encl_unhex(text, d.bytes, encl_digest_size(ENCL_SHA256)))
		return false;
	*out = d;
	return true;
}

static struct encl_pin *
add(struct reader *r, enum encl_pin_kind kind, const char *name, const char *digest,
    struct encl_err *e)
{
	struct encl_pins *p = r->out;
	struct encl_digest d;

	if (!digest_of(digest, &d)) {
		encl_fail(e, ENCL_MISMATCH,
			  "lock: %s: the digest of the %s is none; run \"enclavebuild "
			  "lock\"",
			  r->item, encl_pin_kind_name(kind));
		return NULL;
	}
	p->v = encl_xrealloc(p->v, p->n + 1, sizeof *p->v);
	p->v[p->n] = (struct encl_pin){
		.kind = kind, .item = r->item, .name = name ? name : "", .digest = d};
	return &p->v[p->n++];
}

/* ---- parts ---- */

static int
read_releases(struct reader *r, const json_t *pin, struct encl_err *e)
{
	json_t *source;
	size_t i;

	json_array_foreach (json_object_get(pin, "sources"), i, source) {
		struct encl_pin *p = add(r, ENCL_PIN_RELEASE, "InRelease",
					 text_of(r, source, "inReleaseSha256"), e);

		if (!p)
			return -1;
		p->suite = text_of(r, source, "suite");
	}
	return 0;
}

static int
read_packages(struct reader *r, const json_t *pin, struct encl_err *e)
{
	json_t *package;
	size_t i;

	json_array_foreach (json_object_get(pin, "packages"), i, package) {
		struct encl_pin *p = add(r, ENCL_PIN_PACKAGE, text_of(r, package, "name"),
					 text_of(r, package, "sha256"), e);

		if (!p)
			return -1;
		p->version = text_of(r, package, "version");
		p->arch = text_of(r, package, "arch");
		p->suite = text_of(r, package, "suite");
		p->filename = text_of(r, package, "filename");
	}
	return 0;
}

/* What an image is called: a registry's whole, of a file its name alone. */
static const char *
image_name(struct reader *r, const json_t *item, const char **reference)
{
	const char *text = json_string_value(json_object_get(item, "image"));
	encl_auto(encl_image_ref_clear) struct encl_image_ref ref = {.path = NULL};
	encl_auto(encl_free) char *whole = NULL;
	struct encl_err ignored;

	*reference = NULL;
	if (!text)
		return text_of(r, item, "name");
	if (encl_image_ref_parse(text, &ref, &ignored))
		return keep(r, base_name(text));
	if (ref.kind == ENCL_IMAGE_REGISTRY || ref.kind == ENCL_IMAGE_DOCKER_DAEMON) {
		*reference = ref.kind == ENCL_IMAGE_REGISTRY ? keep(r, ref.path) : NULL;
		return keep(r, ref.path);
	}
	whole = encl_xasprintf("%s%s%s", base_name(ref.path), ref.name ? ":" : "",
			       ref.name ? ref.name : "");
	return keep(r, whole);
}

static int
read_image_layers(struct reader *r, const json_t *pin, const char *name,
		  struct encl_err *e)
{
	json_t *layer;
	size_t i;

	json_array_foreach (json_object_get(pin, "layers"), i, layer) {
		const char *diff = text_of(r, layer, "diffId");
		const char *digest = text_of(r, layer, "digest");
		struct encl_pin *p =
			add(r, ENCL_PIN_LAYER, name, digest ? digest : diff, e);

		if (!p)
			return -1;
		p->media_type = text_of(r, layer, "mediaType");
		p->has_diff_id = digest_of(diff, &p->diff_id);
	}
	return 0;
}

static int
read_image(struct reader *r, const json_t *item, const json_t *pin, struct encl_err *e)
{
	static const struct {
		const char *key;
		enum encl_pin_kind kind;
	} parts[] = {{"index", ENCL_PIN_INDEX},
		     {"manifest", ENCL_PIN_MANIFEST},
		     {"config", ENCL_PIN_CONFIG}};
	const char *reference;
	const char *name = image_name(r, item, &reference);

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const char *text = text_of(r, pin, parts[i].key);
		struct encl_pin *p;

		if (!text)
			continue;
		p = add(r, parts[i].kind, name, text, e);
		if (!p)
			return -1;
		p->reference = reference;
	}
	return read_image_layers(r, pin, name, e);
}

static int
read_local(struct reader *r, const json_t *item, const json_t *pin, struct encl_err *e)
{
	static const struct {
		const char *kind, *key, *digest;
		enum encl_pin_kind pin;
	} kinds[] = {{"archive", "path", "sha256", ENCL_PIN_ARCHIVE},
		     {"directory", "path", "tree", ENCL_PIN_DIRECTORY},
		     {"file", "source", "sha256", ENCL_PIN_FILE}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const json_t *body = json_object_get(item, kinds[i].kind);
		const char *name = json_string_value(json_object_get(body, kinds[i].key));

		if (!body)
			continue;
		if (!name) /* content in the manifest: where it goes */
			name = json_string_value(json_object_get(body, "path"));
		return add(r, kinds[i].pin, keep(r, base_name(name)),
			   text_of(r, pin, kinds[i].digest), e)
			       ? 0
			       : -1;
	}
	return 0; /* "remove" pins nothing */
}

static int
read_part(struct reader *r, const json_t *item, const json_t *pin, struct encl_err *e)
{
	if (json_object_get(item, "packages"))
		return read_releases(r, pin, e) || read_packages(r, pin, e) ? -1 : 0;
	if (json_object_get(item, "image"))
		return read_image(r, item, pin, e);
	return read_local(r, item, pin, e);
}

static int
read_at(struct reader *r, const json_t *part, char *own_where, struct encl_err *e)
{
	encl_auto(encl_free) char *where = own_where;

	r->item = keep(r, where);
	return read_part(r, json_object_get(part, "item"), json_object_get(part, "pin"),
			 e);
}

/* An image of docker.images: one from elsewhere, or made of layers here. */
static int
read_docker_image(struct reader *r, size_t at, const json_t *part, struct encl_err *e)
{
	const json_t *item = json_object_get(part, "item");
	const json_t *pins = json_object_get(json_object_get(part, "pin"), "layers");
	json_t *layer;
	size_t i;

	if (json_object_get(item, "image"))
		return read_at(r, part, encl_xasprintf("docker.images[%zu]", at), e);
	json_array_foreach (json_object_get(item, "rootfs"), i, layer) {
		encl_auto(encl_free) char *where =
			encl_xasprintf("docker.images[%zu].rootfs[%zu]", at, i);

		r->item = keep(r, where);
		if (read_part(r, layer, json_array_get(pins, i), e))
			return -1;
	}
	return 0;
}

static int
read_docker(struct reader *r, const json_t *docker, struct encl_err *e)
{
	json_t *part;
	size_t i;

	if (!docker)
		return 0;
	if (read_at(r, json_object_get(docker, "engine"), encl_xstrdup("docker.engine"),
		    e))
		return -1;
	json_array_foreach (json_object_get(docker, "images"), i, part)
		if (read_docker_image(r, i, part, e))
			return -1;
	return 0;
}

static int
read_kernel_files(struct reader *r, const json_t *pin, struct encl_err *e)
{
	static const struct {
		const char *key;
		enum encl_pin_kind kind;
	} files[] = {{"image", ENCL_PIN_KERNEL},
		     {"config", ENCL_PIN_KERNEL_FILE},
		     {"init", ENCL_PIN_KERNEL_FILE},
		     {"nsm", ENCL_PIN_KERNEL_FILE},
		     {"cmdline", ENCL_PIN_KERNEL_FILE}};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const json_t *v = json_object_get(pin, files[i].key);
		struct encl_pin *p;

		if (!v)
			continue;
		p = add(r, files[i].kind, text_of(r, v, "name"), text_of(r, v, "digest"),
			e);
		if (!p)
			return -1;
		p->version = text_of(r, pin, "release");
	}
	return 0;
}

static int
read_kernel(struct reader *r, const json_t *pin, struct encl_err *e)
{
	const json_t *package = json_object_get(pin, "package");
	json_t *module;
	size_t i;

	r->item = "kernel";
	if (read_releases(r, package, e) || read_packages(r, package, e) ||
	    read_kernel_files(r, pin, e))
		return -1;
	json_array_foreach (json_object_get(pin, "modules"), i, module)
		if (!add(r, ENCL_PIN_MODULE, text_of(r, module, "name"),
			 text_of(r, module, "digest"), e))
			return -1;
	return 0;
}

static int
read_guest(struct reader *r, const json_t *guest, struct encl_err *e)
{
	static const char *const names[] = {"init", "launch"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *digest = text_of(r, guest, names[i]);

		r->item = names[i];
		if (digest && !add(r, ENCL_PIN_PROGRAM, names[i], digest, e))
			return -1;
	}
	return 0;
}

static int
read_rootfs(struct reader *r, const json_t *lock, struct encl_err *e)
{
	json_t *part;
	size_t i;

	json_array_foreach (json_object_get(lock, "rootfs"), i, part)
		if (read_at(r, part, encl_xasprintf("rootfs[%zu]", i), e))
			return -1;
	return 0;
}

int
encl_pins_read(const json_t *lock, struct encl_pins *out, struct encl_err *e)
{
	encl_auto(encl_pins_clear) struct encl_pins pins = {.arena = encl_arena_new()};
	struct reader r = {.out = &pins};

	if (read_rootfs(&r, lock, e) ||
	    read_docker(&r, json_object_get(lock, "docker"), e) ||
	    read_kernel(&r, json_object_get(json_object_get(lock, "kernel"), "pin"), e) ||
	    read_guest(&r, json_object_get(lock, "guest"), e))
		return -1;
	*out = encl_take(pins, (struct encl_pins){.v = NULL});
	return 0;
}
