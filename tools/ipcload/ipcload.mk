# SPDX-License-Identifier: GPL-2.0-only
IPCLOAD_SRCS := $(sort $(wildcard tools/ipcload/*.c))
IPCLOAD_LIBS := -ljansson -lpthread
