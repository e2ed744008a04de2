/* SPDX-License-Identifier: Apache-2.0 */
#include "sources/kernel_config.h"

#include "sources/table.h"
#include "test.h"

static char config[] = "#\n# Linux/x86 6.1.192 Kernel Configuration\n#\n"
		       "CONFIG_X86_64=y\nCONFIG_A=m\n# CONFIG_B is not set\n"
		       "CONFIG_TEXT=\"y\"\nCONFIG_NO=n\nCONFIG_AB=y\n#CONFIG_C=y\n"
		       "x CONFIG_D=y\nCONFIG_LAST=y";

static struct encl_manifest
manifest(void)
{
	struct encl_manifest m = {.file = "e.yaml", .arch = ENCL_ARCH_X86_64};

	m.boot.kernel.pos = (struct encl_pos){.line = 7, .column = 3};
	return m;
}

TEST(sources_kernel_config_get)
{
	static const struct {
		const char *option;
		enum encl_kconfig is;
	} rows[] = {
		{"X86_64", ENCL_KCONFIG_BUILTIN}, {"A", ENCL_KCONFIG_MODULE},
		{"B", ENCL_KCONFIG_ABSENT},	  {"C", ENCL_KCONFIG_ABSENT},
		{"D", ENCL_KCONFIG_ABSENT},	  {"TEXT", ENCL_KCONFIG_VALUE},
		{"NO", ENCL_KCONFIG_ABSENT},	  {"LAST", ENCL_KCONFIG_BUILTIN},
		{"X86", ENCL_KCONFIG_ABSENT},	  {"", ENCL_KCONFIG_ABSENT},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		EQ_INT(rows[i].is, encl_kernel_config_get(config, rows[i].option));
}

TEST(sources_kernel_config_read)
{
	size_t n = sizeof config - 1;

	OK(encl_kernel_config_read(config, n, "config", ENCL_ARCH_X86_64, "6.1.0-4", &e));
	OK(encl_kernel_config_read(config, n, "config", ENCL_ARCH_X86_64, "", &e));
	FAILS(encl_kernel_config_read(config, n, "config", ENCL_ARCH_X86_64, "6.12.1",
				      &e),
	      ENCL_USAGE, "config is of Linux 6.1, but the image is 6.12.1");
	FAILS(encl_kernel_config_read(config, n, "config", ENCL_ARCH_AARCH64, "", &e),
	      ENCL_USAGE, "config is for CONFIG_X86_64, but arch is aarch64");
	FAILS(encl_kernel_config_read(config, n + 1, "config", ENCL_ARCH_X86_64, "", &e),
	      ENCL_USAGE, "config is not a kernel configuration");
	FAILS(encl_kernel_config_read("a: b\n", 5, "config", ENCL_ARCH_X86_64, "", &e),
	      ENCL_USAGE, "config is not a kernel configuration");
	FAILS(encl_kernel_config_read("#\nCONFIG_A=y\n", 13, "config", ENCL_ARCH_X86_64,
				      "", &e),
	      ENCL_USAGE, "config is without CONFIG_X86_64, but arch is x86_64");
}

TEST(sources_kernel_config_check_names_all)
{
	struct encl_manifest m = manifest();
	struct encl_kernel_files k = {.config = config};

	struct encl_service limited = {.unit.limits.pids = 5};

	m.boot.compression = ENCL_COMPRESS_ZSTD;
	OK(encl_kernel_check_table("B m limit=pids it\n", &k, &m, &e));
	m.services = &limited;
	m.n_services = 1;
	OK(encl_kernel_check_table("B m limit=memory it\n", &k, &m, &e));
	OK(encl_kernel_check_table("B m limit=cpus it\n", &k, &m, &e));
	FAILS(encl_kernel_check_table("B m limit=pids it\n", &k, &m, &e), ENCL_USAGE,
	      "e.yaml:7:3: boot.kernel: the kernel lacks CONFIG_B (it needs it)");
	OK(encl_kernel_check_table("# nothing\n\nA m always it\n", &k, &m, &e));
	FAILS(encl_kernel_check_table("A  y   always              why one\n"
				      "B\tset\tcompression=zstd  two\n"
				      "B  y   compression=gzip    not asked\n"
				      "B  y   aarch64,init=builtin no\n"
				      "B  y   x86_64,init=builtin three\n"
				      "B  y   format=squashfs     not asked\n"
				      "B  y   modules             none is loaded\n",
				      &k, &m, &e),
	      ENCL_USAGE,
	      "e.yaml:7:3: boot.kernel: the kernel lacks CONFIG_A=y, not =m (why one needs "
	      "it); CONFIG_B (two needs it); CONFIG_B (three needs it)");
}

TEST(sources_kernel_config_check_docker)
{
	struct encl_manifest m = manifest();
	struct encl_kernel_files k = {.config = config};
	static const char table[] = "B y docker,init=builtin a container\n";

	OK(encl_kernel_check_table(table, &k, &m, &e));
	m.docker.given = true;
	FAILS(encl_kernel_check_table(table, &k, &m, &e), ENCL_USAGE,
	      "e.yaml:7:3: boot.kernel: the kernel lacks CONFIG_B (a container needs it)");
}

TEST(sources_kernel_config_version)
{
	unsigned major = 0;
	unsigned minor = 0;

	CHECK(encl_kernel_config_version(config, &major, &minor));
	EQ_INT(6, major);
	EQ_INT(1, minor);
	CHECK(encl_kernel_config_version("# Linux/x86_64 4.14.2 K", &major, &minor));
	EQ_INT(4, major);
	EQ_INT(14, minor);
	CHECK(!encl_kernel_config_version("# Linux/x86_64", &major, &minor));
	CHECK(!encl_kernel_config_version("# Linux/x86 six", &major, &minor));
	CHECK(!encl_kernel_config_version("CONFIG_A=y\n", &major, &minor));
}

TEST(sources_kernel_config_check_bad_table)
{
	struct encl_manifest m = manifest();
	struct encl_kernel_files k = {.config = config};

	FAILS(encl_kernel_check_table("A y\n", &k, &m, &e), ENCL_FAILED,
	      "kernel requirements: table line 1 has 2 of 4 columns");
	FAILS(encl_kernel_check_table("\nA y never x\n", &k, &m, &e), ENCL_FAILED,
	      "kernel requirements: table line 2: unknown condition \"never\"");
	FAILS(encl_kernel_check_table("A z always x\n", &k, &m, &e), ENCL_FAILED,
	      "kernel requirements: table line 1: unknown want \"z\"");
}

/* The table in the tool is well formed for every manifest. */
TEST(sources_kernel_config_check_real_table)
{
	struct encl_manifest m = manifest();
	struct encl_kernel_files k = {.config = config, .n_modules = 1};

	for (int arch = 0; arch < 2; arch++)
		for (int init = 0; init < 3; init++)
			for (int c = 0; c < 5; c++) {
				m.arch = (enum encl_arch)arch;
				m.boot.init = (enum encl_init_kind)init;
				m.boot.compression = (enum encl_compression)c;
				EQ_INT(-1, encl_kernel_check(&k, &m, &e));
				EQ_INT(ENCL_USAGE, e.code);
			}
}
