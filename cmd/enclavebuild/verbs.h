/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs: one file each, one table row exported. */
#ifndef ENCL_CMD_VERBS_H
#define ENCL_CMD_VERBS_H

struct command;

extern const struct command cmd_attach;
extern const struct command cmd_attest;
extern const struct command cmd_build;
extern const struct command cmd_cache;
extern const struct command cmd_check;
extern const struct command cmd_completion;
extern const struct command cmd_console;
extern const struct command cmd_deploy;
extern const struct command cmd_diff;
extern const struct command cmd_discover;
extern const struct command cmd_doctor;
extern const struct command cmd_exec;
extern const struct command cmd_explain;
extern const struct command cmd_extract;
extern const struct command cmd_host;
extern const struct command cmd_init;
extern const struct command cmd_inspect;
extern const struct command cmd_list;
extern const struct command cmd_lock;
extern const struct command cmd_login;
extern const struct command cmd_logout;
extern const struct command cmd_logs;
extern const struct command cmd_measure;
extern const struct command cmd_plan;
extern const struct command cmd_policy;
extern const struct command cmd_provenance;
extern const struct command cmd_ps;
extern const struct command cmd_pull;
extern const struct command cmd_push;
extern const struct command cmd_report;
extern const struct command cmd_run;
extern const struct command cmd_sbom;
extern const struct command cmd_schema;
extern const struct command cmd_sign;
extern const struct command cmd_status;
extern const struct command cmd_stop;
extern const struct command cmd_verify;
extern const struct command cmd_version;

#endif
