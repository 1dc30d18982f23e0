#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What outlives the processes that made it: what ipcs, ls and test say is what a capture says."""
import contextlib
import os
import pathlib
import re
import stat
import subprocess
import sys

from harness import (IPCTRACE, Recorder, case, ensure, ensure_equal, ensure_in, load_graph, main,
                     read_line, record, run, start)

LEAVER = (sys.executable, str(pathlib.Path(__file__).parent / "leaver.py"))
SYSV = {"sysv-msg": "-q", "sysv-sem": "-s", "sysv-shm": "-m"}


def tag():
    """What only this test calls its objects: others may run at the same time."""
    return f"ipctrace-test-{os.getpid()}"


def key(number):
    return f"0x{os.getpid() & 0xffffff:06x}{number:02x}"


# ---- what is there, as others say --------------------------------------------------------------

def sysv_ids(kind, *enter):
    """Ids of all objects of a kind, by ipcs; enter: a command that goes to their namespace."""
    said = run(*enter, "ipcs", SYSV[kind]).stdout
    return {int(line.split()[1]) for line in said.splitlines() if re.match("0x[0-9a-f]+ ", line)}


def sysv_with_key(kind, text):
    said = run("ipcs", SYSV[kind]).stdout
    return [int(line.split()[1]) for line in said.splitlines() if line.startswith(text + " ")]


def queue_names(*enter):
    """By ls, of a mount that nobody else sees: /dev/mqueue need not be there."""
    said = run(*enter, "unshare", "-m", "sh", "-c",
               "mount -t mqueue none /mnt && ls /mnt").stdout
    return set(said.split())


def is_socket(path):
    return not run("test", "-S", path, check=False).returncode


def is_fifo(path):
    return not run("test", "-p", path, check=False).returncode


class Cleaner(contextlib.ExitStack):
    """Removes, in the end, what a test has left behind on purpose."""

    def sysv(self, *keys):
        for text in keys:
            for option in "QSM":
                self.callback(run, "ipcrm", f"-{option}", text, check=False)

    def leaver(self, *steps):
        self.callback(run, *LEAVER, *steps, check=False)


# ---- what a capture says -----------------------------------------------------------------------

def channels(graph, mechanism, name):
    return [c for c in graph["channels"] if (c["mechanism"], c["name"]) == (mechanism, name)]


def ensure_left(graph, mechanism, name, expected, what=""):
    """expected: left_at_exit of all channels of that name, in the order in which they were met."""
    found = [c["left_at_exit"] for c in channels(graph, mechanism, name)]
    ensure_equal(found, expected, f"{mechanism} {name} left {what}")


def makers(graph, mechanism, name):
    comms = {p["id"]: p["comm"] for p in graph["processes"]}
    return {comms.get(c["created_by"]) for c in channels(graph, mechanism, name)}


def ensure_others_are_none(graph, names):
    left = {c["name"] for c in graph["channels"] if c["left_at_exit"]}
    ensure_equal(left, set(names), "all that is left")


# ---- SysV --------------------------------------------------------------------------------------

MAKE_AND_REMOVE = """
for kind in -Q -S -M; do
    size=
    case $kind in -S) size=3;; -M) size=4096;; esac
    kept=$(ipcmk $kind $size); gone=$(ipcmk $kind $size)
    echo "$kind ${kept##* } ${gone##* }"
    case $kind in -Q) ipcrm -q ${gone##* };; -S) ipcrm -s ${gone##* };; -M) ipcrm -m ${gone##* };;
    esac
done > ids
"""


def ensure_made_and_removed(graph):
    """Of each kind one was kept and one removed, both never used."""
    for line in pathlib.Path("ids").read_text().splitlines():
        option, kept, gone = line.split()
        kind = {"-Q": "sysv-msg", "-S": "sysv-sem", "-M": "sysv-shm"}[option]
        there = sysv_ids(kind)
        ensure_equal((int(kept) in there, int(gone) in there), (True, False), f"ipcs, {kind}")
        left = {c["object"]: c["left_at_exit"] for c in graph["channels"] if c["object"] in
                (f"{kind}:[{kept}]", f"{kind}:[{gone}]")}
        ensure_equal(left, {f"{kind}:[{kept}]": True}, f"{kind} of {line}")


def remove_made():
    for line in pathlib.Path("ids").read_text().splitlines():
        option, kept, _ = line.split()
        run("ipcrm", option.lower(), kept)


