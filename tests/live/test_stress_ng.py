#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""stress-ng's stressors of IPC, recorded while strace counts the same run.

Per mechanism and role, what all processes of the stressor did is what strace saw of it. Being
traced by strace at the same time must not confuse the tracing.
"""
import collections
import functools
import json
import re
import shutil

import compare
from harness import Skip, add_case, ensure, ensure_equal, main, record
from strace_log import descriptors, ends, never_returned, parse_log, split_arguments

READS = {"read", "readv", "recvfrom", "recvmsg", "recv", "mq_timedreceive"}
WRITES = {"write", "writev", "sendto", "sendmsg", "send", "mq_timedsend"}
MOVERS = {"splice", "tee", "vmsplice"}
STREAMS = {"pipe", "fifo", "unix-stream", "tcp", "pty"}

Sum = collections.namedtuple("Sum", "messages bytes")


def mechanism_of(name):
    """The mechanism that strace's name of a descriptor belongs to, None for other files."""
    for pattern, mechanism in ((r"pipe:\[", "pipe"), (r"UNIX-STREAM:", "unix-stream"),
                               (r"UNIX-DGRAM:", "unix-dgram"), (r"UNIX-SEQPACKET:", "unix-seqpacket"),
                               (r"TCP(v6)?:", "tcp"), (r"UDP(v6)?:", "udp"),
                               (r"anon_inode:\[eventfd\]", "eventfd"), (r"/mq-", "posix-mq"),
                               (r".*/stress-ng-fifo-\d+-\d+-\d+$", "fifo")):
        if re.match(pattern, name):
            return mechanism
    return None


def moved_by(call):
    """(mechanism, role, messages, bytes) of each channel that a call moved data through."""
    names = [mechanism_of(name) for name in descriptors(call)]
    if not names or call.result < 0:
        return
    if call.name == "mq_timedsend":
        size = int(split_arguments(call)[2])
        yield names[0], "send", 1, size
    elif names[0] == "posix-mq" and not call.name.startswith("mq_"):
        return  # a text about the queue
    elif call.name in READS and names[0]:
        is_end = not call.result and names[0] in STREAMS
        yield names[0], "receive", 0 if is_end else 1, call.result
    elif call.name in WRITES and names[0]:
        yield names[0], "send", 1, call.result
    elif call.name in MOVERS and call.result:
        arguments = split_arguments(call)
        places = (0,) if call.name == "vmsplice" else (0, 1) if call.name == "tee" else (0, 2)
        for at, place in enumerate(places):
            match = re.match(r"\d+<(.*)>$", arguments[place])
            mechanism = mechanism_of(match[1]) if match else None
            is_send = at == 1 or call.name == "vmsplice"
            if mechanism and not (call.name == "tee" and at == 0):
                yield mechanism, "send" if is_send else "receive", 1, call.result


def witnessed(calls, mechanisms):
    """{(mechanism, role): Sum} of what strace saw."""
    sums = collections.defaultdict(lambda: [0, 0])
    for call in calls:
        for mechanism, role, messages, size in moved_by(call):
            if mechanism in mechanisms:
                sums[mechanism, role][0] += messages
                sums[mechanism, role][1] += size
    return {key: Sum(*value) for key, value in sums.items() if any(value)}


def own(graph):
    """Ids of the stressor's processes: strace and the recorder's own are not of them."""
    return {p["id"] for p in graph["processes"] if p["comm"].startswith("stress-ng")}


def recorded(graph, mechanisms):
    sums = collections.defaultdict(lambda: [0, 0])
    users = own(graph)
    for channel in graph["channels"]:
        for end in channel["endpoints"]:
            if channel["mechanism"] in mechanisms and end["process"] in users and \
                    end["role"] in ("send", "receive"):
                is_stream_end = channel["mechanism"] in STREAMS and end["role"] == "receive"
                sums[channel["mechanism"], end["role"]][0] += \
                    0 if is_stream_end else end["messages"]
                sums[channel["mechanism"], end["role"]][1] += end["bytes"]
    return {key: Sum(*value) for key, value in sums.items() if any(value)}


