#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# release.sh BEFORE UPROBES: lets the scenarios go on that guest.sh has set up in this directory, one
# after the other, then runs those for --uprobes in a directory of their own.
for scenario in $1; do
	[ -e "$scenario.status" ] || echo > "$scenario.go"
	until [ -e "$scenario.status" ]; do
		sleep 0.05
	done
done
mkdir -p ../uprobes
cd ../uprobes && sh ../batch.sh ipcload $2
