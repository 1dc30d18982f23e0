#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The comparison that the live tests rely on finds what is wrong: one case per kind of mistake."""
import copy
import functools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "live"))
from compare import compare  # noqa: E402
from harness import add_case, ensure, main  # noqa: E402

NONE = {"messages": 0, "bytes": 0}
TRUTH = {
    "schema": "ipctrace.graph/1",
    "processes": [{"id": "t/p0", "pid": 10, "comm": "a"}, {"id": "t/p1", "pid": 11, "comm": "b"},
                  {"id": "kernel", "pid": None, "comm": "kernel", "traced": False}],
    "channels": [
        {"id": "t/c0", "mechanism": "fifo", "name": "/tmp/f", "unread": {"messages": 0, "bytes": 3},
         "endpoints": [{"process": "t/p0", "role": "send", "messages": 5, "bytes": 503},
                       {"process": "t/p1", "role": "receive", "messages": 5, "bytes": 500}]},
        {"id": "t/c1", "mechanism": "signal", "name": "", "endpoints": []},
        {"id": "t/c2", "mechanism": "memfd", "name": "m", "endpoints": [
            {"process": "t/p0", "role": "map-rw"}, {"process": "t/p1", "role": "map-ro"}]},
        {"id": "t/c3", "mechanism": "shared-mapping", "name": "", "endpoints": [
            {"process": "t/p0", "role": "map-rw"}, {"process": "t/p1", "role": "map-rw"}]},
        {"id": "t/c4", "mechanism": "shared-mapping", "name": "", "endpoints": [
            {"process": "t/p1", "role": "map-rw"}]},
        {"id": "t/c5", "mechanism": "posix-shm", "name": "/unmapped", "endpoints": []}],
    "edges": [
        {"from": "t/p0", "to": "t/p1", "channel": "t/c0", "mechanism": "fifo", "messages": 5,
         "bytes": 500},
        {"from": "kernel", "to": "t/p1", "channel": "t/c1", "mechanism": "signal", "messages": 1,
         "bytes": 0}],
}


def new_process(name, pid, comm):
    return {"id": name, "pid": pid, "parent": None, "comm": comm, "start_ns": 0,
            "traced": pid is not None}


def new_channel(number, mechanism, **fields):
    return {"id": number, "mechanism": mechanism, "name": "", "object": "", "endpoints": [],
            "before_capture": NONE, "unread": NONE, "truncated": NONE, "lost": NONE, **fields}


def new_edge(source, target, channel, mechanism, messages, count, **fields):
    return {"from": source, "to": target, "channel": channel, "mechanism": mechanism,
            "messages": messages, "bytes": count, "exact": True,
            "at_least": {"messages": messages, "bytes": count}, "residency_ns": None,
            "first_ns": 1, "last_ns": 2, **fields}


def new_mapper(process, role):
    return {"process": process, "role": role, "messages": 0, "bytes": 0}


GRAPH = {
    "schema": "ipctrace.graph/1",
    "capture": {"barrier": {"cpus": 2, "reached": 2}},
    "ledger": {"seen": 9, "recorded": 7, "aggregated": 1, "lost": 1, "causes": {"ring-full": 1}},
    "processes": [new_process("1", 10, "a"), new_process("2", 11, "b"),
                  new_process("3", None, "kernel"), new_process("4", 99, "sh")],
    "channels": [
        new_channel("5", "fifo", name="/tmp/f", unread={"messages": 0, "bytes": 3}, endpoints=[
            {"process": "1", "role": "send", "messages": 5, "bytes": 503},
            {"process": "2", "role": "receive", "messages": 5, "bytes": 500}]),
        new_channel("6", "signal"),
        new_channel("60", "shared-mapping", endpoints=[new_mapper("2", "map-rw")]),
        new_channel("61", "shared-mapping", endpoints=[
            new_mapper("2", "map-rw"), new_mapper("1", "map-rw"), new_mapper("4", "map-ro")]),
        new_channel("62", "memfd", name="m", endpoints=[
            new_mapper("1", "map-rw"), new_mapper("2", "map-ro")]),
        new_channel("63", "memfd", name="of others", endpoints=[new_mapper("4", "map-rw")])],
    "edges": [new_edge("1", "2", "5", "fifo", 5, 500), new_edge("3", "2", "6", "signal", 1, 0),
              new_edge("2", "4", "6", "signal", 1, 0)],
}


ALONE, MEMFD = 2, 4  # places of channels of shared memory


def expect(change, word, **options):
    """The graph, changed, is faulted in a line with this word; without a word it is fine."""
    graph = copy.deepcopy(GRAPH)
    change(graph)
    problems = compare(TRUTH, graph, **options)
    if word:
        ensure(any(word in problem for problem in problems), f"no '{word}' in {problems}")
    else:
        ensure(not problems, f"found {problems}")


def add(name, change, word, **options):
    add_case(name, functools.partial(expect, change, word, **options))


def put(*path, value):
    """A change that sets graph[path…] to the value."""
    def change(graph):
        for step in path[:-1]:
            graph = graph[step]
        graph[path[-1]] = value
    return change


def inexact(messages, count, least_messages, least_count, index=0):
    def change(graph):
        graph["edges"][index].update(exact=False, messages=messages, bytes=count, at_least={
            "messages": least_messages, "bytes": least_count})
        graph["channels"][0]["endpoints"][0]["bytes"] = count + 3
    return change


def append(key, value):
    return lambda graph: graph[key].append(value)


def both(first, second):
    return lambda graph: (first(graph), second(graph))


