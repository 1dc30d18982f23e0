# SPDX-License-Identifier: GPL-2.0-only
"""What tests with programs that none of us wrote share: servers, and what is in their graph."""
import collections
import contextlib
import glob
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import compare
from harness import Skip, ensure, ensure_equal, run, start, stop, wait_for


def need(program):
    """The path of a program that `make deps` installs."""
    path = shutil.which(program)
    if not path:
        raise Skip(f"{program} is not installed")
    return path


def check(graph, *comms):
    """The graph, if nothing is wrong with it and with the channels of these programs."""
    users = {p["id"] for p in graph["processes"] if p["comm"] in comms}
    problems = compare.check_graph(graph, users)
    ensure(not problems, "\n".join(problems))
    ensure_equal(graph["ledger"]["lost"], 0, "lost records")
    return graph


def processes_called(graph, comm):
    return {p["id"]: p for p in graph["processes"] if p["comm"] == comm}


def edges_between(graph, source, target, mechanism):
    """Edges from any of the processes `source` to any of `target`."""
    return [e for e in graph["edges"] if e["from"] in source and e["to"] in target and
            e["mechanism"] == mechanism]


def edges_from_before(graph, target, mechanism):
    """What these processes received that was sent before the capture saw the channel."""
    before = {p["id"] for p in graph["processes"] if p["comm"] == "before capture"}
    return edges_between(graph, before, target, mechanism)


def ensure_exact(graph, edges, what, allowed=0):
    """But where something was sent before the capture saw the channel, nothing can be proven."""
    ensure(edges, f"no edges {what}")
    early = edges_from_before(graph, {e["to"] for e in edges}, edges[0]["mechanism"])
    unproven = {(e["channel"], e["to"]) for e in early}
    doubtful = [e for e in edges if not e["exact"] and (e["channel"], e["to"]) not in unproven]
    ensure(len(doubtful) <= allowed,
           f"{len(doubtful)} of {len(edges)} edges {what} are not exact, e.g. {doubtful[:1]}")


def total(edges, unit):
    return sum(e[unit] for e in edges)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(address):
    """Does a server accept connections there?"""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as probe:
        return probe.connect_ex(address) == 0


@contextlib.contextmanager
def server(command, address, end=signal.SIGTERM):
    """A server that runs, from its first accepted connection on, until the block ends."""
    with open("server.log", "wb") as log:
        process = start(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        def is_up():
            ensure(process.poll() is None,
                   f"{command[0]} ended: {pathlib.Path('server.log').read_text()}")
            return answers(address)
        wait_for(is_up, f"{command[0]} to listen")
        yield process
    finally:
        stop(process, end)


# ---- shared memory -----------------------------------------------------------------------------

def children(pid):
    """Processes that a process with one thread has now."""
    return [int(child) for child in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


MEMORY_PATHS = {"/SYSV": "sysv-shm", "/dev/shm/": "posix-shm", "/memfd:": "memfd",
                "/dev/zero (deleted)": "shared-mapping"}


def shared_memory(pid):
    """{object: role} of the shared memory that a process has mapped now, None if it is gone.

    Without files of disks, which are none if nobody maps them to write.
    """
    found = {}
    try:
        rows = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    except OSError:
        return None
    for row in rows:
        _, rights, _, _, inode, *path = row.split(maxsplit=5)
        for prefix, mechanism in MEMORY_PATHS.items():
            if path and path[0].startswith(prefix) and rights[3] == "s":
                name, role = f"{mechanism}:[{inode}]", "map-rw" if rights[1] == "w" else "map-ro"
                found[name] = max(found.get(name, role), role)
    return found


def ensure_mappers(graph, witnessed, is_whole=True):
    """Processes {pid: {object: role}} have mapped what they were seen with; returns who else.

    is_whole: they had nothing else of it, before or after.
    """
    pids = {p["id"]: p["pid"] for p in graph["processes"]}
    objects = {name for roles in witnessed.values() for name in roles}
    ensure(objects, "nobody was seen with shared memory")
    found = collections.defaultdict(dict)
    for channel in graph["channels"]:
        for end in channel["endpoints"]:
            if end["role"].startswith("map-") and channel["object"] in objects:
                found[pids[end["process"]]][channel["object"]] = end["role"]
    for pid, roles in witnessed.items():
        mapped = found.pop(pid, {})
        if not is_whole:
            mapped = {name: mapped.get(name) for name in roles}
        ensure_equal(mapped, roles, f"shared memory of {pid}")
    return found


# ---- PostgreSQL --------------------------------------------------------------------------------

def as_postgres(*command):
    """Cleared by the change of user: what makes a process die with its parent."""
    return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups",
            "--pdeathsig", "KILL", *command]


@contextlib.contextmanager
def postgres_server(*options):
    """The postmaster, and how a client is called: a function of its name."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not found:
        raise Skip("postgresql is not installed")
    directory = pathlib.Path(os.getcwd())
    directory.chmod(0o711)
    for name in ("data", "run"):
        (directory / name).mkdir(mode=0o700)
        shutil.chown(directory / name, "postgres", "postgres")
    tools = pathlib.Path(found[-1]).parent
    run(*as_postgres(tools / "initdb", "-D", directory / "data", "-A", "trust", "-N",
                     "--locale=C", "-E", "UTF8"), cwd="/")

    def client(name, *arguments):
        return [str(tools / name), "-h", str(directory / "run"), "-U", "postgres", *arguments]

    with server(as_postgres(found[-1], "-D", str(directory / "data"), "-k",
                            str(directory / "run"), "-c", "listen_addresses=", "-c", "fsync=off",
                            *options),
                str(directory / "run/.s.PGSQL.5432"), signal.SIGINT) as process:
        probe = client("psql", "-c", "SELECT 1", "postgres")
        wait_for(lambda: run(*probe, check=False).returncode == 0, "postgres to serve")
        yield process, client
