#include "manifest/manifest.h"
#include "sources/source.h"
struct encl_tree;
struct encl_log;
int encl_debian_prepare(struct encl_tree *t, enum encl_arch arch, struct encl_err *e);
int encl_debian_finish(struct encl_tree *t, const struct encl_layer_packages *p,
		       const struct encl_package_set *s, struct encl_log *log,
		       bool strict, struct encl_err *e);
