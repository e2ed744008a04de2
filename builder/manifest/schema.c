/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys (docs/enclave.yaml.md is made from it). */
#include "manifest/schema.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "manifest/format.h"
#include "manifest/manifest.h"
#include "manifest/schema_rows.h"

#define M   struct encl_manifest
#define L   struct encl_layer
#define P   struct encl_layer_packages
#define S   struct encl_apt_source
#define K   struct encl_kernel
#define B   struct encl_boot
#define AP  struct encl_app
#define OUT struct encl_outgoing

static const char *const api_versions[] = {"enclavebuild/v1alpha1", NULL};
static const char *const kinds[] = {"Enclave", NULL};
static const char *const arches[] = {"x86_64", "aarch64", NULL};
static const char *const distributions[] = {"debian", NULL};
static const char *const exchange_modes[] = {"in", "both", NULL};
static const char *const booleans[] = {"false", "true", NULL};
static const char *const inits[] = {"builtin", "aws", NULL};
static const char *const ramdisk_formats[] = {"cpio", "squashfs", NULL};
static const char *const compressions[] = {"none", "gzip", "zstd", "lz4", "xz", NULL};

/* The keys of one apt source, where `needed` has to be given beside them. */
#define SUITE(T, member, ...)                                                            \
	{                                                                                \
		.name = "suite", .type = ENCL_KEY_TEXT, .format = &encl_format_suite,    \
		FIELD(T, member), .example = "bookworm", __VA_ARGS__                     \
	}
#define SOURCE_REST(T, member, needed, more)                                                    \
	{.name = "mirror",                                                                      \
	 .type = ENCL_KEY_TEXT,                                                                 \
	 .format = &encl_format_mirror,                                                         \
	 .needs = (needed),                                                                     \
	 .flags = (more),                                                                       \
	 FIELD(T, member.mirror),                                                               \
	 .help = "URL of the archive.  Left out, it comes from the machine's apt "              \
		 "configuration; the lock does not depend on it."},                             \
		{.name = "components",                                                          \
		 .type = ENCL_KEY_TEXTS,                                                        \
		 .format = &encl_format_component,                                              \
		 .needs = (needed),                                                             \
		 .flags = (more) | ENCL_KEY_UNIQUE,                                             \
		 .min = 1,                                                                      \
		 .max = 16,                                                                     \
		 .fallback = "main",                                                            \
		 FIELD(T, member.components),                                                   \
		 .help = "Components of the archive."},                                         \
		{.name = "keyring",                                                             \
		 .type = ENCL_KEY_TEXT,                                                         \
		 .format = &encl_format_host_path,                                              \
		 .needs = (needed),                                                             \
		 .flags = (more),                                                               \
		 FIELD(T, member.keyring),                                                      \
		 .help = "Keys that may sign the archive.  Left out, it is the keyring of the " \
			 "distribution."},                                                      \
	{                                                                                       \
		.name = "checkValidUntil", .type = ENCL_KEY_BOOL, .needs = (needed),            \
		.flags = (more), .fallback = "true", FIELD(T, member.check_valid_until),        \
		.help = "Whether an archive past its Valid-Until date is refused.  Snapshots "  \
			"of the past need `false`."                                             \
	}

struct bare_source {
	struct encl_apt_source s;
};

static const struct encl_key source_keys[] = {
	SUITE(struct bare_source, s.suite, .flags = ENCL_KEY_REQUIRED,
	      .help = "Suite or code name."),
	SOURCE_REST(struct bare_source, s, NULL, 0),
	END,
};

