#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Two recorded runs of a job: alike when nothing changed, and different by what did."""
import json
import pathlib

from harness import IPCLOAD, IPCTRACE, case, ensure, ensure_equal, ensure_in, main, record, run

VIOLATION = 1
# Of the families: what names a channel that another run calls otherwise, and what does not.
SCENARIOS = ("pipe", "fifo", "pty-echo", "unix-stream-prefork", "unix-dgram-sendto-abstract",
             "unix-seqpacket-ping-pong", "tcp", "udp-sendto", "posix-mq", "sysv-msg", "sysv-sem",
             "sysv-shm", "posix-shm", "memfd", "futex", "eventfd", "fd-pass", "signal", "file-lock")


def compare(*options, status=0):
    done = run(IPCTRACE, "diff", "old.data", "new.data", "-f", "json", *options, check=False)
    ensure_equal(done.returncode, status, f"exit status with {options}; {done.stderr!r}")
    return json.loads(done.stdout), done.stderr


def changed(difference):
    """(change, from, to, mechanism) of all edges, but for signals and what did not change."""
    names = {program["id"]: program["name"] for program in difference["programs"]}
    return sorted((edge["change"], names[edge["from"]], names[edge["to"]], edge["mechanism"])
                  for edge in difference["edges"]
                  if edge["change"] != "unchanged" and edge["mechanism"] != "signal")


@case
def same_job():
    """Other pids, ports, inodes and folders for temporary files; the same edges."""
    scenarios = run(IPCLOAD, "list").stdout.split("\n")
    known = {line.split()[0] for line in scenarios if line}
    wanted = [name for name in SCENARIOS if name in known]
    ensure(len(wanted) > 12, f"ipcload lacks most of {SCENARIOS}")
    job = " && ".join(f"{{ {IPCLOAD} {name} -n 20 || [ $? = 77 ]; }}" for name in wanted)
    for path in ("old.data", "new.data"):
        record("sh", "-c", job, path=path)
    difference, _ = compare("--fail-on", "new,gone,uncertain")
    ensure_equal([e for e in difference["edges"] if e["change"] in ("new", "gone")], [],
                 "what is new or gone")
    ensure(difference["summary"]["unchanged"] > 12, f"only {difference['summary']}")


def add_up(truth, measure):
    return sum(edge[measure] for edge in json.loads(pathlib.Path(truth).read_text())["edges"])


@case
def more_messages():
    """As many as ipcload says that it sent."""
    for path, messages in (("old.data", "100"), ("new.data", "130")):
        record(IPCLOAD, "pipe-many-writers", "-n", messages, "-t", path + ".truth", path=path)
    difference, said = compare("--fail-on", "messages+29%,bytes+29%", status=VIOLATION)
    edge, = [edge for edge in difference["edges"] if edge["mechanism"] == "pipe"]
    ensure(edge["change"] == "changed" and edge["certain"], f"not for certain: {edge}")
    for measure in ("messages", "bytes"):
        for age in ("old", "new"):
            ensure_equal(edge[age][measure]["best"], add_up(f"{age}.data.truth", measure),
                         f"{measure} of the {age} one")
    ensure_equal(edge["breaks"], ["messages+29%", "bytes+29%"], "limits broken")
    ensure_in("--fail-on messages+29%: ipcload → ipcload via pipe", said, "stderr")
    compare("--fail-on", "messages+30%,bytes+30%,bytes-0%,new,gone")


@case
def one_more_stage():
    for path, job in (("old.data", "head -c 100000 /dev/zero | cat | wc -c"),
                      ("new.data", "head -c 100000 /dev/zero | cat | sort | wc -c")):
        record("sh", "-c", job, path=path)
    difference, _ = compare("--fail-on", "new,gone", status=VIOLATION)
    edges = [edge for edge in changed(difference) if edge[0] in ("new", "gone")]
    ensure_equal(edges, [("gone", "cat", "wc", "pipe"), ("new", "cat", "sort", "pipe"),
                         ("new", "sort", "wc", "pipe")], "what is new or gone")
    compare("--fail-on", "bytes20%")


SERVER = """
import os, socket, sys
family, where = sys.argv[1], sys.argv[2]
server = socket.socket(getattr(socket, family))
server.bind(where if family == "AF_UNIX" else ("127.0.0.1", int(where)))
server.listen()
name = server.getsockname()
client = os.fork()
if not client:
    where = name if family == "AF_UNIX" else str(name[1])
    os.execlp(sys.executable, sys.executable, "client.py", family, where)
connection, _ = server.accept()
connection.sendall(connection.recv(100) * 3)
connection.close()
os.waitpid(client, 0)
"""
CLIENT = """
import socket, sys
family, where = sys.argv[1], sys.argv[2]
client = socket.socket(getattr(socket, family))
client.connect(where if family == "AF_UNIX" else ("127.0.0.1", int(where)))
client.sendall(b"x" * 100)
while client.recv(100):
    pass
"""


@case
def another_socket():
    """Programs go by their scripts; a port that the kernel chose is no difference, a socket is."""
    pathlib.Path("server.py").write_text(SERVER)
    pathlib.Path("client.py").write_text(CLIENT)
    job = ("/usr/bin/python3", "server.py")
    record(*job, "AF_INET", "0", path="old.data")
    record(*job, "AF_INET", "0", path="new.data")
    difference, _ = compare("--fail-on", "new,gone,bytes0%,uncertain")
    ensure_equal([edge for edge in changed(difference) if edge[3] == "tcp"], [], "changes")
    record(*job, "AF_UNIX", "server.sock", path="new.data")
    difference, _ = compare("--fail-on", "new", status=VIOLATION)
    ensure_equal(changed(difference),
                 [("gone", "client.py", "server.py", "tcp"),
                  ("gone", "server.py", "client.py", "tcp"),
                  ("new", "client.py", "server.py", "unix-stream"),
                  ("new", "server.py", "client.py", "unix-stream")], "changes")


if __name__ == "__main__":
    raise SystemExit(main())
