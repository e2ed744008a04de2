/* SPDX-License-Identifier: Apache-2.0 */
/* A deployment's values, and the templates that they go into (templates/README.md). */
#include "launch/deploy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "embedded.h"
#include "launch/template.h"

enum {
	KUBE_PORT_NAME = 15, /* IANA_SVC_NAME */
	STOP_MARGIN_S = 15,  /* between an orderly end's time and the kill */
	PROBE_S = 3,
	MIB_2M = 2,
	MIB_1G = 1024
};

void
encl_deploy_files_clear(struct encl_deploy_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].name);
		free(f->v[i].path);
		free(f->v[i].text);
	}
	f->n = 0;
}

void
encl_deploy_defaults(struct encl_deploy *out)
{
	*out = (struct encl_deploy){
		.restart = ENCL_RESTART_ON_FAILURE,
		.stop_timeout_s = 30,
		.gate = {.timeout_s = 180},
	};
}

char *
encl_deploy_kube_name(const char *name)
{
	char *out = encl_xstrdup(name);
	size_t n = strlen(out);

	for (size_t i = 0; i < n; i++)
		if (out[i] == '.' || out[i] == '_')
			out[i] = '-';
	while (n && out[n - 1] == '-')
		out[--n] = 0;
	return out;
}

/* Port names of Kubernetes have a letter and no "--". */
static char *
kube_port_name(const struct encl_way *w)
{
	const char *name = w->name ? w->name : "";
	size_t n = strlen(name);

	if (!n || n > KUBE_PORT_NAME ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] ||
	    !strpbrk(name, "abcdefghijklmnopqrstuvwxyz") || strstr(name, "--") ||
	    name[n - 1] == '-')
		return encl_xasprintf("port-%u", w->port);
	return encl_xstrdup(name);
}

static void
add_word(json_t *list, const char *word)
{
	json_array_append_new(list, json_string(word));
}

static void ENCL_PRINTF(3, 4)
	add_option(json_t *list, const char *option, const char *fmt, ...)
{
	encl_auto(encl_free) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	add_word(list, option);
	add_word(list, text);
}

/* "[::1]:80:web" or "0.0.0.0:80:5000" */
static void
add_way(json_t *list, const struct encl_way *w, const char *address)
{
	bool v6 = strchr(address, ':') != NULL;
	encl_auto(encl_free) char *to =
		w->name ? encl_xstrdup(w->name) : encl_xasprintf("%" PRIu32, w->vsock);

	add_option(list, "-p", "%s%s%s:%u:%s", v6 ? "[" : "", address, v6 ? "]" : "",
		   w->port, to);
}

static json_t *
run_command(const struct encl_deployment *d, const char *tool, const char *image,
	    const char *backend, const char *address)
{
	json_t *list = json_array();

	add_word(list, tool);
	add_word(list, "run");
	add_word(list, image);
	add_option(list, "--name", "%s", d->name);
	add_option(list, "--backend", "%s", backend);
	add_option(list, "--memory", "%" PRIu64, d->memory_mib);
	add_option(list, "--cpus", "%u", d->cpus);
	add_option(list, "--stop-timeout", "%u", d->settings->stop_timeout_s);
	for (size_t i = 0; i < d->n_ways; i++)
		add_way(list, &d->ways[i], address ? address : d->ways[i].address);
	if (!d->n_ways)
		add_word(list, "--no-publish");
	return list;
}

static const char *
gate_until(const struct encl_deployment *d)
{
	return d->settings->gate.until == ENCL_GATE_READY ? "ready" : "heartbeat";
}

static const char *
gate_attestation(const struct encl_deployment *d)
{
	return d->settings->gate.attestation == ENCL_ATTESTATION_AUTO ? "auto"
								      : "required";
}

static json_t *
ready_command(const struct encl_deployment *d)
{
	json_t *list = json_array();

	add_word(list, "enclavebuild");
	add_word(list, "status");
	add_word(list, d->name);
	add_option(list, "--until", "%s", gate_until(d));
	add_option(list, "--attestation", "%s", gate_attestation(d));
	add_option(list, "--against", "%s", d->pcr0);
	return list;
}

static json_t *
ports_json(const struct encl_deployment *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n_ways; i++) {
		encl_auto(encl_free) char *name = kube_port_name(&d->ways[i]);

		json_array_append_new(list, json_pack("{s:s, s:i}", "kubePort", name,
						      "port", (int)d->ways[i].port));
	}
	return list;
}

