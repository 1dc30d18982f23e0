#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compares a graph with the ground truth of a workload, and checks the graph itself.

Edges are the same if processes, mechanism, messages and bytes are: none may be missing, none
forged, and what is called exact must be right. Both files have the schema ipctrace.graph/1.
"""
import argparse
import collections
import json
import pathlib
import re
import sys

SCHEMA = "ipctrace.graph/1"
MECHANISMS_DEF = pathlib.Path(__file__).parents[2] / "include/ipctrace/mechanisms.def"
ROLES = {"send", "receive", "map-ro", "map-rw", "post", "wait", "hold"}

Edge = collections.namedtuple("Edge", "source target mechanism messages bytes exact at_least")
SHARED_MEMORY = {"sysv-shm", "posix-shm", "memfd", "shared-mapping"}
NO_BALANCE = {"messages": 0, "bytes": 0}


def mechanism_models():
    """{name of each mechanism: how receives are matched to sends}"""
    rows = re.findall(r'^MECHANISM\(\w+,\s*\d+,\s*"([^"]+)",\s*\w+,\s*(\w+)\)',
                      MECHANISMS_DEF.read_text(), re.M)
    return dict(rows)


# ---- the graph by itself -----------------------------------------------------------------------

def check_references(graph):
    processes = [p["id"] for p in graph["processes"]]
    channels = {c["id"]: c for c in graph["channels"]}
    ids = processes + [c["id"] for c in graph["channels"]]
    for one, count in collections.Counter(ids).items():
        if count > 1:
            yield f"id {one} is given {count} times"
    processes = set(processes)
    for process in graph["processes"]:
        if process.get("parent") is not None and process["parent"] not in processes:
            yield f"process {process['id']} has an unknown parent {process['parent']}"
        if process["pid"] is None and process["traced"]:
            yield f"process {process['id']} is traced and has no pid"
    for channel in graph["channels"]:
        for endpoint in channel["endpoints"]:
            if endpoint["process"] not in processes:
                yield f"channel {channel['id']} has an unknown process {endpoint['process']}"
            if endpoint["role"] not in ROLES:
                yield f"channel {channel['id']} has an unknown role {endpoint['role']}"
    for channel in graph["channels"]:
        ends = collections.Counter((e["process"], e["role"]) for e in channel["endpoints"])
        for (process, role), count in ends.items():
            if count > 1:
                yield f"channel {channel['id']}: {process} is there {count} times in role {role}"
        origins = [e.get("origin", {}).get("from") for e in channel["endpoints"]]
        for other in [channel.get("created_by"), *origins]:
            if other is not None and other not in processes:
                yield f"channel {channel['id']} comes from an unknown process {other}"
    for edge in graph["edges"]:
        if edge.get("passed") is not None and edge["passed"] not in channels:
            yield f"an edge passed an unknown channel {edge['passed']}"
        for end in ("from", "to"):
            if edge[end] not in processes:
                yield f"an edge comes {end} an unknown process {edge[end]}"
        if edge["channel"] not in channels:
            yield f"an edge has an unknown channel {edge['channel']}"
        elif channels[edge["channel"]]["mechanism"] != edge["mechanism"]:
            yield f"an edge on channel {edge['channel']} has another mechanism than that"


def check_identity(graph):
    """One entry per process, never two."""
    lives = collections.Counter((p["pid"], p["start_ns"]) for p in graph["processes"]
                                if p["pid"] is not None)
    for (pid, start), count in lives.items():
        if count > 1:
            yield f"process {pid}, started at {start}, has {count} entries"


def check_edges(graph):
    models = mechanism_models()
    seen = collections.Counter((e["from"], e["to"], e["channel"]) for e in graph["edges"])
    for (source, target, channel), count in seen.items():
        if count > 1:
            yield f"{count} edges from {source} to {target} on channel {channel}"
    for edge in graph["edges"]:
        where = f"edge {edge['from']} → {edge['to']} on {edge['channel']}"
        if edge["mechanism"] not in models:
            yield f"{where}: unknown mechanism {edge['mechanism']}"
        for unit in ("messages", "bytes"):
            certain = edge["at_least"][unit]
            if not 0 <= certain <= edge[unit]:
                yield f"{where}: at least {certain} of {edge[unit]} {unit}"
            if edge["exact"] and certain != edge[unit]:
                yield f"{where}: exact, yet only {certain} of {edge[unit]} {unit} are certain"
        if edge["first_ns"] > edge["last_ns"]:
            yield f"{where}: ends before it begins"
        residency = edge["residency_ns"]
        if residency:
            steps = [residency[name] for name in ("min", "p50", "p90", "p99", "max")]
            if steps != sorted(steps) or steps[0] < 0 or residency["count"] < 1:
                yield f"{where}: impossible residency {residency}"


def check_ledger(graph):
    ledger = graph["ledger"]
    accounted = ledger["recorded"] + ledger["aggregated"] + ledger["lost"]
    if ledger["seen"] != accounted:
        yield (f"the ledger does not close: {ledger['seen']} seen, {accounted} accounted for: "
               f"{ledger}")
    if sum(ledger["causes"].values()) != ledger["lost"]:
        yield f"the causes do not add up to what was lost: {ledger}"


def check_barrier(graph):
    """Null in what older versions recorded."""
    barrier = graph["capture"].get("barrier")
    if barrier and barrier["reached"] != barrier["cpus"]:
        yield f"the barrier at the end was not made on all CPUs: {barrier}"


def check_conservation(graph, users):
    """Of byte streams that these processes use: nothing appears and nothing vanishes."""
    models = mechanism_models()
    received = collections.Counter()
    for edge in graph["edges"]:
        received[edge["channel"]] += edge["bytes"]
    for channel in graph["channels"]:
        if models.get(channel["mechanism"]) != "STREAM":
            continue
        if not users & {e["process"] for e in channel["endpoints"]}:
            continue
        sent = sum(e["bytes"] for e in channel["endpoints"] if e["role"] == "send")
        source = sent + channel["before_capture"]["bytes"]
        rest = {name: channel[name]["bytes"] for name in ("unread", "truncated", "lost")}
        if source != received[channel["id"]] + sum(rest.values()):
            yield (f"channel {channel['id']} ({channel['mechanism']} {channel['object']}) is not "
                   f"conserved: {channel['before_capture']['bytes']} before + {sent} sent, "
                   f"{received[channel['id']]} received, {rest}")


def check_graph(graph, users=None):
    """What is wrong with the graph itself: a line each.

    users: ids of the processes whose channels are checked for conservation, if not all. What
    others do goes on while a recorder of the whole machine attaches and detaches, and some may do
    it where no recorder sees them (harness.despite_missed_timers).
    """
    if graph.get("schema") != SCHEMA:
        return [f"the schema is {graph.get('schema')}"]
    problems = list(check_references(graph))
    if problems:
        return problems  # the others look them up
    for check in (check_identity, check_edges, check_ledger, check_barrier):
        problems += check(graph)
    if users is None:
        users = {process["id"] for process in graph["processes"]}
    return problems + list(check_conservation(graph, users))


# ---- the graph against the truth ---------------------------------------------------------------

def node_names(graph):
    """{id: pid, or what stands for it}"""
    return {p["id"]: p["comm"] if p["pid"] is None else p["pid"] for p in graph["processes"]}


def edges_of(graph):
    names = node_names(graph)
    for edge in graph["edges"]:
        at_least = edge.get("at_least", {"messages": edge["messages"], "bytes": edge["bytes"]})
        yield Edge(names[edge["from"]], names[edge["to"]], edge["mechanism"], edge["messages"],
                   edge["bytes"], edge.get("exact", True), at_least)


def is_candidate(edge, pids):
    """Is it an edge of the workload's processes only, so that the truth must know it?"""
    ends = {edge.source, edge.target}
    numbers = {end for end in ends if isinstance(end, int)}
    return bool(numbers) and numbers <= pids


