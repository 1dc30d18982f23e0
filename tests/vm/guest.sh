#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# guest.sh DURING BEFORE UPROBES CROWD COPIES DENIED: what is tried on a kernel, in the directory of
# this file, where batch.sh is, too. All but COPIES are lists of scenarios of ipcload: recorded as a
# command's; set up before the whole machine is recorded, with --uprobes; run while it is; run so
# many times at once; those that are known to fail here, in a capture of their own, which they may
# spoil. Each step leaves STEP.stdout, .stderr, .status and .seconds, each scenario what batch.sh
# does, in the directory of its step.
# Runs in a guest and on the host, as root; ipctrace and ipcload are in the PATH.
cd "$(dirname "$0")" || exit 1
here=$PWD
during=$1
before=$2
uprobes=$3
crowd=$4
copies=$5
denied=$6
export BATCH_OPTIONS="--messages 100"

now() {
	read -r seconds _ < /proc/uptime
	echo "${seconds%.*}"
}

# One that hangs must not take the others' results with it.
step() {
	name=$1
	shift
	began=$(now)
	timeout "$SECONDS_A_STEP" "$@" > "$name.stdout" 2> "$name.stderr" < /dev/null
	echo $? > "$name.status"
	echo $(($(now) - began)) > "$name.seconds"
}

in_directory() {
	mkdir -p "$1"
	cd "$1" || exit 1
}

uname -r > release
step check ipctrace check
step snapshot ipctrace snapshot

in_directory "$here/during"
# On one CPU: without KVM, processes that wait for each other across CPUs take twice the time.
step record ipctrace record -o capture.data -- taskset 1 sh "$here/batch.sh" ipcload $during

# All on one CPU: there a task is switched out while it is inside a program of ours, if it can be.
in_directory "$here/crowd"
step record ipctrace record -o capture.data -- \
	taskset 1 sh "$here/crowd.sh" "$here/batch.sh" "$copies" $crowd

in_directory "$here/denied"
[ -z "$denied" ] || step record ipctrace record -o capture.data -- sh "$here/batch.sh" ipcload $denied

# They wait until somebody writes to their FIFO, which they hold open themselves.
in_directory "$here/before"
for scenario in $before; do
	mkfifo "$scenario.go"
	{
		ipcload "$scenario" --wait-stdin $BATCH_OPTIONS --truth "$scenario.json" \
			<> "$scenario.go" > "$scenario.stdout" 2> "$scenario.stderr"
		echo $? > "$scenario.ended"
		mv "$scenario.ended" "$scenario.status"
	} &
	turns=0
	until grep -q ready "$scenario.stdout" 2> /dev/null || [ -e "$scenario.status" ]; do
		sleep 0.05
		turns=$((turns + 1))
		[ $turns -lt 600 ] || echo 124 > "$scenario.status"
	done
done
step record ipctrace record -a --uprobes -o capture.data -- \
	sh "$here/release.sh" "$before" "$uprobes"
rm -f ./*.go
