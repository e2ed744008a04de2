/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest, an image or a reference, and options, into what is deployed. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "build.h"
#include "deploy.h"
#include "launch/memory.h"
#include "operand.h"
#include "push/evidence.h"
#include "push/pull.h"

enum { MEASUREMENTS_MAX = 1 << 20, MAX_MEMORY = 1 << 20, MAX_CPUS = 256 };

void
subject_init(struct subject *s)
{
	*s = (struct subject){.eif = {.fd = -1}};
}

void
subject_clear(struct subject *s)
{
	encl_manifest_free(s->m);
	encl_eif_close(&s->eif);
	json_decref(s->measurements);
	ways_clear(&s->ways);
	free(s->own);
	free(s->name);
	free(s->path);
	free(s->reference);
	free(s->identity);
	subject_init(s);
}

int
deploy_choose(const struct args *args, const char *name, const char *const *words,
	      unsigned *out, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf list = {.cap = 200};
	const char *text = args_get(args, name);

	for (unsigned i = 0; text && words[i]; i++) {
		encl_buf_add_fmt(&list, "%s%s", i ? ", " : "", words[i]);
		if (!strcmp(text, words[i])) {
			*out = i;
			return 0;
		}
	}
	return text ? encl_fail(e, ENCL_USAGE, "--%s: \"%s\" is not one of: %s", name,
				text, encl_buf_text(&list))
		    : 0;
}

/* What the command line says goes before the manifest's. */
static int
read_settings(const struct args *args, struct subject *s, struct encl_err *e)
{
	static const char *const supervisors[] = {"auto", "systemd", "none", NULL};
	static const char *const untils[] = {"ready", "heartbeat", NULL};
	static const char *const attestations[] = {"auto", "required", NULL};
	struct encl_deploy *d = &s->settings;
	unsigned supervisor, until, attestation;
	uint64_t timeout, stop;

	if (s->m)
		*d = s->m->deploy;
	else
		encl_deploy_defaults(d);
	supervisor = d->supervisor;
	until = d->gate.until;
	attestation = d->gate.attestation;
	if (deploy_choose(args, "supervisor", supervisors, &supervisor, e) ||
	    deploy_choose(args, "until", untils, &until, e) ||
	    deploy_choose(args, "attestation", attestations, &attestation, e) ||
	    args_number(args, "gate-timeout", 1, 86400, d->gate.timeout_s, &timeout, e) ||
	    args_number(args, "stop-timeout", 0, 3600, d->stop_timeout_s, &stop, e))
		return -1;
	d->supervisor = (enum encl_supervisor)supervisor;
	d->gate.until = (enum encl_gate_until)until;
	d->gate.attestation = (enum encl_gate_attestation)attestation;
	d->gate.timeout_s = (unsigned)timeout;
	d->stop_timeout_s = (unsigned)stop;
	return 0;
}

static int
read_target(const struct args *args, struct subject *s, struct encl_err *e)
{
	if (transport_choose(args_get(args, "target"), s->m, &s->target, &s->own, e))
		return -1;
	if (s->m && s->target.ssh.identity) {
		s->identity = encl_manifest_path(s->m, s->target.ssh.identity);
		s->target.ssh.identity = s->identity;
	}
	return 0;
}

/* HOST/REPOSITORY@DIGEST of the image's own manifest. */
static char *
pinned(const struct encl_reference *where, const struct encl_pulled *p)
{
	return encl_xasprintf("%s/%s@%s", where->host, where->repository, p->manifest);
}

static void
read_evidence(struct cli *cli, const struct encl_reference *where,
	      const struct encl_pulled *p, const struct encl_measurements *m,
	      json_t **out)
{
	encl_auto(encl_free) char *text = NULL;
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_err none;
	size_t n = 0;

	if (!encl_pull_referrer(&cli->env, cli->env.registry, where, p,
				ENCL_ARTIFACT_MEASUREMENTS, MEASUREMENTS_MAX, &text, &n,
				&none) &&
	    text && !encl_json_parse(text, n, "measurements", &doc, &none) &&
	    encl_evidence_is_of(doc, m))
		*out = encl_take(doc, NULL);
}

