/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that span more than one key. */
#ifndef ENCL_MANIFEST_CHECK_H
#define ENCL_MANIFEST_CHECK_H

#include "manifest/manifest.h"

struct encl_yaml_node;
struct encl_manifest_report;

/* Defaults that depend on other keys. */
void encl_manifest_fill(const struct encl_yaml_node *root, struct encl_manifest *m);

/* m may be incomplete where nodes are marked bad; root gives the positions. */
void encl_manifest_check(const struct encl_yaml_node *root, const struct encl_manifest *m,
			 struct encl_manifest_report *r);
/* Those of network.ingress, exchange and deploy.ports. */
void encl_manifest_check_reach(const struct encl_yaml_node *root,
			       const struct encl_manifest *m,
			       struct encl_manifest_report *r);

/* check_units.c: of them, those about services and containers. */
void encl_manifest_check_units(const struct encl_yaml_node *root,
			       const struct encl_manifest *m,
			       struct encl_manifest_report *r);

#endif
