#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The examples of specifications (tests/examples): each holds as it is, and fails for each mistake.

The mistakes are made by the scripts that do the work. A connection that must not be, one that is
missing, a process too many, data that nobody reads, objects that are left.
"""
import contextlib
import gzip
import os
import pathlib
import re
import socket
import threading

from harness import (IPCTRACE, ROOT, Skip, add_case, case, ensure, ensure_equal, main, run)
from programs import as_postgres, need

EXAMPLES = ROOT / "tests/examples"
OK, VIOLATION = 0, 1
LEFT_KEY = 0x1dc7ace
ATTEMPTS = 3
# A network of its own: the servers have their usual ports, and nobody else can reach them.
ALONE = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


def verify(example, mistake, status, *options, alone=ALONE, spec=None, **environment):
    """Judges a run of an example's script; returns what verify said."""
    folder = EXAMPLES / example
    command = [*alone, IPCTRACE, "verify", *options, spec or folder / f"{example}.yaml", "--",
               folder / "run.sh", *([mistake] if mistake else [])]
    for _ in range(ATTEMPTS):
        done = run(*command, check=False, env=dict(os.environ, **environment))
        # A task for which the kernel had no memory just then; other tests are about that.
        if done.returncode == status or not re.search(r"lost [1-9]", done.stderr):
            break
        print(f"once more: {done.stderr}")
    ensure_equal(done.returncode, status, f"exit status of verify {example} {mistake}; it said "
                 f"{done.stdout}{done.stderr}")
    return done.stdout


def failures(text):
    """{rule: what is said of it} of the rules that fail."""
    parts = re.split(r"^(FAIL|pass|note|INCONCLUSIVE|skipped) +", text, flags=re.M)[1:]
    rules = [part.split("\n", 1) for kind, part in zip(parts[::2], parts[1::2])
             if kind == "FAIL" and ".yaml" in part]
    return {re.sub(r"^\S+\.yaml(:\d+)? ", "", title): words for title, words in rules}


def ensure_fails(text, expected):
    """These rules fail, no others, and what is said of each matches the patterns."""
    found = failures(text)
    for start, patterns in expected.items():
        words = [said for title, said in found.items() if title.startswith(start)]
        ensure_equal(len(words), 1, f"failed rules '{start}' in {text}")
        for pattern in patterns:
            ensure(re.search(pattern, words[0]), f"'{start}' does not say {pattern!r}: {text}")
    ensure_equal(len(found), len(expected), f"failed rules in {text}")


# ---- the pipeline -------------------------------------------------------------------------------

ASCENDING, MORE = 200000, 100000


def make_lines():
    """Sorted but for one place, with more behind it than sort and the pipe take at once."""
    with gzip.open("big.gz", "wt", compresslevel=1) as file:
        for last in (ASCENDING, MORE):
            file.writelines(f"{i:07}\n" for i in range(last))


@contextlib.contextmanager
def collector():
    """Takes what one client uploads; its address."""
    def serve(listener):
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as file:
                size = 0
                for line in iter(file.readline, b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.split()[1])
                    if line.lower().startswith(b"expect:"):
                        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                file.read(size)
                file.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


PIPELINE = {
    "connection": {"forbid * -> * via socket": (
        r"this was seen\n", r"why: the data are private", r"curl\[\d+\] -> test_examples\.p\[\d+\] via "
        r"tcp 127\.0\.0\.1:\d+ \(other -> outside\): \d+ messages, \d+ KiB",
        r"curl\[\d+\] → test_examples\.p\[\d+\] tcp")},
    "missing": {"require zcat -> sort via pipe": (r"^    this was not seen\n",)},
    "extra": {
        "require sort -> wc via pipe": (
            r"this was not seen\n", r"why: .* wc has seen every line",
            r"nearest: sort\[\d+\] -> tee\[\d+\] via pipe \(sort -> other\): \d+ messages, 1\.5 MiB"),
        "closed": (r"nothing allows this", r"sort\[\d+\] -> tee\[\d+\] via pipe",
                   r"tee\[\d+\] -> wc\[\d+\] via pipe \(other -> wc\): \d+ messages, 1\.5 MiB")},
    "unread": {"require zcat -> sort via pipe": (
        r"unread = [\d,]+ B \(.*\), which is not unread = 0",
        r"gzip\[\d+\] -> sort\[\d+\] via pipe \(zcat -> sort\): .* KiB unread\n")},
    "left": {"at_exit sysv: 0": (r"1 object was left", r"left: sysv-msg 0x\w+, made by ipcmk\[\d+\]")},
}


