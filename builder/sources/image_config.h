/* SPDX-License-Identifier: Apache-2.0 */
/* An image's config document to struct encl_image_config. */
#ifndef ENCL_SOURCES_IMAGE_CONFIG_H
#define ENCL_SOURCES_IMAGE_CONFIG_H

#include "sources/source.h"

int encl_image_config_read(const json_t *doc, const char *what,
			   struct encl_image_config *out,
			   struct encl_err *e) ENCL_MUST_CHECK;

#endif
