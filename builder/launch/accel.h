/* SPDX-License-Identifier: Apache-2.0 */
/* Which accelerator works here, and the clock that TCG shows to its guests. */
#ifndef ENCL_LAUNCH_ACCEL_H
#define ENCL_LAUNCH_ACCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

enum { ENCL_KVM_WHY = 256 };

/*
 * Boots a few instructions to 64-bit mode under KVM, with the CPU model that a
 * run uses, for at most 3 s.  why says what was found.  The answer is kept in
 * cache_dir (may be NULL) for this boot of the host.  Only x86_64 hosts have a
 * probe; elsewhere KVM counts as not shown to work.
 */
bool encl_kvm_works(const char *cache_dir, struct encl_log *log, char why[ENCL_KVM_WHY]);

/* Keeps "does not work" for this boot: a kernel did not come up under it. */
void encl_kvm_distrust(const char *cache_dir);

/* The host's TSC in kHz (kernel log, else /proc/cpuinfo); 0: unknown. */
uint64_t encl_tsc_khz(void);

/* "cpu MHz\t\t: 2596.126" -> 2596126; 0 where no line says so. */
uint64_t encl_tsc_khz_of_cpuinfo(const char *text);

#endif