/* What every template may use. */
static json_t *
common_values(const struct encl_deployment *d)
{
	static const char *const supervisors[] = {"auto", "systemd", "none"};
	static const char *const restarts[] = {"no", "on-failure", "always"};
	const struct encl_deploy *s = d->settings;
	json_t *v = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name", d->name,
			      "reference", d->reference ? d->reference : "", "sha256",
			      d->sha256, "pcr0", d->pcr0, "tool", d->tool, "toolSha256",
			      d->tool_sha256 ? d->tool_sha256 : "", "supervisor",
			      supervisors[s->supervisor]);
	json_t *more = json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "restart",
		restarts[s->restart], "gateUntil", gate_until(d), "gateAttestation",
		gate_attestation(d), "gateTimeout", (json_int_t)s->gate.timeout_s,
		"stopTimeout", (json_int_t)s->stop_timeout_s, "killTimeout",
		(json_int_t)s->stop_timeout_s + STOP_MARGIN_S, "startTimeout",
		(json_int_t)(s->gate.timeout_s > ENCL_DEPLOY_START_S
				     ? s->gate.timeout_s
				     : ENCL_DEPLOY_START_S),
		"memoryMiB", (json_int_t)d->memory_mib, "allocatorMiB",
		(json_int_t)d->memory_mib, "cpus", (json_int_t)d->cpus, "ports",
		ports_json(d));

	json_object_update(v, more);
	json_decref(more);
	return v;
}

#define TEMPLATE(name) ((const char *)encl_embedded_template_##name)

/* A file that is a value of the next ones; its last newline stays out of it. */
static int
add_value(json_t *values, const char *key, const char *name, const char *text,
	  struct encl_err *e)
{
	encl_auto(encl_free) char *out = NULL;
	size_t n;

	if (encl_template_render(name, text, values, &out, e))
		return -1;
	n = strlen(out);
	if (n && out[n - 1] == '\n')
		out[n - 1] = 0;
	json_object_set_new(values, key, json_string(out));
	return 0;
}

static int
add_file(struct encl_deploy_files *f, const char *template_name, const char *text,
	 const json_t *values, char *own_name, char *own_path, unsigned mode,
	 struct encl_err *e)
{
	struct encl_deploy_file *file = &f->v[f->n++];

	*file = (struct encl_deploy_file){
		.name = own_name, .path = own_path, .mode = mode};
	return encl_template_render(template_name, text, values, &file->text, e);
}

/* Values for a host: unit and start, which are values of the script. */
static int
host_values(const struct encl_deployment *d, json_t **out, struct encl_err *e)
{
	encl_auto(json_decref) json_t *v = common_values(d);
	encl_auto(encl_free) char *image =
		encl_xasprintf("%s/%s/%s.eif", ENCL_DEPLOY_FOLDER, d->name, d->sha256);

	json_object_set_new(v, "command", run_command(d, d->tool, image, "auto", NULL));
	/* Amazon Linux has systemd, and user-data has little room. */
	if (d->target->kind == ENCL_TARGET_EC2 &&
	    d->settings->supervisor == ENCL_SUPERVISOR_AUTO) {
		json_object_set_new(v, "supervisor", json_string("systemd"));
		json_object_set_new(v, "detached", json_string(""));
	} else if (add_value(v, "detached", "detached.sh", TEMPLATE(detached), e)) {
		return -1;
	}
	if (add_value(v, "unit", "systemd.service", TEMPLATE(systemd), e))
		return -1;
	*out = encl_take(v, NULL);
	return 0;
}

static int
render_host(const struct encl_deployment *d, struct encl_deploy_files *f,
	    struct encl_err *e)
{
	encl_auto(json_decref) json_t *v = NULL;
	bool systemd = d->settings->supervisor != ENCL_SUPERVISOR_NONE;
	bool detached = d->settings->supervisor != ENCL_SUPERVISOR_SYSTEMD;

	if (host_values(d, &v, e))
		return -1;
	if (systemd &&
	    add_file(f, "systemd.service", TEMPLATE(systemd), v,
		     encl_xasprintf("enclavebuild-%s.service", d->name),
		     encl_xasprintf("/etc/systemd/system/enclavebuild-%s.service",
				    d->name),
		     0644, e))
		return -1;
	if (detached &&
	    add_file(f, "detached.sh", TEMPLATE(detached), v, encl_xstrdup("start.sh"),
		     encl_xasprintf("%s/%s/start", ENCL_DEPLOY_FOLDER, d->name), 0644, e))
		return -1;
	return add_file(f, "deploy.sh", TEMPLATE(deploy), v, encl_xstrdup("deploy.sh"),
			NULL, 0755, e);
}

