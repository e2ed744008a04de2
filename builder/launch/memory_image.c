/* SPDX-License-Identifier: Apache-2.0 */
/* An image's sections to what it needs of memory. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/parse.h"
#include "eif/eif.h"
#include "launch/memory.h"
#include "ramdisk/launch_config.h"
#include "ramdisk/ramdisk.h"
#include "ramdisk/squashfs.h"
#include "sources/kernel_image.h"

enum { PAGE = 4096, TIMES = 4, OPTIONS_MAX = 256 };
#define CONFIG "rootfs/.enclave/config"

static const uint64_t most = UINT64_C(1) << 40;

bool
encl_memory_ramfs(const char *cmdline)
{
	return cmdline && strstr(cmdline, "rootfstype=ramfs");
}

uint64_t
encl_memory_of_kernel(int fd, uint64_t offset, uint64_t size, bool x86)
{
	struct encl_kernel_image image = {0};
	struct encl_err e;

	if (encl_kernel_image_read(fd, offset, size, "kernel",
				   x86 ? ENCL_ARCH_X86_64 : ENCL_ARCH_AARCH64, false,
				   &image, &e) ||
	    !image.memory || image.memory > most)
		return size * TIMES;
	return image.memory;
}

struct reader {
	struct encl_cpio_visitor visitor; /* first */
	struct encl_memory_need *need;
	struct encl_sink_buf config_sink, options_sink;
	struct encl_buf config, options;
};

static int
visit(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
      struct encl_sink **sink, struct encl_err *e)
{
	struct reader *r = (struct reader *)v;

	(void)e;
	if (!strcmp(entry->path, CONFIG))
		*sink = &r->config_sink.sink;
	if (!strcmp(entry->path, "writable"))
		*sink = &r->options_sink.sink;
	if (entry->in_squashfs)
		return 0;
	if (!strcmp(entry->path, ENCL_SQUASHFS_NAME))
		r->need->squashfs = true;
	r->need->names++;
	r->need->unpacked += encl_align_up(entry->filesize, PAGE);
	return 0;
}

/* "…size=64m…" */
static uint64_t
size_of_options(const char *options)
{
	const char *at = strstr(options, "size=");
	char *end;
	unsigned long long mib;

	if (!at || at[5] < '0' || at[5] > '9')
		return ENCL_MEMORY_OVERLAY;
	mib = strtoull(at + 5, &end, 10);
	return *end == 'm' && mib <= UINT32_MAX ? mib : ENCL_MEMORY_OVERLAY;
}

static void
read_ramdisk(const struct encl_eif *eif, const struct encl_eif_section *s,
	     struct reader *r)
{
	struct encl_memory_need before = *r->need;
	struct encl_err e;

	r->need->packed += s->size;
	if (!encl_ramdisk_read(eif->fd, s->offset, s->size, &r->visitor, &e))
		return;
	/* it cannot be read: as files are, packed to a third */
	*r->need = before;
	r->need->packed += s->size;
	r->need->unpacked += s->size * 3;
}

void
encl_memory_of_image(const struct encl_eif *eif, struct encl_memory_need *out)
{
	struct encl_memory_need need = {.ramfs = encl_memory_ramfs(eif->cmdline),
					.eif = eif->size};
	struct reader r = {.visitor = {.entry = visit}, .need = &need};

	encl_buf_init(&r.config, ENCL_LAUNCH_CONFIG_MAX);
	encl_buf_init(&r.options, OPTIONS_MAX);
	encl_sink_buf_init(&r.config_sink, &r.config, "launch's config");
	encl_sink_buf_init(&r.options_sink, &r.options, "mount options");
	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		if (s->type == ENCL_SECTION_KERNEL)
			need.kernel +=
				encl_memory_of_kernel(eif->fd, s->offset, s->size,
						      eif->arch == ENCL_ARCH_X86_64);
		else if (s->type == ENCL_SECTION_RAMDISK)
			read_ramdisk(eif, s, &r);
	}
	if (need.squashfs)
		need.overlay = size_of_options(encl_buf_text(&r.options));
	need.units_unknown =
		!encl_memory_of_config(encl_buf_text(&r.config), r.config.len, &need);
	encl_buf_clear(&r.config);
	encl_buf_clear(&r.options);
	*out = need;
}
