/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild version`: the tool and the libraries that can decide bytes. */
#include <archive.h>
#include <curl/curl.h>
#include <lzma.h>
#include <openssl/crypto.h>
#include <solv/solvversion.h>
#include <stdio.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

#include "base/json.h"
#include "cmd.h"
#include "verbs.h"

static json_t *
libraries(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "libarchive",
			 archive_version_details(), "libcurl", curl_version(), "libsolv",
			 LIBSOLV_VERSION_STRING, "libyaml", yaml_get_version_string(),
			 "jansson", jansson_version_str(), "liblzma",
			 lzma_version_string(), "openssl",
			 OpenSSL_version(OPENSSL_VERSION), "zlib", zlibVersion(), "zstd",
			 ZSTD_versionString());
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(json_decref) json_t *all = json_pack(
		"{s:s, s:o}", "version", ENCL_VERSION, "libraries", libraries());
	const char *name;
	json_t *v;

	(void)args;
	(void)e;
	if (cli->json) {
		report_json(all);
		return 0;
	}
	report("enclavebuild %s\n", ENCL_VERSION);
	json_object_foreach (json_object_get(all, "libraries"), name, v)
		if (cli->verbose)
			report("%-12s %s\n", name, json_string_value(v));
	return 0;
}

const struct command cmd_version = {
	.name = "version",
	.summary = "print the version (with -v, of the libraries too)",
	.operands = "",
	.run = run,
};