def pipeline(mistake):
    need("curl")
    make_lines()
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(collector()) if mistake == "connection" else ""
        stack.callback(remove_queue)
        said = verify("pipeline", mistake, VIOLATION if mistake else OK, alone=(),
                      COLLECTOR=address)
    ensure_fails(said, PIPELINE.get(mistake, {}))


def remove_queue():
    with contextlib.suppress(OSError):
        queue = pathlib.Path("queue").read_text().split()[-1]
        run("ipcrm", "--queue-id", queue)


# ---- nginx and PHP ------------------------------------------------------------------------------

SOCKET_WHY = "why: FastCGI must use the socket"
WEB = {
    "connection": {
        "forbid nginx -> php via tcp": (
            r"this was seen\n",
            r"nginx\[\d+\] -> php-fpm\S+\[\d+\] via tcp 127\.0\.0\.1:9000 \(nginx -> php\): "
            r"10\d messages, \d+ KiB in 10\d channels\n"),
        "require nginx -> php via unix": (
            r"this was not seen\n", SOCKET_WHY,
            r"nearest: nginx\[\d+\] -> php-fpm\S+\[\d+\] via tcp 127\.0\.0\.1:9000"),
        "closed": (r"php-fpm\S+\[\d+\] -> nginx\[\d+\] via tcp 127\.0\.0\.1:9000",)},
    "missing": {"require nginx -> php via unix": (
        r"messages = \d+, which is not messages >= 100", SOCKET_WHY,
        r"nginx\[\d+\] -> php-fpm\S+\[\d+\] via unix-stream \S+/php\.sock \(nginx -> php\): 1 mess")},
    "extra": {"closed": (
        r"nothing allows this", r"id\[\d+\] -> php-fpm\S+\[\d+\] via pipe \(other -> php\): 1 mess")},
    "unread": {"require nginx -> client via tcp": (
        r"unread = [\d,]+ B \(.*\), which is not unread = 0", r"why: a client that leaves early",
        r"for nothing\n    seen: nginx\[\d+\] -> curl\[\d+\] via tcp 127\.0\.0\.1:80 .* unread\n")},
    "left": {"at_exit sysv: 0": (
        r"1 object was left", rf"left: sysv-msg 0x0*{LEFT_KEY:x}, made by php-fpm\S+\[\d+\]")},
}


def web(mistake):
    for program in ("nginx", "curl"):
        need(program)
    if not list(pathlib.Path("/usr/sbin").glob("php-fpm*")):
        raise Skip("php-fpm is not installed")
    try:
        said = verify("web", mistake, VIOLATION if mistake else OK, QUEUE_KEY=str(LEFT_KEY))
    finally:
        if mistake == "left":
            run("ipcrm", "--queue-key", str(LEFT_KEY), check=False)
    ensure_fails(said, WEB.get(mistake, {}))


# ---- PostgreSQL ---------------------------------------------------------------------------------

