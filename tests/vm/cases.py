#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A test for each mechanism on one kernel: that of the link by which this file is called.

They judge what tests/vm/gather found, which `make check-vm` runs before. DENYLIST.KERNEL says what
cannot pass there: a pattern of scenarios and the reason, a line each.
"""
import functools
import os
import pathlib
import sys

from kernels import groups, group_of, place_of, read_denied, read_results, why_denied

from harness import BUILD, Skip, add_case, ensure, main

KERNEL = pathlib.Path(sys.argv[0]).stem.removeprefix("test_")


def results():
    found = read_results(BUILD, KERNEL)
    ensure(found, f"nothing was run on {KERNEL}: `make check-vm` does")
    if "skipped" in found:
        raise Skip(found["skipped"])
    ensure("problem" not in found, f"{found.get('problem')}; see {place_of(BUILD, KERNEL)}")
    return found


def loads(step):
    """Every program is loaded and attached."""
    status, said = results()["steps"][step]
    ensure(status == 0, f"exit status {status}\n{said}")


def loses_nothing():
    """Neither a record nor a call that a program was skipped for."""
    for capture, causes in results()["lost"].items():
        ensure(not causes, f"{capture}: lost {causes}")


def keeps_a_crowd_apart():
    """With many processes on one CPU, which are switched out wherever that can be."""
    crowd = results()["crowd"]
    wrong = [f"{name}: {problem}" for name, verdict in crowd.items()
             for problem in verdict["problems"]]
    ensure(not wrong, "\n".join(wrong))
    ran = {name.partition("/")[2] for name, verdict in crowd.items() if not verdict["skipped"]}
    idle = {name.partition("/")[2] for name in crowd} - ran
    ensure(ran and not idle, f"these were skipped every time: {sorted(idle)}")


def tells_what_it_cannot_see():
    """A capture with a ring of io_uring is no whole one where nothing names what rings move."""
    causes = results()["denied_lost"]
    rings = [pattern for pattern, _ in read_denied(KERNEL) if "uring" in pattern]
    ensure(bool(rings) == bool(causes.get("io-uring-unseen")), f"denied: lost {causes}")


def fits(what):
    problems = results()[what]
    ensure(not problems, "\n".join(problems))


def no_stale_pattern():
    """Every line of the list of denied scenarios is needed: none of them passes."""
    scenarios = results()["scenarios"]
    denied = read_denied(KERNEL)
    stale = [f"{name} passes, but the list of denied scenarios has: {why_denied(denied, name)}"
             for name, verdict in scenarios.items()
             if not verdict["problems"] and not verdict["skipped"] and why_denied(denied, name)]
    used = {why_denied(denied, name) for name in scenarios}
    stale += [f"no scenario is called {pattern}" for pattern, reason in denied
              if reason not in used]
    ensure(not stale, "\n".join(stale))


def run_group(group):
    denied = read_denied(KERNEL)
    wrong, skipped, count = [], [], 0
    for name, verdict in results()["scenarios"].items():
        if group_of(name) != group:
            continue
        count += 1
        if verdict["skipped"]:
            skipped.append(f"{name}: {verdict['skipped']}")
        elif verdict["problems"] and not why_denied(denied, name):
            wrong += [f"{name}: {problem}" for problem in verdict["problems"]]
    ensure(not wrong, "\n".join(wrong))
    ensure(count, f"there is no scenario for {group}")
    if len(skipped) == count:
        raise Skip(skipped[0])
    for line in skipped:
        print(f"skipped {line}")


def add_cases():
    add_case("check", functools.partial(loads, "check"))
    add_case("snapshot", functools.partial(loads, "snapshot"))
    add_case("record", functools.partial(loads, "during/record"))
    add_case("record-all", functools.partial(loads, "before/record"))
    add_case("relocations", functools.partial(fits, "relocations"))
    add_case("compile", functools.partial(fits, "compile"))
    add_case("denylist", no_stale_pattern)
    add_case("nothing-lost", loses_nothing)
    add_case("denied-is-told", tells_what_it_cannot_see)
    add_case("crowd-record", functools.partial(loads, "crowd/record"))
    add_case("crowd", keeps_a_crowd_apart)
    for group in groups():
        add_case(group, functools.partial(run_group, group))


if __name__ == "__main__":
    add_cases()
    sys.exit(main(needs_root=False))