def show(edge):
    text = (f"{edge.source} → {edge.target} {edge.mechanism}: {edge.messages} messages, "
            f"{edge.bytes} bytes")
    if not edge.exact:
        text += (f", inexact, at least {edge.at_least['messages']} messages, "
                 f"{edge.at_least['bytes']} bytes")
    return text


def take_equal(truths, edges):
    """Removes what is the same in both; an exact edge has the first choice."""
    rest = []
    for edge in sorted(edges, key=lambda e: not e.exact):
        same = [t for t in truths if (t.messages, t.bytes) == (edge.messages, edge.bytes)]
        if same:
            truths.remove(same[0])
        else:
            rest.append(edge)
    return rest


def differ(truth, edge, allow_inexact):
    """What is wrong with an edge whose numbers are not those of its truth."""
    if edge.exact:
        return f"wrong:   {show(edge)}, exact; the truth: {truth.messages}, {truth.bytes}"
    if (edge.at_least["messages"] > truth.messages or edge.at_least["bytes"] > truth.bytes):
        return f"wrong:   {show(edge)}; the truth: {truth.messages}, {truth.bytes}"
    if not allow_inexact:
        return f"inexact: {show(edge)}; the truth: {truth.messages}, {truth.bytes}"
    return None


def compare_group(truths, edges, allow_inexact, spread):
    """Edges of one pair of processes and one mechanism."""
    edges = sorted(take_equal(truths, edges), key=lambda e: e.bytes)
    truths.sort(key=lambda t: t.bytes)
    for truth, edge in zip(truths, edges):
        problem = differ(truth, edge, allow_inexact)
        if problem:
            yield problem
    for truth in truths[len(edges):]:
        if not (allow_inexact and truth.mechanism in spread):
            yield f"missing: {show(truth)}"
    for edge in edges[len(truths):]:
        nothing = edge._replace(messages=0, bytes=0)
        if not allow_inexact or edge.exact or differ(nothing, edge, True):
            yield f"forged:  {show(edge)}"


