# SPDX-License-Identifier: Apache-2.0
# enclavebuild: the only build description.  `make help` lists the targets.

VERSION  := 0.1.0
VARIANT  ?= release
CC       ?= cc
PREFIX   ?= /usr/local
DESTDIR  ?=
O        := build/$(VARIANT)
Q        := $(if $(V),,@)
say       = @printf '  %-5s %s\n' $(1) $(2)

LIBS     := yaml-0.1 libarchive libcrypto libcurl jansson libcbor libzstd liblzma \
            liblz4 libdeflate zlib libkmod libsolv libsolvext
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wformat=2 -Wwrite-strings -Wvla -Wconversion -Werror
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
REPRO    := -ffile-prefix-map=$(CURDIR)=. -gno-record-gcc-switches
OPT      := -O2 -g
EXTRA    :=
ifeq ($(VARIANT),asan)
OPT := -O1 -g
HARDEN := -fPIE
EXTRA := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifeq ($(VARIANT),ubsan)
OPT := -O1 -g
EXTRA := -fsanitize=undefined -fno-sanitize-recover=all
endif
ifeq ($(VARIANT),coverage)
OPT := -O0 -g
HARDEN := -fPIE
EXTRA := --coverage
endif
ifneq ($(findstring clang,$(CC)),)
REPRO := -ffile-prefix-map=$(CURDIR)=.
endif

PKG_CFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS   := $(shell pkg-config --libs $(LIBS) 2>/dev/null)
CFLAGS   := -std=c17 -D_GNU_SOURCE -Ibuilder -pthread $(OPT) $(WARN) $(HARDEN) $(REPRO) $(EXTRA) \
            -DENCL_VERSION='"$(VERSION)"'
LDFLAGS  := -pie -pthread -Wl,-z,relro,-z,now -Wl,--build-id=none $(EXTRA)

# The guest programs: static, musl, part of what is measured.
GUEST_CC_x86_64  := musl-gcc
GUEST_CC_aarch64 := cmd/guest-cc-aarch64
GUEST_ARCHES     ?= x86_64
GUEST_CFLAGS := -std=c17 -D_GNU_SOURCE -Os -static -fno-pie -no-pie -ffile-prefix-map=$(CURDIR)=. \
                -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
                -fstack-protector-strong \
                -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
                -Wwrite-strings -Wvla -Werror -Icmd
GUEST_LDFLAGS := -static -no-pie -Wl,--gc-sections -Wl,--build-id=none -s

STAGES   := base manifest lock sources rootfs ramdisk eif sign launch verify
LIB_SRC  := $(sort $(foreach s,$(STAGES),$(wildcard builder/$(s)/*.c))) $(sort $(wildcard builder/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(O)/%.o) $(O)/embedded.o
CMD_SRC  := $(sort $(wildcard cmd/enclavebuild/*.c))
CMD_OBJ  := $(CMD_SRC:%.c=$(O)/%.o)
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
UNIT_OBJ := $(UNIT_SRC:%.c=$(O)/%.o)
SUPPORT  := $(patsubst tests/support/%.c,$(O)/support/%,$(sort $(wildcard tests/support/*.c)))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*.c))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(filter-out tests/fuzz/replay.c,$(FUZZ_SRC)))
GUESTS   := $(foreach a,$(GUEST_ARCHES),$(O)/guest/$(a)/init $(O)/guest/$(a)/launch)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: help setup all quickstart test check unit bench lint asan ubsan valgrind fuzz repro \
        coverage install uninstall dist clean

all: $(O)/enclavebuild ## build the tool (build/release/enclavebuild)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/libenclavebuild.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcsD $@ $^

$(O)/enclavebuild: $(CMD_OBJ) $(O)/libenclavebuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(CMD_OBJ) $(O)/libenclavebuild.a $(PKG_LIBS)

define guest_rules
$(O)/guest/$(1)/%: $$(wildcard cmd/init/*.[ch] cmd/launch/*.[ch] cmd/guest/*.[ch])
	@mkdir -p $$(@D)
	$$(call say,GUEST,$$@)
	$$(Q)$$(GUEST_CC_$(1)) $$(GUEST_CFLAGS) -DENCL_VERSION='"$(VERSION)"' -o $$@ \
		$$(sort $$(wildcard cmd/$$*/*.c cmd/guest/*.c)) $$(GUEST_LDFLAGS)
endef
$(foreach a,$(GUEST_ARCHES),$(eval $(call guest_rules,$(a))))

# The guest programs and the tables of manifests/ live inside the tool.
$(O)/embedded.o: builder/embedded.S $(GUESTS) $(wildcard manifests/*)
	$(Q)$(CC) -c -I$(O) -I. $(foreach a,$(GUEST_ARCHES),-DHAVE_GUEST_$(a)) -o $@ $<

$(O)/unit-tests: $(UNIT_OBJ) $(O)/libenclavebuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(UNIT_OBJ) $(O)/libenclavebuild.a $(PKG_LIBS)

$(O)/support/%: $(O)/tests/support/%.o $(O)/libenclavebuild.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(O)/libenclavebuild.a $(PKG_LIBS)

# A fuzz entry is LLVMFuzzerTestOneInput; with gcc, replay.c feeds it files.
$(O)/fuzz/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/replay.o $(O)/libenclavebuild.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

check: $(O)/enclavebuild $(O)/unit-tests $(SUPPORT) $(FUZZ_BIN) ## run the tests that need no set-up step
	VARIANT=$(VARIANT) tests/run

unit: $(O)/unit-tests ## run the unit tests only (T=substring selects)
	$(O)/unit-tests $(T)

clean: ## remove build/
	rm -rf build

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d)
-include tests/targets.mk
