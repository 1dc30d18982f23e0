#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""ipctrace snapshot against lsfd, and against processes that know what they hold."""
import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

from harness import (IPCTRACE, case, ensure, ensure_equal, ensure_in, main, read_line, run, start,
                     stop, wait_for)

USAGE, CANNOT_TRACE, IO = 2, 3, 5
HOLDERS = pathlib.Path(__file__).with_name("holders.py")
NOBODY = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
WAYS = ((), ("--from-proc",))  # as root: from the kernel's tables, and as others have to


@contextlib.contextmanager
def stage(*prefix):
    """holders.py, settled: what it said. `prefix` runs it as somebody else."""
    script = pathlib.Path(shutil.copy(HOLDERS, ".")).resolve()
    folder = pathlib.Path(f"stage{len(list(pathlib.Path('.').glob('stage*')))}")
    folder.mkdir()
    for place in (".", folder):
        os.chmod(place, 0o777)
    process = start([*prefix, sys.executable, script], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, bufsize=0, cwd=folder)
    try:
        yield json.loads(read_line(process.stdout, "what is held"))
    finally:
        process.stdin.close()
        status = process.wait(30)
    ensure_equal(status, 0, "exit status of holders.py")


def snapshot(*options, command=(IPCTRACE,), says=None):
    done = run(*command, "snapshot", "-f", "json", *options)
    if says is None:
        ensure_equal(done.stderr, "", f"what snapshot {options} said")
    else:
        ensure_in(says, done.stderr, f"snapshot {options}")
    return json.loads(done.stdout)


def as_nobody():
    """The build may lie where nobody cannot go."""
    os.chmod(".", 0o777)
    return [*NOBODY, shutil.copy(IPCTRACE, "ipctrace") and f"{os.getcwd()}/ipctrace"]


# ---- what is in a snapshot ---------------------------------------------------------------------

def pids_of(graph):
    return {process["id"]: process["pid"] for process in graph["processes"]}


def holders_of(graph, channel):
    """(pid, what it holds) of each descriptor; ends that one process holds are not told apart."""
    pids = pids_of(graph)
    found = collections.Counter()
    for endpoint in channel["endpoints"]:
        ends = endpoint.get("ends") or [endpoint["role"]]
        found[pids[endpoint["process"]], "+".join(ends)] += endpoint.get("descriptors", 1)
    return dict(found)


def find_channel(graph, mechanism, objects):
    """Of these kernel objects, in any order; None without."""
    if isinstance(objects, str):
        objects = [objects]
    found = [channel for channel in graph["channels"] if channel["mechanism"] == mechanism
             and sorted(channel["object"].split(" ")) == sorted(objects)]
    ensure(len(found) <= 1, f"{len(found)} channels of {objects}")
    return found[0] if found else None


def expected_holders(truth, holders):
    """As holders_of(); what one process holds of a channel is one endpoint."""
    ends = collections.defaultdict(list)
    for end, names in holders.items():
        for name in names:
            ends[truth["pids"][name]].append(end)
    return {(pid, "+".join(sorted(set(held)))): len(held) for pid, held in ends.items()}


def sort_ends(holders):
    return {(pid, "+".join(sorted(ends.split("+")))): nr for (pid, ends), nr in holders.items()}


def is_only_read(channel):
    return channel["mechanism"] == "shared-mapping" and not channel["holders"].get("map-rw")


def check_truth(graph, truth, with_standing):
    """Every channel that holders.py knows, with its name and all its holders."""
    for known in truth["channels"]:
        what = f"{known['mechanism']} {known['object']}"
        found = find_channel(graph, known["mechanism"], known["object"])
        if is_only_read(known) or not (known["holders"] or with_standing):
            ensure(found is None, f"{what} should not be there")
            continue
        ensure(found is not None, f"{what} is missing")
        if known["name"] is not None:
            ensure_equal(found["name"], known["name"], f"name of {what}")
        ensure_equal(sort_ends(holders_of(graph, found)),
                     expected_holders(truth, known["holders"]), f"holders of {what}")


