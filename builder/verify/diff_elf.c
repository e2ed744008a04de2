/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The build-id and the compilers' names of an ELF file, by libelf.  The file comes
 * from outside: it is read from a copy that nobody changes, and only sections whose
 * size was looked at before are asked for.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gelf.h>
#include <libelf.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/stream.h"
#include "verify/diff_internal.h"

enum { CHUNK = 1 << 16, MAX_SECTION = 1 << 16, MAX_SECTIONS = 1 << 16, MAX_ID = 64 };

static void
elf_close(Elf *elf)
{
	(void)elf_end(elf);
}
ENCL_AUTO_PTR(Elf, elf_close);

static void
read_notes(Elf_Data *data, struct encl_elf_notes *out)
{
	size_t at = 0;
	size_t name;
	size_t desc;
	GElf_Nhdr note;

	while (at < data->d_size && !*out->build_id) {
		size_t next = gelf_getnote(data, at, &note, &name, &desc);

		if (!next || next <= at)
			return;
		at = next;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
		    note.n_descsz > MAX_ID || name > data->d_size ||
		    data->d_size - name < 4 || desc > data->d_size ||
		    data->d_size - desc < note.n_descsz ||
		    memcmp((const char *)data->d_buf + name, "GNU", 4) != 0)
			continue;
		encl_hex((const uint8_t *)data->d_buf + desc, note.n_descsz,
			 out->build_id);
	}
}

/* Strings that end in zeros, some of them empty, to one line. */
static void
read_comment(const Elf_Data *data, struct encl_elf_notes *out)
{
	const char *p = data->d_buf;
	const char *end = p + data->d_size;
	size_t have = 0;

	while (p < end) {
		size_t n = strnlen(p, (size_t)(end - p));
		size_t parted = have ? 2 : 0;

		if (n && have + parted + n < sizeof out->comment) {
			memcpy(out->comment + have, "; ", parted);
			memcpy(out->comment + have + parted, p, n);
			have += parted + n;
			out->comment[have] = 0;
		}
		p += n + 1;
	}
}

static void
read_section(Elf *elf, Elf_Scn *section, size_t names, struct encl_elf_notes *out)
{
	GElf_Shdr head;
	const char *name;
	Elf_Data *data;
	bool comment;

	if (!gelf_getshdr(section, &head) || head.sh_size > MAX_SECTION || !head.sh_size)
		return;
	name = elf_strptr(elf, names, head.sh_name);
	comment = head.sh_type == SHT_PROGBITS && name && !strcmp(name, ".comment");
	if (!comment && (head.sh_type != SHT_NOTE || !name ||
			 strcmp(name, ".note.gnu.build-id") != 0))
		return;
	data = comment ? elf_rawdata(section, NULL) : elf_getdata(section, NULL);
	if (!data || !data->d_buf || data->d_size > head.sh_size)
		return;
	if (comment)
		read_comment(data, out);
	else
		read_notes(data, out);
}

static void
read_elf(int fd, struct encl_elf_notes *out)
{
	encl_auto(elf_close) Elf *elf = NULL;
	Elf_Scn *section = NULL;
	size_t names;
	size_t n = 0;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &names))
		return;
	while (n++ < MAX_SECTIONS && (section = elf_nextscn(elf, section)))
		read_section(elf, section, names, out);
}

static int
copy(const struct encl_range *r, int to, struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *chunk = encl_xmalloc(CHUNK);

	for (uint64_t at = 0; at < r->size;) {
		size_t n = r->size - at < CHUNK ? (size_t)(r->size - at) : CHUNK;

		if (encl_pread_full(r->fd, chunk, n, r->offset + at, "file", e) ||
		    encl_pwrite_full(to, chunk, n, at, "temporary file", e))
			return -1;
		at += n;
	}
	return 0;
}

int
encl_elf_read(const struct encl_range *r, struct encl_elf_notes *out, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;
	uint8_t magic[4];

	memset(out, 0, sizeof *out);
	if (r->size < sizeof magic)
		return 0;
	if (encl_pread_full(r->fd, magic, sizeof magic, r->offset, "file", e))
		return -1;
	if (memcmp(magic, ELFMAG, SELFMAG) != 0)
		return 0;
	out->is_elf = true;
	if (encl_diff_scratch(&fd, e) || copy(r, fd, e))
		return -1;
	read_elf(fd, out);
	return 0;
}
