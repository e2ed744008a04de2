/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes to structs. */
#ifndef ENCL_MANIFEST_DECODE_H
#define ENCL_MANIFEST_DECODE_H

#include "manifest/manifest.h"

struct encl_yaml_node;
struct encl_manifest_report;

/*
 * Fills m (zeroed but for arena, file and folder) from the table of keys.
 * What does not fit is reported and its node marked bad; the rest is filled.
 */
void encl_manifest_decode(struct encl_yaml_node *root, struct encl_manifest *m,
			  struct encl_manifest_report *r);

#endif