const struct encl_key encl_manifest_packages_keys[] = {
	{.name = "distribution",
	 .type = ENCL_KEY_WORD,
	 .flags = ENCL_KEY_REQUIRED,
	 .words = distributions,
	 FIELD(P, distribution),
	 .help = "Whose packages these are."},
	SUITE(P, single.suite, .flags = ENCL_KEY_ONE_OF | ENCL_KEY_ALIAS,
	      POS(P, single.pos),
	      .help = "Suite or code name of the one archive that is used; `sources` "
		      "states several."),
	{.name = "sources",
	 .type = ENCL_KEY_MAPS,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = source_keys,
	 .min = 1,
	 .max = 16,
	 LIST_OF(P, sources, n_sources, S),
	 ITEM_POS(S, pos),
	 .help = "Archives that packages are taken from, the newest version winning."},
	SOURCE_REST(P, single, "suite", ENCL_KEY_ALIAS),
	{.name = "install",
	 .type = ENCL_KEY_TEXTS,
	 .flags = ENCL_KEY_REQUIRED | ENCL_KEY_UNIQUE,
	 .format = &encl_format_package,
	 .min = 1,
	 .max = 4096,
	 FIELD(P, install),
	 .example = "[memcached, curl=7.88.1-10]",
	 .help = "Packages to install with everything they depend on (Recommends are left "
		 "out): `NAME`, `NAME=VERSION` or `NAME/SUITE`."},
	{.name = "exclude",
	 .type = ENCL_KEY_TEXTS,
	 .flags = ENCL_KEY_UNIQUE,
	 .format = &encl_format_package_name,
	 .max = 4096,
	 FIELD(P, exclude),
	 .help = "Packages that are never installed; whoever depends on one is told that "
		 "it is there."},
	{.name = "prefer",
	 .type = ENCL_KEY_TEXTS,
	 .flags = ENCL_KEY_UNIQUE,
	 .format = &encl_format_package_name,
	 .max = 4096,
	 FIELD(P, prefer),
	 .help = "Packages to take where several could satisfy a dependency."},
	{.name = "essential",
	 .type = ENCL_KEY_ENUM,
	 .words = booleans,
	 .fallback = "false",
	 FIELD(P, essential),
	 .help = "Whether the distribution's essential packages are installed too."},
	{.name = "alternatives",
	 .type = ENCL_KEY_PAIRS,
	 .name_format = &encl_format_alternative,
	 .format = &encl_format_alternative_choice,
	 .max = 256,
	 FIELD(P, alternatives),
	 .example = "{iptables: legacy}",
	 .help = "Which program a name of update-alternatives stands for: the ending of "
		 "its name, or its path.  Others get the one of the highest priority."},
	{.name = "docs",
	 .type = ENCL_KEY_BOOL,
	 .fallback = "true",
	 FIELD(P, docs),
	 .help = "Whether /usr/share/doc, man, info, locale and lintian are kept."},
	{.name = "dpkgStatus",
	 .type = ENCL_KEY_BOOL,
	 .fallback = "true",
	 FIELD(P, dpkg_status),
	 .help = "Whether /var/lib/dpkg/status is written, which scanners read."},
	END,
};

#define OWNER(text)                                                                      \
	{                                                                                \
		.name = "owner", .type = ENCL_KEY_TEXT, .format = &encl_format_owner,    \
		FIELD(L, owner), .example = "\"0:0\"", .help = text                      \
	}
#define AT                                                                               \
	{                                                                                \
		.name = "at", .type = ENCL_KEY_TEXT,                                     \
		.format = &encl_format_folder_in_image, .fallback = "/", FIELD(L, at),   \
		.help = "The folder of the image that it goes to."                       \
	}

static const struct encl_key archive_keys[] = {
	{.name = "path",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_host_path,
	 FIELD(L, path),
	 .example = "./app.tar.zst",
	 .help = "The archive: tar (plain or with gzip, xz, zstd or bzip2) or zip."},
	AT,
	{.name = "stripComponents",
	 .type = ENCL_KEY_NUMBER,
	 .max = 64,
	 .fallback = "0",
	 FIELD(L, strip_components),
	 .help = "How many leading parts are cut off each name."},
	{.name = "sha256",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_sha256,
	 FIELD(L, sha256),
	 .help = "What the archive must hash to."},
	OWNER("Owner and group of everything in it, instead of what the archive says."),
	END,
};

