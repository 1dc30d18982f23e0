# SPDX-License-Identifier: GPL-2.0-only
"""Many scenarios of ipcload in one capture, each compared with its own truth."""
import collections
import json
import pathlib

import compare

SCRIPT = pathlib.Path(__file__).with_name("batch.sh")
SKIPPED = 77

# Where several processes share the receiving end, which of them took the first byte of a message
# is not always proven; udp-recv and others have such a pipe that starts them. Where
# several share both ends, the split is a guess that says so: the sums and what is called certain
# must be right. What a line discipline did to the bytes is not known, nor who read a semaphore's
# unit first, nor always whether one of several writers of an eventfd was before a read or after.
# A wait that began before the capture may be recorded before the post that ended it, whose unit then
# looks older than the capture.
UNPROVEN = ("-many-readers", "-many-to-many", "-recv", "-lock-readers", "-lock-downgrade",
            "flock-readers", "flock-downgrade", "sysv-sem-zero",
            "sysv-sem-zero-setval", "sysv-sem-preopened", "pty-cooked", "pty-cooked-silent",
            "pty-cooked-lines", "pty-cooked-partial", "eventfd-semaphore-units",
            "eventfd-many-writers")
GUESSED = ("-many-to-many", "sysv-sem-preopened")
# The listener is gone before the capture begins, and both ports are ones that clients are given:
# which side listened, whose address is the name, nobody can tell.
UNNAMED = ("tcp-preconnected",)
# Scenarios whose pipes are what they are about, or what they pass on.
ABOUT_PIPES = ("pipe", "fd-pass", "splice", "tee", "vmsplice", "sendfile", "process-")
# These set their channels up and use them before they count.
BEFORE = ("-preconnected", "-preopened")


def is_before(scenario):
    return scenario.endswith(BEFORE)


def is_exact(scenario):
    """Must every edge of it be called exact?"""
    return not scenario.endswith(UNPROVEN)


def shared_pipes(scenario, truth):
    """
    {(sender, receiver)} of the pipes of a scenario that is not about pipes and that several
    processes read: they start each other so. Which of them took the first byte is not always proven.
    """
    if scenario.startswith(ABOUT_PIPES):
        return set()
    readers = collections.defaultdict(set)
    for edge in truth["edges"]:
        if edge["mechanism"] == "pipe":
            readers[edge["channel"]].add(edge["to"])
    names = compare.node_names(truth)
    return {(names[e["from"]], names[e["to"]]) for e in truth["edges"]
            if e["mechanism"] == "pipe" and len(readers[e["channel"]]) > 1}


def unproven(scenario, truth, graph):
    """A line for each edge of the scenario that is to be proven and is not."""
    pids = {p["pid"] for p in truth["processes"] if p["pid"] is not None}
    excused = shared_pipes(scenario, truth)
    return [f"not proven: {compare.show(e)}" for e in compare.edges_of(graph)
            if compare.is_candidate(e, pids) and not e.exact and
            not (e.mechanism == "pipe" and (e.source, e.target) in excused)]


def problems_of(scenario, truth, graph):
    """What is wrong with the graph of a capture in which the scenario ran: a line each."""
    if not truth["edges"] and not truth["channels"]:
        return ["the truth is empty"]
    problems = compare.compare(truth, graph, allow_inexact=scenario.endswith(GUESSED),
                               with_names=scenario not in UNNAMED)
    if is_exact(scenario):
        problems += unproven(scenario, truth, graph)
    return problems


def verdicts(graph, scenarios, directory="."):
    """
    (scenario, reason why it was skipped or None, problems) of each that batch.sh ran in the
    directory while the graph was recorded.
    """
    for scenario in scenarios:
        place = pathlib.Path(directory, scenario)
        status = place.with_name(scenario + ".status")
        said = place.with_name(scenario + ".stderr")
        code = int(status.read_text()) if status.exists() else None
        words = said.read_text(errors="backslashreplace").strip() if said.exists() else ""
        if code == SKIPPED:
            yield scenario, words.splitlines()[-1], []
        elif code:
            yield scenario, None, [f"ipcload failed with {code}: {words}"]
        elif code is None:
            yield scenario, None, ["it did not run to its end"]
        else:
            truth = json.loads(place.with_name(scenario + ".json").read_text())
            yield scenario, None, problems_of(scenario, truth, graph)
