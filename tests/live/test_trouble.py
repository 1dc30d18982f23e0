#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Bad input and bad luck: one clear line, the documented exit status, nothing lost."""
import contextlib
import os
import pathlib
import shutil
import stat

from harness import (IPCTRACE, case, ensure, ensure_equal, ensure_in, load_graph, main, run)

USAGE, CANNOT_TRACE, IO = 2, 3, 5


def fails(status, *command, says=(), **options):
    """One line on stderr that says what it must, nothing on stdout, and this exit status."""
    done = run(*command, check=False, **options)
    what = " ".join(map(str, command))
    ensure_equal(done.returncode, status, f"exit status of {what}; it said {done.stderr!r}")
    for text in says:
        ensure_in(text, done.stderr, what)
    ensure_equal(done.stdout, "", f"stdout of {what}")
    return done.stderr


def fails_in_a_line(status, *command, **options):
    said = fails(status, *command, **options)
    ensure(said.count("\n") == 1 and said.endswith("\n"), f"more or less than a line: {said!r}")
    ensure(said.startswith("ipctrace: "), f"no 'ipctrace: ' in front: {said!r}")


# ---- who may trace what ------------------------------------------------------------------------

def as_nobody(*command):
    """The build may lie where nobody cannot go."""
    if not pathlib.Path("ipctrace").exists():
        os.chmod(".", 0o777)
        shutil.copy(IPCTRACE, "ipctrace")
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
            f"{os.getcwd()}/ipctrace", *command]


@case
def not_root():
    for verb in ("record", "trace", "run"):
        fails_in_a_line(CANNOT_TRACE, *as_nobody(verb, "--", "touch", "ran"), says=["root"])
    fails_in_a_line(CANNOT_TRACE, *as_nobody("record", "-a"), says=["root"])
    done = run(*as_nobody("check"), check=False)
    ensure_equal(done.returncode, CANNOT_TRACE, "exit status of check")
    ensure_in("root", done.stdout, "check")
    ensure(not pathlib.Path("ran").exists(), "CMD ran all the same")


@case
def not_root_keeps_what_was_recorded():
    """Trying in vain, and again, must not push a good capture out."""
    as_nobody()
    pathlib.Path("ipctrace.data").write_text("a good capture")
    shutil.chown("ipctrace.data", "nobody", "nogroup")
    for _ in range(2):
        fails(CANNOT_TRACE, *as_nobody("record", "--", "true"))
    kept = [path for path in pathlib.Path(".").glob("ipctrace.data*")
            if path.read_bytes() == b"a good capture"]
    ensure(kept, "the capture that was there is gone")


@case
def anybody_reads_a_capture():
    run(IPCTRACE, "record", "-q", "-o", "capture.data", "--", "sh", "-c", "echo hello | cat")
    ensure_equal(stat.S_IMODE(os.stat("capture.data").st_mode), 0o600, "mode of a capture")
    shutil.chown("capture.data", "nobody", "nogroup")
    for command in (["report"], ["graph", "-f", "json"], ["graph", "-f", "dot"], ["info"]):
        done = run(*as_nobody(*command, "-i", "capture.data"))
        ensure_in("pipe" if command != ["info"] else "PIPE", done.stdout, f"{command} as nobody")


# ---- what to trace -----------------------------------------------------------------------------

def unused_pid():
    used = int(pathlib.Path("/proc/sys/kernel/pid_max").read_text()) - 1
    while pathlib.Path(f"/proc/{used}").exists():
        used -= 1
    return str(used)


@case
def no_such_pid():
    pid = unused_pid()
    for verb in ("record", "trace"):
        fails_in_a_line(USAGE, IPCTRACE, verb, "-p", pid, says=[pid, "no process"])
    ensure(not pathlib.Path("ipctrace.data").exists(), "a capture was begun")


@case
def no_pid():
    for text in ("0", "-1", "1x", "", "99999999999999999999"):
        fails_in_a_line(USAGE, IPCTRACE, "record", "-p", text, says=["-p"])


@case
def unknown_mechanism():
    fails_in_a_line(USAGE, IPCTRACE, "record", "-e", "pip", "--", "true",
                    says=["'pip'", "did you mean", "pipe"])
    fails_in_a_line(USAGE, IPCTRACE, "trace", "-e", "pipe,unix-steam", "--", "true",
                    says=["'unix-steam'", "did you mean", "unix-stream"])