@case
def sysv_made_by_command():
    graph = record("sh", "-c", MAKE_AND_REMOVE)
    try:
        ensure_made_and_removed(graph)
        ensure_equal(sorted(c["mechanism"] for c in graph["channels"] if c["left_at_exit"]),
                     sorted(SYSV), "what is left")
        for channel in graph["channels"]:
            if channel["left_at_exit"]:
                ensure_equal(makers(graph, channel["mechanism"], channel["name"]), {"ipcmk"},
                             "who made it")
    finally:
        remove_made()


@case
def sysv_made_in_system():
    with Recorder("-a"):
        run("sh", "-c", MAKE_AND_REMOVE)
    try:
        ensure_made_and_removed(load_graph())
    finally:
        remove_made()


@case
def sysv_was_there_before():
    """Whoever uses it, and says that it may be made."""
    with Cleaner() as clean:
        clean.sysv(key(1), key(2), key(3))
        run(*LEAVER, f"msgget={key(1)}", f"semget={key(2)}", f"shmget={key(3)}")
        graph = record(*LEAVER, f"msgsnd={key(1)}", f"semget={key(2)}", f"shmat={key(3)}")
        for kind, number in (("sysv-msg", 1), ("sysv-sem", 2), ("sysv-shm", 3)):
            ensure(sysv_with_key(kind, key(number)), f"ipcs does not show {kind}")
        ensure_left(graph, "sysv-msg", key(1), [False])
        ensure_left(graph, "sysv-sem", key(2), [], "as nobody used it")
        ensure_left(graph, "sysv-shm", key(3), [False])
        ensure_others_are_none(graph, [])


@case
def sysv_made_again():
    """The key is that of two objects: the old one is gone, the new one is left."""
    with Cleaner() as clean:
        clean.sysv(key(1), key(2), key(3))
        run(*LEAVER, f"msgget={key(1)}")
        graph = record(*LEAVER, f"msgsnd={key(1)}", f"msgrm={key(1)}", f"msgsnd={key(1)}",
                       f"semget={key(2)}", f"semrm={key(2)}", f"semget={key(2)}",
                       f"shmat={key(3)}", f"shmrm={key(3)}", f"shmat={key(3)}",
                       f"shmrm={key(3)}")
        ensure_equal([len(sysv_with_key(kind, key(number))) for kind, number in
                      (("sysv-msg", 1), ("sysv-sem", 2), ("sysv-shm", 3))], [1, 1, 0], "ipcs")
        ensure_left(graph, "sysv-msg", key(1), [False, True])
        ensure_left(graph, "sysv-sem", key(2), [True])
        ensure_left(graph, "sysv-shm", key(3), [False, False])


@case
def sysv_made_by_another():
    """By a process outside of the tree, while the tree was traced; the tree uses it."""
    with Cleaner() as clean:
        clean.sysv(key(1))
        traced = start([*LEAVER, "say=up", "wait", f"msgsnd={key(1)}"], stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE, bufsize=0)
        read_line(traced.stdout, "the program to begin")
        recorder = Recorder("-p", str(traced.pid))
        recorder.wait_until_recording()
        run(*LEAVER, f"msgsnd={key(1)}")
        traced.communicate(b"go\n")
        ensure_equal(recorder.wait(), 0, "exit status of the recorder")
        ensure(sysv_with_key("sysv-msg", key(1)), "ipcs does not show it")
        ensure_left(load_graph(), "sysv-msg", key(1), [False])


