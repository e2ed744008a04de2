/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two halves of struct encl_measure for those that run them on different
 * threads: PCR0 with PCR1 (one hash, its state copied), and PCR2.
 */
#ifndef ENCL_EIF_MEASURE_H
#define ENCL_EIF_MEASURE_H

#include "eif/eif.h"
#include "eif/fanout.h"

/* arg is a struct encl_measure; the two touch different parts of it. */
void encl_measure_take_pcr01(void *arg, const struct encl_chunk *chunk);
void encl_measure_take_pcr2(void *arg, const struct encl_chunk *chunk);

#endif