@case
def nothing_to_trace():
    said = fails(USAGE, IPCTRACE, "record")
    for form in ("record -- CMD", "record -p PID", "record -a"):
        ensure_in(form, said, "record alone")


@case
def unknown_words():
    fails_in_a_line(USAGE, IPCTRACE, "recrod", says=["'recrod'", "did you mean", "record"])
    fails_in_a_line(USAGE, IPCTRACE, "graph", "-f", "jsno", says=["'jsno'", "did you mean", "json"])
    fails_in_a_line(USAGE, IPCTRACE, "report", "--by", "proces", says=["did you mean", "process"])
    fails(USAGE, IPCTRACE, "report", "--nonsense", says=["--nonsense"])
    fails(USAGE, IPCTRACE, "record", "-d", "soon", "--", "true", says=["'soon'"])
    fails(USAGE, IPCTRACE, "record", "--max-size", "much", "--", "true", says=["'much'"])
    fails(USAGE, IPCTRACE, "record", "--ring-size", "much", "--", "true", says=["'much'"])
    fails(USAGE, IPCTRACE, "record", "--max-lost", "x", "--", "true", says=["'x'"])


@case
def help_and_version():
    names = run(IPCTRACE, "--help").stdout
    for name in ("record", "report", "graph", "verify", "trace", "check", "info", "run"):
        ensure_in(f"  {name} ", names, "--help")
        said = run(IPCTRACE, name, "--help").stdout
        examples = [line for line in said.partition("Examples:")[2].splitlines()
                    if line.strip().startswith("ipctrace ")]
        ensure(len(examples) >= 3, f"{name} --help has {len(examples)} examples")
        wide = [line for line in said.splitlines() if len(line) > 100]
        ensure(not wide, f"{name} --help is wider than 100 columns: {wide}")
    version = run(IPCTRACE, "--version").stdout
    for what in ("ipctrace ", "capture format", "libbpf", os.uname().release):
        ensure_in(what, version, "--version")


# ---- where to write ----------------------------------------------------------------------------

@case
def unwritable_file():
    pathlib.Path("file").touch()
    pathlib.Path("link").symlink_to("file")
    pathlib.Path("folder").mkdir()
    for path in ("missing/capture", "file/capture", "folder", "link"):
        fails_in_a_line(IO, IPCTRACE, "record", "-o", path, "--", "touch", "ran",
                        says=["cannot write", path])
        ensure(not pathlib.Path("ran").exists(), "CMD ran all the same")
    run(IPCTRACE, "record", "-q", "-o", "capture.data", "--", "true")
    for path in ("missing/graph", "file/graph", "folder"):
        fails_in_a_line(IO, IPCTRACE, "graph", "-i", "capture.data", "-f", "json", "-o", path,
                        says=["cannot write", path])
    ensure_equal(pathlib.Path("file").read_text(), "", "the file behind the link")


@case
def existing_file_is_kept():
    pathlib.Path("capture.data").write_text("old")
    run(IPCTRACE, "record", "-q", "-o", "capture.data", "--", "true")
    ensure_equal(pathlib.Path("capture.data.old").read_text(), "old", "capture.data.old")
    load_graph("capture.data")


@case
def full_stdout():
    run(IPCTRACE, "record", "-q", "-o", "capture.data", "--", "sh", "-c", "echo hello | cat")
    with open("/dev/full", "wb") as full:
        for command in (["report"], ["graph", "-f", "json"], ["graph", "-f", "svg"], ["info"]):
            done = run(IPCTRACE, *command, "-i", "capture.data", stdout=full, check=False)
            ensure_equal(done.returncode, IO, f"exit status of {command} on a full device")
            ensure_in("No space left", done.stderr, f"{command} on a full device")


@contextlib.contextmanager
def small_disk(size):
    """A file system of this size at small/."""
    pathlib.Path("small").mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", "small")
    try:
        yield pathlib.Path("small")
    finally:
        run("umount", "small")


