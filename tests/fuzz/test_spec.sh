#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fuzzes the reader of specifications for FUZZ_SPEC_SECONDS (20), from the samples. What it finds is
# a file that `build/fuzz/fuzz_spec FILE` shows again.
set -eu
export UBSAN_OPTIONS=print_stacktrace=1
fuzzer=$BUILD/fuzz/fuzz_spec
here=$(cd "$(dirname "$0")" && pwd)
mkdir seeds corpus found
cp "$here"/../verify/*.yaml seeds/

"$fuzzer" seeds/*.yaml > log 2>&1 || { tail -n 60 log; exit 1; }
"$fuzzer" -max_total_time="${FUZZ_SPEC_SECONDS:-20}" -max_len=8192 -timeout=10 \
	-rss_limit_mb=2048 -dict="$here/spec.dict" -artifact_prefix=found/ -print_final_stats=1 \
	corpus seeds > log 2>&1 || { grep -vE '^#[0-9]|NEW_FUNC' log | tail -n 100; exit 1; }
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' log)
[ "$runs" -ge 1000 ] || { echo "only $runs runs"; exit 1; }
