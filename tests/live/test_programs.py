#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Programs that none of us wrote, recorded and compared with what they themselves counted."""
import contextlib
import glob
import os
import pathlib
import re
import signal
import socket

from harness import Recorder, case, ensure, ensure_equal, load_graph, main, record, run, wait_for
from programs import (check, children, edges_between, edges_from_before, ensure_exact, free_port,
                      need, postgres_server, processes_called, server, total)


# ---- a pipeline --------------------------------------------------------------------------------

@case
def pipeline():
    size = 10_000_019
    graph = check(record("sh", "-c", f"head -c {size} /dev/zero | cat | wc -c > counted"),
                  "sh", "head", "cat", "wc")
    ensure_equal(int(pathlib.Path("counted").read_text()), size, "what wc counted")
    stages = [processes_called(graph, name) for name in ("head", "cat", "wc")]
    for sender, receiver in zip(stages, stages[1:]):
        ensure_equal((len(sender), len(receiver)), (1, 1), "processes of a stage")
        edges = edges_between(graph, sender, receiver, "pipe")
        ensure_exact(graph, edges, "between two stages")
        ensure_equal((len(edges), total(edges, "bytes")), (1, size), "edges and bytes")
    pipes = [e for e in graph["edges"] if e["mechanism"] == "pipe"]
    ensure_equal(len(pipes), 2, "pipe edges in all")


# ---- redis -------------------------------------------------------------------------------------

class RedisInfo:
    """A client that knows how many bytes its own questions and answers have."""

    QUESTION = b"INFO stats\r\n"

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.answer_bytes = 0

    def ask(self):
        """total_net_input_bytes, this question included; ..output_bytes, this answer excluded."""
        self.socket.sendall(self.QUESTION)
        with self.socket.makefile("rb") as stream:
            head = stream.readline()
            body = stream.read(int(head[1:]) + 2).decode()
        self.answer_bytes = len(head) + len(body)
        return [int(re.search(rf"^total_net_{way}_bytes:(\d+)", body, re.M)[1])
                for way in ("input", "output")]


def redis(*scope):
    path = os.path.abspath("redis.sock")
    need("redis-benchmark")
    with server([need("redis-server"), "--port", "0", "--unixsocket", path, "--save", "",
                 "--daemonize", "no"], path) as process:
        info = RedisInfo(path)
        before = info.ask()
        before[0] += len(info.QUESTION)  # of the next question
        before[1] += info.answer_bytes
        with Recorder(*[str(process.pid) if part == "PID" else part for part in scope]):
            run("redis-benchmark", "-q", "-s", path, "-c", "8", "-n", "5000", "-d", "1000", "-t",
                "ping_inline,set,get,lrange_100")
        after = info.ask()
    graph = check(load_graph(), "redis-server", "redis-benchmark")
    servers = processes_called(graph, "redis-server")
    clients = processes_called(graph, "redis-benchmark")
    ensure_equal((len(servers), len(clients)), (1, 1), "processes")
    for way, (source, target) in enumerate([(clients, servers), (servers, clients)]):
        edges = edges_between(graph, source, target, "unix-stream")
        early = edges_from_before(graph, target, "unix-stream")
        ensure_exact(graph, edges, "of redis")
        ensure(scope != ("-a",) or not early, f"new channels hold something from before: {early}")
        ensure_equal(total(edges + early, "bytes"), after[way] - before[way],
                     f"bytes that redis counted as {('input', 'output')[way]}")
    names = {c["name"] for c in graph["channels"] if any(
        e["process"] in servers and e["messages"] for e in c["endpoints"])
        and c["mechanism"] == "unix-stream"}
    ensure_equal(names, {path}, "names of the channels")


@case
def redis_system_wide():
    redis("-a")


@case
def redis_by_pid():
    redis("-p", "PID")


# ---- nginx -------------------------------------------------------------------------------------

NGINX_CONF = """
user root;
daemon off;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
    log_format counts '$pid $request_length $bytes_sent $status';
    access_log {dir}/access.log counts;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port};
        root {dir}/www;
    }}
}}
"""