static const struct encl_key directory_keys[] = {
	{.name = "path",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_host_path,
	 FIELD(L, path),
	 .example = "./files",
	 .help = "The folder whose content is copied."},
	AT,
	OWNER("Owner and group of everything in it; left out, \"0:0\"."),
	END,
};

static const struct encl_key file_keys[] = {
	{.name = "path",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_path_in_image,
	 FIELD(L, path),
	 .example = "/etc/app.conf",
	 .help = "Its place in the image; missing folders are made."},
	{.name = "content",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_content,
	 FIELD(L, content),
	 .help = "The text itself."},
	{.name = "source",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_host_path,
	 FIELD(L, source),
	 .example = "./app.conf",
	 .help = "The file that it is a copy of."},
	{.name = "mode",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_mode,
	 .fallback = "0644",
	 FIELD(L, mode),
	 .help = "Permissions, in octal."},
	OWNER("Owner and group; left out, \"0:0\"."),
	{.name = "sha256",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_sha256,
	 .needs = "source",
	 FIELD(L, sha256),
	 .help = "What the source must hash to."},
	END,
};

const struct encl_key encl_manifest_layer_keys[] = {
	{.name = "image",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_image,
	 FIELD(L, image),
	 CHOOSES(L, kind, ENCL_LAYER_IMAGE),
	 .example = "docker.io/library/redis:7",
	 .help = "A container image with all its layers: of a registry (a tag is pinned by "
		 "`enclavebuild lock`), an OCI layout folder, an archive as `skopeo` or "
		 "`docker save` writes it, or of this machine's Docker daemon.  What `app` "
		 "leaves out comes from its configuration."},
	{.name = "packages",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = encl_manifest_packages_keys,
	 FIELD(L, packages),
	 CHOOSES(L, kind, ENCL_LAYER_PACKAGES),
	 .help = "Packages of a distribution and what they depend on."},
	{.name = "archive",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = archive_keys,
	 CHOOSES(L, kind, ENCL_LAYER_ARCHIVE),
	 .help = "An unpacked archive."},
	{.name = "directory",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = directory_keys,
	 CHOOSES(L, kind, ENCL_LAYER_DIRECTORY),
	 .help = "A folder's content."},
	{.name = "file",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = file_keys,
	 CHOOSES(L, kind, ENCL_LAYER_FILE),
	 .help = "One file."},
	{.name = "remove",
	 .type = ENCL_KEY_TEXTS,
	 .flags = ENCL_KEY_ONE_OF | ENCL_KEY_UNIQUE,
	 .format = &encl_format_glob,
	 .min = 1,
	 .max = 4096,
	 FIELD(L, remove),
	 CHOOSES(L, kind, ENCL_LAYER_REMOVE),
	 .example = "[/usr/share/doc, \"/var/log/*\"]",
	 .help = "Paths or patterns that are removed from what the entries above made."},
	END,
};

static const struct encl_key kernel_keys[] = {
	{.name = "blobs",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_host_path,
	 FIELD(K, blobs),
	 CHOOSES(K, kind, ENCL_KERNEL_BLOBS),
	 .example = "/usr/share/nitro_enclaves/blobs",
	 .help = "A folder with kernel, its configuration, nsm.ko, init and cmdline as the "
		 "AWS command line tools bring it."},
	{.name = "image",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_host_path,
	 FIELD(K, image),
	 CHOOSES(K, kind, ENCL_KERNEL_FILES),
	 .example = "./bzImage",
	 .help = "A kernel: bzImage for x86_64, Image for aarch64."},
	{.name = "config",
	 .type = ENCL_KEY_TEXT,
	 .needs = "image",
	 .needs_me = true,
	 .format = &encl_format_host_path,
	 FIELD(K, config),
	 .example = "./kernel.config",
	 .help = "The configuration that the kernel was built with."},
	{.name = "modules",
	 .type = ENCL_KEY_TEXT,
	 .needs = "image",
	 .format = &encl_format_host_path,
	 FIELD(K, modules),
	 .example = "./lib/modules/6.1.0",
	 .help = "The folder with its modules, where it has any."},
	{.name = "package",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_package_name,
	 FIELD(K, package),
	 CHOOSES(K, kind, ENCL_KERNEL_PACKAGE),
	 POS(K, source.pos),
	 .example = "linux-image-cloud-amd64",
	 .help = "A Debian kernel package; the modules an enclave needs are taken from it."},
	SUITE(K, source.suite, .needs = "package", .needs_me = true,
	      .help = "Suite or code name that the package is in."),
	SOURCE_REST(K, source, "package", 0),
	{.name = "extraModules",
	 .type = ENCL_KEY_TEXTS,
	 .flags = ENCL_KEY_UNIQUE,
	 .needs = "package|modules",
	 .format = &encl_format_module,
	 .max = 256,
	 FIELD(K, extra_modules),
	 .example = "[dm-crypt]",
	 .help = "Further modules that are loaded at boot, with what they depend on."},
	END,
};

