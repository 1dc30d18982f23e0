# SPDX-License-Identifier: GPL-2.0-only
# One file, nothing recursive; everything that is made lies in build/. V=1 shows the commands.

BUILD ?= build
prefix ?= /usr/local
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
SHELL := /bin/bash
export PATH := $(PATH):/usr/sbin:/sbin

# ARCH=arm64 (or aarch64) builds for that machine, in build/arm64; what it needs is installed.
NATIVE := $(shell uname -m)
ARCH ?= $(NATIVE)
GNU_ARCH := $(patsubst amd64,x86_64,$(patsubst arm64,aarch64,$(ARCH)))
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(GNU_ARCH)))
CROSS := $(if $(filter-out $(NATIVE),$(GNU_ARCH)),$(GNU_ARCH)-linux-gnu-)
ifneq ($(CROSS),)
ifneq ($(BPF_ARCH),arm64)
$(error ipctrace is built for x86_64 and for arm64, and for x86_64 only on such a machine)
endif
ifneq ($(filter demo check% bench install,$(MAKECMDGOALS)),)
$(error What was built for $(ARCH) runs there: see 'tools/vm/run --help')
endif
KERNELS := $(BUILD)/vm/kernels
VMLINUX_BTF ?= $(KERNELS)/$(BPF_ARCH)/6.1/btf
override BUILD := $(BUILD)/$(BPF_ARCH)
endif

CC := $(CROSS)gcc
AR := $(CROSS)ar
CLANG ?= clang
BPFTOOL ?= bpftool
CLANG_FORMAT ?= clang-format

CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 -Wall -Wextra -Werror -Wformat-signedness -Iinclude $(CFLAGS)
USER_CFLAGS := $(ALL_CFLAGS) -D_GNU_SOURCE -Iuser -I$(BUILD)/bpf
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v2 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Werror \
	-fms-extensions -Wno-microsoft-anon-tag -Iinclude -Ibpf -I$(BUILD)/bpf
# For unit tests and the fuzzer: the same sources once more, checked while they run.
SANITIZE_CC := $(CLANG)
SANITIZE_CFLAGS := $(filter-out -Wformat-signedness -O2,$(USER_CFLAGS)) -O1 \
	-fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LIBS := -Wl,--as-needed -lbpf -lelf -lz -lzstd -ljansson -lyaml