def compare_sums(truths, edges, spread):
    """However the split came out: what all received together is certain."""
    for mechanism in sorted(spread):
        sums = [[sum(getattr(e, unit) for e in side if e.mechanism == mechanism)
                 for unit in ("messages", "bytes")] for side in (truths, edges)]
        if sums[0] != sums[1]:
            yield f"wrong:   all {mechanism} edges together: {sums[1]}; the truth: {sums[0]}"


def compare_names(truth, graph):
    """A channel that carries a name and traffic in the truth has both in the graph."""
    used = {e["channel"] for e in truth["edges"]}
    named = {(c["mechanism"], c["name"]) for c in graph["channels"]}
    for channel in truth["channels"]:
        if channel["id"] in used and channel["name"] and \
                (channel["mechanism"], channel["name"]) not in named:
            others = sorted(name for mechanism, name in named if mechanism == channel["mechanism"])
            yield (f"missing: no {channel['mechanism']} channel is called "
                   f"'{channel['name']}'; there are {others}")


def rest_of(graph, pids):
    """{(mechanism, what): (messages, bytes)} of what was sent by the workload and not received."""
    names = node_names(graph)
    rest = collections.defaultdict(lambda: [0, 0])
    for channel in graph["channels"]:
        users = {names[e["process"]] for e in channel["endpoints"]}
        for what in ("unread", "truncated"):
            balance = channel.get(what, NO_BALANCE)
            if users & pids and (balance["messages"] or balance["bytes"]):
                rest[channel["mechanism"], what][0] += balance["messages"]
                rest[channel["mechanism"], what][1] += balance["bytes"]
    return rest


def compare_rest(truth, graph, pids):
    models = mechanism_models()
    expected, found = rest_of(truth, pids), rest_of(graph, pids)
    for key in sorted(set(expected) | set(found)):
        mechanism, what = key
        # Messages of a stream have no ends: how many are left is a matter of definition.
        first = 1 if models[mechanism] == "STREAM" else 0
        if expected[key][first:] != found[key][first:]:
            yield f"wrong:   {mechanism} {what}: {found[key]}; the truth: {expected[key]}"


def mappings_of(graph, pids):
    """[(mechanism, name, {pid: role})] of the shared memory that these processes have mapped."""
    names = node_names(graph)
    found = []
    for channel in graph["channels"]:
        roles = {}
        for endpoint in channel["endpoints"]:
            pid, role = names[endpoint["process"]], endpoint["role"]
            if role.startswith("map-") and pid in pids:
                roles[pid] = f"{roles[pid]} and {role}" if pid in roles else role
        if channel["mechanism"] in SHARED_MEMORY and roles:
            found.append((channel["mechanism"], channel["name"], roles))
    return found


