/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild inspect`: an image's measurements, signature, metadata, sections. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "cmd.h"
#include "image.h"
#include "operand.h"
#include "sign/image.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"strict", 0, NULL, "fail where the CRC or the signature is not right", false},
	{NULL, 0, NULL, NULL, false},
};

/* A string from inside the image. */
static json_t *
text(const char *s)
{
	json_t *v = json_string(s ? s : "");

	return v ? v : json_string("(not UTF-8)");
}

static json_t *
certificate_json(const struct encl_signature_info *i)
{
	return json_pack("{s:o?, s:o, s:o, s:o, s:o}", "IssuerName",
			 json_loads(i->issuer, 0, NULL), "Algorithm", text(i->algorithm),
			 "NotBefore", text(i->not_before), "NotAfter", text(i->not_after),
			 "Signature", text(i->cert_signature));
}

/* The custom keys stand beside the others, as nitro-cli has it; one that would
 * hide another, or what is not an object, stays under CustomMetadata. */
static json_t *
metadata_json(const json_t *all)
{
	json_t *v = json_deep_copy(json_object_get(all, "BuildMetadata"));
	json_t *custom = json_object_get(all, "CustomMetadata");
	json_t *left = json_object();
	json_t *value;
	const char *key;

	json_object_set(v, "DockerInfo", json_object_get(all, "DockerInfo"));
	json_object_foreach (custom, key, value)
		json_object_set(json_object_get(v, key) ? left : v, key, value);
	if (json_object_size(left))
		json_object_set(v, "CustomMetadata", left);
	else if (!json_is_object(custom) && !json_is_null(custom))
		json_object_set(v, "CustomMetadata", custom);
	json_decref(left);
	return v;
}

static json_t *
sections_json(const struct encl_eif *eif)
{
	json_t *list = json_array();

	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "Type",
						      encl_section_name(s->type),
						      "Offset", (json_int_t)s->offset,
						      "Size", (json_int_t)s->size));
	}
	return list;
}

/* describe-eif's keys in its order, then ours. */
static json_t *
describe(const struct encl_eif *eif, const struct encl_image_state *s)
{
	encl_auto(json_decref) json_t *m = encl_measurements_json(&s->measurements);
	encl_auto(json_decref) json_t *metadata = json_loads(eif->metadata, 0, NULL);
	char digest[ENCL_DIGEST_TEXT];
	json_t *v = json_object();

	encl_digest_format(&s->sha256, digest);
	json_object_set_new(v, "EifVersion", json_integer(eif->version));
	json_object_set(v, "Measurements", json_object_get(m, "Measurements"));
	json_object_set_new(v, "IsSigned", json_boolean(s->is_signed));
	if (s->has_signature)
		json_object_set_new(v, "SigningCertificate",
				    certificate_json(&s->signature));
	json_object_set_new(v, "CheckCRC", json_boolean(s->crc_ok));
	if (s->is_signed)
		json_object_set_new(v, "SignatureCheck", json_boolean(s->signature_ok));
	json_object_set(v, "ImageName", json_object_get(metadata, "ImageName"));
	json_object_set(v, "ImageVersion", json_object_get(metadata, "ImageVersion"));
	json_object_set_new(v, "Metadata", metadata_json(metadata));
	json_object_set_new(v, "Sections", sections_json(eif));
	json_object_set_new(v, "Sha256", json_string(strchr(digest, ':') + 1));
	json_object_set_new(v, "Architecture", json_string(encl_arch_name(eif->arch)));
	json_object_set_new(v, "Cmdline", text(eif->cmdline));
	return v;
}

static void
line(const char *label, const json_t *v)
{
	encl_auto(encl_free) char *other = NULL;
	encl_auto(encl_free) char *shown = NULL;

	if (!json_is_string(v))
		other = encl_json_compact(v);
	shown = printable(other ? other : json_string_value(v));
	report("%-18s %s\n", label, shown);
}

/* Whoever looks at measurements has to know what they do not cover. */
static void
show_exchanges(const json_t *metadata)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (
		json_object_get(json_object_get(metadata, "enclavebuild"), "exchange"), i,
		entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));
		const char *path = json_string_value(json_object_get(entry, "path"));
		const char *mode = json_string_value(json_object_get(entry, "mode"));
		encl_auto(encl_free) char *shown_name = printable(name ? name : "?");
		encl_auto(encl_free) char *shown_path = printable(path ? path : "?");

		report("%-18s %s at %s (%s): the parent's files, not measured\n",
		       "exchange", shown_name, shown_path,
		       mode && !strcmp(mode, "both") ? "both ways" : "in");
	}
}

/* The list is measured, these words of it are not. */
static void
show_egress(const json_t *metadata)
{
	const json_t *egress =
		json_object_get(json_object_get(metadata, "enclavebuild"), "egress");
	const json_t *allow = json_object_get(egress, "allow");
	const json_t *rule;
	size_t i;

	if (json_is_object(egress) && !json_array_size(allow))
		report("%-18s nowhere\n", "egress");
	json_array_foreach (allow, i, rule) {
		const char *host = json_string_value(json_object_get(rule, "host"));
		const char *cidr = json_string_value(json_object_get(rule, "cidr"));
		encl_auto(encl_free) char *ports =
			encl_json_compact(json_object_get(rule, "ports"));
		encl_auto(encl_free) char *shown = printable(host   ? host
							     : cidr ? cidr
								    : "?");
		encl_auto(encl_free) char *shown_ports = printable(ports);

		report("%-18s to %s, ports %s\n", "egress", shown, shown_ports);
	}
}

static void
show_debug(const json_t *metadata)
{
	const json_t *debug =
		json_object_get(json_object_get(metadata, "enclavebuild"), "debug");

	if (json_is_true(json_object_get(debug, "exec")))
		report("%-18s exec: the parent may run programs in it\n", "debug");
}

static void
show_signature(const struct encl_image_state *s, const json_t *v)
{
	const json_t *c = json_object_get(v, "SigningCertificate");
	const char *key;
	json_t *value;

	report("%-18s %s%s\n", "signature",
	       !s->is_signed	 ? "none"
	       : s->signature_ok ? "ok"
				 : "BAD: ",
	       s->why);
	json_object_foreach (json_object_get(c, "IssuerName"), key, value) {
		encl_auto(encl_free) char *name = printable(key);

		line(name, value);
	}
	if (c) {
		line("algorithm", json_object_get(c, "Algorithm"));
		line("not before", json_object_get(c, "NotBefore"));
		line("not after", json_object_get(c, "NotAfter"));
	}
}

static void
show(const struct encl_eif *eif, const struct encl_image_state *s, const json_t *v)
{
	const char *key;
	json_t *value;

	report("%-18s EIF version %u, %s, %" PRIu64 " bytes\n", "format", eif->version,
	       encl_arch_name(eif->arch), eif->size);
	line("sha256", json_object_get(v, "Sha256"));
	report("%-18s %08" PRIx32, "crc", eif->crc);
	if (s->crc_ok)
		report(" ok\n");
	else
		report(" BAD: the bytes have %08" PRIx32 "\n", s->crc);
	line("name", json_object_get(v, "ImageName"));
	line("version", json_object_get(v, "ImageVersion"));
	json_object_foreach (json_object_get(v, "Metadata"), key, value) {
		encl_auto(encl_free) char *name = printable(key);

		line(name, value);
	}
	show_exchanges(json_object_get(v, "Metadata"));
	show_egress(json_object_get(v, "Metadata"));
	show_debug(json_object_get(v, "Metadata"));
	line("cmdline", json_object_get(v, "Cmdline"));
	json_object_foreach (json_object_get(v, "Measurements"), key, value)
		if (key[0] == 'P')
			line(key, value);
	show_signature(s, v);
	for (size_t i = 0; i < eif->n_sections; i++)
		report("section %-10zu %-10s offset %" PRIu64 ", %" PRIu64 " bytes\n", i,
		       encl_section_name(eif->sections[i].type), eif->sections[i].offset,
		       eif->sections[i].size);
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};
	encl_auto(json_decref) json_t *v = NULL;

	if (operand_open(cli, args->operands[0], &eif, e) ||
	    encl_image_check(&eif, cli->env.jobs, &s, e))
		return -1;
	if (args_has(args, "strict") && encl_image_require(&eif, &s, e))
		return -1;
	v = describe(&eif, &s);
	if (cli->json)
		report_json(v);
	else
		show(&eif, &s, v);
	return 0;
}

const struct command cmd_inspect = {
	.name = "inspect",
	.summary = "show an image's measurements, signature, metadata and sections",
	.operands = "IMAGE|REFERENCE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "With --json, the keys of nitro-cli describe-eif in their order, then\n"
		"Sections, Sha256, Architecture and Cmdline.  A file whose structure\n"
		"contradicts itself is always refused (exit 1).  A wrong CRC or\n"
		"signature is shown, and with --strict an error: exit 3, or 4 where the\n"
		"signature section cannot be read.\n"
		"Metadata is neither measured nor signed: do not decide by it.",
	.options = options,
	.run = run,
};
