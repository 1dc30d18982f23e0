#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Programs that none of us wrote: semaphores, shared memory, terminals, locks, descriptors.

The truth comes from the programs themselves (workers.py), from strace, from /proc and lsipc.
"""
import collections
import contextlib
import functools
import json
import os
import pathlib
import re
import signal
import subprocess

from harness import (ROOT, Recorder, add_case, case, ensure, ensure_equal, load_graph, main,
                     read_line, record, run, start, stop, wait_for)
from programs import (check, children, edges_between, ensure_mappers, free_port, need,
                      postgres_server, processes_called, server, shared_memory, total)
from strace_log import descriptors, parse_log, split_arguments

WORKERS = ROOT / "tests/live/workers.py"
PYTHON = "/usr/bin/python3"
TRACED = "read,write,sendmsg,recvmsg,futex"
STRACE = ("strace", "-f", "-yy", "-v", "-s", "9", "-o", "strace.log", "-e", f"trace={TRACED}")


def pid_edges(graph, mechanism, users=None):
    """{(pid, pid): (messages, bytes)} between different processes, and if all edges are exact.

    users: pids, of which one takes part; all if not given.
    """
    pids = {p["id"]: p["pid"] for p in graph["processes"]}
    sums = collections.defaultdict(lambda: (0, 0))
    are_exact = True
    for edge in graph["edges"]:
        pair = pids[edge["from"]], pids[edge["to"]]
        is_ours = users is None or users & set(pair)
        if edge["mechanism"] == mechanism and edge["from"] != edge["to"] and is_ours:
            sums[pair] = (sums[pair][0] + edge["messages"], sums[pair][1] + edge["bytes"])
            are_exact = are_exact and edge["exact"]
    return dict(sums), are_exact


# ---- Python's multiprocessing ------------------------------------------------------------------

def workers(subject, method, *witness):
    graph = record("sh", "-c", 'exec "$@" > counted.json', "sh", *witness, PYTHON, str(WORKERS),
                   subject, method)
    counted = json.loads(pathlib.Path("counted.json").read_text())
    return check(graph, "python3"), counted


def python_edges(subject, method):
    """With fork, nothing else goes between the processes that the workers name."""
    graph, counted = workers(subject, method)
    truth = {tuple(edge[:3]): tuple(edge[3:]) for edge in counted["edges"]}
    users = {pid for edge in truth for pid in edge[:2]}
    found = {}
    for mechanism in ("pipe", "unix-stream", "futex"):
        if mechanism not in {edge[2] for edge in truth}:
            continue
        edges, are_exact = pid_edges(graph, mechanism)
        ensure(are_exact, f"{mechanism} edges are not exact: {edges}")
        found.update({(*pair, mechanism): sums for pair, sums in edges.items()
                      if set(pair) <= users and (method == "fork" or (*pair, mechanism) in truth)})
    ensure_equal(found, truth, "edges")


def python_mappers(subject, method):
    graph, counted = workers(subject, method)
    witnessed = {int(pid): roles for pid, roles in counted["mappers"].items()}
    others = ensure_mappers(graph, witnessed)
    ensure_equal(others, {}, "other mappers")
    if "name" in counted:
        named = [c for c in graph["channels"] if c["name"] == counted["name"]]
        ensure_equal([c["mechanism"] for c in named], ["posix-shm"], f"channels {counted['name']}")


def python_manager(method):
    """A server with threads: another may close a descriptor, so not every edge is proven."""
    graph, counted = workers("manager", method)
    edges, _ = pid_edges(graph, "unix-stream")
    for client in counted["clients"]:
        counts = json.loads(pathlib.Path(f"counts.{client}").read_text())
        ensure(counts["sent"][0] > 200, f"a client counted {counts}")
        found = [edges[client, counted["server"]], edges[counted["server"], client]]
        ensure_equal(found, [tuple(counts["sent"]), tuple(counts["received"])], "frames")
    names = {c["name"] for c in graph["channels"] if c["mechanism"] == "unix-stream"}
    ensure_equal(names, {os.path.abspath("manager")}, "names of the channels")


def pipe_sums(calls):
    """{(pid, pipe, role): bytes} that strace saw."""
    sums = collections.Counter()
    for call in calls:
        if call.name in ("read", "write") and call.result > 0:
            for name in descriptors(call):
                if name.startswith("pipe:"):
                    role = "send" if call.name == "write" else "receive"
                    sums[call.pid, name, role] += call.result
    return dict(sums)


def python_tracker(subject, method):
    """What tells a child its task, and the resource tracker what there is, are pipes."""
    need("strace")
    graph, _ = workers(subject, method, *STRACE)
    expected = pipe_sums(parse_log("strace.log")[0])
    pids = {p["id"]: p["pid"] for p in graph["processes"]}
    found = {(pids[end["process"]], channel["object"], end["role"]): end["bytes"]
             for channel in graph["channels"] if channel["mechanism"] == "pipe"
             for end in channel["endpoints"] if end["bytes"]}
    ensure_equal(found, expected, "bytes through pipes")
    tracker = [p["id"] for p in graph["processes"] if "resource_tracker" in " ".join(p["args"])]
    ensure_equal(len(tracker), 1, "resource trackers")
    told = edges_between(graph, set(pids), tracker, "pipe")
    ensure_equal(total(told, "bytes"), sum(size for (pid, _, role), size in expected.items()
                                           if pid == pids[tracker[0]] and role == "receive"),
                 "bytes to the tracker")
    ensure(all(e["exact"] for e in told), f"edges to the tracker are not exact: {told}")


def python_sync(method):
    """strace says who was woken how often: what did not wait made no call, and is no edge."""
    need("strace")
    graph, counted = workers("sync", method, *STRACE)
    woken, released = collections.Counter(), collections.Counter()
    for call in parse_log("strace.log")[0]:
        if call.name != "futex" or "PRIVATE" in call.arguments or call.pid not in counted["pids"]:
            continue
        operation = split_arguments(call)[1]
        if operation.startswith("FUTEX_WAKE") and call.result > 0:
            woken[call.pid] += call.result
        elif operation.startswith("FUTEX_WAIT") and call.result == 0:
            released[call.pid] += 1
    ensure(sum(released.values()), "strace saw nobody being released")
    edges, _ = pid_edges(graph, "futex")
    posted, waited = collections.Counter(), collections.Counter()
    for (source, target), (messages, size) in edges.items():
        posted[source] += messages
        waited[target] += messages
        ensure_equal(size, 0, "bytes of a futex")
    ensure_equal((posted, waited), (woken, released), "who woke and who was released")


# ---- PostgreSQL --------------------------------------------------------------------------------

CLIENTS = 4
EPOLL_WAIT = "232"
HANDOVERS = 20


def segment_attaches():
    """{object of each segment of SysV: how many have it attached}, as lsipc counts them."""
    rows = run("lsipc", "-m", "--noheadings", "-r", "-o", "ID,NATTCH").stdout.splitlines()
    return {f"sysv-shm:[{row.split()[0]}]": int(row.split()[1]) for row in rows}


def backends(postmaster):
    """Children that serve a client."""
    found = []
    for pid in children(postmaster):
        with contextlib.suppress(OSError):  # it is gone
            if b"[local]" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def servers_now(postmaster):
    """{pid: {object: role}} of the postmaster and its children, if none came or went meanwhile."""
    pids = [postmaster, *children(postmaster)]
    attaches = segment_attaches()
    found = {pid: shared_memory(pid) for pid in pids}
    segments = [name for name in found[postmaster] if name in attaches]
    ensure(segments, f"no segment of SysV in {found[postmaster]}")
    is_steady = pids == [postmaster, *children(postmaster)] and \
        segment_attaches().items() >= {(name, len(pids)) for name in segments}
    return found if is_steady else None


def postgresql_family(graph, postmaster):
    """{id: pid} of the postmaster and its children."""
    pids = {p["id"]: p["pid"] for p in graph["processes"]}
    return {p["id"]: p["pid"] for p in graph["processes"]
            if p["pid"] == postmaster or pids.get(p["parent"]) == postmaster}


def look_at_backends(process, client):
    """The shared memory of each server process while pgbench keeps all of them busy."""
    bench = start(client("pgbench", "-n", "postgres", "-c", str(CLIENTS), "-T", "600"),
                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: len(backends(process.pid)) >= CLIENTS, "the backends")
    witnessed = wait_for(lambda: servers_now(process.pid), "a look at all of them")
    stop(bench)
    wait_for(lambda: not backends(process.pid), "the backends to end")
    return witnessed


def postgresql_memory(is_recorded_from_start):
    """Shared by inheritance, by name and by key: by all that lived, as long as they live."""
    need("lsipc")
    with contextlib.ExitStack() as recorder:
        if is_recorded_from_start:
            recorder.enter_context(Recorder("-a"))
        with postgres_server("-c", "autovacuum=off") as (process, client):
            run(*client("pgbench", "-n", "postgres", "-i", "-q"))
            if not is_recorded_from_start:
                recorder.enter_context(Recorder("-a"))
            witnessed = look_at_backends(process, client)
    graph = check(load_graph(), "postgres", "pgbench")
    family = postgresql_family(graph, process.pid)
    # The statistics are mapped by whoever has some to add, at its end at the latest.
    others = ensure_mappers(graph, witnessed, is_whole=False)
    ensure(others.keys() <= set(family.values()), f"mapped by others, too: {others.keys()}")
    ensure_equal({name.split(":")[0] for name in witnessed[process.pid]},
                 {"shared-mapping", "posix-shm", "sysv-shm"}, "kinds of memory")
    postgresql_semaphores(graph, witnessed[process.pid], family)


def postgresql_semaphores(graph, memory, family):
    """Unnamed semaphores in the shared memory: only who has it can wake or be woken."""
    objects = {c["id"]: c["object"] for c in graph["channels"]}
    names = {name.replace("shared-mapping", "futex").rstrip("]") + "+" for name in memory}
    edges = [e for e in graph["edges"] if e["mechanism"] == "futex" and
             any(objects[e["channel"]].startswith(name) for name in names)]
    strangers = [e for e in edges if not {e["from"], e["to"]} <= family.keys()]
    ensure(not strangers, f"semaphores of others: {strangers}")


class Session:
    """psql that answers, one question at a time."""

    END = "that was all"

    def __init__(self, command):
        self.process = start([*command, "-XAtq", "postgres"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self.pid = int(self.ask("SELECT pg_backend_pid()")[0])

    def tell(self, question):
        self.process.stdin.write(f"{question};\n\\echo {self.END}\n".encode())

    def answer(self):
        lines = []
        while (line := read_line(self.process.stdout, "an answer of psql").rstrip()) != self.END:
            lines.append(line)
        return lines

    def ask(self, question):
        self.tell(question)
        return self.answer()

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def postgresql_talk(postmaster, ours, other, client):
    """Signals between backends, each acted on before the next: {(from, to, name): count}."""
    other.ask("LISTEN news")
    for i in range(HANDOVERS):
        ours.ask(f"NOTIFY news, 'number {i}'")
        wait_for(lambda text=f'"number {i}"': text in " ".join(other.ask("SELECT 1")), "the news")
    for _ in range(HANDOVERS):
        ours.ask("SELECT pg_advisory_lock(1)")
        other.tell("SELECT pg_advisory_lock(1); SELECT pg_advisory_unlock(1)")
        wait_for(lambda: ours.ask("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = "
                                  f"{other.pid}") == ["1"] and is_in_call(other.pid, EPOLL_WAIT),
                 "the backend to wait for the lock")
        ours.ask("SELECT pg_advisory_unlock(1)")
        ensure_equal(other.answer(), ["", "t"], "what the one who waited got")
    servers = children(postmaster)
    before = ours.ask("SELECT pg_conf_load_time()")
    ours.ask("SELECT pg_reload_conf()")
    wait_for(lambda: ours.ask("SELECT pg_conf_load_time()") != before, "the new configuration")
    run(*client("psql", "-c", "SELECT 1", "postgres"))  # the postmaster is past its handler
    ours.ask(f"SELECT pg_terminate_backend({other.pid})")
    wait_for(lambda: other.pid not in children(postmaster), "the backend to end")
    return {(ours.pid, other.pid, "SIGUSR1"): HANDOVERS, (ours.pid, other.pid, "SIGURG"): HANDOVERS,
            (ours.pid, postmaster, "SIGHUP"): 1, (ours.pid, other.pid, "SIGTERM"): 1,
            (other.pid, postmaster, "SIGCHLD"): 1,
            **{(postmaster, child, "SIGHUP"): 1 for child in servers}}


def is_in_call(pid, number):
    return pathlib.Path(f"/proc/{pid}/syscall").read_text().split()[0] == number


@case
def postgresql_signals():
    with postgres_server("-c", "autovacuum=off") as (process, client):
        ours, other = (Session(client("psql")) for _ in range(2))
        with Recorder("-a"):
            truth = postgresql_talk(process.pid, ours, other, client)
        for session in (ours, other):
            session.end()
    graph = check(load_graph(), "postgres", "psql")
    family = postgresql_family(graph, process.pid)
    names = {c["id"]: c["name"] for c in graph["channels"]}
    kernel = {p["id"] for p in graph["processes"] if p["comm"] == "kernel"}
    edges = [e for e in graph["edges"] if e["mechanism"] == "signal" and e["to"] in family]
    strangers = [e for e in edges if e["from"] not in family.keys() | kernel]
    ensure(not strangers, f"signals from others: {strangers}")
    found = {(family.get(e["from"]), family[e["to"]], names[e["channel"]]): e for e in edges}
    for key, count in truth.items():
        ensure(key in found, f"no edge {key} in {found.keys()}")
        ensure_equal((found[key]["messages"], found[key]["exact"]), (count, True), f"signals {key}")
    ends = {ours.pid, other.pid}
    ensure_equal({key for key in found if set(key[:2]) == ends},
                 {key for key in truth if set(key[:2]) == ends}, "edges between the two sessions")


# ---- nginx -------------------------------------------------------------------------------------

NGINX_CONF = """
user root;
daemon off;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    limit_req_zone $binary_remote_addr zone=one:64k rate=1000r/s;
    server {{
        listen 127.0.0.1:{port};
        root {dir};
        limit_req zone=one;
    }}
}}
"""


def passed_sockets(calls, name):
    """[(pid, inodes of a unix socket and its peer)] that went by SCM_RIGHTS, as strace saw it."""
    return sorted((call.pid, *sorted(re.findall(r"\d+", match[1])))
                  for call in calls if call.name == name and call.result >= 0
                  for match in re.finditer(r"cmsg_data=\[\d+<UNIX-STREAM:\[([^]]*)\]>\]",
                                           call.arguments))


@case
def nginx_reload():
    """The zones that all have, and the channels that the master tells its workers about."""
    need("strace")
    directory, port = os.getcwd(), free_port()
    pathlib.Path("nginx.conf").write_text(NGINX_CONF.format(dir=directory, port=port))
    command = [*STRACE, need("nginx"), "-p", directory, "-e", "error.log", "-c", "nginx.conf"]
    witnessed = {}

    def workers_but(old):
        now = children(master)
        maps = {pid: shared_memory(pid) for pid in [master, *now]}
        if len(now) != 2 or set(now) & set(old) or None in maps.values():
            return None
        witnessed.update(maps)
        return now

    with Recorder("-a"):
        with server(command, ("127.0.0.1", port)) as process:
            # It listens before it says who it is.
            master = int(wait_for(lambda: pathlib.Path("nginx.pid").exists() and
                                  pathlib.Path("nginx.pid").read_text(), "the pid of nginx"))
            old = wait_for(lambda: workers_but([]), "two workers")
            os.kill(master, signal.SIGHUP)
            wait_for(lambda: workers_but(old), "two other workers")
            os.kill(master, signal.SIGTERM)
            ensure_equal(process.wait(30), 0, "exit status of nginx")
    graph = check(load_graph(), "nginx")
    ensure_equal(ensure_mappers(graph, witnessed), {}, "who has nginx's memory besides")
    ensure_equal({len(roles) for roles in witnessed.values()}, {2}, "mappings of each")
    calls, _ = parse_log("strace.log")
    pids = {p["id"]: p["pid"] for p in graph["processes"]}
    objects = {c["id"]: c["object"] for c in graph["channels"]}
    family = processes_called(graph, "nginx").keys()
    edges = [e for e in graph["edges"] if e["mechanism"] == "fd-pass" and e["to"] in family]
    ensure_equal({pids[e["from"]] for e in edges}, {master}, "who passes descriptors")
    ensure_equal(sorted((pids[e["to"]], *sorted(re.findall(r"\d+", objects[e["passed"]])))
                        for e in edges for _ in range(e["messages"])),
                 passed_sockets(calls, "recvmsg"), "what was passed")
    ensure(all(e["exact"] for e in edges), f"not exact: {edges}")
    sent = sum(end["messages"] for c in graph["channels"] if c["mechanism"] == "fd-pass"
               for end in c["endpoints"] if end["role"] == "send" and end["process"] in family)
    ensure_equal(sent, len(passed_sockets(calls, "sendmsg")), "descriptors sent")


# ---- redis -------------------------------------------------------------------------------------

@case
def redis_bgsave():
    """The child that saves tells its parent how it goes through a pipe."""
    need("strace")
    path = os.path.abspath("redis.sock")
    with Recorder("-a"):
        with server([*STRACE, need("redis-server"), "--port", "0", "--unixsocket", path, "--save",
                     "", "--dir", os.getcwd()], path) as process:
            def ask(*words):
                return run("redis-cli", "-s", path, *words).stdout
            ask("DEBUG", "POPULATE", "1000")
            ask("BGSAVE")
            wait_for(lambda: "rdb_bgsave_in_progress:0" in ask("INFO", "persistence"), "the save")
            ensure("rdb_last_bgsave_status:ok" in ask("INFO", "persistence"), "it was not saved")
            run("redis-cli", "-s", path, "SHUTDOWN", "NOSAVE", check=False)
            ensure_equal(process.wait(30), 0, "exit status of redis")
    graph = check(load_graph(), "redis-server", "redis-rdb-bgsav")
    pids = {p["id"]: p["pid"] for p in graph["processes"]}
    sums = pipe_sums(parse_log("strace.log")[0])
    users = {pid for pid, _, _ in sums}
    found = {(pids[end["process"]], c["object"], end["role"]): end["bytes"]
             for c in graph["channels"] if c["mechanism"] == "pipe" for end in c["endpoints"]
             if pids[end["process"]] in users and end["bytes"]}
    ensure_equal(found, sums, "bytes through pipes")
    parents = {p["pid"]: pids.get(p["parent"]) for p in graph["processes"]}
    sent = {key: size for key, size in sums.items() if key[2] == "send"}
    edges, are_exact = pid_edges(graph, "pipe", users)
    for (pid, _, _), size in sent.items():
        if parents[pid] in users:
            ensure_equal(edges.get((pid, parents[pid]), (0, 0))[1], size, "bytes to the parent")
    ensure(are_exact, f"not exact: {edges}")


# ---- a terminal --------------------------------------------------------------------------------

NUMBERS = "".join(f"{i}\n" for i in range(1, 1001))


def terminal(mode, shown, is_exact):
    """script(1) writes down what it read of the terminal: what went in, or what became of it."""
    graph = check(record(need("script"), "-qc", f"{mode} seq 1000 | sort -n", "typescript"),
                  "script", "seq", "sort")
    lines = pathlib.Path("typescript").read_bytes().split(b"\n", 1)[1]
    ensure(lines.startswith(shown.encode()), f"the terminal showed {lines[:100]}…")
    edges = edges_between(graph, processes_called(graph, "sort"),
                          processes_called(graph, "script"), "pty")
    ensure_equal((len(edges), total(edges, "bytes")), (1, len(NUMBERS)), "edges and bytes")
    ensure_equal(edges[0]["exact"], is_exact, "exact")
    received = sum(end["bytes"] for c in graph["channels"] if c["id"] == edges[0]["channel"]
                   for end in c["endpoints"]
                   if end["role"] == "receive" and end["process"] == edges[0]["to"])
    ensure_equal(received, len(shown), "bytes that script read")


# ---- flock(1) ----------------------------------------------------------------------------------

def lock_waiters():
    """Pids that wait for a lock."""
    rows = pathlib.Path("/proc/locks").read_text().splitlines()
    return {int(row.split()[5]) for row in rows if row.split()[1] == "->"}


@case
def flock_handover():
    """Two shells, in turn: who waits is in /proc/locks, who lets go is the only flock that runs."""
    need("flock")
    truth = set()
    shells = []
    with Recorder("-a"):
        for _ in range(2):
            shell = start(["sh", "-c", "exec 9> lock; while read command; do flock $command 9 & "
                           "echo $!; wait $!; echo done; done"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, bufsize=0)
            shells.append(shell)

        def begin(shell, option):
            shell.stdin.write(option.encode() + b"\n")
            return int(read_line(shell.stdout, "the pid of flock"))

        def end(shell):
            ensure_equal(read_line(shell.stdout, "the end of flock"), "done\n", "the shell")

        begin(shells[0], "-x")
        end(shells[0])
        for i in range(HANDOVERS):
            holder, waiter = shells[i % 2], shells[1 - i % 2]
            waiting = begin(waiter, "-x")
            wait_for(lambda pid=waiting: pid in lock_waiters(), "flock to wait")
            truth.add((begin(holder, "-u"), waiting))
            end(holder)
            end(waiter)
        for shell in shells:
            shell.stdin.close()
            shell.wait()
            shell.stdout.close()
    graph = check(load_graph(), "flock")
    edges, are_exact = pid_edges(graph, "file-lock", {pid for pair in truth for pid in pair})
    ensure_equal(edges, {pair: (1, 0) for pair in truth}, "hand-overs")
    ensure(are_exact, f"not exact: {edges}")


def add_cases():
    for method in ("fork", "spawn"):
        for subject in ("pipe", "queue", "semaphore"):
            add_case(f"python-{subject}-{method}", functools.partial(python_edges, subject, method))
        for subject in ("shm", "array"):
            add_case(f"python-{subject}-{method}",
                     functools.partial(python_mappers, subject, method))
        add_case(f"python-manager-{method}", functools.partial(python_manager, method))
        add_case(f"python-sync-{method}", functools.partial(python_sync, method))
    for subject, method in (("shm", "fork"), ("shm", "spawn"), ("array", "spawn")):
        add_case(f"python-tracker-{subject}-{method}",
                 functools.partial(python_tracker, subject, method))
    add_case("postgresql-memory", functools.partial(postgresql_memory, True))
    add_case("postgresql-memory-older", functools.partial(postgresql_memory, False))
    add_case("terminal", functools.partial(terminal, "", NUMBERS.replace("\n", "\r\n"), False))
    add_case("terminal-raw", functools.partial(terminal, "stty raw -echo;", NUMBERS, True))


if __name__ == "__main__":
    add_cases()
    raise SystemExit(main())
