/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes by kubectl(1); the command for an instance of EC2, which is for the
 * reader to run. */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/spawn.h"
#include "deploy.h"

#define AL2023                                                                           \
	"resolve:ssm:/aws/service/ami-amazon-linux-latest/"                              \
	"al2023-ami-kernel-default-"

enum { ANSWER_MAX = 1 << 20, MARGIN_S = 900, ROLLOUT_MAX_S = 7 * 86400 };

/* The pods come one after the other, each after its node has fetched the image. */
static unsigned
rollout_s(const struct subject *s)
{
	uint64_t all = (uint64_t)s->target.kubernetes.replicas *
		       (s->settings.gate.timeout_s + ENCL_DEPLOY_START_S);

	return all < ROLLOUT_MAX_S ? (unsigned)all : ROLLOUT_MAX_S;
}

static int
kubectl(const char *const argv[], const char *input, unsigned timeout_s,
	struct encl_buf *out, int *status, struct encl_err *e)
{
	struct encl_spawn s = {.argv = argv,
			       .input = input,
			       .n_input = input ? strlen(input) : 0,
			       .keep_env = true,
			       .show_err = true,
			       .timeout_s = timeout_s,
			       .out = out};

	return encl_spawn_run(&s, status, e);
}

int
deploy_kubernetes(struct cli *cli, const struct subject *s,
		  const struct encl_deploy_files *files, const char **result,
		  struct encl_err *e)
{
	encl_auto(encl_free) char *name = encl_deploy_kube_name(s->name);
	encl_auto(encl_free) char *what = encl_xasprintf("deployment/%s", name);
	encl_auto(encl_free) char *same =
		encl_xasprintf("deployment.apps/%s unchanged\n", name);
	encl_auto(encl_buf_clear) struct encl_buf said = {.cap = ANSWER_MAX};
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = ANSWER_MAX};
	unsigned seconds = rollout_s(s);
	encl_auto(encl_free) char *timeout = encl_xasprintf("--timeout=%us", seconds);
	const char *space = s->target.kubernetes.namespace_name;
	const char *const apply[] = {"kubectl", "apply", "-f", "-", NULL};
	const char *const wait[] = {"kubectl", "rollout", "status", what,
				    "-n",      space,	  timeout,  NULL};
	const char *const undo[] = {"kubectl", "rollout", "undo", what,
				    "-n",      space,	  NULL};
	int status;

	*result = NULL;
	if (kubectl(apply, files->v[0].text, MARGIN_S, &said, &status, e))
		return -1;
	if (status)
		return encl_fail(e, ENCL_FAILED, "%s: kubectl apply failed (exit %d)",
				 s->target.name, status);
	encl_info(&cli->log, "waiting for %s", what);
	if (kubectl(wait, NULL, seconds + MARGIN_S, &out, &status, e))
		return -1;
	if (!status) {
		*result = "deployed";
		return 0;
	}
	/* The revision before it is an older one, not what was there. */
	if (strstr(encl_buf_text(&said), same))
		return encl_fail(e, ENCL_FAILED,
				 "%s: %s did not become ready within %u s; it is the "
				 "revision that was there already",
				 s->target.name, what, seconds);
	if (kubectl(undo, NULL, MARGIN_S, &out, &status, e))
		return -1;
	*result = status ? NULL : "restored";
	return encl_fail(e, ENCL_FAILED, "%s: %s did not become ready within %u s; %s",
			 s->target.name, what, seconds,
			 status ? "there is no revision before it to go back to"
				: "the revision before it is back");
}

static void
add(json_t *list, const char *a, const char *b)
{
	json_array_append_new(list, json_string(a));
	if (b)
		json_array_append_new(list, json_string(b));
}

static json_t *
ec2_command(const struct subject *s, const char *folder)
{
	const struct encl_target_ec2 *t = &s->target.ec2;
	bool arm = s->d.arch != ENCL_ARCH_X86_64;
	encl_auto(encl_free) char *newest =
		encl_xasprintf("%s%s", AL2023, arm ? "arm64" : "x86_64");
	encl_auto(encl_free) char *data =
		encl_xasprintf("file://%s/user-data.yaml", folder);
	encl_auto(encl_free) char *profile =
		encl_xasprintf("Name=%s", t->profile ? t->profile : "");
	json_t *list = json_array();

	add(list, "aws", "ec2");
	add(list, "run-instances", NULL);
	if (t->region)
		add(list, "--region", t->region);
	add(list, "--image-id", t->ami ? t->ami : newest);
	/* the default is one of x86_64 */
	add(list, "--instance-type",
	    arm && !strcmp(t->instance_type, "m5.xlarge") ? "m6g.xlarge"
							  : t->instance_type);
	add(list, "--count", "1");
	add(list, "--enclave-options", "Enabled=true");
	add(list, "--metadata-options", "HttpTokens=required");
	if (t->profile)
		add(list, "--iam-instance-profile", profile);
	if (t->key_name)
		add(list, "--key-name", t->key_name);
	if (t->subnet)
		add(list, "--subnet-id", t->subnet);
	if (t->security_groups.n)
		add(list, "--security-group-ids", NULL);
	for (size_t i = 0; i < t->security_groups.n; i++)
		add(list, t->security_groups.v[i], NULL);
	add(list, "--user-data", data);
	return list;
}

json_t *
deploy_cluster_commands(const struct subject *s, const char *folder)
{
	encl_auto(encl_free) char *name = encl_deploy_kube_name(s->name);
	encl_auto(encl_free) char *what = encl_xasprintf("deployment/%s", name);
	encl_auto(encl_free) char *file =
		encl_xasprintf("%s/kubernetes.yaml", folder ? folder : ".");
	encl_auto(encl_free) char *timeout =
		encl_xasprintf("--timeout=%us", rollout_s(s));

	if (s->target.kind == ENCL_TARGET_EC2)
		return json_pack("[o]", ec2_command(s, folder ? folder : "."));
	return json_pack("[[s,s,s,s], [s,s,s,s,s,s,s]]", "kubectl", "apply", "-f", file,
			 "kubectl", "rollout", "status", what, "-n",
			 s->target.kubernetes.namespace_name, timeout);
}