static const struct encl_key init_keys[] = {
	{.name = "path",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_host_path,
	 FIELD(B, init_path),
	 .example = "./my-init",
	 .help = "A static program that becomes process 1."},
	END,
};

static const struct encl_key ramdisk_keys[] = {
	{.name = "format",
	 .type = ENCL_KEY_ENUM,
	 .words = ramdisk_formats,
	 .fallback = "cpio",
	 FIELD(B, format),
	 .help = "How the root file system is packed: unpacked into memory at boot, or a "
		 "squashfs that stays compressed there, below a writable layer, and keeps "
		 "extended attributes."},
	{.name = "compression",
	 .type = ENCL_KEY_ENUM,
	 .words = compressions,
	 .fallback = "none",
	 FIELD(B, compression),
	 .help = "Compressed bytes depend on the version of the compressor, which the lock "
		 "then pins; the kernel has to know the format.  With format squashfs it "
		 "is that of the squashfs, zstd when left out."},
	{.name = "level",
	 .type = ENCL_KEY_NUMBER,
	 .max = 19,
	 FIELD(B, level),
	 .needs = "compression",
	 .help = "gzip 1 to 12, zstd 1 to 19, lz4 1 to 12, xz 0 to 9; left out, the "
		 "compressor's default.  In a squashfs gzip 1 to 9, zstd 1 to 19."},
	{.name = "writableMiB",
	 .type = ENCL_KEY_NUMBER,
	 .min = 1,
	 .max = 1048576,
	 FIELD(B, writable_mib),
	 .help = "format squashfs: how much may be written to the root file system, in "
		 "memory; left out, half of the memory."},
	END,
};

static const struct encl_key boot_keys[] = {
	{.name = "kernel",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_REQUIRED,
	 .keys = kernel_keys,
	 FIELD(B, kernel),
	 POS(K, pos),
	 .help = "The kernel, from one of three places."},
	{.name = "cmdline",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_cmdline,
	 .fallback = "default",
	 .null_word = "default",
	 FIELD(B, cmdline),
	 POS(B, pos_cmdline),
	 .help = "The kernel's command line; `default` is what an enclave needs."},
	{.name = "init",
	 .type = ENCL_KEY_ENUM,
	 .words = inits,
	 .fallback = "builtin",
	 .keys = init_keys,
	 .map_choice = ENCL_INIT_PATH,
	 FIELD(B, init),
	 POS(B, pos_init),
	 .help = "Process 1: `builtin`; `aws`, the one from the blobs folder, laid out byte "
		 "for byte as nitro-cli does; or a map with the path of another."},
	{.name = "ramdisk",
	 .type = ENCL_KEY_MAP,
	 .keys = ramdisk_keys,
	 POS(B, pos_ramdisk),
	 .help = "How the root file system travels."},
	END,
};

