/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/debian.h"
#define W __attribute__((weak))
#pragma GCC diagnostic ignored "-Wunused-parameter"
W int
encl_image_lock(struct encl_env *env, const struct encl_manifest *m,
		const struct encl_layer *layer, json_t **pin, struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "stub");
}
W int
encl_image_emit(struct encl_env *env, const struct encl_manifest *m,
		const struct encl_layer *layer, const json_t *pin,
		struct encl_entry_sink *sink, struct encl_image_config *config,
		struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "stub");
}
W void
encl_image_config_clear(struct encl_image_config *c)
{
}
