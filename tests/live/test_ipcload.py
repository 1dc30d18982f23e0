#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every scenario of ipcload, recorded and compared with its own truth.

A case is all scenarios of a family in one capture, as a user's capture holds many things;
`system-wide` is all of them while the whole machine is recorded. Scenarios that are set up and used
before they count, *-preconnected and *-preopened, wait for the capture to begin. The name of a
scenario is a case, too, that runs it alone: test_ipcload.py SCENARIO.
"""
import functools
import itertools
import json
import pathlib
import subprocess

from batch import SCRIPT, SKIPPED, is_before, problems_of, verdicts
from harness import (IPCLOAD, MISSED_TIMER, WAIT_SECONDS, Failure, Recorder, Skip, add_case,
                     despite_missed_timers, ensure, load_graph, main, read_line, record, run, start)

BATCH_SECONDS = 240
ATTEMPTS = 3


def ensure_true(graph, scenario):
    truth = json.loads(pathlib.Path("truth.json").read_text())
    problems = problems_of(scenario, truth, graph)
    ensure(not problems, "\n".join(problems))


def run_alone(scenario):
    ensure_true(record(IPCLOAD, scenario, "--truth", "truth.json"), scenario)


def run_before_alone(scenario):
    run_before([scenario], is_system_wide=False)


def second_chance(scenario, problems):
    """Timers that no program saw are tried again, in a capture of their own."""
    if not all(map(MISSED_TIMER.match, problems)):
        return problems
    try:
        despite_missed_timers(run_alone, scenario)
    except Failure as failure:
        return [str(failure)]
    return []


def ensure_all_true(graph, scenarios):
    skipped, wrong = [], []
    for scenario, reason, problems in verdicts(graph, scenarios):
        if reason:
            skipped.append(f"{scenario}: {reason}")
        elif problems:
            wrong += [f"{scenario}: {p}" for p in second_chance(scenario, problems)]
    ensure(not wrong, "\n".join(wrong))
    if len(skipped) == len(scenarios):
        raise Skip(skipped[0])
    for line in skipped:
        print(f"skipped {line}")


def without_loss(capture):
    """
    The graph of a capture that lost nothing. A recorder that says that it lost a record calls no
    edge exact, as it must: on a busy machine the kernel may have no memory for a task's state.
    """
    for _ in range(ATTEMPTS):
        graph = capture()
        if not graph["ledger"]["lost"]:
            break
        print(f"once more: {graph['ledger']}")
    return graph


def run_batch(scenarios):
    graph = without_loss(lambda: record("sh", SCRIPT, IPCLOAD, *scenarios, seconds=BATCH_SECONDS))
    ensure_all_true(graph, scenarios)


def run_system_wide(scenarios):
    def capture():
        with Recorder("-a"):
            run("sh", SCRIPT, IPCLOAD, *scenarios, timeout=BATCH_SECONDS)
        return load_graph()
    ensure_all_true(without_loss(capture), scenarios)


def run_before(scenarios, is_system_wide):
    """The scenarios set their channels up and use them before the capture begins."""
    loads = {}
    for scenario in scenarios:
        said = pathlib.Path(scenario + ".stderr").open("wb")
        load = start([IPCLOAD, scenario, "--wait-stdin", "--truth", f"{scenario}.json"],
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, bufsize=0)
        read_line(load.stdout, f"{scenario} to be ready")
        loads[scenario] = load
    pids = ",".join(str(load.pid) for load in loads.values())
    with Recorder(*["-a"] if is_system_wide else ["-p", pids]):
        for scenario, load in loads.items():
            load.stdin.write(b"\n")
            status = load.wait(WAIT_SECONDS)
            pathlib.Path(scenario + ".status").write_text(str(status))
    ensure_all_true(load_graph(), scenarios)


def add_cases():
    scenarios = [line.split()[0] for line in run(IPCLOAD, "list").stdout.splitlines()]
    before = [s for s in scenarios if is_before(s)]
    during = [s for s in scenarios if not is_before(s)]
    families = sorted(during, key=lambda s: s.split("-")[0])
    for family, members in itertools.groupby(families, key=lambda s: s.split("-")[0]):
        add_case(f"all-{family}", functools.partial(run_batch, list(members)))
    add_case("system-wide", functools.partial(run_system_wide, during))
    add_case("before+a", functools.partial(run_before, before, True))
    add_case("before+p", functools.partial(run_before, before, False))
    for scenario in during:
        add_case(scenario, functools.partial(despite_missed_timers, run_alone, scenario),
                 is_listed=False)
    for scenario in before:
        add_case(scenario, functools.partial(run_before_alone, scenario), is_listed=False)


if __name__ == "__main__":
    add_cases()
    raise SystemExit(main())