static const struct encl_key app_keys[] = {
	{.name = "command",
	 .type = ENCL_KEY_TEXTS,
	 .format = &encl_format_argument,
	 .min = 1,
	 .max = 4096,
	 FIELD(AP, command),
	 GIVEN(AP, has_command),
	 .example = "[/usr/bin/memcached, -u, nobody]",
	 .help = "The program, looked up in PATH where it has no \"/\", and its arguments.  "
		 "Required where no image of `rootfs` could name it."},
	{.name = "env",
	 .type = ENCL_KEY_PAIRS,
	 .name_format = &encl_format_env_name,
	 .format = &encl_format_env_value,
	 .max = 4096,
	 FIELD(AP, env),
	 .example = "{LOG: info}",
	 .help = "Environment variables, over those of the image."},
	{.name = "workdir",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_folder_in_image,
	 FIELD(AP, workdir),
	 .example = "/srv",
	 .help = "Working folder; left out, the image's, or \"/\"."},
	{.name = "user",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_user,
	 FIELD(AP, user),
	 .example = "\"nobody:nogroup\"",
	 .help = "User and, after a colon, group: names of the image or numbers.  Left out, "
		 "the image's, or root."},
	END,
};

#define IN struct encl_ingress
#define X  struct encl_exchange
#define PORT(T, member, text)                                                            \
	{                                                                                \
		.name = #member, .type = ENCL_KEY_NUMBER, .flags = ENCL_KEY_REQUIRED,    \
		.min = 1, .max = 65535, FIELD(T, member), .help = text                   \
	}
#define VSOCK(T, text)                                                                   \
	{                                                                                \
		.name = "vsock", .type = ENCL_KEY_NUMBER, .flags = ENCL_KEY_REQUIRED,    \
		.min = 1, .max = 4294967294U, FIELD(T, vsock), .help = text              \
	}
#define REACH_NAME(T, member, text)                                                      \
	{                                                                                \
		.name = "name", .type = ENCL_KEY_TEXT, .flags = ENCL_KEY_REQUIRED,       \
		.format = &encl_format_name, FIELD(T, member), .help = text              \
	}

static const struct encl_key ingress_keys[] = {
	REACH_NAME(IN, name, "What `run -p` and `deploy.ports` call it."),
	VSOCK(IN, "Port of the enclave that the parent connects to."),
	PORT(IN, tcp, "Port of 127.0.0.1 in the enclave where the program listens."),
	END,
};

static const struct encl_key exchange_keys[] = {
	REACH_NAME(X, name, "What `run --exchange` calls it."),
	{.name = "path",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_path_in_image,
	 FIELD(X, path),
	 .example = "/srv/shared",
	 .help = "Where the folder is seen in the enclave; it is made."},
	VSOCK(X, "Port of the enclave that the parent connects to."),
	{.name = "mode",
	 .type = ENCL_KEY_ENUM,
	 .words = exchange_modes,
	 .fallback = "in",
	 FIELD(X, writable),
	 .help = "`in`: the enclave sees the parent's files; `both`: changes made in the "
		 "enclave go back too."},
	{.name = "maxMiB",
	 .type = ENCL_KEY_NUMBER,
	 .min = 1,
	 .max = 65536,
	 .fallback = "64",
	 FIELD(X, max_mib),
	 .help = "Memory that its files may take."},
	END,
};

static const struct encl_key allow_keys[] = {
	{.name = "host",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_host_pattern,
	 FIELD(struct encl_allow, host),
	 .example = "\"kms.*.amazonaws.com\"",
	 .help = "Name of a host.  `*` stands for any characters of one label, never for a "
		 "dot: `*.example.com` is `a.example.com`, neither `example.com` nor "
		 "`a.b.example.com`."},
	{.name = "cidr",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_cidr,
	 FIELD(struct encl_allow, cidr),
	 .example = "203.0.113.0/24",
	 .help = "Addresses, for requests that name an address; a name is only ever "
		 "allowed by `host`."},
	{.name = "ports",
	 .type = ENCL_KEY_TEXTS,
	 .flags = ENCL_KEY_REQUIRED | ENCL_KEY_UNIQUE,
	 .format = &encl_format_port_range,
	 .min = 1,
	 .max = 64,
	 FIELD(struct encl_allow, ports),
	 .example = "[443, 8000-8010]",
	 .help = "TCP ports, and ranges of them."},
	END,
};