RESULT_WHY = "why: a result that nobody reads"
POSTGRES = {
    "connection": {
        "forbid client -> backend via tcp": (
            r"this was seen\n", r"why: pg_hba\.conf trusts the unix socket only",
            r"pgbench\[\d+\] -> postgres\[\d+\] via tcp 127\.0\.0\.1:5432 \(client -> backend\): \d+"),
        "closed": (r"postgres\[\d+\] -> pgbench\[\d+\] via tcp 127\.0\.0\.1:5432",)},
    "missing": {
        "require client -> backend via unix": (
            r"this was not seen\n", r"nearest: \w+\[\d+\] -> postgres\[\d+\] via unix-stream "
            r"\S+/\.s\.PGSQL\.5433 \(client -> backend\): \d+ messages?, \d+"),
        "require backend -> client via unix": (r"this was not seen\n", RESULT_WHY),
        "closed": (r"pgbench\[\d+\] -> postgres\[\d+\] via unix-stream \S+/\.s\.PGSQL\.5433",)},
    "extra": {"closed": (
        r"nothing allows this", r"postgres\[\d+\] -> cat\[\d+\] via pipe \(backend -> other\): 1 mes")},
    "unread": {"require backend -> client via unix": (
        r"unread = [\d,]+ B \(.*\), which is not unread = 0", RESULT_WHY,
        r"for nothing\n    seen: postgres\[\d+\] -> psql\[\d+\] via unix-stream "
        r"\S+/\.s\.PGSQL\.5432 .* unread\n")},
    "left": {
        "at_exit sysv: 0": (r"1 object was left", r"left: sysv-shm 0x\w+, made by postgres\["),
        "at_exit posix-shm: 0": (r"left: posix-shm /PostgreSQL\.\d+, made by postgres\[",),
        "at_exit unix: 0": (r"1 object was left",
                            r"left: unix-stream \S+/\.s\.PGSQL\.5432, made by postgres\[")},
}


def postgres(mistake):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise Skip("postgresql is not installed")
    directory = pathlib.Path.cwd()
    directory.chmod(0o711)
    for name in ("data", "run"):
        (directory / name).mkdir(mode=0o700)
        os.chown(name, *postgres_ids())
    run(*as_postgres(found[-1] / "initdb", "-D", directory / "data", "-A", "trust", "-N",
                     "--locale=C", "-E", "UTF8"), cwd="/")
    try:
        said = verify("postgres", mistake, VIOLATION if mistake else OK)
    finally:
        if mistake == "left":
            clean_up_after_postgres(found[-1], directory)
    ensure_fails(said, POSTGRES.get(mistake, {}))


def postgres_ids():
    user = run("id", "-u", "postgres").stdout, run("id", "-g", "postgres").stdout
    return int(user[0]), int(user[1])


def clean_up_after_postgres(programs, directory):
    """The next postmaster takes away what one left that was killed."""
    for what in (("start", "-l", directory / "data/log", "-o",
                  f"-k {directory}/run -c listen_addresses="), ("stop", "-m", "fast")):
        run(*as_postgres(programs / "pg_ctl", "-D", directory / "data", "-s", "-w", *what), cwd="/")


# ---- formats and learning -----------------------------------------------------------------------

@case
def pipeline_formats():
    """What CI services read of a run that fails."""
    need("prove")
    make_lines()
    said = verify("pipeline", "extra", VIOLATION, "--tap", "--junit", "verdicts.xml", "-o",
                  "verdicts.tap", alone=())
    ensure_equal(said, f"{ASCENDING}\n", "output of the command")
    done = run("prove", "--exec", "cat", "verdicts.tap", check=False)
    ensure("Failed 2/10 subtests" in done.stdout and "Parse errors" not in done.stdout,
           f"prove: {done.stdout}{done.stderr}")
    run(need("xmllint"), "--noout", "verdicts.xml")
    ensure_equal(int(run("xmllint", "--xpath", "count(//testcase/failure)",
                         "verdicts.xml").stdout), 2, "failures of JUnit")


@case
def pipeline_learnt():
    """What is learnt from a run holds for the next one, and not for a mistake."""
    make_lines()
    verify("pipeline", None, OK, "--learn", alone=(), spec="learnt.yaml")
    verify("pipeline", None, OK, alone=(), spec="learnt.yaml")
    verify("pipeline", "extra", VIOLATION, alone=(), spec="learnt.yaml")


def add_examples():
    for example, mistakes in ((pipeline, PIPELINE), (web, WEB), (postgres, POSTGRES)):
        for mistake in (None, *mistakes):
            add_case(f"{example.__name__}-{mistake or 'holds'}",
                     lambda example=example, mistake=mistake: example(mistake))


if __name__ == "__main__":
    add_examples()
    raise SystemExit(main())
