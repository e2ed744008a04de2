/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The firmware that tells whether KVM works: from reset to 64-bit mode with
 * paging, as a kernel would, then 0x10 to the isa-debug-exit port (QEMU ends
 * with 33).  Nested hypervisors are known that run real mode and stop there.
 * It lies at 0xf0000; ENCL_PROBE_RESET is what the reset vector holds.
 */
	.code16
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw $0x1000, %di	/* page tables at 0x1000, 0x2000, 0x3000 */
	movw $0x1800, %cx
	rep stosw
	movl $0x2003, 0x1000
	movl $0x3003, 0x2000
	movl $0x0083, 0x3000	/* one page of 2 MiB at 0 */
	lgdtl %cs:(probe_gdtr - encl_embedded_kvm_probe)
	movl %cr4, %eax
	orl $0x20, %eax		/* PAE */
	movl %eax, %cr4
	movl $0x1000, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	orl $0x100, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80000001, %eax	/* paging, protection */
	movl %eax, %cr0
	ljmpl $8, $(0xf0000 + probe_long - encl_embedded_kvm_probe)
	.code64
probe_long:
	movl $0x501, %edx
	movb $0x10, %al
	outb %al, %dx
1:	hlt
	jmp 1b
	.balign 8
probe_gdt:
	.quad 0
	.quad 0x00209a0000000000	/* 64-bit code */
probe_gdtr:
	.word probe_gdtr - probe_gdt - 1
	.long 0xf0000 + probe_gdt - encl_embedded_kvm_probe
