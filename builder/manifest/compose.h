/* SPDX-License-Identifier: Apache-2.0 */
/* A Compose file as docker.containers (docs/7-docker-compose.md). */
#ifndef ENCL_MANIFEST_COMPOSE_H
#define ENCL_MANIFEST_COMPOSE_H

#include "manifest/manifest.h"
#include "manifest/report.h"

/*
 * Reads the file that m->docker.compose names into m->docker.containers, as if
 * they had been written there.  Problems go to r and have the file's name.
 */
void encl_manifest_compose(struct encl_manifest *m, struct encl_manifest_report *r);

/* The same from memory; file is the name for messages. */
void encl_manifest_compose_parse(const char *text, size_t n, const char *file,
				 struct encl_manifest *m, struct encl_manifest_report *r);

#endif