# ---- lsfd --------------------------------------------------------------------------------------

PROTOCOLS = {"UNIX-STREAM": "unix-stream", "TCP": "tcp", "TCPv6": "tcp", "UDP": "udp",
             "UDPv6": "udp", "NETLINK": "netlink"}


def lsfd(pids):
    """{(kind, inode): {pid: descriptors}} of pipes and sockets, with the modes of pipes' ends."""
    listed = run("lsfd", "--json", "-o", "PID,ASSOC,TYPE,MODE,INODE,PROTONAME", "-p",
                 ",".join(map(str, pids))).stdout
    found = collections.defaultdict(collections.Counter)
    for row in json.loads(listed)["lsfd"]:
        if not row["assoc"].isdigit():
            continue  # a mapping, a working directory, …
        if row["type"] == "FIFO":
            ends = row["mode"][:2]
            for letter, end in ("r", "read"), ("w", "write"):
                if letter in ends:
                    found["pipe", row["inode"], end][row["pid"]] += 1
        elif row["type"] == "SOCK":
            found["socket", row["inode"], row["protoname"]][row["pid"]] += 1
    return {key: set(holders) for key, holders in found.items()}


def same_in(graph, pids):
    """The same from a snapshot. lsfd names no protocol of unix sockets but streams."""
    numbers = pids_of(graph)
    found = collections.defaultdict(set)
    for channel in graph["channels"]:
        for endpoint in channel["endpoints"]:
            pid = numbers[endpoint["process"]]
            if pid not in pids or "ends" not in endpoint:
                continue
            for end in endpoint["ends"]:
                if channel["mechanism"] in ("pipe", "fifo"):
                    inode = re.search(r"\[(\d+)\]", channel["object"]).group(1)
                    found["pipe", int(inode), end].add(pid)
                elif "socket:" in channel["object"]:
                    inode = re.search(r"\[(\d+)\]", channel["object"] if end == "listen" else end)
                    found["socket", int(inode.group(1)), channel["mechanism"]].add(pid)
    return found


def check_lsfd(graph, pids):
    listed = {}
    for (kind, inode, detail), holders in lsfd(pids).items():
        if kind == "socket":
            detail = PROTOCOLS.get(detail)
        listed[kind, inode, detail] = holders
    found = {}
    for (kind, inode, detail), holders in same_in(graph, pids).items():
        if detail in ("unix-dgram", "unix-seqpacket"):
            detail = None
        found[kind, inode, detail] = holders
    ensure(len(listed) > 30, f"lsfd shows only {len(listed)} ends")
    ensure_equal({key: found.get(key) for key in listed}, listed, "what lsfd shows")
    ensure_equal(set(found) - set(listed), set(), "what lsfd does not show")


# ---- cases -------------------------------------------------------------------------------------

@case
def same_as_truth():
    with stage() as truth:
        for way in WAYS:
            print(way)
            check_truth(snapshot(*way), truth, with_standing=True)


@case
def same_as_lsfd():
    with stage() as truth:
        pids = set(truth["pids"].values())
        for way in WAYS:
            print(way)
            check_lsfd(snapshot(*way), pids)


@case
def chosen_processes():
    """-p: the tree and whoever is at the other ends, and no other channel."""
    with stage() as other, stage() as truth:
        a, b = truth["pids"]["a"], truth["pids"]["b"]
        for way in WAYS:
            print(way)
            graph = snapshot("-p", str(a), *way)
            check_truth(graph, truth, with_standing=False)
            check_lsfd(graph, set(truth["pids"].values()))
            numbers = pids_of(graph)
            pids = {numbers[end["process"]] for channel in graph["channels"]
                    for end in channel["endpoints"]}
            ensure_in(os.getpid(), pids, "the holders, of the pipe to this test,")
            ensure(not pids & set(other["pids"].values()), "others, who hold nothing of it")
            graph = snapshot("-p", str(b), *way)
            traced = {process["pid"] for process in graph["processes"] if process["traced"]}
            ensure_equal(traced, {b}, "the chosen process without its parent")
            check_held_by(graph, truth, "b")


