/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel's configuration allows of bridged container networks. */
#ifndef ENCL_SOURCES_KERNEL_NETFILTER_H
#define ENCL_SOURCES_KERNEL_NETFILTER_H

#include <stdbool.h>

#include "base/buf.h"
#include "manifest/manifest.h"

/* Which program of the package iptables works on it. */
enum encl_netfilter { ENCL_NETFILTER_NONE, ENCL_NETFILTER_NFT, ENCL_NETFILTER_LEGACY };

/* Some container is on a bridge, or nobody says what containers there will be. */
bool encl_netfilter_wanted(const struct encl_manifest *m);

/* Modules of the kernel can be loaded: boot.kernel has some, and not AWS's
 * init, which loads nsm.ko only. */
bool encl_kernel_loads_modules(const struct encl_manifest *m);

/* =y, or =m where modules can be loaded. */
bool encl_kernel_has(const char *config, const char *option, bool modules);

/*
 * The backend that a bridge network with published ports can have.  Where it
 * is NONE, missing (may be NULL) gets the options that the kernel lacks:
 * "CONFIG_BRIDGE, CONFIG_VETH=y, not =m"; where a backend is missing as well,
 * ", and CONFIG_NF_TABLES (nft) or CONFIG_IP_NF_NAT (legacy)".  Only asked is
 * looked at, unless that is NONE.
 */
enum encl_netfilter encl_kernel_netfilter(const char *config, bool modules,
					  enum encl_netfilter asked,
					  struct encl_buf *missing);

/* What alternatives of the engine's packages say; NONE where they do not. */
enum encl_netfilter encl_netfilter_asked(const struct encl_manifest *m);

#endif