@case
def full_disk():
    """Recording ends, CMD does not; what was written before can be read."""
    with small_disk("64k") as disk:
        done = run(IPCTRACE, "record", "-q", "-o", disk / "capture.data", "--", "sh", "-c",
                   "for i in $(seq 300); do echo $i | cat > /dev/null; done; "
                   "head -c 30000000 /dev/zero | cat | cat | tail -c 1 > /dev/null; touch ended",
                   check=False)
        ensure(pathlib.Path("ended").exists(), "CMD did not come to its end")
        ensure_equal(done.returncode, IO, f"exit status on a full disk; it said {done.stderr!r}")
        ensure_in("the disk is full", done.stderr, "the recorder")
        ensure_in("seen ", done.stderr, "the recorder")
        read = run(IPCTRACE, "graph", "-i", disk / "capture.data", "-f", "json", "-o",
                   "graph.json")
        ensure("incomplete" in read.stderr or "damaged" in read.stderr,
               f"no warning: {read.stderr!r}")
        graph = load_graph(disk / "capture.data")
        ensure([e for e in graph["edges"] if e["mechanism"] == "pipe"], "no edges were kept")


@case
def full_disk_keeps_the_old_graph():
    run(IPCTRACE, "record", "-q", "-o", "capture.data", "--", "sh", "-c",
        "for i in $(seq 200); do echo $i | cat > /dev/null; done")
    with small_disk("16k") as disk:
        (disk / "graph.json").write_text("the old graph")
        fails_in_a_line(IO, IPCTRACE, "graph", "-i", "capture.data", "-f", "json", "-o",
                        disk / "graph.json", says=["No space left"])
        ensure_equal((disk / "graph.json").read_text(), "the old graph", "what was there")
        ensure_equal([p.name for p in disk.iterdir()], ["graph.json"], "files left")


# ---- what to run -------------------------------------------------------------------------------

RUNNERS = (["record", "-q", "-o", "capture.data", "--"], ["trace", "--"], ["run", "--"], ["--"])


def status_of(runner, *command):
    return run(IPCTRACE, *runner, *command, check=False).returncode


@case
def command_not_found():
    for runner in RUNNERS:
        said = run(IPCTRACE, *runner, "no-such-program", check=False)
        ensure_equal(said.returncode, 127, f"exit status of {runner}")
        ensure_in("'no-such-program'", said.stderr, f"{runner}")


@case
def command_not_executable():
    pathlib.Path("plain").write_text("#!/bin/sh\n")
    pathlib.Path("folder").mkdir()
    for runner in RUNNERS:
        ensure_equal(status_of(runner, "./plain"), 126, f"exit status of {runner}")
        ensure_equal(status_of(runner, "./folder"), 126, f"exit status of {runner}")


@case
def command_status():
    for runner in RUNNERS:
        ensure_equal(status_of(runner, "sh", "-c", "exit 0"), 0, f"exit status of {runner}")
        ensure_equal(status_of(runner, "sh", "-c", "exit 7"), 7, f"exit status of {runner}")
        ensure_equal(status_of(runner, "sh", "-c", "kill -TERM $$"), 143, f"status of {runner}")
        ensure_equal(status_of(runner, "sh", "-c", "kill -KILL $$"), 137, f"status of {runner}")


@case
def command_inherits():
    """CMD gets its arguments, environment, descriptors and signals as without us."""
    script = 'cat; echo "$1|$ANSWER"; echo talk >&2; ls -l /proc/self/fd | wc -l;' \
             "grep -E 'Sig(Blk|Ign)' /proc/self/status"
    bare, recorded = (
        run(*command, "sh", "-c", script, "sh", "a b", input="in\n",
            env=dict(os.environ, ANSWER="42"))
        for command in ([], [IPCTRACE, "record", "-q", "-o", "capture.data", "--"]))
    ensure_equal(recorded.stdout, bare.stdout, "what CMD saw")
    ensure_in("talk\n", recorded.stderr, "CMD's stderr")


@case
def ledger_is_always_said():
    for options in ([], ["-q"]):
        done = run(IPCTRACE, "record", *options, "-o", "capture.data", "--", "true")
        last = done.stderr.splitlines()[-1]
        for word in ("seen ", "recorded ", "aggregated ", "lost 0"):
            ensure_in(word, last, "the last line")


if __name__ == "__main__":
    raise SystemExit(main())