static const struct encl_key egress_keys[] = {
	{.name = "proxyPort",
	 .type = ENCL_KEY_NUMBER,
	 .min = 1,
	 .max = 65535,
	 .fallback = "3128",
	 FIELD(OUT, proxy_port),
	 .help = "Port of 127.0.0.1 in the enclave, and of the containers' gateway, where "
		 "the proxy listens; programs are told by HTTP_PROXY, HTTPS_PROXY and "
		 "NO_PROXY."},
	{.name = "allow",
	 .type = ENCL_KEY_MAPS,
	 .keys = allow_keys,
	 .max = 1024,
	 LIST_OF(OUT, allow, n_allow, struct encl_allow),
	 ITEM_POS(struct encl_allow, pos),
	 .help = "Where connections may go.  Left out or empty: nowhere."},
	END,
};

static const struct encl_key network_keys[] = {
	{.name = "hosts",
	 .type = ENCL_KEY_PAIRS,
	 .name_format = &encl_format_host,
	 .format = &encl_format_address,
	 .max = 1024,
	 FIELD(M, hosts),
	 .example = "{cache: 127.0.0.1}",
	 .help = "Further lines of /etc/hosts."},
	{.name = "nameservers",
	 .type = ENCL_KEY_TEXTS,
	 .flags = ENCL_KEY_UNIQUE,
	 .format = &encl_format_address,
	 .max = 3,
	 FIELD(M, nameservers),
	 .example = "[127.0.0.1]",
	 .help = "Addresses for /etc/resolv.conf."},
	{.name = "ingress",
	 .type = ENCL_KEY_MAPS,
	 .keys = ingress_keys,
	 .max = 256,
	 LIST_OF(M, ingress, n_ingress, IN),
	 ITEM_POS(IN, pos),
	 .example = "[{name: cache, vsock: 11211, tcp: 11211}]",
	 .help = "Ways into the enclave: a connection to the vsock port reaches the TCP "
		 "port."},
	{.name = "egress",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_IF_GIVEN,
	 .keys = egress_keys,
	 FIELD(M, egress),
	 POS(OUT, pos),
	 GIVEN(OUT, given),
	 .help = "The way out of the enclave: an HTTP proxy in it, whose list is measured; "
		 "names are resolved on the parent.  Without it there is none."},
	END,
};

static const struct encl_key debug_keys[] = {
	{.name = "exec",
	 .type = ENCL_KEY_BOOL,
	 .fallback = "false",
	 FIELD(struct encl_debug, exec),
	 .example = "true",
	 .help = "Whether the parent may run programs in the enclave and read what its "
		 "units print (`enclavebuild exec`, `attach`).  Nothing in it is secret "
		 "to the parent then."},
	END,
};

static const struct encl_key sign_key_keys[] = {
	{.name = "kms",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_kms_key,
	 FIELD(struct encl_sign, kms),
	 .example = "arn:aws:kms:eu-central-1:123456789012:key/"
		    "01234567-89ab-cdef-0123-456789abcdef",
	 .help = "A key in AWS KMS, which signs; who builds needs kms:GetPublicKey and "
		 "kms:Sign."},
	{.name = "pkcs11",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_pkcs11_key,
	 FIELD(struct encl_sign, pkcs11),
	 .example = "\"pkcs11:token=release;object=signer?pin-source=/run/pin\"",
	 .help = "A key in a PKCS#11 token (RFC 7512), which signs.  The PIN is read from "
		 "`pin-source`, or from ENCLAVEBUILD_PKCS11_PIN."},
	END,
};