static int
render_ec2(const struct encl_deployment *d, struct encl_deploy_files *f,
	   struct encl_err *e)
{
	encl_auto(json_decref) json_t *v = NULL;
	const struct encl_target_ec2 *ec2 = &d->target->ec2;
	size_t n;

	if (!d->reference)
		return encl_fail(
			e, ENCL_USAGE,
			"target %s: an instance pulls its image from a registry; "
			"push it, and give deploy.image or its reference",
			d->target->name);
	if (host_values(d, &v, e))
		return -1;
	json_object_set_new(v, "toolFetchUrl", json_string(ec2->tool_url));
	json_object_set_new(v, "toolFetchSha256", json_string(ec2->tool_sha256));
	if (add_value(v, "allocator", "allocator.yaml", TEMPLATE(allocator), e) ||
	    add_value(v, "script", "deploy.sh", TEMPLATE(deploy), e) ||
	    add_value(v, "bootstrap", "bootstrap.sh", TEMPLATE(bootstrap), e) ||
	    add_file(f, "user-data.yaml", TEMPLATE(user_data), v,
		     encl_xstrdup("user-data.yaml"), NULL, 0644, e))
		return -1;
	n = strlen(f->v[0].text);
	if (n > ENCL_USER_DATA_MAX)
		return encl_fail(e, ENCL_USAGE,
				 "target %s: the user-data has %zu bytes; EC2 takes %d",
				 d->target->name, n, ENCL_USER_DATA_MAX);
	return 0;
}

static json_t *
kube_values(const struct encl_deployment *d)
{
	const struct encl_target_kubernetes *k = &d->target->kubernetes;
	bool big = k->huge_pages == ENCL_HUGE_PAGES_1G;
	uint64_t page = big ? MIB_1G : MIB_2M;
	uint64_t mib = (d->memory_mib + page - 1) / page * page;
	struct encl_deployment rounded = *d;
	encl_auto(encl_free) char *name = encl_deploy_kube_name(d->name);
	encl_auto(encl_free) char *memory = encl_xasprintf("%" PRIu64 "Mi", mib);
	json_int_t start = d->settings->gate.timeout_s;
	json_t *v, *more;

	rounded.memory_mib = mib;
	v = common_values(&rounded);
	more = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s}", "kubeName", name,
		"namespace", k->namespace_name, "toolImage", k->tool_image, "pullSecret",
		k->pull_secret ? k->pull_secret : "", "kubeArch",
		d->arch == ENCL_ARCH_X86_64 ? "amd64" : "arm64", "replicas",
		(json_int_t)k->replicas, "progressDeadline", start + ENCL_DEPLOY_START_S,
		"startProbes", (start + PROBE_S - 1) / PROBE_S, "hugePages",
		big ? "hugepages-1Gi" : "hugepages-2Mi", "hugePagesMemory", memory);
	json_object_update(v, more);
	json_decref(more);
	json_object_set_new(v, "podCommand",
			    run_command(&rounded, "enclavebuild", "/image/enclave.eif",
					"nitro", "0.0.0.0"));
	json_object_set_new(v, "readyCommand", ready_command(d));
	return v;
}

static int
render_kubernetes(const struct encl_deployment *d, struct encl_deploy_files *f,
		  struct encl_err *e)
{
	encl_auto(json_decref) json_t *v = NULL;

	if (!d->reference)
		return encl_fail(e, ENCL_USAGE,
				 "target %s: a pod pulls its image from a registry; push "
				 "it, and give deploy.image or its reference",
				 d->target->name);
	v = kube_values(d);
	return add_file(f, "kubernetes.yaml", TEMPLATE(kubernetes), v,
			encl_xstrdup("kubernetes.yaml"), NULL, 0644, e);
}

int
encl_deploy_render(const struct encl_deployment *d, struct encl_deploy_files *out,
		   struct encl_err *e)
{
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files f = {.n = 0};
	int rc = d->target->kind == ENCL_TARGET_EC2	     ? render_ec2(d, &f, e)
		 : d->target->kind == ENCL_TARGET_KUBERNETES ? render_kubernetes(d, &f, e)
							     : render_host(d, &f, e);

	if (rc)
		return -1;
	*out = encl_take(f, (struct encl_deploy_files){.n = 0});
	return 0;
}
