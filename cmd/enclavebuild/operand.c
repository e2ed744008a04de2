/* SPDX-License-Identifier: Apache-2.0 */
/* Operands to opened images. */
#include "operand.h"

#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "build.h"
#include "push/evidence.h"
#include "push/pull.h"

enum { MEASUREMENTS_MAX = 1 << 20 };

/* "v1.2/app.eif" that is not there is a slip and no host's. */
static bool
is_file_name(const char *text)
{
	const char *slash = strrchr(text, '/');
	size_t n = strlen(text);

	return n > 4 && !strcmp(text + n - 4, ".eif") &&
	       !strchr(slash ? slash : text, ':') && strncmp(text, "docker://", 9) != 0;
}

bool
operand_is_reference(const char *text)
{
	return !is_file_name(text) && encl_reference_looks_like(text);
}

int
operand_reference(const char *text, struct encl_reference *out, struct encl_err *e)
{
	if (is_file_name(text) && !encl_reference_looks_like(text))
		return encl_fail(e, ENCL_USAGE,
				 "\"%s\" is a file's name and no reference to an image "
				 "(HOST/NAME[:TAG][@DIGEST])",
				 text);
	return encl_reference_parse(text, out, e);
}

/* What says nothing but how to run it is no reason to fail. */
static void
measurements_of(struct cli *cli, const struct encl_reference *where,
		const struct encl_pulled *p, const struct encl_measurements *m,
		json_t **out)
{
	encl_auto(encl_free) char *text = NULL;
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_err e;
	size_t n = 0;

	if (encl_pull_referrer(&cli->env, cli->env.registry, where, p,
			       ENCL_ARTIFACT_MEASUREMENTS, MEASUREMENTS_MAX, &text, &n,
			       &e) ||
	    (text && encl_json_parse(text, n, "measurements", &doc, &e)))
		encl_debug(&cli->log, "%s", e.msg);
	else if (doc && encl_evidence_is_of(doc, m))
		*out = encl_take(doc, NULL);
}

static int
open_reference(struct cli *cli, const char *text, struct encl_eif *out,
	       json_t **measurements, struct encl_err *e)
{
	encl_auto(encl_reference_clear) struct encl_reference where = {.host = NULL};
	encl_auto(encl_pulled_clear) struct encl_pulled p = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};

	if (encl_reference_parse(text, &where, e) || cli_need_cache(cli, e) ||
	    cli_need_registry(cli, e) ||
	    encl_pull_find(&cli->env, cli->env.registry, &where, NULL, &p, e) ||
	    encl_pull_fetch(&cli->env, cli->env.registry, &where, &p, e) ||
	    encl_pull_check(&p, p.fd, cli->env.jobs, out, &s, e))
		return -1;
	if (measurements)
		measurements_of(cli, &where, &p, &s.measurements, measurements);
	return 0;
}

int
operand_open_measured(struct cli *cli, const char *text, struct encl_eif *out,
		      json_t **measurements, struct encl_err *e)
{
	encl_auto(encl_free) char *path = NULL;
	struct encl_err none;

	*measurements = NULL;
	if (operand_is_reference(text))
		return open_reference(cli, text, out, measurements, e);
	if (encl_eif_open(text, out, e))
		return -1;
	path = encl_measurements_path(text);
	if (encl_json_read(path, MEASUREMENTS_MAX, measurements, &none))
		*measurements = NULL;
	return 0;
}

int
operand_open(struct cli *cli, const char *text, struct encl_eif *out, struct encl_err *e)
{
	return operand_is_reference(text) ? open_reference(cli, text, out, NULL, e)
					  : encl_eif_open(text, out, e);
}

int
operand_arch(const struct args *args, enum encl_arch *out, bool *given,
	     struct encl_err *e)
{
	static const enum encl_arch all[] = {ENCL_ARCH_X86_64, ENCL_ARCH_AARCH64};
	const char *text = args_get(args, "arch");

	*given = text != NULL;
	for (size_t i = 0; text && i < sizeof all / sizeof *all; i++)
		if (!strcmp(text, encl_arch_name(all[i])) ||
		    !strcmp(text, i ? "arm64" : "amd64")) {
			*out = all[i];
			return 0;
		}
	return text ? encl_fail(e, ENCL_USAGE, "--arch %s: is neither x86_64 nor aarch64",
				text)
		    : 0;
}
