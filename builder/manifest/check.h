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
/* Those of deploy.targets. */
void encl_manifest_check_deploy(const struct encl_yaml_node *root,
				const struct encl_manifest *m,
				struct encl_manifest_report *r);

/* Those of network.ingress, exchange and deploy.ports. */
void encl_manifest_check_reach(const struct encl_yaml_node *root,
			       const struct encl_manifest *m,
			       struct encl_manifest_report *r);

/* check_attest.c: those of attestation. */
void encl_manifest_check_attestation(const struct encl_yaml_node *root,
				     const struct encl_manifest *m,
				     struct encl_manifest_report *r);

/* Who has a port of the enclave's loopback already, as it stands behind "is the port
 * that" ("container \"x\" publishes", malloc'ed), or NULL. */
char *encl_manifest_port_taken(const struct encl_manifest *m, unsigned port);

/* check_egress.c: those of network.egress. */
void encl_manifest_check_egress(const struct encl_yaml_node *root,
				const struct encl_manifest *m,
				struct encl_manifest_report *r);

/* check_units.c: of them, those about services and containers. */
void encl_manifest_check_units(const struct encl_yaml_node *root,
			       const struct encl_manifest *m,
			       struct encl_manifest_report *r);

/* check_docker.c: those of the docker section. */
void encl_manifest_check_docker(const struct encl_yaml_node *root,
				const struct encl_manifest *m,
				struct encl_manifest_report *r);

/* check_layers.c: those of entries such as rootfs'; path is the list's.  based:
 * they do not begin with nothing. */
void encl_manifest_check_layers(const struct encl_yaml_node *list,
				const struct encl_layer *layers, size_t n,
				const char *path, bool based,
				struct encl_manifest_report *r);
void encl_manifest_check_packages(const struct encl_yaml_node *node,
				  const struct encl_layer_packages *p, const char *path,
				  struct encl_manifest_report *r);

/*
 * The value of a container's key: in the manifest, below node, or in a Compose
 * file under that one's name for it.
 */
const struct encl_yaml_node *encl_check_container_key(const struct encl_container *c,
						      const struct encl_yaml_node *node,
						      const char *key);

#endif
