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
            liblz4 libdeflate zlib libkmod libsolv libsolvext libsquashfs1 libelf
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wformat=2 -Wwrite-strings -Wvla -Wconversion -Werror
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
REPRO    := "-ffile-prefix-map=$(CURDIR)=." -gno-record-gcc-switches
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
ifeq ($(VARIANT),fuzz)
OPT := -O1 -g
HARDEN := -fPIE
EXTRA := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
endif
ifeq ($(VARIANT),coverage)
OPT := -O0 -g
HARDEN := -fPIE
EXTRA := --coverage
endif
ifneq ($(findstring clang,$(CC)),)
REPRO := "-ffile-prefix-map=$(CURDIR)=."
endif

PKG_CFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS   := $(shell pkg-config --libs $(LIBS) 2>/dev/null)
SQUASHFS   := $(shell pkg-config --modversion libsquashfs1 2>/dev/null)
CFLAGS   := -std=c17 -D_GNU_SOURCE -Ibuilder -pthread $(OPT) $(WARN) $(HARDEN) $(REPRO) $(EXTRA) \
            -DENCL_VERSION='"$(VERSION)"' -DENCL_LIBSQUASHFS='"$(SQUASHFS)"'
LDFLAGS  := -pie -pthread -Wl,-z,relro,-z,now -Wl,--build-id=none $(EXTRA)

# The guest programs: static, musl, part of what is measured.
GUEST_CC_x86_64  := musl-gcc
GUEST_CC_aarch64 := aarch64-linux-musl-gcc
GUEST_ARCHES     ?= x86_64 $(if $(shell command -v $(GUEST_CC_aarch64) 2>/dev/null),aarch64)
GUEST_CFLAGS := -std=c17 -D_GNU_SOURCE -Os -static -fno-pie -no-pie "-ffile-prefix-map=$(CURDIR)=." \
                -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
                -fstack-protector-strong \
                -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
                -Wwrite-strings -Wvla -Werror -Icmd -Ibuilder
GUEST_LDFLAGS := -static -no-pie -Wl,--gc-sections -Wl,--build-id=none -s

