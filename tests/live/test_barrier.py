#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The end of a capture: all that was done before it is in it, and the capture can tell."""
import functools
import os
import pathlib
import sys

from harness import (IPCTRACE, Recorder, Skip, add_case, case, ensure, ensure_equal, ensure_in,
                     load_graph, main, record, run, wait_for)

BURST = 500  # bytes by each writer, one by one; all of them fit into a pipe

# A writer on each CPU; at a byte for each they burst, and then the program is over.
WRITERS = """
import os, sys
gate, pipe = os.pipe(), os.pipe()
pids = []
for cpu in os.sched_getaffinity(0):
    pid = os.fork()
    if not pid:
        os.sched_setaffinity(0, {cpu})
        os.read(gate[0], 1)
        for _ in range(int(sys.argv[1])):
            os.write(pipe[1], b"x")
        os._exit(0)
    pids.append(pid)
with open("writers", "w") as file:
    print(*pids, file=file)
os.write(gate[1], b"g" * len(pids))
for pid in pids:
    os.waitpid(pid, 0)
"""


def online_cpus():
    cpus = set()
    for part in pathlib.Path("/sys/devices/system/cpu/online").read_text().strip().split(","):
        first, _, last = part.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


def barrier_line():
    said = run(IPCTRACE, "info", "capture.data")
    return [line for line in said.stdout.splitlines() if line.startswith("barrier ")][0]


def ensure_reached(graph):
    cpus = len(online_cpus())
    ensure_equal(graph["capture"]["barrier"], {"cpus": cpus, "reached": cpus}, "the barrier")


@case
def reaches_every_cpu():
    ensure_reached(record("true"))
    ensure_in(f"{len(online_cpus())} of {len(online_cpus())} CPUs", barrier_line(), "info")
    marks = [line.split() for line in run(IPCTRACE, "info", "capture.data").stdout.splitlines()
             if "BARRIER" in line]
    ensure_equal([int(count) for _, count in marks], [len(online_cpus())], "marks")


@case
def recorder_is_bound_to_a_cpu():
    """It may leave that CPU, and comes back to none other: CMD has its own mask."""
    run("taskset", "-c", "0", IPCTRACE, "record", "-q", "-o", "capture.data", "--", "true")
    ensure_reached(load_graph())


def cpuset_make(name):
    """A group of processes that may run on CPU 0 only."""
    for place in map(pathlib.Path, ("/sys/fs/cgroup/cpuset", "/sys/fs/cgroup")):
        group = place / name
        controllers = place / "cgroup.controllers"
        if not (place / "cpuset.cpus").exists() and not (
                controllers.exists() and "cpuset" in controllers.read_text()):
            continue
        if controllers.exists():
            (place / "cgroup.subtree_control").write_text("+cpuset")
        group.mkdir()
        try:
            (group / "cpuset.cpus").write_text("0")
            (group / "cpuset.mems").write_text("0")
        except OSError:
            group.rmdir()
            raise
        return group
    raise Skip("no cgroup with cpusets is mounted")


@case
def cpuset_keeps_the_recorder_away():
    if len(online_cpus()) < 2:
        raise Skip("this machine has one CPU")
    group = cpuset_make(f"ipctrace-test-{os.getpid()}")
    try:
        run("sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", IPCTRACE, "record",
            "-q", "-o", "capture.data", "--", "true")
    finally:
        group.rmdir()
    others = sorted(online_cpus() - {0})
    barrier = load_graph()["capture"]["barrier"]
    ensure_equal((barrier["cpus"], barrier["reached"]), (len(others) + 1, 1), "the barrier")
    ensure(barrier["missed"].startswith(str(others[0])), f"CPUs not reached: {barrier}")
    ensure_in(f"not reached: {barrier['missed']}", barrier_line(), "info")


@case
def killed_recorder_has_none():
    recorder = Recorder("-a")
    recorder.wait_until_recording()
    wait_for(lambda: os.stat("capture.data").st_size, "the capture's first blocks")
    recorder.process.kill()
    recorder.wait()
    ensure_equal(load_graph()["capture"]["barrier"], None, "the barrier of what was not ended")
    ensure_in("none", barrier_line(), "info")


def writer_counts(graph):
    """{pid: bytes that the capture says it wrote} of the writers."""
    pids = {p["id"]: p["pid"] for p in graph["processes"]}
    writers = set(map(int, pathlib.Path("writers").read_text().split()))
    counts = dict.fromkeys(writers, 0)
    for channel in graph["channels"]:
        for endpoint in channel["endpoints"]:
            if endpoint["role"] == "send" and pids[endpoint["process"]] in writers:
                counts[pids[endpoint["process"]]] += endpoint["bytes"]
    return counts


def burst_is_complete(graph):
    ensure_reached(graph)
    ensure_equal(writer_counts(graph), dict.fromkeys(writer_counts(graph), BURST),
                 "bytes that were written last of all")


def burst_in_command(*options):
    burst_is_complete(record(sys.executable, "-c", WRITERS, str(BURST), options=options))


def burst_in_system(*options):
    with Recorder("-a", *options):
        run(sys.executable, "-c", WRITERS, str(BURST))
    burst_is_complete(load_graph())


for size in ((), ("--ring-size", "4k")):
    for function in (burst_in_command, burst_in_system):
        name = function.__name__.replace("_", "-") + ("-small-rings" if size else "")
        add_case(name, functools.partial(function, *size))


if __name__ == "__main__":
    raise SystemExit(main())