add("same", lambda graph: None, None)
add("missing", lambda graph: graph["edges"].pop(1), "missing:")
add("forged", append("edges", new_edge("2", "1", "6", "signal", 1, 0)), "forged:")
add("forged-from-kernel", append("edges", new_edge("3", "1", "6", "signal", 1, 0)), "forged:")
add("forged-from-before", both(append("processes", new_process("7", None, "before capture")),
                               append("edges", new_edge("7", "2", "5", "fifo", 0, 0))), "forged:")
add("other-process", append("edges", new_edge("4", "1", "6", "signal", 1, 0)), None)
add("other-process-closed", lambda graph: None, "forged:", closed=True)
add("wrong-messages", both(put("edges", 0, "messages", value=4),
                           put("edges", 0, "at_least", "messages", value=4)), "wrong:")
add("wrong-bytes", both(put("edges", 0, "bytes", value=499),
                        put("edges", 0, "at_least", "bytes", value=499)), "wrong:")
add("wrong-direction", put("edges", 0, value=new_edge("2", "1", "5", "fifo", 5, 500)), "missing:")
add("wrong-mechanism", put("edges", 0, "mechanism", value="pipe"), "another mechanism")
add("inexact-but-equal", inexact(5, 500, 0, 0), None)
add("inexact", inexact(5, 400, 0, 0), "inexact:")
add("inexact-allowed-sum", inexact(5, 400, 0, 0), "edges together", allow_inexact=True)
add("inexact-too-certain", inexact(6, 510, 6, 510), "wrong:", allow_inexact=True)
add("exact-though-allowed", both(put("edges", 0, "bytes", value=499),
                                 put("edges", 0, "at_least", "bytes", value=499)), "wrong:",
    allow_inexact=True)
add("unread", put("channels", 0, "unread", "bytes", value=4), "fifo unread")
add("name", put("channels", 0, "name", value="/tmp/g"), "'/tmp/f'")
add("schema", put("schema", value="ipctrace.graph/0"), "schema")
add("duplicate-id", put("channels", 1, "id", value="5"), "given 2 times")
add("unknown-process", put("channels", 0, "endpoints", 0, "process", value="77"), "unknown process")
add("unknown-channel", append("edges", new_edge("2", "4", "78", "pipe", 1, 1)), "unknown channel")
add("endpoint-twice", lambda graph: graph["channels"][0]["endpoints"].append(
    {"process": "1", "role": "send", "messages": 0, "bytes": 0}), "2 times in role send")
add("unknown-origin", put("channels", 0, "endpoints", 0, "origin",
                          value={"how": "inherited", "from": "77"}), "unknown process 77")
add("unknown-creator", put("channels", 0, "created_by", value="76"), "unknown process 76")
add("unknown-passed", put("edges", 0, "passed", value="75"), "passed an unknown channel")
add("unknown-parent", put("processes", 0, "parent", value="79"), "unknown parent")
add("unknown-role", put("channels", 0, "endpoints", 0, "role", value="both"), "unknown role")
add("two-entries", append("processes", new_process("7", 10, "a")), "2 entries")
add("two-edges", append("edges", new_edge("2", "4", "6", "signal", 1, 0)), "2 edges")
add("ledger-open", put("ledger", "seen", value=10), "does not close")
add("ledger-causes", put("ledger", "causes", value={}), "causes")
add("barrier-missed", put("capture", "barrier", "reached", value=1), "barrier")
add("barrier-of-older-versions", put("capture", "barrier", value=None), None)
add("not-conserved", put("channels", 0, "endpoints", 0, "bytes", value=504), "not conserved")
add("more-certain-than-all", put("edges", 0, "at_least", "bytes", value=501), "at least 501")
add("exact-but-uncertain", put("edges", 0, "at_least", "bytes", value=1), "are certain")
add("ends-before", put("edges", 0, "first_ns", value=3), "before it begins")
add("residency", put("edges", 0, "residency_ns", value={
    "count": 1, "min": 2, "p50": 1, "p90": 1, "p99": 1, "max": 1}), "impossible residency")

add("mapper-missing", put("channels", MEMFD, "endpoints", value=[new_mapper("1", "map-rw")]),
    "missing: 11 has memfd 'm' as map-ro")
add("mapper-forged", put("channels", ALONE, "endpoints", value=[
    new_mapper("2", "map-rw"), new_mapper("1", "map-ro")]), "forged:  10 has shared-mapping")
add("mapper-wrong-role", put("channels", MEMFD, "endpoints", 0, "role", value="map-ro"),
    "wrong:   10 has memfd 'm' as map-ro; the truth: map-rw")
add("mapper-two-roles", put("channels", ALONE, "endpoints", value=[
    new_mapper("2", "map-ro"), new_mapper("2", "map-rw")]), "map-ro and map-rw; the truth: map-rw")
add("mapper-not-mapping", put("channels", MEMFD, "endpoints", 0, "role", value="send"),
    "missing: 10 has memfd")
add("mapping-missing", lambda graph: graph["channels"].pop(ALONE), "missing: shared-mapping")
add("mapping-missing-named", lambda graph: graph["channels"].pop(MEMFD), "missing: memfd 'm'")
add("mapping-forged", append("channels", new_channel("7", "shared-mapping", endpoints=[
    new_mapper("1", "map-ro")])), "forged:  shared-mapping")
add("mapping-misnamed", put("channels", MEMFD, "name", value="n"), "missing: memfd 'm'")
add("mapping-other-mechanism", put("channels", MEMFD, "mechanism", value="posix-shm"),
    "missing: memfd 'm'")
add("mapping-of-others", append("channels", new_channel("7", "posix-shm", endpoints=[
    new_mapper("4", "map-rw")])), None)

if __name__ == "__main__":
    raise SystemExit(main(needs_root=False))