def without_stream_reads(sums):
    """How many reads took a stream's bytes is no number of messages."""
    return {key: Sum(0, value.bytes) if key[0] in STREAMS and key[1] == "receive" else value
            for key, value in sums.items()}


def unwitnessed(calls, mechanisms):
    """
    {(mechanism, role): Sum} of what at most was moved by the calls in which their process was
    killed: the stressor's calls are of one size, which is the largest that was seen.
    """
    largest = collections.defaultdict(int)
    for call in calls:
        for mechanism, role, _, size in moved_by(call):
            largest[mechanism, role] = max(largest[mechanism, role], size)
    sums = collections.defaultdict(lambda: Sum(0, 0))
    for call in never_returned("strace.log"):
        for mechanism in (mechanism_of(name) for name in descriptors(call)):
            role = "receive" if call.name in READS else "send"
            if mechanism in mechanisms and call.name in READS | WRITES:
                before = sums[mechanism, role]
                sums[mechanism, role] = Sum(before.messages + 1,
                                            before.bytes + largest[mechanism, role])
    return sums


def compare_transfers(graph, calls, _, mechanisms):
    expected = without_stream_reads(witnessed(calls, mechanisms))
    ensure(expected, f"strace saw nothing of {mechanisms}")
    more = without_stream_reads(unwitnessed(calls, mechanisms))
    seen = recorded(graph, mechanisms)
    ensure_equal(set(seen), set(expected), "who moved data")
    for key, least in expected.items():
        extra = more.get(key, Sum(0, 0))
        ensure(all(low <= value <= low + most for low, value, most in zip(least, seen[key], extra)),
               f"{key}: {seen[key]} was moved; strace saw {least} and at most {extra} more in "
               "calls whose process was killed")


def edges_of(graph, mechanism):
    users = own(graph)
    return [e for e in graph["edges"] if e["mechanism"] == mechanism and
            e["from"] in users and e["to"] in users]


def endpoint_sum(graph, mechanism, role, unit):
    users = own(graph)
    return sum(end[unit] for channel in graph["channels"] if channel["mechanism"] == mechanism
               for end in channel["endpoints"] if end["role"] == role and end["process"] in users)


def compare_signals(graph, calls, _, name):
    """
    Each is queued, or pending already and so the channel's `lost` (no realtime signal is), but
    to who is ending: then the call succeeds and nothing is queued.
    """
    sent = [c for c in calls if c.name == "rt_sigqueueinfo" and c.result == 0 and
            re.match(name, split_arguments(c)[1])]
    end_of = ends("strace.log")
    alive = sum(1 for c in sent if c.line < end_of.get(int(split_arguments(c)[0]), c.line + 1))
    ensure(alive, "strace saw no signal being queued")
    channels = [c for c in graph["channels"] if c["mechanism"] == "signal" and
                re.match(name.replace("SIGRT_", "SIGRTMIN"), c["name"])]
    ids = {c["id"] for c in channels}
    queued = sum(e["messages"] for e in edges_of(graph, "signal") if e["channel"] in ids)
    coalesced = sum(c["lost"]["messages"] for c in channels)
    ensure(not coalesced or name != "SIGRT_", f"{coalesced} realtime signals were coalesced")
    ensure(alive <= queued + coalesced <= len(sent),
           f"{queued} queued and {coalesced} pending already; {len(sent)} were sent, {alive} of "
           "them surely before their target began to end")


def compare_kills(graph, _, deliveries, signal):
    """A signal that is sent is delivered once unless it was pending already."""
    seen = sum(1 for one in deliveries
               if one.signal == signal and one.fields.get("si_code") == "SI_USER")
    ensure(seen, f"strace saw no {signal}")
    channels = {c["id"] for c in graph["channels"] if c["mechanism"] == "signal" and
                c["name"] == signal}
    edges = [e for e in edges_of(graph, "signal") if e["channel"] in channels]
    ensure_equal(sum(e["messages"] for e in edges), seen, f"delivered {signal}")


