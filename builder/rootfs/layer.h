/* SPDX-License-Identifier: Apache-2.0 */
/* Applying layers: the tree's side of struct encl_entry_sink. */
#ifndef ENCL_ROOTFS_LAYER_H
#define ENCL_ROOTFS_LAYER_H

struct encl_tree;

/* Sets the tree's sink up, and releases what an unfinished layer holds. */
void encl_layer_init(struct encl_tree *t);
void encl_layer_clear(struct encl_tree *t);

#endif