WRK_LUA = """
done = function(summary, latency, requests)
    local errors = summary.errors
    local file = io.open("wrk.counts", "w")
    file:write(summary.requests, " ", summary.bytes, " ", errors.connect + errors.read +
        errors.write + errors.status + errors.timeout, "\\n")
    file:close()
end
"""


def nginx(*scope):
    need("wrk")
    directory, port = os.getcwd(), free_port()
    pathlib.Path("nginx.conf").write_text(NGINX_CONF.format(dir=directory, port=port))
    pathlib.Path("wrk.lua").write_text(WRK_LUA)
    pathlib.Path("www").mkdir()
    pathlib.Path("www/page").write_bytes(b"ipctrace\n" * 3000)
    with server([need("nginx"), "-p", directory, "-e", "error.log", "-c", "nginx.conf"],
                ("127.0.0.1", port), signal.SIGQUIT) as process:
        with Recorder(*[str(process.pid) if part == "PID" else part for part in scope]):
            run("wrk", "-t", "2", "-c", "8", "-d", "1s", "-s", "wrk.lua",
                f"http://127.0.0.1:{port}/page")
            is_logged = nginx_has_logged()
            wait_for(is_logged, "nginx to log the last request")
    nginx_check(check(load_graph(), "nginx", "wrk"), f"127.0.0.1:{port}")


def nginx_has_logged():
    """A request is logged when its connection ends: all have, once the workers hold none."""
    master = int(pathlib.Path("nginx.pid").read_text())
    workers = children(master)

    def condition():
        tables = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        open_inodes = {row.split()[9] for row in tables if row.split()[3] == "01"}
        for worker in workers:
            for link in glob.glob(f"/proc/{worker}/fd/*"):
                with contextlib.suppress(OSError):
                    if os.readlink(link)[8:-1] in open_inodes:
                        return False
        return True
    return condition


def nginx_check(graph, name):
    """One connection may be inexact: its descriptor was closed before by another thread of wrk."""
    requests, read_bytes, errors = map(int, pathlib.Path("wrk.counts").read_text().split())
    ensure_equal(errors, 0, "errors that wrk counted")
    rows = [list(map(int, line.split())) for line in
            pathlib.Path("access.log").read_text().splitlines()]
    clients = processes_called(graph, "wrk")
    workers = {p["pid"]: p["id"] for p in processes_called(graph, "nginx").values()}
    ensure(len(rows) >= requests > 0, f"wrk counted {requests} requests, nginx {len(rows)}")
    for worker in {row[0] for row in rows}:
        mine = [row for row in rows if row[0] == worker]
        asked = edges_between(graph, clients, {workers[worker]}, "tcp")
        ensure_exact(graph, asked, "to a worker", allowed=1)
        ensure_equal((total(asked, "messages"), total(asked, "bytes")),
                     (len(mine), sum(row[1] for row in mine)), "requests and bytes of a worker")
        sent = [e["bytes"] for c in graph["channels"] if c["mechanism"] == "tcp"
                for e in c["endpoints"] if e["process"] == workers[worker] and e["role"] == "send"]
        ensure_equal(sum(sent), sum(row[2] for row in mine), "bytes that a worker sent")
    answered = edges_between(graph, workers.values(), clients, "tcp")
    ensure_exact(graph, answered, "to wrk", allowed=1)
    ensure_equal(total(answered, "bytes"), read_bytes, "bytes that wrk read")
    used = {e["channel"] for e in answered}
    ensure_equal({c["name"] for c in graph["channels"] if c["id"] in used}, {name}, "names")


@case
def nginx_system_wide():
    nginx("-a")


@case
def nginx_by_pid():
    nginx("-p", "PID")


# ---- PostgreSQL --------------------------------------------------------------------------------

CLIENTS, TRANSACTIONS = 4, 100
STATEMENTS = 7  # of a transaction of pgbench's own script