static const struct encl_key sign_keys[] = {
	{.name = "certificate",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_host_path,
	 FIELD(struct encl_sign, certificate),
	 .example = "./sign.pem",
	 .help = "PEM certificate; PCR8 is its digest."},
	{.name = "key",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_host_path,
	 .keys = sign_key_keys,
	 FIELD(struct encl_sign, key),
	 .example = "./sign.key",
	 .help = "Its private key (P-256, P-384 or P-521): a PEM file, or a map that says "
		 "where it is kept."},
	{.name = "detached",
	 .type = ENCL_KEY_BOOL,
	 .flags = ENCL_KEY_ONE_OF,
	 .fallback = "false",
	 FIELD(struct encl_sign, detached),
	 .example = "true",
	 .help = "The signature is made elsewhere: build writes `NAME.unsigned.eif` and "
		 "`NAME.to-sign`, `enclavebuild attach` makes `NAME.eif` of it."},
	END,
};

static const struct encl_key resources_keys[] = {
	{.name = "memoryMiB",
	 .type = ENCL_KEY_NUMBER,
	 .min = 64,
	 .max = 16777216,
	 .fallback = "auto",
	 .null_word = "auto",
	 FIELD(struct encl_resources, memory_mib),
	 POS(struct encl_resources, pos_memory),
	 .help = "Memory of the enclave; `auto` is what the image needs."},
	{.name = "cpus",
	 .type = ENCL_KEY_NUMBER,
	 .min = 1,
	 .max = 1024,
	 .fallback = "2",
	 FIELD(struct encl_resources, cpus),
	 .help = "Processors of the enclave."},
	END,
};

