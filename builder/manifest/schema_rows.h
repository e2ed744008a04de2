/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How rows of the table of keys are written, and the rows that several parts of
 * a manifest share (schema.c, schema_unit.c).
 */
#ifndef ENCL_MANIFEST_SCHEMA_ROWS_H
#define ENCL_MANIFEST_SCHEMA_ROWS_H

#include <stddef.h>

#include "manifest/format.h"
#include "manifest/manifest.h"
#include "manifest/schema.h"

#define FIELD(type, member)                                                              \
	.at = offsetof(type, member), .field_size = sizeof(((type *)0)->member)
#define LIST_OF(type, member, count, item)                                               \
	FIELD(type, member), .count_at = offsetof(type, count), .item_size = sizeof(item)
#define GIVEN(type, member)    .given = offsetof(type, member) + 1
#define POS(type, member)      .pos = offsetof(type, member) + 1
#define ITEM_POS(type, member) .item_pos = offsetof(type, member) + 1
#define CHOOSES(type, member, value)                                                     \
	.chooses = offsetof(type, member) + 1, .choice = (unsigned)(value)
#define END                                                                              \
	{                                                                                \
		.name = NULL                                                             \
	}

/* Words of enums of manifest.h. */
extern const char *const encl_manifest_restarts[];
extern const char *const encl_manifest_conditions[];

extern const struct encl_key encl_manifest_health_keys[]; /* of struct encl_health */
extern const struct encl_key encl_manifest_limits_keys[]; /* of struct encl_limits */
extern const struct encl_key encl_manifest_service_keys[];
extern const struct encl_key encl_manifest_layer_keys[];    /* of struct encl_layer */
extern const struct encl_key encl_manifest_packages_keys[]; /* …_layer_packages */
extern const struct encl_key encl_manifest_deploy_keys[];   /* of struct encl_manifest */
extern const struct encl_key encl_manifest_docker_keys[];   /* of struct encl_docker */
extern const struct encl_key encl_manifest_attestation_keys[]; /* …_attesting */
extern const struct encl_key encl_manifest_container_keys[];
extern const struct encl_key encl_manifest_container_health_keys[];

/*
 * What every unit has; T has a member `struct encl_unit unit`.  A service's health
 * check is a struct of its own, a container's keys go over the container.
 */
#define UNIT_KEYS_WITH(T, ...)                                                           \
	{.name = "name",                                                                 \
	 .type = ENCL_KEY_TEXT,                                                          \
	 .flags = ENCL_KEY_REQUIRED,                                                     \
	 .format = &encl_format_name,                                                    \
	 FIELD(T, unit.name),                                                            \
	 .example = "web",                                                               \
	 .help = "Its name, in front of its lines on the console and in `dependsOn`."},  \
		{.name = "dependsOn",                                                    \
		 .type = ENCL_KEY_DEPENDS,                                               \
		 .name_format = &encl_format_name,                                       \
		 .words = encl_manifest_conditions,                                      \
		 .max = 64,                                                              \
		 LIST_OF(T, unit.depends, unit.n_depends, struct encl_dependency),       \
		 .example = "{cache: healthy}",                                          \
		 .help = "What it waits for before it starts: that the other was "       \
			 "`started`, that its health check passed, or that it "          \
			 "`completed` with code 0."},                                    \
		{.name = "restart",                                                      \
		 .type = ENCL_KEY_ENUM,                                                  \
		 .words = encl_manifest_restarts,                                        \
		 .fallback = "no",                                                       \
		 FIELD(T, unit.restart),                                                 \
		 .help = "When it is started again after its end: never, after a code "  \
			 "other than 0 or a signal, or always.  The wait before it is "  \
			 "100 ms and doubles up to 30 s."},                              \
		{.name = "restartMax",                                                   \
		 .type = ENCL_KEY_NUMBER,                                                \
		 .max = 1000000,                                                         \
		 .needs = "restart",                                                     \
		 .fallback = "0",                                                        \
		 FIELD(T, unit.restart_max),                                             \
		 .help = "How often at most; 0 is no limit."},                           \
		{.name = "critical",                                                     \
		 .type = ENCL_KEY_BOOL,                                                  \
		 .fallback = "false",                                                    \
		 FIELD(T, unit.critical),                                                \
		 .help = "Whether its end, for good, ends the enclave with its code."},  \
		{.name = "healthcheck",                                                  \
		 .type = ENCL_KEY_MAP,                                                   \
		 .flags = ENCL_KEY_SPARSE,                                               \
		 __VA_ARGS__,                                                            \
		 .help = "How to tell that it does its work."},                          \
		{.name = "stopSignal",                                                   \
		 .type = ENCL_KEY_TEXT,                                                  \
		 .format = &encl_format_signal,                                          \
		 FIELD(T, unit.stop_signal),                                             \
		 .example = "SIGQUIT",                                                   \
		 .help = "The signal that asks it to end; left out, SIGTERM (or what "   \
			 "its image says)."},                                            \
	{                                                                                \
		.name = "stopTimeoutSeconds", .type = ENCL_KEY_DECIMAL, .max = 3600000,  \
		.fallback = "10", FIELD(T, unit.stop_timeout_ms),                        \
		.help = "How long it has to end after that, before it is killed."        \
	}

#define UNIT_KEYS(T)                                                                     \
	UNIT_KEYS_WITH(T, .keys = encl_manifest_health_keys, FIELD(T, unit.health),      \
		       POS(struct encl_health, pos))

#endif
