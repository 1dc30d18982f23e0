#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What `make demo` records: a pipeline, workers that are handed jobs, and a database on a socket.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A database and two kinds of clients, over a unix socket.
redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --dir "$dir" \
	--logfile "$dir/redis.log" --daemonize yes > /dev/null
until redis-cli -s "$dir/redis.sock" ping > /dev/null 2>&1; do :; done
redis-benchmark -q -s "$dir/redis.sock" -c 4 -n 50000 -d 100 -t set,get > "$dir/benchmark"

# A pipeline, whose result goes into the database.
seq 1 500000 | sed 's/$/ apples and pears/' | gzip -1 | gunzip | sort -rn | head -n 1000 |
	redis-cli -s "$dir/redis.sock" -x set fruit > /dev/null

# A parent that hands jobs to four workers and collects the results.
/usr/bin/python3 - << 'PYTHON'
import hashlib
import multiprocessing

def work(job):
    return hashlib.sha256(str(job).encode() * 1000).hexdigest()

with multiprocessing.Pool(4) as pool:
    print("last job:", pool.map(work, range(20000), chunksize=25)[-1][:16])
PYTHON

redis-cli -s "$dir/redis.sock" shutdown nosave > /dev/null