static int
open_reference(struct cli *cli, const struct args *args, const char *text,
	       struct subject *s, struct encl_image_state *state, struct encl_err *e)
{
	encl_auto(encl_reference_clear) struct encl_reference where = {.host = NULL};
	encl_auto(encl_pulled_clear) struct encl_pulled p = {.fd = -1};
	enum encl_arch arch = s->m ? s->m->arch : ENCL_ARCH_X86_64;
	bool given = false;

	if (operand_arch(args, &arch, &given, e))
		return -1;
	given = given || s->m;
	if (encl_reference_parse(text, &where, e) || cli_need_cache(cli, e) ||
	    cli_need_registry(cli, e) ||
	    encl_pull_find(&cli->env, cli->env.registry, &where, given ? &arch : NULL, &p,
			   e) ||
	    encl_pull_fetch(&cli->env, cli->env.registry, &where, &p, e) ||
	    encl_pull_check(&p, p.fd, cli->env.jobs, &s->eif, state, e))
		return -1;
	read_evidence(cli, &where, &p, &state->measurements, &s->measurements);
	s->reference = pinned(&where, &p);
	return 0;
}

static int
open_file(struct cli *cli, const char *path, struct subject *s,
	  struct encl_image_state *state, struct encl_err *e)
{
	encl_auto(encl_free) char *about = encl_measurements_path(path);
	struct encl_err none;

	if (encl_eif_open(path, &s->eif, e)) {
		if (s->m && e->sys == 2)
			encl_wrap(e, "nothing is built, and deploy.image is not given");
		return -1;
	}
	if (encl_image_check(&s->eif, cli->env.jobs, state, e) ||
	    encl_image_require(&s->eif, state, e))
		return encl_wrap(e, "%s", path);
	s->path = encl_xstrdup(path);
	if (encl_json_read(about, MEASUREMENTS_MAX, &s->measurements, &none) ||
	    !encl_evidence_is_of(s->measurements, &state->measurements)) {
		json_decref(s->measurements);
		s->measurements = NULL;
	}
	return 0;
}

static int
open_image(struct cli *cli, const struct args *args, struct subject *s,
	   struct encl_err *e)
{
	encl_auto(encl_image_state_clear) struct encl_image_state state = {.crc = 0};
	encl_auto(encl_free) char *built =
		s->m ? encl_xasprintf("%s.eif", s->m->name) : NULL;
	const char *text = args_get(args, "image");
	int rc;

	if (!text)
		text = s->m ? (s->m->deploy.image ? s->m->deploy.image : built)
			    : args->operands[0];
	rc = operand_is_reference(text) ? open_reference(cli, args, text, s, &state, e)
					: open_file(cli, text, s, &state, e);
	if (rc)
		return -1;
	encl_hex(state.sha256.bytes, encl_digest_size(ENCL_SHA256), s->sha256);
	encl_hex(state.measurements.pcr0.bytes, ENCL_PCR_SIZE, s->pcr0);
	if (s->m && s->m->expect.pcr0 && strcmp(s->m->expect.pcr0, s->pcr0) != 0)
		return encl_fail(e, ENCL_MISMATCH, "%s: PCR0 is %s, but %s expects %s",
				 text, s->pcr0, s->m->file, s->m->expect.pcr0);
	if (s->m && s->m->arch != s->eif.arch)
		return encl_fail(e, ENCL_MISMATCH, "%s: is of %s, but %s is of %s", text,
				 encl_arch_name(s->eif.arch), s->m->file,
				 encl_arch_name(s->m->arch));
	return 0;
}