def compare_messages(graph, calls, _):
    sent = [int(split_arguments(c)[2]) for c in calls if c.name == "msgsnd" and c.result == 0]
    taken = [c.result for c in calls if c.name == "msgrcv" and c.result >= 0 and
             "MSG_COPY" not in c.arguments]
    ensure(sent and taken, "strace saw no messages")
    for role, sizes in (("send", sent), ("receive", taken)):
        for unit, expected in (("messages", len(sizes)), ("bytes", sum(sizes))):
            ensure_equal(endpoint_sum(graph, "sysv-msg", role, unit), expected,
                         f"{unit} of {role}")


def compare_semaphores(graph, calls, _):
    done = [c for c in calls if c.name in ("semop", "semtimedop") and c.result == 0 and
            not c.arguments.count("...")]  # strace cuts long arrays
    ensure(done, "strace saw no semaphore operation")
    waits = sum(c.arguments.count("sem_op=-") for c in done)
    posts = len(re.findall(r"sem_op=[1-9]", " ".join(c.arguments for c in done)))
    ensure(endpoint_sum(graph, "sysv-sem", "wait", "operations") >= waits, "waits are missing")
    ensure(endpoint_sum(graph, "sysv-sem", "post", "operations") >= posts, "posts are missing")
    if len(done) == sum(c.name in ("semop", "semtimedop") and c.result == 0 for c in calls):
        ensure_equal(endpoint_sum(graph, "sysv-sem", "wait", "operations"), waits, "waits")


def compare_futexes(graph, calls, _):
    shared = [c for c in calls if c.name == "futex" and "PRIVATE" not in c.arguments]
    woken = sum(c.result for c in shared if "FUTEX_WAKE" in c.arguments and c.result > 0)
    released = sum(1 for c in shared if "FUTEX_WAIT" in c.arguments and c.result == 0)
    ensure(woken, "strace saw nobody being woken")
    edges = edges_of(graph, "futex")
    ensure_equal(sum(e["messages"] for e in edges), released, "releases")


def compare_locks(graph, calls, _):
    done = [c for c in calls if c.name == "flock" and c.result == 0]
    unlocked = sum("LOCK_UN" in c.arguments for c in done)
    ensure(unlocked, "strace saw no lock")
    ensure_equal(endpoint_sum(graph, "file-lock", "wait", "operations"), len(done) - unlocked,
                 "locks")
    ensure_equal(endpoint_sum(graph, "file-lock", "post", "operations"), unlocked, "unlocks")


def compare_process_vm(graph, calls, _):
    for name, role in (("process_vm_readv", "read"), ("process_vm_writev", "write")):
        done = [c for c in calls if c.name == name and c.result > 0]
        ensure(done, f"strace saw no {name}")
        del role
    total = sum(c.result for c in calls if c.name.startswith("process_vm_") and c.result > 0)
    ensure_equal(sum(e["bytes"] for e in edges_of(graph, "process-vm")), total, "bytes")


def compare_passed(graph, calls, _):
    taken = sum(c.arguments.count("SCM_RIGHTS") for c in calls
                if c.name == "recvmsg" and c.result >= 0)
    ensure(taken, "strace saw no descriptor being passed")
    edges = edges_of(graph, "fd-pass")
    ensure_equal(sum(e["messages"] for e in edges), taken, "passed descriptors")


def compare_mappers(graph, calls, _, name, mechanism):
    """Whoever attached is a mapper; a thread's or child's process shows under its own id."""
    mapped = {c.pid for c in calls if c.name == name and c.result > 0}
    ensure(mapped, f"strace saw no {name}")
    pids = {p["id"]: p["pid"] for p in graph["processes"]}
    mappers = {pids[end["process"]] for channel in graph["channels"]
               if channel["mechanism"] == mechanism for end in channel["endpoints"]}
    ensure(mapped <= mappers, f"mapped by {mapped}, recorded {mappers}")


