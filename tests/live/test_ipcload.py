#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every scenario of ipcload, recorded and compared with its own truth.

SCENARIO runs under the recorder, SCENARIO+a while the whole machine is recorded. Scenarios that are
set up and used before they count, *-preconnected and *-preopened, wait for the capture to begin.
"""
import functools
import json
import pathlib
import subprocess

import compare
from harness import (IPCLOAD, WAIT_SECONDS, Recorder, Skip, add_case, despite_missed_timers, ensure,
                     load_graph, main, read_line, record, run, start)

SYSTEM_WIDE = {"pipe-many-to-many", "fifo-reopened", "unix-stream-prefork", "unix-dgram-sendto",
               "unix-seqpacket-ping-pong", "tcp-prefork", "udp-sendto", "signal-group",
               "splice-pipe-socket", "process-brief"}

# Where several processes share the receiving end, which of them took the first byte of a message
# is not always proven; udp-recv has such a pipe to start its clients. Where several share both
# ends, the split is a guess that says so: the sums and what is called certain must be right.
# What a line discipline did to the bytes is not known, nor who read a semaphore's unit first.
UNPROVEN = ("-many-readers", "-many-to-many", "-recv", "pty-cooked", "pty-cooked-silent",
            "pty-cooked-lines", "pty-cooked-partial", "eventfd-semaphore-units")
GUESSED = ("-many-to-many",)
# The listener is gone before the capture begins, and both ports are ones that clients are given:
# which side listened, whose address is the name, nobody can tell.
UNNAMED = ("tcp-preconnected",)


def ensure_true(graph, scenario):
    truth = json.loads(pathlib.Path("truth.json").read_text())
    ensure(truth["edges"] or truth["channels"], "the truth is empty")
    problems = compare.compare(truth, graph, allow_inexact=scenario.endswith(GUESSED),
                               with_names=scenario not in UNNAMED)
    if not scenario.endswith(UNPROVEN):
        problems += [f"not proven: {edge}" for edge in compare.inexact_edges(truth, graph)]
    ensure(not problems, "\n".join(problems))


def run_recorded(scenario):
    ensure_true(record(IPCLOAD, scenario, "--truth", "truth.json"), scenario)


def run_beside(scenario):
    with Recorder("-a"):
        done = run(IPCLOAD, scenario, "--truth", "truth.json", check=False)
    if done.returncode == 77:
        raise Skip(done.stderr.strip().splitlines()[-1])
    ensure(done.returncode == 0, f"ipcload {scenario} failed\n{done.stderr}")
    ensure_true(load_graph(), scenario)


def run_before(scenario, is_system_wide):
    """The scenario sets its channels up and uses them before the capture begins."""
    load = start([IPCLOAD, scenario, "--wait-stdin", "--truth", "truth.json"],
                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    read_line(load.stdout, f"{scenario} to be ready")
    with Recorder(*["-a"] if is_system_wide else ["-p", str(load.pid)]):
        load.stdin.write(b"\n")
        ensure(load.wait(WAIT_SECONDS) == 0, f"ipcload {scenario} failed")
    ensure_true(load_graph(), scenario)


def add_cases():
    for line in run(IPCLOAD, "list").stdout.splitlines():
        scenario = line.split()[0]
        if scenario.endswith(("-preconnected", "-preopened")):
            add_case(scenario + "+a", functools.partial(run_before, scenario, True))
            add_case(scenario + "+p", functools.partial(run_before, scenario, False))
            continue
        add_case(scenario, functools.partial(despite_missed_timers, run_recorded, scenario))
        if scenario in SYSTEM_WIDE:
            add_case(scenario + "+a", functools.partial(run_beside, scenario))


if __name__ == "__main__":
    add_cases()
    raise SystemExit(main())
