/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys for readers. */
#ifndef ENCL_MANIFEST_REFERENCE_H
#define ENCL_MANIFEST_REFERENCE_H

/* The reference chapter in Markdown (malloc'ed). */
char *encl_manifest_reference_markdown(void);

/* The man page enclave.yaml(5) in mdoc (malloc'ed). */
char *encl_manifest_reference_mdoc(void);

#endif