# ---- what there is ---------------------------------------------------------------------------
USER_SRCS := $(sort $(wildcard user/*.c user/*/*.c))
BPF_SRCS := $(sort $(wildcard bpf/*.bpf.c))
UNIT_SRCS := $(sort $(wildcard tests/unit/test_*.c))
include tools/ipcload/ipcload.mk

USER_OBJS := $(USER_SRCS:%.c=$(BUILD)/obj/%.o)
LIBRARY_OBJS := $(filter-out $(BUILD)/obj/user/main.o,$(USER_OBJS))
IPCLOAD_OBJS := $(IPCLOAD_SRCS:%.c=$(BUILD)/obj/%.o)
BPF_OBJS := $(BPF_SRCS:bpf/%.c=$(BUILD)/bpf/%.o)
SANITIZED_OBJS := $(LIBRARY_OBJS:$(BUILD)/obj/%=$(BUILD)/sanitized/%)
UNIT_TESTS := $(UNIT_SRCS:tests/unit/%.c=$(BUILD)/unit/%)
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
SKELETON := $(BUILD)/bpf/ipctrace.skel.h
PROGRAMS := $(BUILD)/ipctrace $(BUILD)/ipcload

all: $(PROGRAMS)

.PHONY: all deps demo check check-unit check-replay check-live check-fuzz check-vm bench lint fmt install \
	clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:

# Goals that install what is missing do so before anything is built, and so do all for another
# machine.
SET_UP := $(if $(CROSS)$(filter deps demo check% bench lint fmt,$(MAKECMDGOALS)),deps)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$(2))'
endif

deps:
	@tools/deps $(if $(CROSS),$(BPF_ARCH))

# A file that changes when what it holds changes: whoever depends on it is then made again.
define remember
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(1))' > $@
endef

$(BUILD)/flags: FORCE
	$(call remember,$(CC) $(USER_CFLAGS) $(BPF_CFLAGS) $(SANITIZE_CFLAGS) $(LIBS))

# ---- kernel side -----------------------------------------------------------------------------
VMLINUX_BTF ?= /sys/kernel/btf/vmlinux

$(BUILD)/bpf/btf-source: FORCE
	$(call remember,$(VMLINUX_BTF) $(if $(filter /sys/%,$(VMLINUX_BTF)),$(shell uname -rv)))

# Another machine's is taken from a kernel of Debian, unless one is given.
ifneq ($(CROSS),)
$(KERNELS)/%/btf: | $(SET_UP)
	$(call say,FETCH,$*)
	$(Q)tools/vm/fetch --cache $(KERNELS) $* > /dev/null
FETCHED := $(filter $(KERNELS)/%,$(VMLINUX_BTF))
endif

$(BUILD)/bpf/vmlinux.h: $(BUILD)/bpf/btf-source \
		$(filter-out /sys/%,$(wildcard $(VMLINUX_BTF))) $(FETCHED) | $(SET_UP)
	@test -r '$(VMLINUX_BTF)' || { printf '%s\n' "There is no kernel BTF at $(VMLINUX_BTF):" \
		"say 'make VMLINUX_BTF=FILE', where FILE is the BTF or the vmlinux of a kernel." >&2; exit 1; }
	$(call say,BTF,$@)
	$(Q)$(BPFTOOL) btf dump file '$(VMLINUX_BTF)' format c > $@

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(BUILD)/bpf/vmlinux.h $(BUILD)/flags | $(SET_UP)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/bpf/ipctrace.bpf.o: $(BPF_OBJS)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKELETON): $(BUILD)/bpf/ipctrace.bpf.o
	$(call say,SKELETON,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name ipctrace > $@

# ---- user side -------------------------------------------------------------------------------
$(BUILD)/obj/user/%.o: user/%.c $(BUILD)/flags | $(SET_UP)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@

$(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard user/capture/*.c)) \
$(patsubst %.c,$(BUILD)/sanitized/%.o,$(wildcard user/capture/*.c)): | $(SKELETON)

$(BUILD)/ipctrace: $(USER_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS)

# ---- reference workloads ---------------------------------------------------------------------
$(BUILD)/obj/tools/%.o: tools/%.c $(BUILD)/flags | $(SET_UP)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/ipcload: $(IPCLOAD_OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(IPCLOAD_LIBS)

# ---- tests -----------------------------------------------------------------------------------
# T=PATTERN runs the tests whose names match; what a failed test wrote stays in build/failed/.
RUN := tests/run --build $(BUILD) $(if $(T),--match '$(T)')

$(BUILD)/sanitized/%.o: %.c $(BUILD)/flags | $(SET_UP)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(SANITIZE_CC) $(SANITIZE_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(BUILD)/sanitized/libipctrace.a: $(SANITIZED_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/sanitized/libipctrace.a $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(SANITIZE_CC) $(SANITIZE_CFLAGS) -MMD -MP $< $(BUILD)/sanitized/libipctrace.a -o $@ \
		$(LIBS) -lcmocka

$(BUILD)/fuzz/%: tests/fuzz/%.c $(BUILD)/sanitized/libipctrace.a $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,FUZZER,$@)
	$(Q)$(SANITIZE_CC) $(SANITIZE_CFLAGS) -fsanitize=fuzzer -MMD -MP $< \
		$(BUILD)/sanitized/libipctrace.a -o $@ $(LIBS)

check: deps $(PROGRAMS) $(UNIT_TESTS) $(FUZZERS)
	@$(RUN) unit replay live fuzz

check-unit: deps $(UNIT_TESTS)
	@$(RUN) unit

check-replay: deps $(PROGRAMS)
	@$(RUN) replay

check-live: deps $(PROGRAMS)
	@$(RUN) live

check-fuzz: deps $(PROGRAMS) $(FUZZERS)
	@$(RUN) fuzz

# Each kernel of tests/vm in a virtual machine, and the one that runs here.
check-vm: deps $(PROGRAMS)
	@tools/deps vm
	@tests/vm/gather --build $(BUILD)
	@$(RUN) vm

demo: deps $(PROGRAMS)
	$(BUILD)/ipctrace record -o $(BUILD)/demo.data -- sh tests/demo.sh
	@echo
	$(BUILD)/ipctrace report -i $(BUILD)/demo.data -n 40
	@echo
	$(BUILD)/ipctrace graph -i $(BUILD)/demo.data -f json -o $(BUILD)/demo.json
	$(BUILD)/ipctrace graph -i $(BUILD)/demo.data -f svg -o $(BUILD)/demo.svg
	@echo "See $(BUILD)/demo.svg (the picture) and $(BUILD)/demo.json (the graph)."

include tools/bench/bench.mk
bench: deps $(PROGRAMS) $(BENCH_PROGRAMS)
	@tools/bench/run $(BUILD)

lint: deps $(USER_OBJS) $(IPCLOAD_OBJS) $(BUILD)/bpf/ipctrace.bpf.o
	@BUILD=$(BUILD) tests/lint/run

fmt: deps
	$(Q)git ls-files -co --exclude-standard '*.c' '*.h' | xargs $(CLANG_FORMAT) -i

install: $(BUILD)/ipctrace
	install -D -m 755 $(BUILD)/ipctrace $(DESTDIR)$(prefix)/bin/ipctrace

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -path $(BUILD)/vm -prune -o -name '*.d' -print 2> /dev/null)
