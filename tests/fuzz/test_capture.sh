#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fuzzes the reader and the model for FUZZ_SECONDS (60), from the stored captures. What it finds is
# a capture file: `build/ipctrace report -i FILE`, or `build/fuzz/fuzz_capture FILE`, shows it again.
set -eu
export UBSAN_OPTIONS=print_stacktrace=1
fuzzer=$BUILD/fuzz/fuzz_capture
seeds=$(cd "$(dirname "$0")/../replay" && pwd)
mkdir seeds corpus found
cp "$seeds"/*.data seeds/

# The seeds themselves must pass, before they are changed.
"$fuzzer" seeds/*.data > log 2>&1 || { tail -n 60 log; exit 1; }
"$fuzzer" -max_total_time="${FUZZ_SECONDS:-60}" -max_len=32768 -timeout=10 -rss_limit_mb=2048 \
	-artifact_prefix=found/ -print_final_stats=1 corpus seeds > log 2>&1 ||
	{ grep -vE '^#[0-9]|NEW_FUNC' log | tail -n 100; exit 1; }
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' log)
# A fuzzer that does next to nothing finds nothing.
[ "$runs" -ge 2000 ] || { echo "only $runs runs"; exit 1; }