@case
def sysv_segment_that_is_removed():
    """It is there until its last user is gone, but outlives nobody."""
    with Recorder("-a"):
        user = start([*LEAVER, f"shmat={key(1)}", f"shmrm={key(1)}", "say=removed", "wait"],
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        read_line(user.stdout, "the segment to be removed")
        removed = {int(line.split()[1]) for line in run("ipcs", "-m").stdout.splitlines()
                   if " dest" in line}
    user.communicate(b"go\n")
    graph = load_graph()
    pids = {p["id"]: p["pid"] for p in graph["processes"]}
    found = [c for c in graph["channels"] if c["mechanism"] == "sysv-shm" and
             user.pid in {pids[e["process"]] for e in c["endpoints"]}]
    ensure_equal(len(found), 1, "segments of the process")
    ensure_in(int(found[0]["object"].split("[")[1].rstrip("]")), removed, "ipcs")
    ensure_equal(found[0]["left_at_exit"], False, "whether it is left")


class Namespace:
    """A process that goes on in ipc and mount namespaces of its own after CMD is over."""

    def __init__(self, *steps):
        self.graph = record("unshare", "-im", "sh", "-c",
                            'mount -t tmpfs none /mnt && "$@" && '
                            "{ sleep 1000 > /dev/null 2>&1 & echo $! > pid; }", "sh", *steps)
        self.pid = int(pathlib.Path("pid").read_text())
        self.enter = ("nsenter", "-i", "-m", "-t", str(self.pid))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        os.kill(self.pid, 15)


@case
def in_other_namespaces():
    """Nothing of it can be seen in ours."""
    with Namespace(*LEAVER, f"msgget={key(1)}", f"mq_open=/{tag()}", "bind=/mnt/socket",
                   "mkfifo=/mnt/fifo", "bind=/mnt/gone", "unlink=/mnt/gone") as there:
        ensure(sysv_ids("sysv-msg", *there.enter), "ipcs does not show it")
        ensure_in(tag(), queue_names(*there.enter), "ls")
        ensure_equal(run(*there.enter, "ls", "/mnt").stdout.split(), ["fifo", "socket"], "ls")
        for mechanism, name in (("sysv-msg", key(1)), ("posix-mq", f"/{tag()}"),
                                ("unix-stream", "/mnt/socket"), ("fifo", "/mnt/fifo")):
            ensure_left(there.graph, mechanism, name, [True])
        ensure_left(there.graph, "unix-stream", "/mnt/gone", [])


@case
def namespace_that_is_gone():
    """Nobody can look into it any more: what was in it may be held by a descriptor."""
    graph = record("unshare", "-im", "sh", "-c", 'mount -t tmpfs none /mnt && "$@"', "sh",
                   *LEAVER, f"msgget={key(1)}", f"mq_open=/{tag()}", "bind=/mnt/socket")
    for mechanism, name in (("sysv-msg", key(1)), ("posix-mq", f"/{tag()}"),
                            ("unix-stream", "/mnt/socket")):
        ensure_left(graph, mechanism, name, [None])


# ---- POSIX -------------------------------------------------------------------------------------

@case
def posix_queues():
    used, unused, gone, again, before = (f"{tag()}-{n}" for n in range(5))
    with Cleaner() as clean:
        clean.leaver(*(f"mq_unlink=/{name}" for name in (used, unused, again, before)))
        run(*LEAVER, f"mq_open=/{before}")
        graph = record(*LEAVER, f"mq_send=/{used}", f"mq_open=/{unused}",
                       f"mq_send=/{gone}", f"mq_unlink=/{gone}",
                       f"mq_send=/{again}", f"mq_unlink=/{again}", f"mq_send=/{again}",
                       f"mq_send=/{before}")
        names = queue_names()
        ensure_equal([name in names for name in (used, unused, gone, again, before)],
                     [True, True, False, True, True], "ls")
        ensure_left(graph, "posix-mq", f"/{used}", [True])
        ensure_left(graph, "posix-mq", f"/{unused}", [True])
        ensure_left(graph, "posix-mq", f"/{gone}", [False])
        ensure_left(graph, "posix-mq", f"/{again}", [False, True])
        ensure_left(graph, "posix-mq", f"/{before}", [False])
        ensure_equal(makers(graph, "posix-mq", f"/{before}"), {None}, "who made the old one")


@case
def posix_memory():
    """Shared memory and semaphores are files in one directory."""
    left, gone, before = (f"{tag()}-{n}" for n in range(3))
    with Cleaner() as clean:
        clean.leaver(f"shm_unlink=/{left}", f"shm_unlink=/{before}", f"sem_unlink=/{left}")
        clean.leaver(f"sem_unlink=/{left}")
        run(*LEAVER, f"shm_open=/{before}")
        graph = record(*LEAVER, f"shm_open=/{left}", f"shm_open=/{gone}", f"shm_unlink=/{gone}",
                       f"sem_open=/{left}", f"sem_open=/{gone}", f"sem_unlink=/{gone}",
                       f"shm_open=/{before}")
        there = set(os.listdir("/dev/shm"))
        names = [left, gone, f"sem.{left}", f"sem.{gone}", before]
        ensure_equal([name in there for name in names], [True, False, True, False, True], "ls")
        for name, expected in zip(names, (True, False, True, False, False)):
            ensure_left(graph, "posix-shm", f"/{name}", [expected])


# ---- files -------------------------------------------------------------------------------------

@case
def unix_sockets():
    here = os.getcwd()
    graph = record(*LEAVER, f"bind={here}/stream", "bind=relative", f"bind={here}/gone",
                   f"unlink={here}/gone", f"serve={here}/served", f"bind_datagram={here}/dgram",
                   f"bind={here}/temporary", f"rename={here}/temporary,{here}/renamed",
                   f"serve={here}/again", f"unlink={here}/again", f"serve={here}/again",
                   f"bind_abstract={tag()}")
    there = {name: is_socket(name) for name in
             ("stream", "relative", "gone", "served", "dgram", "renamed", "again")}
    ensure_equal([name for name, is_there in there.items() if not is_there], ["gone"], "test -S")
    ensure_left(graph, "unix-stream", f"{here}/stream", [True])
    ensure_left(graph, "unix-stream", f"{here}/relative", [True])
    ensure_left(graph, "unix-stream", f"{here}/gone", [])
    ensure_left(graph, "unix-stream", f"{here}/served", [False, True], "connection and file")
    ensure_left(graph, "unix-dgram", f"{here}/dgram", [True])
    ensure_left(graph, "unix-stream", f"{here}/temporary", [True], "under another name")
    ensure_left(graph, "unix-stream", f"{here}/again", [False, False, True])
    ensure_others_are_none(graph, {f"{here}/{name}" for name in (
        "stream", "relative", "served", "dgram", "temporary", "again")})


@case
def unix_socket_of_another():
    """At the path of a socket that was removed, another process binds one of its own."""
    path = f"{os.getcwd()}/socket"
    traced = start([*LEAVER, "say=up", "wait", f"bind={path}", f"unlink={path}", "say=removed",
                    "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    read_line(traced.stdout, "the program to begin")
    recorder = Recorder("-p", str(traced.pid))
    recorder.wait_until_recording()
    traced.stdin.write(b"go\n")
    ensure_equal(read_line(traced.stdout, "the socket to be gone"), "removed\n", "it said")
    run(*LEAVER, f"bind={path}")  # most file systems give it the number of the one that is gone
    traced.communicate(b"go\n")
    ensure_equal(recorder.wait(), 0, "exit status of the recorder")
    ensure(is_socket(path), "the other one is gone")
    ensure_left(load_graph(), "unix-stream", path, [])


@case
def in_a_root_of_its_own():
    """A path begins at the root of who names it."""
    here = os.getcwd()
    graph = record(*LEAVER, f"mkdir={here}/root", f"chroot={here}/root", "chdir=/",
                   "bind=/socket", "mkfifo=/fifo", "bind=/gone", "unlink=/gone",
                   "mkfifo=/lost", "unlink=/lost")
    ensure_equal((is_socket("root/socket"), is_fifo("root/fifo")), (True, True), "test")
    ensure_left(graph, "unix-stream", "/socket", [True])
    ensure_left(graph, "unix-stream", "/gone", [])
    ensure_left(graph, "fifo", f"{here}/root/fifo", [True])
    ensure_others_are_none(graph, ["/socket", f"{here}/root/fifo"])


@case
def fifos():
    here = os.getcwd()
    os.mkdir("directory")
    os.mkfifo("before")
    graph = record(*LEAVER, f"mkfifo={here}/absolute", "mkfifo=relative", "mkfifo=gone",
                   "unlink=gone", "mkfifo_at=directory,below", "mkfifo=used", "use_fifo=used",
                   "use_fifo=before", "mkfifo=again", "use_fifo=again", "unlink=again",
                   "mkfifo=again", "use_fifo=again")
    paths = ("absolute", "relative", "gone", "directory/below", "used", "before", "again")
    ensure_equal([is_fifo(path) for path in paths], [path != "gone" for path in paths], "test -p")
    for path in ("absolute", "relative", "directory/below", "used"):
        ensure_left(graph, "fifo", f"{here}/{path}", [True])
    ensure_left(graph, "fifo", f"{here}/gone", [])
    ensure_left(graph, "fifo", f"{here}/before", [False])
    ensure_in(True, [c["left_at_exit"] for c in channels(graph, "fifo", f"{here}/again")],
              "the last of two")
    ensure_equal(makers(graph, "fifo", f"{here}/used"), {"python3"}, "who made it")
    ensure(stat.S_ISFIFO(os.stat("used").st_mode), "no FIFO")


# ---- what is shown -----------------------------------------------------------------------------

@case
def report_says_so():
    with Cleaner() as clean:
        clean.sysv(key(1))
        record(*LEAVER, f"msgget={key(1)}")
        said = run(IPCTRACE, "report", "-i", "capture.data", "--by", "channel").stdout
        after = said[said.rindex(key(1)):].splitlines()
        ensure_in("left behind", after[1], "the line below the queue")


@case
def chosen_mechanisms_only():
    """What is not traced is not told; what is, is, though nobody asked for queues."""
    with Cleaner() as clean:
        clean.sysv(key(1), key(2))
        graph = record(*LEAVER, f"msgget={key(1)}", f"semget={key(2)}", "bind=socket",
                       options=("-e", "sysv-sem"))
        ensure_others_are_none(graph, [key(2)])
        ensure_equal(graph["capture"]["leftovers_known"], True, "whether leftovers are known")


if __name__ == "__main__":
    raise SystemExit(main())
