/* SPDX-License-Identifier: Apache-2.0 */
/* The forms that a text of the manifest can be asked to have. */
#ifndef ENCL_MANIFEST_FORMAT_H
#define ENCL_MANIFEST_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A text fits where it matches the pattern (if any; an expression that POSIX
 * ERE and ECMA-262 read alike) and check (if any) finds nothing.
 */
struct encl_format {
	const char *noun;    /* what the value is called before its quotes, or NULL */
	const char *what;    /* "a name of …", for the reference and for errors */
	const char *pattern; /* anchored, or NULL */
	/* What is wrong, as it follows the quoted value ("names a registry, …"); NULL:
	 * nothing. */
	const char *(*check)(const char *text);
	size_t max;  /* bytes */
	bool secret; /* messages do not show the value */
	/* Numbers and booleans of YAML are welcome as text too (editors guess types). */
	bool free_text;
	bool empty_ok;
};

extern const struct encl_format encl_format_name;
extern const struct encl_format encl_format_line;
extern const struct encl_format encl_format_cmdline;
extern const struct encl_format encl_format_content;
extern const struct encl_format encl_format_image;
extern const struct encl_format encl_format_host_path;
extern const struct encl_format encl_format_kms_key;
extern const struct encl_format encl_format_pkcs11_key;
extern const struct encl_format encl_format_folder_in_image;
extern const struct encl_format encl_format_path_in_image;
extern const struct encl_format encl_format_glob;
extern const struct encl_format encl_format_sha256;
extern const struct encl_format encl_format_pcr;
extern const struct encl_format encl_format_mode;
extern const struct encl_format encl_format_owner;
extern const struct encl_format encl_format_user;
extern const struct encl_format encl_format_argument;
extern const struct encl_format encl_format_env_name;
extern const struct encl_format encl_format_env_value;
extern const struct encl_format encl_format_host;
extern const struct encl_format encl_format_hostname; /* of a container */
extern const struct encl_format encl_format_address;
extern const struct encl_format encl_format_host_pattern;
extern const struct encl_format encl_format_cidr;
extern const struct encl_format encl_format_port_range;
extern const struct encl_format encl_format_suite;
extern const struct encl_format encl_format_component;
extern const struct encl_format encl_format_mirror;
extern const struct encl_format encl_format_package;
extern const struct encl_format encl_format_package_name;
extern const struct encl_format encl_format_alternative;
extern const struct encl_format encl_format_alternative_choice;
extern const struct encl_format encl_format_module;
extern const struct encl_format encl_format_signal;
extern const struct encl_format encl_format_url_path;
/* format_deploy.c */
extern const struct encl_format encl_format_reference;
extern const struct encl_format encl_format_ssh_host;
extern const struct encl_format encl_format_login;
extern const struct encl_format encl_format_aws_name;
extern const struct encl_format encl_format_https;
extern const struct encl_format encl_format_kube_name;
/* format_docker.c */
extern const struct encl_format encl_format_image_name;
extern const struct encl_format encl_format_image_reference;
extern const struct encl_format encl_format_text;
extern const struct encl_format encl_format_container_env;
extern const struct encl_format encl_format_published_port;
extern const struct encl_format encl_format_volume;
extern const struct encl_format encl_format_device;
extern const struct encl_format encl_format_tmpfs;
extern const struct encl_format encl_format_capability;
extern const struct encl_format encl_format_ulimit_name;
extern const struct encl_format encl_format_ulimit;
extern const struct encl_format encl_format_label;
extern const struct encl_format encl_format_group;
extern const struct encl_format encl_format_host_address;

/* NULL where text (n bytes) has the form; else a malloc'ed sentence, with the value. */
char *encl_manifest_format_check(const struct encl_format *f, const char *text, size_t n);

#endif
