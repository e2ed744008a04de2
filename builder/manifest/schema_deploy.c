/* SPDX-License-Identifier: Apache-2.0 */
/* The rows below `deploy`: how the parent runs it.  Nothing of it is measured. */
#include "manifest/schema_rows.h"

#define M  struct encl_manifest
#define T  struct encl_target
#define PO struct encl_port

static const char *const supervisors[] = {"auto", "systemd", "none", NULL};
static const char *const untils[] = {"ready", "heartbeat", NULL};
static const char *const attestations[] = {"auto", "required", NULL};
static const char *const page_sizes[] = {"2Mi", "1Gi", NULL};

static const struct encl_key port_keys[] = {
	{.name = "name",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_name,
	 FIELD(PO, ingress),
	 .help = "An entry of `network.ingress`."},
	{.name = "port",
	 .type = ENCL_KEY_NUMBER,
	 .flags = ENCL_KEY_REQUIRED,
	 .min = 1,
	 .max = 65535,
	 FIELD(PO, port),
	 .help = "Its port on the parent."},
	END,
};

static const struct encl_key gate_keys[] = {
	{.name = "until",
	 .type = ENCL_KEY_ENUM,
	 .words = untils,
	 .fallback = "ready",
	 FIELD(M, deploy.gate.until),
	 .help = "What a new enclave has to come to: `ready`, all units run and pass their "
		 "health checks; `heartbeat`, its init came up (images of other tools tell "
		 "no more)."},
	{.name = "attestation",
	 .type = ENCL_KEY_ENUM,
	 .words = attestations,
	 .fallback = "auto",
	 FIELD(M, deploy.gate.attestation),
	 .help = "Whether it has to attest the image's PCR0: `auto`, where it has a Nitro "
		 "Secure Module; `required`, always."},
	{.name = "timeoutSeconds",
	 .type = ENCL_KEY_NUMBER,
	 .min = 1,
	 .max = 86400,
	 .fallback = "180",
	 FIELD(M, deploy.gate.timeout_s),
	 .help = "How long it has for that, before everything is put back as it was."},
	END,
};

static const struct encl_key ssh_keys[] = {
	{.name = "host",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_ssh_host,
	 FIELD(T, ssh.host),
	 .help = "The host, as `ssh` takes it."},
	{.name = "user",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_login,
	 FIELD(T, ssh.user),
	 .example = "ec2-user",
	 .help = "Who logs in: root, or who may `sudo` without a password."},
	{.name = "port",
	 .type = ENCL_KEY_NUMBER,
	 .min = 1,
	 .max = 65535,
	 FIELD(T, ssh.port),
	 .help = "Port of the SSH server."},
	{.name = "identity",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_host_path,
	 FIELD(T, ssh.identity),
	 .help = "File of the private key; left out, the agent's or ssh's own choice."},
	END,
};

#define AWS_NAME(key, member, text)                                                      \
	{                                                                                \
		.name = key, .type = ENCL_KEY_TEXT, .format = &encl_format_aws_name,     \
		FIELD(T, ec2.member), .help = text                                       \
	}

static const struct encl_key tool_keys[] = {
	{.name = "url",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_https,
	 FIELD(T, ec2.tool_url),
	 .help = "Where the instance fetches enclavebuild: what `make bundle` made."},
	{.name = "sha256",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_sha256,
	 FIELD(T, ec2.tool_sha256),
	 .help = "What it must hash to."},
	END,
};

static const struct encl_key ec2_keys[] = {
	{.name = "tool",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_REQUIRED,
	 .keys = tool_keys,
	 .help = "Where enclavebuild comes from."},
	AWS_NAME("region", region, "Region of the instance."),
	AWS_NAME("ami", ami, "Image of Amazon Linux 2023; left out, the newest one."),
	{.name = "instanceType",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_aws_name,
	 .fallback = "m5.xlarge",
	 FIELD(T, ec2.instance_type),
	 .help = "Type of the instance: one that can have enclaves."},
	AWS_NAME("keyName", key_name, "Key pair for ssh."),
	AWS_NAME("subnet", subnet, "ID of the subnet."),
	{.name = "securityGroups",
	 .type = ENCL_KEY_TEXTS,
	 .flags = ENCL_KEY_UNIQUE,
	 .format = &encl_format_aws_name,
	 .max = 16,
	 FIELD(T, ec2.security_groups),
	 .help = "IDs of security groups; they have to let the ports in."},
	AWS_NAME("instanceProfile", profile,
		 "Name of the instance profile, whose role reads the registry (ECR)."),
	END,
};

