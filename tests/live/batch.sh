#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# batch.sh IPCLOAD SCENARIO…: one after the other; here are then SCENARIO.json (the truth),
# .status and .stderr of each. BATCH_OPTIONS go to all of them. Needs no more than a POSIX shell:
# guests have no other.
load=$1
shift
for scenario; do
	"$load" "$scenario" $BATCH_OPTIONS --truth "$scenario.json" 2> "$scenario.stderr"
	echo $? > "$scenario.status"
done
