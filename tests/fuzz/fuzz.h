/* SPDX-License-Identifier: Apache-2.0 */
/* Every fuzz entry defines this one function; it returns 0. */
#ifndef ENCL_FUZZ_H
#define ENCL_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
