/* SPDX-License-Identifier: Apache-2.0 */
/* `verify` of a reference: what the registry says of the image is only compared. */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "verify.h"

int
verify_open_reference(struct verification *v, struct encl_err *e)
{
	struct cli *cli = v->cli;
	int own;

	if (encl_reference_parse(v->operand, &v->where, e) || cli_need_cache(cli, e) ||
	    cli_need_registry(cli, e) ||
	    encl_pull_find(&cli->env, cli->env.registry, &v->where, NULL, &v->pulled,
			   e) ||
	    encl_pull_fetch(&cli->env, cli->env.registry, &v->where, &v->pulled, e))
		return -1;
	own = fcntl(v->pulled.fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return encl_fail_sys(e, ENCL_HOST, "%s", v->operand);
	return encl_eif_open_fd(own, v->operand, &v->eif, e);
}

/* The i-th of what a registry can tell: PCR0, PCR1, PCR2, PCR8. */
static void
check_pcr(struct verification *v, size_t i, bool asked)
{
	static const char *const names[ENCL_RECEIVED_PCRS] = {
		"annotation.PCR0", "annotation.PCR1", "annotation.PCR2",
		"annotation.PCR8"};
	const struct encl_measurements *m = &v->state.measurements;
	const struct encl_pcr *all[ENCL_RECEIVED_PCRS] = {&m->pcr0, &m->pcr1, &m->pcr2,
							  m->has_pcr8 ? &m->pcr8 : NULL};
	const struct encl_received *r = &v->pulled.received;
	char got[2 * ENCL_PCR_SIZE + 1] = "none";

	if (all[i])
		encl_hex(all[i]->bytes, ENCL_PCR_SIZE, got);
	if (!r->pcrs[i] && !(r->config_read && all[i]))
		return; /* nothing told, or told that there is none */
	encl_checks_compare(&v->checks, names[i], "the registry",
			    r->pcrs[i] ? r->pcrs[i] : "none", all[i] ? got : NULL);
	v->checks.v[v->checks.n - 1].compares = asked;
}

int
verify_registry(struct verification *v, struct encl_err *e)
{
	const struct encl_received *r = &v->pulled.received;
	bool asked = args_has(v->args, "annotations");
	size_t before = v->checks.n;

	(void)e;
	if (!v->from_registry)
		return 0;
	if (r->has_arch && r->arch != v->eif.arch)
		encl_checks_add(&v->checks, "registry", ENCL_CHECK_FAIL,
				"the registry says %s, the image is for %s",
				encl_arch_name(r->arch), encl_arch_name(v->eif.arch));
	if (v->eif.size != r->size ||
	    (r->has_digest && !encl_digest_equal(&r->sha256, &v->state.sha256)))
		encl_checks_add(&v->checks, "registry", ENCL_CHECK_FAIL,
				"its bytes are not those that the registry names");
	if (v->checks.n == before)
		encl_checks_add(&v->checks, "registry", ENCL_CHECK_PASS, "manifest %s",
				v->pulled.manifest);
	if (asked && !r->pcrs[0])
		encl_checks_add(&v->checks, "annotation.PCR0", ENCL_CHECK_FAIL,
				"the manifest names no PCR0")
			->compares = true;
	for (size_t i = 0; i < ENCL_RECEIVED_PCRS; i++)
		check_pcr(v, i, asked);
	return 0;
}
