/* SPDX-License-Identifier: Apache-2.0 */
/* Files that live inside the tool: guest programs and the tables of manifests/. */
	.section .rodata

	.macro embed name, file
	.balign 16
	.globl encl_embedded_\name
encl_embedded_\name:
	.incbin "\file"
	.globl encl_embedded_\name\()_end
encl_embedded_\name\()_end:
	.byte 0
	.endm

#ifdef HAVE_GUEST_x86_64
	embed init_x86_64, "guest/x86_64/init"
	embed launch_x86_64, "guest/x86_64/launch"
#endif
#ifdef HAVE_GUEST_aarch64
	embed init_aarch64, "guest/aarch64/init"
	embed launch_aarch64, "guest/aarch64/launch"
#endif

	embed modules, "manifests/modules.txt"
	embed kernel_requirements, "manifests/kernel-requirements.txt"
	embed init_manifest, "manifests/init.yaml"

	embed template_systemd, "templates/systemd.service"
	embed template_detached, "templates/detached.sh"
	embed template_deploy, "templates/deploy.sh"
	embed template_bootstrap, "templates/bootstrap.sh"
	embed template_allocator, "templates/allocator.yaml"
	embed template_user_data, "templates/user-data.yaml"
	embed template_kubernetes, "templates/kubernetes.yaml"
	embed template_kms_policy, "templates/kms-policy.json"

	embed report_css, "builder/verify/report.css"

#ifdef __x86_64__
	.balign 16
	.globl encl_embedded_kvm_probe
encl_embedded_kvm_probe:
#include "builder/launch/kvm_probe.S"
	.globl encl_embedded_kvm_probe_end
encl_embedded_kvm_probe_end:
	.byte 0
#endif

	.section .note.GNU-stack,"",%progbits
