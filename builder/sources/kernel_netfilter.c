/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of options to nft, legacy or neither.  A row is met by any of its
 * options: names changed between Linux 4.14 and 6.x.
 */
#include "sources/kernel_netfilter.h"

#include <string.h>

#include "sources/kernel_config.h"

enum group { BRIDGE, NFT, LEGACY };

static const struct row {
	enum group group;
	const char *any[2];
} rows[] = {
	{BRIDGE, {"BRIDGE"}},
	{BRIDGE, {"VETH"}},
	{BRIDGE, {"NETFILTER_XTABLES"}},
	{BRIDGE, {"NF_CONNTRACK"}},
	{BRIDGE, {"NF_NAT"}},
	{BRIDGE, {"NETFILTER_XT_MATCH_ADDRTYPE"}},
	{BRIDGE, {"NETFILTER_XT_MATCH_CONNTRACK"}},
	{BRIDGE, {"NETFILTER_XT_NAT"}},
	{BRIDGE, {"NETFILTER_XT_TARGET_MASQUERADE", "IP_NF_TARGET_MASQUERADE"}},
	{NFT, {"NF_TABLES"}},
	{NFT, {"NF_TABLES_IPV4"}},
	{NFT, {"NFT_COMPAT"}},
	{NFT, {"NFT_NAT", "NFT_CHAIN_NAT_IPV4"}},
	{LEGACY, {"IP_NF_IPTABLES"}},
	{LEGACY, {"IP_NF_FILTER"}},
	{LEGACY, {"IP_NF_NAT"}},
};

bool
encl_netfilter_wanted(const struct encl_manifest *m)
{
	if (!m->docker.given)
		return false;
	for (size_t i = 0; i < m->docker.n_containers; i++)
		if (!m->docker.containers[i].host_network)
			return true;
	return !m->docker.n_containers && !m->docker.host_network;
}

enum encl_netfilter
encl_netfilter_asked(const struct encl_manifest *m)
{
	const struct encl_layer *engine = &m->docker.engine.layer;
	const struct encl_pairs *p = &engine->packages.alternatives;

	if (engine->kind != ENCL_LAYER_PACKAGES)
		return ENCL_NETFILTER_NONE;
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->v[i].key, "iptables") != 0)
			continue;
		if (strstr(p->v[i].value, "nft"))
			return ENCL_NETFILTER_NFT;
		if (strstr(p->v[i].value, "legacy"))
			return ENCL_NETFILTER_LEGACY;
	}
	return ENCL_NETFILTER_NONE;
}

bool
encl_kernel_loads_modules(const struct encl_manifest *m)
{
	if (m->boot.init == ENCL_INIT_AWS)
		return false;
	return m->boot.kernel.kind == ENCL_KERNEL_PACKAGE ||
	       (m->boot.kernel.kind == ENCL_KERNEL_FILES && m->boot.kernel.modules);
}

bool
encl_kernel_has(const char *config, const char *option, bool modules)
{
	enum encl_kconfig is = encl_kernel_config_get(config, option);

	return is == ENCL_KCONFIG_BUILTIN || (modules && is == ENCL_KCONFIG_MODULE);
}

static bool
is_met(const char *config, const struct row *row, bool modules)
{
	return encl_kernel_has(config, row->any[0], modules) ||
	       (row->any[1] && encl_kernel_has(config, row->any[1], modules));
}

/* Appends what the group lacks; true where that is nothing. */
static bool
check_group(const char *config, enum group group, bool modules, struct encl_buf *out)
{
	const char *comma = "";

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum encl_kconfig is;

		if (rows[i].group != group || is_met(config, &rows[i], modules))
			continue;
		is = encl_kernel_config_get(config, rows[i].any[0]);
		encl_buf_add_fmt(out, "%sCONFIG_%s%s", comma, rows[i].any[0],
				 is == ENCL_KCONFIG_MODULE ? "=y, not =m" : "");
		comma = ", ";
	}
	return !*comma;
}

enum encl_netfilter
encl_kernel_netfilter(const char *config, bool modules, enum encl_netfilter asked,
		      struct encl_buf *missing)
{
	encl_auto(encl_buf_clear) struct encl_buf bridge = {.cap = 4096};
	encl_auto(encl_buf_clear) struct encl_buf nft = {.cap = 4096};
	encl_auto(encl_buf_clear) struct encl_buf legacy = {.cap = 4096};
	bool can = check_group(config, BRIDGE, modules, &bridge);
	bool can_nft =
		asked != ENCL_NETFILTER_LEGACY && check_group(config, NFT, modules, &nft);
	bool can_legacy = asked != ENCL_NETFILTER_NFT &&
			  check_group(config, LEGACY, modules, &legacy);

	if (can && can_nft)
		return ENCL_NETFILTER_NFT;
	if (can && can_legacy)
		return ENCL_NETFILTER_LEGACY;
	if (!missing)
		return ENCL_NETFILTER_NONE;
	encl_buf_add_str(missing, encl_buf_text(&bridge));
	if (!can_nft && !can_legacy)
		encl_buf_add_fmt(missing, "%s%s%s%s%s%s", can ? "" : ", and ",
				 encl_buf_text(&nft), nft.len ? " (nft)" : "",
				 nft.len && legacy.len ? " or " : "",
				 encl_buf_text(&legacy), legacy.len ? " (legacy)" : "");
	return ENCL_NETFILTER_NONE;
}
