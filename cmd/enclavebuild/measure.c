/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild measure`: PCRs of an image, of its parts, of a file. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "cmd.h"
#include "image.h"
#include "operand.h"
#include "sign/image.h"
#include "verbs.h"
#include "verify/extended.h"

static const struct option_spec options[] = {
	{"kernel", 0, "FILE", "kernel, of an image that is not there yet", false},
	{"cmdline", 0, "TEXT", "its command line", false},
	{"cmdline-file", 0, "FILE", "its command line, without the white space around it",
	 false},
	{"ramdisk", 0, "FILE", "a ramdisk; the first is PCR1's, all others PCR2's", true},
	{"signing-certificate", 0, "FILE", "adds PCR8; alone: only PCR8", false},
	{"file", 0, "FILE", "the PCR that would come of these bytes", false},
	{"to-sign", 0, "FILE", "write what is to be signed elsewhere; prints its digest",
	 false},
	{"certificate", 0, "FILE", "whose signature that is to be", false},
	{NULL, 0, NULL, NULL, false},
};

/* The parts and what they refer to. */
struct inputs {
	struct encl_eif_part parts[ENCL_EIF_MAX_SECTIONS + 1];
	struct encl_eif_range ranges[ENCL_EIF_MAX_SECTIONS + 1];
	size_t n;
	struct encl_eif_bytes cmdline;
	char *text;
};

static void
inputs_clear(struct inputs *in)
{
	for (size_t i = 0; i < in->n; i++)
		if (in->parts[i].type != ENCL_SECTION_CMDLINE)
			encl_close_fd(in->ranges[i].fd);
	free(in->text);
}
ENCL_AUTO_VAL(struct inputs, inputs_clear);

static int
add_file(struct inputs *in, enum encl_section_type type, const char *path,
	 struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct encl_eif_range *r = &in->ranges[in->n];
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return encl_fail(e, ENCL_FAILED, "%s: not a regular file", path);
	if (in->n == ENCL_EIF_MAX_SECTIONS)
		return encl_fail(e, ENCL_USAGE, "measure: too many ramdisks");
	*r = (struct encl_eif_range){encl_take(fd, -1), 0, (uint64_t)st.st_size, path};
	in->parts[in->n++] = encl_eif_part_range(type, r);
	return 0;
}

/* nitro-cli trims the file too: its own has a newline at the end. */
static void
trim(char *text)
{
	static const char space[] = " \t\r\n";
	size_t skip = strspn(text, space);
	size_t n = strlen(text + skip);

	while (n && strchr(space, text[skip + n - 1]))
		n--;
	memmove(text, text + skip, n);
	text[n] = 0;
}

static int
add_cmdline(struct inputs *in, const struct args *a, struct encl_err *e)
{
	const char *text = args_get(a, "cmdline");
	const char *path = args_get(a, "cmdline-file");
	size_t n;

	if (!text == !path)
		return encl_fail(e, ENCL_USAGE,
				 "measure: give either --cmdline or --cmdline-file");
	if (text) {
		in->text = encl_xstrdup(text);
		n = strlen(text);
	} else {
		if (encl_read_file(path, ENCL_EIF_MAX_CMDLINE, &in->text, &n, e))
			return -1;
		if (strlen(in->text) == n) {
			trim(in->text);
			n = strlen(in->text);
		}
	}
	in->cmdline = (struct encl_eif_bytes){in->text, n};
	in->parts[in->n++] = encl_eif_part_bytes(ENCL_SECTION_CMDLINE, &in->cmdline);
	return 0;
}

static int
measure_parts(struct cli *cli, const struct args *a, struct encl_measurements *out,
	      struct encl_err *e)
{
	encl_auto(inputs_clear) struct inputs in = {.n = 0};
	const char *path;

	if (!args_has(a, "ramdisk"))
		return encl_fail(e, ENCL_USAGE, "measure: --kernel needs --ramdisk");
	if (add_file(&in, ENCL_SECTION_KERNEL, args_get(a, "kernel"), e) ||
	    add_cmdline(&in, a, e))
		return -1;
	for (size_t i = 0; (path = args_nth(a, "ramdisk", i)) != NULL; i++)
		if (add_file(&in, ENCL_SECTION_RAMDISK, path, e))
			return -1;
	return encl_eif_measure_parts(in.parts, in.n, cli->env.jobs, out, e);
}

/* Of an image that is another's, there need not be any. */
static json_t *
find_extended(struct cli *cli, const struct encl_eif *eif)
{
	struct encl_extended x;
	struct encl_err e;

	if (encl_extended_of_image(eif, &x, &e)) {
		encl_warn(&cli->log, "what it extends when it starts is not known: %s",
			  e.msg);
		return NULL;
	}
	return encl_extended_json(&x);
}

static int
measure_image(struct cli *cli, const char *path, struct encl_measurements *out,
	      json_t **extended, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};

	if (operand_open(cli, path, &eif, e) ||
	    encl_image_check(&eif, cli->env.jobs, &s, e))
		return -1;
	if (!s.crc_ok || (s.is_signed && !s.has_signature))
		return encl_image_require(&eif, &s, e);
	*out = s.measurements;
	if (extended)
		*extended = find_extended(cli, &eif);
	return 0;
}

static void
report_pcr(const struct cli *cli, const char *key, const struct encl_pcr *pcr)
{
	encl_auto(json_decref) json_t *v = NULL;
	char hex[2 * ENCL_PCR_SIZE + 1];

	encl_hex(pcr->bytes, ENCL_PCR_SIZE, hex);
	v = json_pack("{s:s}", key, hex);
	if (cli->json)
		report_json(v);
	else
		report("%s %s\n", key, hex);
}

static int
measure_file(struct cli *cli, const char *path, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct encl_digest d;
	struct encl_pcr pcr;

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	if (encl_digest_fd(ENCL_SHA384, fd, &d, NULL, e))
		return encl_wrap(e, "%s", path);
	encl_pcr_extend(&d, &pcr);
	report_pcr(cli, "PCR", &pcr);
	return 0;
}

/* The document of an image with what is to be signed of it. */
static void
report_to_sign(const struct cli *cli, const struct encl_measurements *m, const char *path,
	       const struct encl_to_sign *t)
{
	encl_auto(json_decref) json_t *v = encl_measurements_json(m);
	char digest[ENCL_DIGEST_TEXT];

	encl_digest_format(&t->digest, digest);
	if (!cli->json) {
		report_measurements(cli, m);
		report("sign %s %s\n", t->alg, digest);
		return;
	}
	json_object_set_new(v, "ToSign",
			    json_pack("{s:s, s:s, s:s}", "File", path, "Algorithm",
				      t->alg, "Digest", digest));
	report_json(v);
}

static int
write_to_sign(struct cli *cli, const struct args *a, struct encl_err *e)
{
	encl_auto(encl_to_sign_clear) struct encl_to_sign t = {.alg = NULL};
	struct encl_measurements m = {.has_pcr8 = false};
	const char *path = args_get(a, "to-sign");
	struct stat image, out;

	if (!a->n_operands || !args_has(a, "certificate"))
		return encl_fail(e, ENCL_USAGE,
				 "measure: --to-sign needs an IMAGE and --certificate, "
				 "whose key decides the algorithm");
	if (args_has(a, "signing-certificate"))
		return encl_fail(e, ENCL_USAGE,
				 "measure: --to-sign prints PCR8 of --certificate; leave "
				 "--signing-certificate out");
	if (!stat(a->operands[0], &image) && !stat(path, &out) &&
	    image.st_dev == out.st_dev && image.st_ino == out.st_ino)
		return encl_fail(e, ENCL_USAGE, "--to-sign: %s is the image itself",
				 path);
	if (args_output(a, "to-sign", e) ||
	    measure_image(cli, a->operands[0], &m, NULL, e) ||
	    encl_to_sign(args_get(a, "certificate"), encl_now(), &m.pcr0, &t, e) ||
	    encl_write_file(path, t.bytes.data, t.bytes.len, 0644, e))
		return -1;
	m.has_pcr8 = true;
	m.pcr8 = t.pcr8;
	report_to_sign(cli, &m, path, &t);
	return 0;
}

static void
report_all(const struct cli *cli, const struct encl_measurements *m, json_t *extended)
{
	encl_auto(json_decref) json_t *v = NULL;

	if (!cli->json || !extended) {
		report_measurements(cli, m);
		report_extended(extended, 0);
		return;
	}
	v = encl_measurements_json(m);
	json_object_set(v, "Extended", extended);
	report_json(v);
}

static int
measure(struct cli *cli, const struct args *a, struct encl_err *e)
{
	const char *certificate = args_get(a, "signing-certificate");
	struct encl_measurements m = {.has_pcr8 = false};
	encl_auto(json_decref) json_t *extended = NULL;
	struct encl_pcr pcr8;

	if (certificate && encl_certificate_pcr8(certificate, &pcr8, e))
		return -1;
	if (args_has(a, "kernel") ? measure_parts(cli, a, &m, e)
	    : a->n_operands	  ? measure_image(cli, a->operands[0], &m, &extended, e)
				  : 0)
		return -1;
	if (!args_has(a, "kernel") && !a->n_operands) {
		report_pcr(cli, "PCR8", &pcr8);
		return 0;
	}
	if (certificate) {
		m.has_pcr8 = true;
		m.pcr8 = pcr8;
	}
	report_all(cli, &m, extended);
	return 0;
}

static int
run(struct cli *cli, const struct args *a, struct encl_err *e)
{
	int ways = (a->n_operands > 0) + args_has(a, "kernel") + args_has(a, "file");
	bool parts = args_has(a, "cmdline") || args_has(a, "cmdline-file") ||
		     args_has(a, "ramdisk");

	if (ways > 1 || (ways == 0 && !args_has(a, "signing-certificate")))
		return encl_fail(e, ENCL_USAGE,
				 "measure: give one of IMAGE, --kernel, --file and "
				 "--signing-certificate");
	if (parts && !args_has(a, "kernel"))
		return encl_fail(e, ENCL_USAGE,
				 "measure: --cmdline and --ramdisk need --kernel");
	if (args_has(a, "certificate") && !args_has(a, "to-sign"))
		return encl_fail(
			e, ENCL_USAGE,
			"measure: --certificate is for --to-sign; PCR8 of one is "
			"--signing-certificate");
	if (args_has(a, "to-sign"))
		return write_to_sign(cli, a, e);
	if (!args_has(a, "file"))
		return measure(cli, a, e);
	if (args_has(a, "signing-certificate"))
		return encl_fail(e, ENCL_USAGE,
				 "measure: --file and --signing-certificate exclude each "
				 "other");
	return measure_file(cli, args_get(a, "file"), e);
}

const struct command cmd_measure = {
	.name = "measure",
	.summary = "compute the PCRs of an image, of its parts or of a file",
	.operands = "[IMAGE|REFERENCE]",
	.max_operands = 1,
	.help = "measure IMAGE computes them from the sections; a damaged image is an\n"
		"error.  Registers that it extends when it starts come last.\n"
		"With --kernel, --cmdline and --ramdisk there need be no image\n"
		"yet.  --file F and --signing-certificate C alone are nitro-cli pcr.\n"
		"\n"
		"--to-sign F --certificate C writes the bytes whose signature the image needs\n"
		"(COSE's Sig_structure of PCR0) and prints their digest, for a key that is not\n"
		"here: attach puts the signature on the image.",
	.options = options,
	.run = run,
};