def check_held_by(graph, truth, name):
    for known in truth["channels"]:
        is_wanted = any(name in names for names in known["holders"].values())
        found = find_channel(graph, known["mechanism"], known["object"])
        ensure(bool(found) == (is_wanted and not is_only_read(known)),
               f"{known['mechanism']} {known['object']}, of {known['holders']}: {found}")


@case
def chosen_mechanisms():
    with stage():
        for way in WAYS:
            for chosen, names in (("unix", {"unix-stream", "unix-dgram", "unix-seqpacket"}),
                                  ("queue", {"posix-mq", "sysv-msg"}), ("fifo", {"fifo"}),
                                  ("shared-memory",
                                   {"memfd", "posix-shm", "sysv-shm", "shared-mapping"})):
                graph = snapshot("-e", chosen, *way)
                ensure_equal({channel["mechanism"] for channel in graph["channels"]}, names,
                             f"mechanisms of -e {chosen} {way}")


@case
def levels():
    """What waits in the channels, where that can be known."""
    with stage() as truth:
        for way in WAYS:
            graph = snapshot(*way)
            for known in truth["channels"]:
                channel = find_channel(graph, known["mechanism"], known["object"])
                if known["mechanism"] == "fifo" and not way:
                    ensure_equal(channel["unread"]["bytes"], 5, "bytes in the FIFO")
                if known["mechanism"] == "posix-mq" and not way:
                    ensure_equal((channel["unread"]["messages"], channel["unread"]["bytes"]),
                                 (2, 8), "what the POSIX queue holds")
                if known["mechanism"] == "sysv-msg":
                    ensure_equal((channel["unread"]["messages"], channel["unread"]["bytes"]),
                                 (2, 10), f"what the queue holds {way}")
                if known["mechanism"] in ("memfd", "posix-shm", "sysv-shm"):
                    ensure_equal(channel["size"], 4096, f"size of {known} {way}")


@case
def as_ordinary_user():
    """Own processes whole; of others it is said that they are missing."""
    command = as_nobody()
    with stage(*NOBODY) as truth:
        graph = snapshot(command=command, says="processes of other users are not shown")
        check_truth(graph, truth, with_standing=True)
        check_lsfd(graph, set(truth["pids"].values()))
        users = {process["id"]: process["uid"] for process in graph["processes"]}
        holders = {users[end["process"]] for channel in graph["channels"]
                   for end in channel["endpoints"]}
        ensure_equal(len(holders), 1, f"users {holders}")
        graph = snapshot("-p", str(truth["pids"]["a"]), command=command, says="other users")
        check_truth(graph, truth, with_standing=False)
    with stage() as truth:
        done = run(*command, "snapshot", "-p", str(truth["pids"]["a"]), check=False)
        ensure_equal(done.returncode, CANNOT_TRACE, "exit status for root's process")
        ensure_in("another user", done.stderr, "-p of root's process")
        ensure_equal(done.stdout, "", "stdout")


THREAD_ALONE = """
import ctypes, os, threading, time
def stay():
    os.write(1, b"ready\\n")
    os.read(0, 1)
    os._exit(0)
threading.Thread(target=stay).start()
ctypes.CDLL(None).pthread_exit(None)
"""