def postgresql(*scope):
    with postgres_server() as (process, client):
        run(*client("pgbench", "-n", "postgres", "-i", "-q"))
        with Recorder(*[str(process.pid) if part == "PID" else part for part in scope]):
            done = run(*client("pgbench", "-n", "postgres", "-c", str(CLIENTS), "-j", "2", "-t",
                               str(TRANSACTIONS)))
    ensure(f"actually processed: {CLIENTS * TRANSACTIONS}/{CLIENTS * TRANSACTIONS}" in done.stdout,
           f"pgbench said {done.stdout}")
    postgresql_check(check(load_graph(), "postgres", "pgbench"), process.pid)


def postgresql_check(graph, postmaster_pid):
    clients = processes_called(graph, "pgbench")
    ensure_equal(len(clients), 1, "pgbench processes")
    postmaster = {i: p for i, p in processes_called(graph, "postgres").items()
                  if p["pid"] == postmaster_pid}
    ensure_equal(len(postmaster), 1, "postmasters")
    talk = edges_between(graph, clients, {p["id"] for p in graph["processes"]}, "unix-stream")
    ensure_exact(graph, talk, "from pgbench")
    ensure(not [e for e in talk if e["to"] in postmaster], "edges to the postmaster")
    parents = {p["id"]: p["parent"] for p in graph["processes"]}
    ensure_equal({parents[e["to"]] for e in talk}, set(postmaster), "parents of the backends")
    # A start-up message, the statements, a goodbye; besides, a connection that looks around. From
    # outside the tree, the first message may be sent before the postmaster accepts the connection.
    expected = [1 + STATEMENTS * TRANSACTIONS + 1] * CLIENTS
    messages = [e["messages"] + len(edges_from_before(graph, {e["to"]}, "unix-stream"))
                for e in talk]
    ensure_equal(sorted(messages)[-CLIENTS:], expected, "messages")
    ensure_equal(len(talk), CLIENTS + 1, "backends")
    back = edges_between(graph, {e["to"] for e in talk}, clients, "unix-stream")
    ensure_exact(graph, back, "to pgbench")
    ensure_equal({e["from"] for e in back}, {e["to"] for e in talk}, "backends that answer")


@case
def postgresql_system_wide():
    postgresql("-a")


@case
def postgresql_by_pid():
    postgresql("-p", "PID")


# ---- Python ------------------------------------------------------------------------------------

PYTHON = """
import multiprocessing

def work(connection, count):
    for i in range(count):
        connection.send_bytes(connection.recv_bytes()[:100])

context = multiprocessing.get_context("fork")
ours, theirs = context.Pipe(duplex=True)
child = context.Process(target=work, args=(theirs, 500))
child.start()
for i in range(500):
    ours.send_bytes(b"x" * 1000)
    ours.recv_bytes()
child.join()

reader, writer = context.Pipe(duplex=False)
child = context.Process(target=lambda: [writer.send_bytes(b"y" * 3000) for i in range(200)])
child.start()
for i in range(200):
    reader.recv_bytes()
child.join()
"""

FRAME = 4  # bytes of length in front of what multiprocessing sends


@case
def python_multiprocessing():
    graph = check(record("/usr/bin/python3", "-c", PYTHON), "python3")
    parents = {p["id"]: p["parent"] for p in graph["processes"] if p["comm"] == "python3"}
    parent = next(p for p in parents if parents[p] not in parents)
    found = {(e["from"] == parent, e["mechanism"], e["messages"], e["bytes"], e["exact"])
             for e in edges_between(graph, parents, parents, "unix-stream") +
             edges_between(graph, parents, parents, "pipe")}
    ensure_equal(found, {(True, "unix-stream", 500, 500 * (FRAME + 1000), True),
                         (False, "unix-stream", 500, 500 * (FRAME + 100), True),
                         (False, "pipe", 200, 200 * (FRAME + 3000), True)}, "edges")


if __name__ == "__main__":
    raise SystemExit(main())