def mapping_distance(truth, mapping):
    """How far a channel of the graph is from that of the truth; None if it cannot be the same."""
    if truth[0] != mapping[0] or (truth[1] and truth[1] != mapping[1]):
        return None
    return len(truth[2].items() ^ mapping[2].items())


def differ_in_mappers(truth, mapping):
    what = f"{truth[0]} '{truth[1]}'"
    for pid in sorted(truth[2].keys() | mapping[2].keys()):
        expected, role = truth[2].get(pid), mapping[2].get(pid)
        if role is None:
            yield f"missing: {pid} has {what} as {expected}"
        elif expected is None:
            yield f"forged:  {pid} has {what} as {role}"
        elif role != expected:
            yield f"wrong:   {pid} has {what} as {role}; the truth: {expected}"


def compare_mappings(truth, graph, pids):
    """The processes that have shared memory mapped, and how: each channel with the nearest."""
    truths, mappings = mappings_of(truth, pids), mappings_of(graph, pids)
    pairs = sorted((distance, i, j) for i, one in enumerate(truths)
                   for j, other in enumerate(mappings)
                   if (distance := mapping_distance(one, other)) is not None)
    partners, taken = {}, set()
    for _, i, j in pairs:
        if i not in partners and j not in taken:
            partners[i] = j
            taken.add(j)
    for i, (mechanism, name, roles) in enumerate(truths):
        if i in partners:
            yield from differ_in_mappers(truths[i], mappings[partners[i]])
        else:
            yield f"missing: {mechanism} '{name}', mapped by {roles}"
    for j, (mechanism, name, roles) in enumerate(mappings):
        if j not in taken:
            yield f"forged:  {mechanism} '{name}', mapped by {roles}"


def compare(truth, graph, closed=False, allow_inexact=False, with_names=True):
    """What is wrong with the graph: a line each. closed: no other process took part."""
    pids = {p["pid"] for p in truth["processes"] if p["pid"] is not None}
    users = {p["id"] for p in graph["processes"] if p["pid"] in pids}
    problems = check_graph(graph, None if closed else users)
    if any("unknown" in problem for problem in problems):
        return problems  # what follows looks things up
    truths = list(edges_of(truth))
    edges = [e for e in edges_of(graph) if closed or is_candidate(e, pids)]
    spread = {e.mechanism for e in edges if not e.exact} if allow_inexact else set()
    groups = collections.defaultdict(lambda: ([], []))
    for side, all_edges in enumerate((truths, edges)):
        for edge in all_edges:
            groups[edge.source, edge.target, edge.mechanism][side].append(edge)
    for key in sorted(groups, key=str):
        problems += compare_group(*groups[key], allow_inexact, spread)
    problems += compare_sums(truths, edges, spread)
    if with_names:
        problems += compare_names(truth, graph)
    problems += compare_rest(truth, graph, pids)
    problems += compare_mappings(truth, graph, pids)
    return problems


def inexact_edges(truth, graph):
    """Edges of the workload that the graph does not claim to be exact, as text."""
    pids = {p["pid"] for p in truth["processes"] if p["pid"] is not None}
    return [show(e) for e in edges_of(graph) if is_candidate(e, pids) and not e.exact]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--closed", action="store_true",
                        help="edges of processes that are not in the truth are forged, too")
    parser.add_argument("--allow-inexact", action="store_true",
                        help="an inexact edge need only hold what it says is certain")
    parser.add_argument("truth", type=pathlib.Path)
    parser.add_argument("graph", type=pathlib.Path)
    asked = parser.parse_args()
    truth = json.loads(asked.truth.read_text())
    graph = json.loads(asked.graph.read_text())
    problems = compare(truth, graph, asked.closed, asked.allow_inexact)
    for problem in problems:
        print(problem)
    if not problems:
        print(f"{len(truth['edges'])} edges are the same, "
              f"{len(inexact_edges(truth, graph))} of them not called exact")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