#define PCR(n, text)                                                                     \
	{                                                                                \
		.name = "pcr" #n, .type = ENCL_KEY_TEXT, .format = &encl_format_pcr,     \
		FIELD(struct encl_expect, pcr##n), .help = text                          \
	}

static const struct encl_key expect_keys[] = {
	PCR(0, "The whole image."),
	PCR(1, "Kernel, command line and boot ramdisk."),
	PCR(2, "The application's ramdisks."),
	PCR(8, "The signing certificate."),
	END,
};

const struct encl_key encl_manifest_keys[] = {
	{.name = "apiVersion",
	 .type = ENCL_KEY_WORD,
	 .flags = ENCL_KEY_REQUIRED,
	 .words = api_versions,
	 .help = "The version of this format."},
	{.name = "kind",
	 .type = ENCL_KEY_WORD,
	 .flags = ENCL_KEY_REQUIRED,
	 .words = kinds,
	 .help = "What the file describes."},
	{.name = "name",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_name,
	 FIELD(M, name),
	 .example = "memcached",
	 .help = "Name of the image; output files are called after it."},
	{.name = "version",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_line,
	 FIELD(M, version),
	 .example = "\"1.6.18\"",
	 .help = "Version of the image."},
	{.name = "arch",
	 .type = ENCL_KEY_ENUM,
	 .flags = ENCL_KEY_REQUIRED,
	 .words = arches,
	 FIELD(M, arch),
	 .help = "Processor of the enclave; it is never taken from the machine that builds."},
	{.name = "sourceDateEpoch",
	 .type = ENCL_KEY_NUMBER,
	 .max = 4294967295U,
	 .fallback = "0",
	 FIELD(M, source_date_epoch),
	 .help = "Every time stamp in the image, and its build time, in seconds since 1970."},
	{.name = "rootfs",
	 .type = ENCL_KEY_MAPS,
	 .keys = encl_manifest_layer_keys,
	 .min = 1,
	 .max = 256,
	 LIST_OF(M, layers, n_layers, L),
	 ITEM_POS(L, pos),
	 .help = "What the root file system is made of, applied in order; a later entry "
		 "wins.  Each has exactly one key.  Required, but for an enclave with "
		 "`docker`, whose engine lies below."},
	{.name = "boot",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_REQUIRED,
	 .keys = boot_keys,
	 FIELD(M, boot),
	 .help = "What starts before the program."},
	{.name = "app",
	 .type = ENCL_KEY_MAP,
	 .keys = app_keys,
	 FIELD(M, app),
	 POS(AP, pos),
	 GIVEN(AP, given),
	 .help = "The program.  What is left out comes from the last image of `rootfs`."},
	{.name = "services",
	 .type = ENCL_KEY_MAPS,
	 .flags = ENCL_KEY_SPARSE,
	 .keys = encl_manifest_service_keys,
	 .min = 1,
	 .max = 256,
	 LIST_OF(M, services, n_services, struct encl_service),
	 ITEM_POS(struct encl_service, unit.pos),
	 .help = "Several programs instead of `app`, started, watched, restarted and "
		 "stopped by one supervisor."},
	{.name = "docker",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_IF_GIVEN,
	 .keys = encl_manifest_docker_keys,
	 FIELD(M, docker),
	 POS(struct encl_docker, pos),
	 GIVEN(struct encl_docker, given),
	 .help = "The Docker engine in the enclave, with measured images and containers."},
	{.name = "network",
	 .type = ENCL_KEY_MAP,
	 .keys = network_keys,
	 .help = "Names and addresses inside the enclave."},
	{.name = "exchange",
	 .type = ENCL_KEY_MAPS,
	 .keys = exchange_keys,
	 .max = 16,
	 LIST_OF(M, exchanges, n_exchanges, X),
	 ITEM_POS(X, pos),
	 .help = "Folders of the parent that are seen in the enclave.  Their content is "
		 "not measured."},
	{.name = "debug",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_IF_GIVEN,
	 .keys = debug_keys,
	 FIELD(M, debug),
	 POS(struct encl_debug, pos),
	 GIVEN(struct encl_debug, given),
	 .help = "Ways in for its developer.  Measured: the PCRs are those of no other "
		 "image."},
	{.name = "attestation",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_IF_GIVEN,
	 .keys = encl_manifest_attestation_keys,
	 FIELD(M, attestation),
	 POS(struct encl_attesting, pos),
	 GIVEN(struct encl_attesting, given),
	 .help = "What the enclave itself does with the Nitro Secure Module: documents for "
		 "its programs, and registers of their own.  Measured."},
	{.name = "sign",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_UNMEASURED,
	 .keys = sign_keys,
	 FIELD(M, sign),
	 POS(struct encl_sign, pos),
	 GIVEN(struct encl_sign, given),
	 .help = "Signs the image.  Not measured."},
	{.name = "resources",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_UNMEASURED,
	 .keys = resources_keys,
	 FIELD(M, resources),
	 .help = "What the enclave is given when it runs.  Not measured."},
	{.name = "expect",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_UNMEASURED,
	 .keys = expect_keys,
	 FIELD(M, expect),
	 POS(struct encl_expect, pos),
	 .help = "Measurements that the build must come to; others fail it.  Not measured."},
	{.name = "deploy",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_UNMEASURED,
	 .keys = encl_manifest_deploy_keys,
	 .help = "How the parent runs it.  Not measured."},
	END,
};

const struct encl_key *
encl_manifest_key(const struct encl_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

const char *
encl_manifest_nearest(const struct encl_key *keys, const char *name)
{
	size_t len = strlen(name);
	size_t distance = len < 6 ? 2 : 3; /* a short name has few neighbours */
	const char *best = NULL;

	for (; keys->name; keys++) {
		size_t n = strlen(keys->name);
		unsigned d;

		/* at least the difference in length; spares the work on long keys */
		if (n > len + 2 || len > n + 2)
			continue;
		d = encl_edit_distance(keys->name, name);
		if (d < distance && d + 1 < n) {
			distance = d;
			best = keys->name;
		}
	}
	return best;
}

char *
encl_manifest_decimal(uint64_t thousandths)
{
	char *text = encl_xasprintf("%" PRIu64 ".%03u", thousandths / 1000,
				    (unsigned)(thousandths % 1000));
	char *end = text + strlen(text);

	while (end[-1] == '0')
		*--end = 0;
	if (end[-1] == '.')
		end[-1] = 0;
	return text;
}

bool
encl_manifest_in_words(const char *words, const char *name)
{
	size_t len = strlen(name);

	while (words && *words) {
		size_t n = strcspn(words, "|");

		if (n == len && !strncmp(words, name, n))
			return true;
		words += n + (words[n] == '|');
	}
	return false;
}
