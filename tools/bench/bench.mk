# SPDX-License-Identifier: GPL-2.0-only
BENCH_PROGRAMS := $(BUILD)/bench/loop $(BUILD)/bench/attach_empty $(BUILD)/bench/empty.bpf.o

$(BUILD)/bench/empty.bpf.o: tools/bench/empty.bpf.c $(BUILD)/bpf/vmlinux.h $(BUILD)/flags | $(SET_UP)
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/bench/%: $(BUILD)/obj/tools/bench/%.o
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS)