def compare_mapped_files(graph, calls, _, pattern, mechanism):
    """Who mapped such a file shared is a mapper, and nobody else of the stressor is."""
    mapped = {c.pid for c in calls if c.name == "mmap" and c.result > 0 and
              "MAP_SHARED" in c.arguments and any(re.match(pattern, n) for n in descriptors(c))}
    ensure(mapped, "strace saw no such mapping")
    users = own(graph)
    pids = {p["id"]: p["pid"] for p in graph["processes"]}
    ensure_equal({pids[end["process"]] for channel in graph["channels"]
                  if channel["mechanism"] == mechanism for end in channel["endpoints"]
                  if end["process"] in users}, mapped, "mappers")


TRANSFERS = "read,readv,write,writev,%network,splice,tee,vmsplice,mq_timedsend,mq_timedreceive"
# stressor: operations, more options, what strace looks at, how the two are compared
STRESSORS = {
    "pipe": (300, (), TRANSFERS, compare_transfers, ({"pipe"},)),
    "fifo": (300, (), TRANSFERS, compare_transfers, ({"fifo"},)),
    "sock": (5, (), TRANSFERS, compare_transfers, ({"tcp"},)),
    "sockpair": (200, (), TRANSFERS, compare_transfers, ({"unix-stream"},)),
    "udp": (200, (), TRANSFERS, compare_transfers, ({"udp"},)),
    "mq": (200, (), TRANSFERS, compare_transfers, ({"posix-mq"},)),
    "eventfd": (200, (), TRANSFERS, compare_transfers, ({"eventfd"},)),
    "splice": (200, (), TRANSFERS, compare_transfers, ({"pipe"},)),
    "tee": (100, (), TRANSFERS, compare_transfers, ({"pipe"},)),
    "sockfd": (200, (), TRANSFERS, compare_passed, ()),
    "msg": (200, (), "msgsnd,msgrcv", compare_messages, ()),
    "sem-sysv": (200, (), "semop,semtimedop", compare_semaphores, ()),
    "futex": (200, (), "futex", compare_futexes, ()),
    "flock": (200, (), "flock", compare_locks, ()),
    "sigq": (200, (), "rt_sigqueueinfo,exit_group", compare_signals, ("SIGUSR1",)),
    "sigrt": (200, (), "rt_sigqueueinfo,exit_group", compare_signals, ("SIGRT_",)),
    "kill": (200, (), "kill", compare_kills, ("SIGUSR1",)),
    "vm-rw": (50, ("--vm-rw-bytes", "64k"), "process_vm_readv,process_vm_writev",
              compare_process_vm, ()),
    "shm-sysv": (20, ("--shm-sysv-bytes", "1m"), "shmat", compare_mappers,
                 ("shmat", "sysv-shm")),
    "memfd": (2, ("--memfd-fds", "8", "--memfd-bytes", "2m"), "mmap", compare_mapped_files,
              ("/memfd:", "memfd")),
}


def run_stressor(name):
    operations, options, traced, function, arguments = STRESSORS[name]
    for program in ("stress-ng", "strace"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    graph = record("strace", "-f", "-yy", "-v", "-s", "0", "-o", "strace.log", "-e",
                   f"trace={traced}", "stress-ng", "--quiet", "--temp-path", ".", f"--{name}", "1",
                   f"--{name}-ops", str(operations), *options)
    problems = compare.check_graph(graph, own(graph))
    ensure(not problems, "\n".join(problems))
    ensure_equal(graph["ledger"]["lost"], 0, f"lost records {json.dumps(graph['ledger'])}")
    calls, deliveries = parse_log("strace.log")
    function(graph, calls, deliveries, *arguments)


if __name__ == "__main__":
    for stressor in STRESSORS:
        add_case(stressor, functools.partial(run_stressor, stressor))
    raise SystemExit(main())
