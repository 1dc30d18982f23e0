#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""--uprobes: semaphores and mutexes that are used without a system call."""
import pathlib
import sys

from harness import (BUILD, Recorder, case, ensure, ensure_equal, load_graph, main, read_line,
                     record, run, start)

ROUNDS = 25

# A program in which nobody ever blocks in a semaphore or mutex; it says which process did what.
PROGRAM = r"""
import ctypes, mmap, os, sys, threading

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.sem_open.restype = ctypes.c_void_p
ROUNDS = %d


def shared_page(flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS):
    page = mmap.mmap(-1, 4096, flags=flags)
    return page, ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(page)))


def check(status):
    if status:
        raise OSError(status, f"failed: {status}, errno {ctypes.get_errno()}")


def child(name, function):
    "Runs the function to its end in a child."
    pid = os.fork()
    if not pid:
        try:
            function()
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(pid, 0)[1]:
        raise SystemExit(f"{name} failed")
    print(name, pid, flush=True)


def times(count, function, *arguments):
    for _ in range(count):
        check(function(*arguments))


def mutex_new(at, is_shared=True):
    attributes = ctypes.create_string_buffer(64)
    check(LIBC.pthread_mutexattr_init(attributes))
    check(LIBC.pthread_mutexattr_setpshared(attributes, int(is_shared)))
    check(LIBC.pthread_mutex_init(at, attributes))


def turn(at):
    check(LIBC.pthread_mutex_lock(at))
    check(LIBC.pthread_mutex_unlock(at))


def semaphore():
    page, at = shared_page()
    check(LIBC.sem_init(at, 1, 0))
    child("poster", lambda: times(ROUNDS, LIBC.sem_post, at))
    child("waiter", lambda: times(ROUNDS, LIBC.sem_wait, at))


def initial():
    page, at = shared_page()
    check(LIBC.sem_init(at, 1, ROUNDS))
    child("waiter", lambda: times(ROUNDS, LIBC.sem_trywait, at))


def named():
    name = b"/ipctrace-test-%%d" %% os.getpid()
    at = ctypes.c_void_p(LIBC.sem_open(name, os.O_CREAT, 0o600, ROUNDS))
    try:
        child("waiter", lambda: times(ROUNDS, LIBC.sem_wait, at))
    finally:
        LIBC.sem_unlink(name)


def mutex():
    page, at = shared_page()
    mutex_new(at)
    turn(at)
    for i in range(ROUNDS):
        child(f"turn{i}", lambda: turn(at))


def recursive():
    page, at = shared_page()
    attributes = ctypes.create_string_buffer(64)
    check(LIBC.pthread_mutexattr_init(attributes))
    check(LIBC.pthread_mutexattr_setpshared(attributes, 1))
    check(LIBC.pthread_mutexattr_settype(attributes, 1))
    check(LIBC.pthread_mutex_init(at, attributes))

    def nested():
        check(LIBC.pthread_mutex_lock(at))
        turn(at)
        check(LIBC.pthread_mutex_unlock(at))
        if not LIBC.pthread_mutex_unlock(at):
            raise SystemExit("unlocked once too often")
    child("first", nested)
    child("second", nested)


def private():
    "Private ones, in memory that is and that is not shared."
    for flags in (mmap.MAP_SHARED, mmap.MAP_PRIVATE):
        page, at = shared_page(flags | mmap.MAP_ANONYMOUS)
        check(LIBC.sem_init(at, 0, 0))
        times(ROUNDS, LIBC.sem_post, at)
        times(ROUNDS, LIBC.sem_wait, at)
        mutex_new(at, False)
        turn(at)
    child("other", lambda: turn(at))


if len(sys.argv) > 2: # to be attached to
    page, at = shared_page()
    check(LIBC.sem_init(at, 1, 0))
    print("ready", flush=True)
    sys.stdin.readline()
    # what was in it can be read by who has touched the page
    child("poster", lambda: page[0] or times(ROUNDS, LIBC.sem_post, at))
    child("waiter", lambda: times(ROUNDS, LIBC.sem_wait, at))
else:
    globals()[sys.argv[1]]()
""" % ROUNDS


def program(*arguments):
    path = pathlib.Path("program.py")
    path.write_text(PROGRAM)
    return [sys.executable, str(path), *arguments]


def recorded(what, options=("--uprobes",)):
    """The graph of the program, and who in it has which name."""
    graph = record("sh", "-c", 'exec "$@" > names', "sh", *program(what), options=options)
    names = dict(line.split() for line in pathlib.Path("names").read_text().splitlines())
    return graph, {name: int(pid) for name, pid in names.items()}


def futex_edges(graph):
    pids = {process["id"]: process["pid"] for process in graph["processes"]}
    return sorted((pids[edge["from"]], pids[edge["to"]], edge["messages"], edge["exact"])
                  for edge in graph["edges"] if edge["mechanism"] == "futex")


def ensure_edges(graph, *expected):
    ensure_equal(futex_edges(graph), sorted(expected), "futex edges")
    ensure_equal(graph["ledger"]["lost"], 0, "lost records")


def root_of(graph):
    return min(process["pid"] for process in graph["processes"] if process["pid"])


@case
def without_it_what_does_not_block_is_not_seen():
    for what in ("semaphore", "mutex"):
        ensure_edges(recorded(what, options=())[0])


@case
def units_of_a_semaphore():
    for options in (["--uprobes"], ["--uprobes", "-a"]):
        graph, names = recorded("semaphore", options)
        edges = [edge for edge in futex_edges(graph)
                 if edge[0] in names.values() or edge[1] in names.values()]
        ensure_equal(edges, [(names["poster"], names["waiter"], ROUNDS, True)], "futex edges")


@case
def units_of_sem_init():
    graph, names = recorded("initial")
    ensure_edges(graph, (root_of(graph), names["waiter"], ROUNDS, True))


@case
def units_of_sem_open():
    graph, names = recorded("named")
    ensure_edges(graph, (root_of(graph), names["waiter"], ROUNDS, True))


@case
def a_mutex_goes_from_owner_to_owner():
    graph, names = recorded("mutex")
    owners = [root_of(graph)] + [names[f"turn{i}"] for i in range(ROUNDS)]
    ensure_edges(graph, *((owners[i], owners[i + 1], 1, True) for i in range(ROUNDS)))


@case
def only_the_last_unlock_of_a_recursive_mutex_counts():
    graph, names = recorded("recursive")
    ensure_edges(graph, (names["first"], names["second"], 1, True))


@case
def private_ones_are_no_channel():
    graph, _ = recorded("private")
    ensure_edges(graph)
    ensure(not [c for c in graph["channels"] if c["mechanism"] == "futex"], "a futex channel")


@case
def of_a_process_that_runs_already():
    child = start(program("semaphore", "later"), stdin=-1, stdout=-1,
                  bufsize=0)
    ensure_equal(read_line(child.stdout, "ready"), "ready\n", "the program")
    with Recorder("--uprobes", "-p", str(child.pid)):
        child.stdin.write(b"\n")
        names = dict(line.split() for line in child.stdout.read().decode().splitlines())
        child.wait()
    ensure_edges(load_graph(), (int(names["poster"]), int(names["waiter"]), ROUNDS, True))


@case
def contended_use_counts_once():
    for scenario in ("sem-init", "pthread-mutex", "pthread-mutex-robust"):
        record(str(BUILD / "ipcload"), scenario, "--truth", "truth.json", options=["--uprobes"])
        run(sys.executable, str(pathlib.Path(__file__).with_name("compare.py")), "truth.json",
            "graph.json")


if __name__ == "__main__":
    raise SystemExit(main())