@case
def leader_is_gone():
    """The main thread has ended, another holds the files."""
    process = start([sys.executable, "-c", THREAD_ALONE], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, bufsize=0)
    read_line(process.stdout, "the thread")
    stat = pathlib.Path(f"/proc/{process.pid}/stat")
    wait_for(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z", "the zombie")
    inode = os.fstat(process.stdin.fileno()).st_ino
    for way in WAYS:
        graph = snapshot("-p", str(process.pid), *way)
        channel = find_channel(graph, "pipe", f"pipe:[{inode}]")
        ensure(channel, f"its stdin is missing {way}")
        ensure_equal(holders_of(graph, channel).get((process.pid, "read")), 1, f"holders {way}")
    process.stdin.close()
    process.wait(30)


@case
def processes_that_end():
    """What comes and goes meanwhile is no error, and what stays is all there."""
    script = "while :; do (: | : | sh -c 'exit 0' | :); done"
    busy = start(["sh", "-c", script], start_new_session=True)
    try:
        with stage() as truth:
            for _ in range(10):
                for way in WAYS:
                    graph = snapshot(*way)
                    check_truth(graph, truth, with_standing=True)
    finally:
        os.killpg(busy.pid, 9)
        stop(busy)


@case
def network_namespaces():
    """Sockets of a namespace of their own, and equal addresses that are no connection."""
    done = run("unshare", "-n", "true", check=False)
    ensure_equal(done.returncode, 0, "unshare -n")
    inside = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    with stage() as outer, stage(*inside) as inner:
        for way in WAYS:
            print(way)
            graph = snapshot(*way)
            check_truth(graph, outer, with_standing=True)
            check_truth(graph, inner, with_standing=True)


@case
def pictures():
    with stage() as truth:
        for way in WAYS:
            chosen = ("-p", str(truth["pids"]["a"]), *way)
            dot = run(IPCTRACE, "snapshot", *chosen, "-f", "dot").stdout
            for pid in truth["pids"].values():
                ensure_in(f"pid {pid}<", dot, "dot")
            for known in truth["channels"]:
                holders = {name for names in known["holders"].values() for name in names}
                if len(holders) > 1 and known["name"] and not is_only_read(known):
                    ensure_in(known["name"][-12:], dot, "dot")
            svg = run(IPCTRACE, "snapshot", *chosen, "-f", "svg").stdout
            xml.etree.ElementTree.fromstring(svg)
            text = run(IPCTRACE, "snapshot", *chosen).stdout
            wide = [line for line in text.splitlines() if len(line) > 100]
            ensure(not wide, f"wider than 100 columns: {wide}")
            for known in truth["channels"]:
                if known["holders"] and not is_only_read(known):
                    ensure_in(f"\n{known['mechanism']} ", text, "the table")


@case
def bad_options():
    used = int(pathlib.Path("/proc/sys/kernel/pid_max").read_text()) - 1
    for options, says in ((["-p", "0"], "'0'"), (["-p", "x"], "'x'"), (["-p", ""], "''"),
                          (["-p", str(used)], f"no process {used}"),
                          (["-f", "jsn"], "json"), (["-e", "pip"], "pipe"),
                          (["--from-prc"], "from-prc"), (["-a"], "'a'"),
                          (["more"], "Too many arguments")):
        for way in WAYS:
            done = run(IPCTRACE, "snapshot", *way, *options, check=False)
            ensure_equal(done.returncode, USAGE, f"exit status of {options}")
            ensure_in(says, done.stderr, f"snapshot {options}")
            ensure_equal(done.stdout, "", f"stdout of {options}")
    for way in WAYS:
        done = run(IPCTRACE, "snapshot", *way, "-o", "missing/file", check=False)
        ensure_equal(done.returncode, IO, "exit status of an unwritable file")
        ensure_in("missing/file", done.stderr, "snapshot")
        with open("/dev/full", "wb") as full:
            done = run(IPCTRACE, "snapshot", *way, stdout=full, check=False)
            ensure_equal(done.returncode, IO, "exit status on a full device")


@case
def hostile_names():
    """A unix socket whose name has a newline and looks like a row of another."""
    import socket  # pylint: disable=import-outside-toplevel
    with stage() as truth:
        evil = socket.socket(socket.AF_UNIX)
        inode = next(known["object"][0] for known in truth["channels"]
                     if known["mechanism"] == "unix-stream")
        number = re.search(r"\d+", inode).group()
        evil.bind(f"\0x\n0: 00000002 00000000 00010000 0002 01 {number} /forged")
        for way in WAYS:
            check_truth(snapshot(*way), truth, with_standing=True)
            text = run(IPCTRACE, "snapshot", *way).stdout
            ensure(not [line for line in text.splitlines() if line.startswith("0: ")],
                   "a name broke a line")
        evil.close()


if __name__ == "__main__":
    raise SystemExit(main())