/* Of the options, the manifest, the measurements file, the image: the first. */
static int
read_size(const struct args *args, struct subject *s, struct encl_err *e)
{
	const json_t *resources = json_object_get(s->measurements, "Resources");
	uint64_t memory = s->m ? s->m->resources.memory_mib : 0;
	uint64_t cpus = s->m ? s->m->resources.cpus : 0;

	if (!memory)
		memory = (uint64_t)json_integer_value(
			json_object_get(resources, "MemoryMiB"));
	if (!cpus)
		cpus = (uint64_t)json_integer_value(json_object_get(resources, "CPUs"));
	if (!memory || memory > MAX_MEMORY) {
		struct encl_memory_need need;
		struct encl_memory estimate;

		encl_memory_of_image(&s->eif, &need);
		need.n_unlimited = 1;
		encl_memory_estimate(&need, &estimate);
		memory = estimate.mib;
	}
	if (!cpus || cpus > MAX_CPUS)
		cpus = 2;
	if (args_number(args, "memory", 64, MAX_MEMORY, memory, &memory, e) ||
	    args_number(args, "cpus", 1, MAX_CPUS, cpus, &cpus, e))
		return -1;
	s->d.memory_mib = memory;
	s->d.cpus = (unsigned)cpus;
	return 0;
}

/* The manifest's ports may be newer than what was built of it; those that
 * deploy.ports names are for others than this host. */
static int
read_ways(struct cli *cli, const struct args *args, struct subject *s, struct encl_err *e)
{
	encl_auto(json_decref) json_t *ports = json_object();
	const json_t *built =
		json_object_get(json_object_get(s->measurements, "Resources"), "Ports");

	if (s->m)
		for (size_t i = 0; i < s->m->n_ports; i++)
			json_object_set_new(ports, s->m->ports[i].ingress,
					    json_integer(s->m->ports[i].port));
	else if (built)
		json_object_update(ports, (json_t *)(uintptr_t)built);
	if (ways_choose(args, &s->eif, ports, &cli->log, &s->ways, e))
		return -1;
	for (size_t i = 0; !s->ways.asked && i < s->ways.n; i++)
		if (json_object_get(ports, s->ways.v[i].name))
			s->ways.v[i].address = "0.0.0.0";
	return 0;
}

static int
read_name(const struct args *args, struct subject *s, struct encl_err *e)
{
	encl_auto(json_decref) json_t *metadata = json_loads(s->eif.metadata, 0, NULL);
	const char *given = args_get(args, "name");
	const char *name =
		given  ? given
		: s->m ? s->m->name
		       : json_string_value(json_object_get(metadata, "ImageName"));
	size_t n = name ? strlen(name) : 0;

	if (!n || n > ENCL_DEPLOY_NAME || *name == '-' || *name == '.' || *name == '_' ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")])
		return encl_fail(e, ENCL_USAGE,
				 "%s is no name for an enclave; give --name: at most %d "
				 "lower-case letters, digits, \".\", \"_\" and \"-\"",
				 given ? given : "the image's", ENCL_DEPLOY_NAME);
	s->name = encl_xstrdup(name);
	return 0;
}

int
subject_read(struct cli *cli, const struct args *args, struct subject *out,
	     struct encl_err *e)
{
	encl_auto(subject_clear) struct subject s;
	const char *file = args->n_operands ? args->operands[0] : "enclave.yaml";
	size_t n = strlen(file);
	bool image = (n > 4 && !strcmp(file + n - 4, ".eif")) ||
		     (args->n_operands && operand_is_reference(file));

	subject_init(&s);
	if (image && args_has(args, "image"))
		return encl_fail(e, ENCL_USAGE,
				 "--image goes with a manifest; the image "
				 "is %s already",
				 file);
	if ((!image && read_manifest(file, &s.m, e)) || read_settings(args, &s, e) ||
	    read_target(args, &s, e) || open_image(cli, args, &s, e) ||
	    read_size(args, &s, e) || read_ways(cli, args, &s, e) ||
	    read_name(args, &s, e))
		return -1;
	*out = encl_take(s, ((struct subject){.eif = {.fd = -1}}));
	out->d = (struct encl_deployment){
		.name = out->name,
		.reference = out->reference,
		.sha256 = out->sha256,
		.pcr0 = out->pcr0,
		.arch = out->eif.arch,
		.memory_mib = out->d.memory_mib,
		.cpus = out->d.cpus,
		.ways = out->ways.v,
		.n_ways = out->ways.n,
		.settings = &out->settings,
		.target = &out->target,
		.tool = ENCL_DEPLOY_TOOL,
	};
	return 0;
}
