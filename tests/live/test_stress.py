#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Overfull rings, strace, SIGSTOP: numbers may become uncertain, but nothing becomes false."""
import functools
import json
import os
import pathlib
import signal
import subprocess

import compare
from harness import (IPCLOAD, IPCTRACE, Recorder, add_case, despite_missed_timers, ensure,
                     ensure_equal, load_graph, main, record, run, start)

SCENARIOS = ("pipe", "pipe-many-writers", "pipe-large-reads", "fifo-partial-reads", "unix-stream",
             "unix-stream-ping-pong", "unix-dgram-sendto", "unix-seqpacket", "tcp",
             "tcp-many-writers", "udp-sendto", "signal-sigqueue")
STRACED = ("pipe", "pipe-eintr", "fifo-reopened", "unix-stream-prefork", "unix-dgram-batched",
           "tcp-prefork", "udp-sendto", "signal-queued", "splice-pipe-socket", "process-threads",
           "process-vfork-exec")
STOPPED = ("pipe", "pipe-big-writes", "pipe-many-writers", "fifo-big-writes",
           "unix-stream-big-writes", "unix-dgram", "tcp-big-writes", "process-threads")


def load_truth():
    return json.loads(pathlib.Path("truth.json").read_text())


def ensure_true(graph, truth=None, **options):
    truth = truth or load_truth()
    problems = compare.compare(truth, graph, **options)
    ensure(not problems, "\n".join(problems))


def run_overfull(scenario):
    """The smallest rings, and nobody drains them: transfers are only added up, but rightly."""
    with Recorder("-a", "--ring-size", "4k") as recorder:
        recorder.process.send_signal(signal.SIGSTOP)
        try:
            run(IPCLOAD, scenario, "--messages", "20000", "--truth", "truth.json")
        finally:
            recorder.process.send_signal(signal.SIGCONT)
    graph = load_graph()
    ledger = graph["ledger"]
    ensure(ledger["aggregated"] > 0, f"the rings were large enough: {ledger}")
    # Of descriptions only: they hold the names.
    ensure_equal(ledger["causes"], {"ring-full": ledger["lost"]} if ledger["lost"] else {},
                 "causes of loss")
    ensure_true(graph, allow_inexact=True, with_names=not ledger["lost"])


def run_straced(scenario):
    graph = record("strace", "-f", "-o", "/dev/null", IPCLOAD, scenario, "--messages", "100",
                   "--truth", "truth.json")
    truth = load_truth()
    first = truth["processes"][0]["id"]
    # Before its exec, the process that strace starts stops itself, so that it can be attached to.
    truth["edges"].append({"from": first, "to": first, "channel": "strace", "mechanism": "signal",
                           "messages": 1, "bytes": 0})
    ensure_true(graph, truth)


def descendants(pid):
    found = [pid]
    for parent in found:
        for children in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def run_stopped(scenario):
    """Every process is stopped and continued, again and again, wherever it may be."""
    load = start([IPCTRACE, "record", "-q", "-o", "capture.data", "--", IPCLOAD, scenario,
                  "--messages", "3000", "--truth", "truth.json"], stderr=subprocess.PIPE)
    rounds = 0
    while load.poll() is None:
        try:
            for pid in descendants(load.pid)[1:]:
                for number in (signal.SIGSTOP, signal.SIGCONT):
                    os.kill(pid, number)
            rounds += 1
        except OSError:
            continue  # one has just ended
    ensure_equal(load.returncode, 0, f"exit status; it said {load.stderr.read()}")
    load.stderr.close()
    ensure(rounds, "it ended before it was stopped once")
    graph = load_graph()
    stops = [e for e in graph["edges"] if e["mechanism"] == "signal"]
    ensure(stops, "the signals are not in the graph")
    ensure_true(graph)


def add_cases():
    for kind, scenarios, function in (("overfull", SCENARIOS, run_overfull),
                                      ("straced", STRACED, run_straced),
                                      ("stopped", STOPPED, run_stopped)):
        for scenario in scenarios:
            add_case(f"{kind}/{scenario}",
                     functools.partial(despite_missed_timers, function, scenario))


if __name__ == "__main__":
    add_cases()
    raise SystemExit(main())