STAGES   := base registry manifest lock sources rootfs docker ramdisk eif sign launch verify push
LIB_SRC  := $(sort $(foreach s,$(STAGES),$(wildcard builder/$(s)/*.c))) $(sort $(wildcard builder/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(O)/%.o) $(O)/embedded.o
CMD_SRC  := $(sort $(wildcard cmd/enclavebuild/*.c))
CMD_OBJ  := $(CMD_SRC:%.c=$(O)/%.o)
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
UNIT_OBJ := $(UNIT_SRC:%.c=$(O)/%.o)
SERVE_OBJ := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/support/serve/*.c)))
SHIM_SRC := $(sort $(wildcard tests/support/*.shim.c))
SHIMS    := $(patsubst tests/support/%.shim.c,$(O)/support/%.so,$(SHIM_SRC))
SUPPORT  := $(patsubst tests/support/%.c,$(O)/support/%,$(sort $(filter-out $(SHIM_SRC),$(wildcard tests/support/*.c))))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*.c))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(filter-out tests/fuzz/replay.c,$(FUZZ_SRC)))
GUESTS   := $(foreach a,$(GUEST_ARCHES),$(O)/guest/$(a)/init $(O)/guest/$(a)/launch)

.DELETE_ON_ERROR:
.PRECIOUS: $(O)/%.o
.PHONY: help bundle setup setup-build setup-aarch64 setup-peers setup-aws-peer all testable quickstart test check unit bench relay-bench lint asan ubsan \
        valgrind fuzz fuzz-bins repro coverage docker-figures install uninstall dist generated clean \
        setup-kernel setup-conformance kernel conformance

all: $(O)/enclavebuild ## build the tool (build/release/enclavebuild)

help: ## list the targets
	@grep -hE '^[a-z][a-z0-9 -]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

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

# What launch shares with the tool: plain C, nothing of the library.
GUEST_SHARED_launch := $(sort $(wildcard builder/launch/relay*.c builder/launch/exchange*.c \
			builder/launch/status.c builder/launch/exec.c))

# jsmn is a header alone; of /usr/include, which is glibc's, musl sees only it.
JSMN := $(O)/guest/include/jsmn.h
$(JSMN):
	@mkdir -p $(@D)
	$(Q)ln -sf /usr/include/jsmn.h $@

define guest_rules
$(O)/guest/$(1)/%: $$(wildcard cmd/init/*.[ch] cmd/launch/*.[ch] cmd/guest/*.[ch]) $(JSMN) \
		$(GUEST_SHARED_launch) $(wildcard builder/launch/relay*.h builder/launch/exchange*.h builder/launch/status.h builder/launch/exec.h)
	@mkdir -p $$(@D)
	$$(call say,GUEST,$$@)
	$$(Q)$$(GUEST_CC_$(1)) $$(GUEST_CFLAGS) -isystem $(O)/guest/include -DENCL_VERSION='"$(VERSION)"' -o $$@ \
		$$(sort $$(wildcard cmd/$$*/*.c cmd/guest/*.c)) $$(GUEST_SHARED_$$*) $$(GUEST_LDFLAGS)
endef
$(foreach a,$(GUEST_ARCHES),$(eval $(call guest_rules,$(a))))

# The guest programs and the tables of manifests/ live inside the tool.
$(O)/embedded.o: builder/embedded.S $(GUESTS) $(wildcard manifests/* templates/* builder/verify/*.css)
	$(Q)$(CC) -c -I$(O) -I. $(foreach a,$(GUEST_ARCHES),-DHAVE_GUEST_$(a)) -o $@ $<

$(O)/unit-tests: $(UNIT_OBJ) $(O)/libenclavebuild.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(UNIT_OBJ) $(O)/libenclavebuild.a $(PKG_LIBS)

# The reader of launch's config is a guest file; its tests compile it along.
$(O)/tests/unit/ramdisk_launch_config_test.o $(O)/tests/fuzz/launch_config.o: CFLAGS += -Icmd
$(O)/tests/unit/launch_unit_test.o $(O)/tests/unit/launch_docker_test.o $(O)/tests/fuzz/docker_reply.o: CFLAGS += -Icmd
$(patsubst %.c,$(O)/%.o,$(wildcard tests/unit/life*.c)) $(O)/tests/unit/launch_life_test.o $(O)/tests/unit/launch_status_test.o $(O)/tests/unit/init_test.o: CFLAGS += -Icmd
$(O)/tests/unit/launch_exchanges_test.o $(O)/tests/unit/launch_process_test.o $(O)/tests/unit/launch_guest_test.o: CFLAGS += -Icmd
$(O)/tests/unit/launch_egress_rules_test.o $(O)/tests/unit/launch_egress_guest_test.o $(O)/tests/fuzz/egress_request.o: CFLAGS += -Icmd
$(O)/tests/unit/launch_nsm_test.o $(O)/tests/unit/launch_attest_test.o $(O)/tests/fuzz/attest_request.o: CFLAGS += -Icmd

# The tests' servers (tests/support/*d.c) share tests/support/serve.
SERVERS := $(filter %d,$(SUPPORT))
$(O)/libserve.a: $(SERVE_OBJ)
	@rm -f $@
	$(Q)ar rcsD $@ $^
$(SERVERS): $(O)/libserve.a
$(SERVERS): SUPPORT_LIBS := $(O)/libserve.a -lssl
$(O)/tests/support/%d.o $(SERVE_OBJ): CFLAGS += -Itests/support/serve
# The Nitro machine of the tests: nitrod, and nitro.so by which programs see it.
NITRO_OBJ := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/support/nitro/*.c)))
$(O)/support/nitrod: $(NITRO_OBJ)
$(O)/support/nitrod: SUPPORT_LIBS := $(NITRO_OBJ)
$(O)/support/nitro.so: $(wildcard tests/support/nitro/shim/*.c) \
	$(wildcard tests/support/nitro/shim/*.h) tests/support/nitro/wire.h
$(O)/support/%: $(O)/tests/support/%.o $(O)/libenclavebuild.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(SUPPORT_LIBS) $(O)/libenclavebuild.a $(PKG_LIBS)

# A fuzz entry is LLVMFuzzerTestOneInput; with gcc, replay.c feeds it files.
FUZZ_MAIN := $(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer,$(O)/tests/fuzz/replay.o)
$(O)/fuzz/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/replay.o $(O)/libenclavebuild.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(FUZZ_MAIN) $(O)/libenclavebuild.a $(PKG_LIBS)

$(O)/support/%.so: tests/support/%.shim.c
	@mkdir -p $(@D)
	$(call say,SHIM,$@)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -shared -fPIC -Itests/support -o $@ \
		$(filter %.c,$^) -ldl

testable: $(O)/enclavebuild $(O)/unit-tests $(SUPPORT) $(SHIMS) $(FUZZ_BIN)

bundle: all ## the tool with its libraries, for hosts that have others (build/enclavebuild-ARCH.tar.gz)
	@cmd/bundle.sh $(O)/enclavebuild build/enclavebuild-$(shell uname -m).tar.gz

# ---- set-up ----

setup-build:
	@tests/support/setup.sh build

setup: ## install the Debian packages that building, running and testing need
	@tests/support/setup.sh all

setup-aarch64: ## install what aarch64 images need (adds arm64 as a foreign architecture)
	@tests/support/setup.sh aarch64

setup-kernel: ## install what `make kernel` needs
	@tests/support/setup.sh kernel

setup-conformance:
	@tests/support/setup.sh conformance

PEERS := $(CURDIR)/build/peers
setup-peers: ## oras and crane (needs Go), Kubernetes' schemas and readers of SBOMs (PyPI), for tests
	@command -v go >/dev/null || { echo "make setup-peers: go is not installed" >&2; exit 5; }
	cd tests/support/peers && GOBIN=$(PEERS) GOFLAGS= go install -trimpath -mod=readonly \
		github.com/google/go-containerregistry/cmd/crane oras.land/oras/cmd/oras
	python3 -m venv $(PEERS)/python
	$(PEERS)/python/bin/pip install -q --disable-pip-version-check -r tests/support/peers/requirements.txt

setup-aws-peer: ## AWS's own library for images (needs Rust; five minutes), which tests compare with
	@command -v cargo >/dev/null || { echo "make setup-aws-peer: cargo is not installed" >&2; exit 5; }
	cargo build --quiet --release --manifest-path tests/support/peers/eif/Cargo.toml --target-dir $(PEERS)/eif
	install -m 755 $(PEERS)/eif/release/eif-peer $(PEERS)/eif-peer

setup-cosign: ## cosign, which a test signs with (needs Go; takes minutes the first time)
	@command -v go >/dev/null || { echo "make setup-cosign: go is not installed" >&2; exit 5; }
	GOBIN=$(PEERS) GOFLAGS= go install -trimpath github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3

quickstart: setup-build ## install what is needed, build, build and boot examples/hello
	@$(MAKE) --no-print-directory all
	@examples/hello/quickstart.sh $(O)/enclavebuild

# ---- tests ----

test: setup ## install what is needed, run all tests
	@$(MAKE) --no-print-directory testable
	@tests/run

check: testable ## run all tests, installing nothing
	@tests/run

unit: $(O)/unit-tests ## run the unit tests only (T=substring selects)
	$(O)/unit-tests $(T)

bench: all ## wall, CPU and memory of build against openssl dgst, of a pull against skopeo
	@tests/bench.sh $(O)/enclavebuild

relay-bench: $(O)/support/relay-bench ## 10 GiB through the relay of published ports against socat
	@tests/relay-bench.sh $<

docker-figures: all ## figures of docs/7-docker.md: sizes, times, least memory (takes long)
	@tests/support/docker-measure.sh $(O)/enclavebuild

kernel: setup-kernel ## build a kernel for enclaves (build/kernel) from Debian's linux-source-6.12
	@manifests/kernel/build.sh build/kernel $(KERNEL_SOURCE)

conformance: all setup-conformance kernel ## boot the examples in QEMU's nitro-enclave machine, compare its PCRs (takes long)
	@tests/conformance/qemu.sh build/qemu
	@tests/conformance/run build/kernel build/qemu

.PHONY: memory-figures
memory-figures: all ## figures of docs/8-launch-plan.md: what plan asks for, and the least that works (takes long)
	@tests/support/memory-figures.sh $(O)/enclavebuild

repro: testable ## build twice under every variation and compare
	@tests/run repro

asan ubsan: ## unit tests, fuzz corpora and mutants under the sanitizer (clang)
	@$(MAKE) --no-print-directory VARIANT=$@ CC=clang testable
	@VARIANT=$@ tests/run unit fuzz

valgrind: $(O)/unit-tests ## unit tests under valgrind
	ENCL_VALGRIND=1 valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
		--suppressions=tests/support/valgrind.supp $(O)/unit-tests $(T)

fuzz: ## fuzz every entry for FUZZ_TIME seconds (default 60)
	@$(MAKE) --no-print-directory VARIANT=fuzz CC=clang fuzz-bins
	@for f in build/fuzz/fuzz/*; do case $$f in *.d) continue;; esac; \
		$$f -max_total_time=$(or $(FUZZ_TIME),60) -print_final_stats=1 \
			build/fuzz/corpus-$${f##*/} tests/fuzz/corpus/$${f##*/} || exit 1; done

fuzz-bins: $(FUZZ_BIN)
	@for f in $(notdir $(FUZZ_BIN)); do mkdir -p $(O)/corpus-$$f; done

coverage: ## line coverage of the unit and CLI tests (build/coverage/index.html)
	@$(MAKE) --no-print-directory VARIANT=coverage testable
	@VARIANT=coverage tests/run unit fuzz reject cli
	gcovr -r . -f builder/ -f cmd/enclavebuild/ --object-directory build/coverage \
		--html-details build/coverage/index.html --print-summary

lint: ## clang-format, clang-tidy, cppcheck, shellcheck, layers, headers, symbols
	@tests/lint/run

# ---- installing ----

MAN := $(wildcard docs/man/*.[15])

install: all ## install below PREFIX (/usr/local), with DESTDIR
	install -D -m 755 $(O)/enclavebuild $(DESTDIR)$(PREFIX)/bin/enclavebuild
	for m in $(MAN); do install -D -m 644 $$m \
		$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done
	mkdir -p $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(O)/enclavebuild completion bash \
		> $(DESTDIR)$(PREFIX)/share/bash-completion/completions/enclavebuild

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/enclavebuild \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/enclavebuild
	for m in $(MAN); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

dist: ## source archive of HEAD in build/, the same bytes every time
	@mkdir -p build
	git archive --format=tar --prefix=enclavebuild-$(VERSION)/ HEAD | gzip -n -9 \
		> build/enclavebuild-$(VERSION).tar.gz

generated: $(O)/enclavebuild ## rewrite the committed files that the tool itself makes
	$< schema > manifests/enclave.schema.json
	$< schema --reference > docs/enclave.yaml.md
	$< schema --man > docs/man/enclave.yaml.5
	$< completion man > docs/man/enclavebuild.1

clean: ## remove build/
	rm -rf build

-include $(shell find $(O) -name '*.d' 2>/dev/null)