static const struct encl_key kubernetes_keys[] = {
	{.name = "namespace",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_kube_name,
	 .fallback = "default",
	 FIELD(T, kubernetes.namespace_name),
	 .help = "Namespace of all objects."},
	{.name = "toolImage",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_reference,
	 FIELD(T, kubernetes.tool_image),
	 .help = "Container image with enclavebuild and a shell in its PATH."},
	{.name = "replicas",
	 .type = ENCL_KEY_NUMBER,
	 .min = 1,
	 .max = 10000,
	 .fallback = "1",
	 FIELD(T, kubernetes.replicas),
	 .help = "How many enclaves."},
	{.name = "hugePages",
	 .type = ENCL_KEY_ENUM,
	 .words = page_sizes,
	 .fallback = "2Mi",
	 FIELD(T, kubernetes.huge_pages),
	 .help = "Size of the nodes' huge pages; the memory is a multiple of it."},
	{.name = "pullSecret",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_kube_name,
	 FIELD(T, kubernetes.pull_secret),
	 .help = "A secret of type kubernetes.io/dockerconfigjson, for both images."},
	END,
};

static const struct encl_key target_keys[] = {
	{.name = "name",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_name,
	 FIELD(T, name),
	 .help = "What `deploy --target` calls it."},
	{.name = "ssh",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = ssh_keys,
	 CHOOSES(T, kind, ENCL_TARGET_SSH),
	 .help = "A host that is reached by ssh."},
	{.name = "ec2",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = ec2_keys,
	 CHOOSES(T, kind, ENCL_TARGET_EC2),
	 .help = "A new instance, by its user-data."},
	{.name = "kubernetes",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = kubernetes_keys,
	 CHOOSES(T, kind, ENCL_TARGET_KUBERNETES),
	 .help = "A cluster whose nodes run AWS's device plugin."},
	END,
};

const struct encl_key encl_manifest_deploy_keys[] = {
	{.name = "ports",
	 .type = ENCL_KEY_MAPS,
	 .keys = port_keys,
	 .max = 256,
	 LIST_OF(M, ports, n_ports, PO),
	 ITEM_POS(PO, pos),
	 .example = "[{name: cache, port: 21211}]",
	 .help = "Ports of the parent that lead into the enclave; what is not named has "
		 "its vsock number."},
	{.name = "image",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_reference,
	 FIELD(M, deploy.image),
	 .example = "registry.example/team/app:1.0",
	 .help = "The image in a registry that `deploy` takes; a tag is resolved once, and "
		 "what is deployed is its digest.  Left out, it is the file that `build` "
		 "made."},
	{.name = "restart",
	 .type = ENCL_KEY_ENUM,
	 .words = encl_manifest_restarts,
	 .fallback = "on-failure",
	 FIELD(M, deploy.restart),
	 .help = "When the supervisor starts the enclave again after its end."},
	{.name = "stopTimeoutSeconds",
	 .type = ENCL_KEY_NUMBER,
	 .max = 3600,
	 .fallback = "30",
	 FIELD(M, deploy.stop_timeout_s),
	 .help = "How long an enclave may take to end in order."},
	{.name = "supervisor",
	 .type = ENCL_KEY_ENUM,
	 .words = supervisors,
	 .fallback = "auto",
	 FIELD(M, deploy.supervisor),
	 .help = "What keeps it running on a host: `systemd`; `none`, where there is no "
		 "systemd: a process of its own that nobody starts again; `auto` looks."},
	{.name = "gate",
	 .type = ENCL_KEY_MAP,
	 .keys = gate_keys,
	 .help = "What a new enclave has to show before the old one is given up."},
	{.name = "targets",
	 .type = ENCL_KEY_MAPS,
	 .keys = target_keys,
	 .max = 64,
	 LIST_OF(M, deploy.targets, deploy.n_targets, T),
	 ITEM_POS(T, pos),
	 .help = "Where it may run besides this host, which is `local`."},
	END,
};
