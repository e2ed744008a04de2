/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That the measured sections are whole where they stand.  PCRs are hashes of the
 * sections' bytes one after another: a byte that moves across a boundary leaves
 * PCR0 as it was, and the enclave sees another kernel, command line or ramdisk.
 */
#ifndef ENCL_VERIFY_BOUNDARY_H
#define ENCL_VERIFY_BOUNDARY_H

#include "eif/eif.h"
#include "verify/checks.h"

/* Order of the sections, the kernel's own length, the command line's text; the
 * ramdisks' ends are ramdisks.h's.  "boundaries" for each. */
void encl_verify_boundaries(const struct encl_eif *eif, struct encl_checks *checks);

/*
 * Each ramdisk is one archive from its first byte, plain or compressed, and zeros
 * behind it ("boundaries"); its names are once there and in one spelling, parents
 * first and folders, further names of a file agree ("ramdisks").  What the kernel
 * would take in another way than a reader of archives is told.  nitro_cli: a folder
 * may be stated again.
 */
void encl_verify_ramdisks(const struct encl_eif *eif, bool nitro_cli,
			  struct encl_checks *checks);

#endif
