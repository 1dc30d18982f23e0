#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How a capture ends: with CMD, Ctrl-C once and twice, a duration, a size, the traced process."""
import contextlib
import os
import pathlib
import signal
import subprocess

from harness import (IPCTRACE, WAIT_SECONDS, Recorder, case, ensure, ensure_equal, ensure_in,
                     load_graph, main, run, start, wait_for)


def ended_by():
    said = run(IPCTRACE, "info", "capture.data")
    ensure_equal(said.stderr, "", "warnings about a capture that was ended")
    return [line.split(None, 2)[2] for line in said.stdout.splitlines()
            if line.startswith("ended by")][0]


def is_pending(pid, number):
    fields = dict(line.split(":\t") for line in
                  pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return any(int(fields[name], 16) >> (number - 1) & 1 for name in ("SigPnd", "ShdPnd"))


class Held:
    """A CMD that goes on until it is let go: cat waits for the other end of a FIFO."""

    def __init__(self, *options):
        os.mkfifo("gate")
        self.recorder = Recorder(*options, "--", "cat", "gate")
        self.recorder.wait_until_recording()
        pid = self.recorder.process.pid
        self.pid = int(wait_for(
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text, "CMD").split()[0])
        wait_for(lambda: self.comm() == "cat", "CMD to be cat")

    def comm(self):
        with contextlib.suppress(OSError):
            return pathlib.Path(f"/proc/{self.pid}/comm").read_text().strip()
        return None

    def let_go(self):
        with open("gate", "wb") as gate:
            gate.write(b"over\n")

    def interrupt(self):
        """Returns when the recorder has taken notice."""
        self.recorder.process.send_signal(signal.SIGINT)
        wait_for(lambda: self.recorder.process.poll() is not None or
                 not is_pending(self.recorder.process.pid, signal.SIGINT), "SIGINT to be read")


@case
def with_the_command():
    held = Held()
    held.let_go()
    ensure_equal(held.recorder.wait(), 0, "exit status")
    ensure_equal(ended_by(), "command", "what ended it")


@case
def interrupted_once():
    """CMD may want to end by itself: we wait for it."""
    held = Held()
    held.interrupt()
    ensure_equal(held.recorder.process.poll(), None, "exit status after one SIGINT")
    held.let_go()
    ensure_equal(held.recorder.wait(), 0, "exit status")
    ensure_equal(ended_by(), "command", "what ended it")


@case
def interrupted_twice():
    held = Held()
    held.interrupt()
    held.interrupt()
    ensure_equal(held.recorder.wait(), 0, "exit status")
    ensure_equal(held.comm(), "cat", "CMD after two SIGINT")
    held.let_go()
    ensure_equal(ended_by(), "interrupt", "what ended it")


@case
def interrupted_by_the_terminal():
    """Ctrl-C goes to CMD as well."""
    os.mkfifo("gate")
    process = start([IPCTRACE, "record", "-o", "capture.data", "--", "cat", "gate"],
                    stderr=subprocess.PIPE, start_new_session=True)
    wait_for(lambda: [pid for pid in pathlib.Path(
        f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if pathlib.Path(f"/proc/{pid}/comm").read_text() == "cat\n"], "CMD")
    os.killpg(process.pid, signal.SIGINT)
    process.communicate()
    ensure_equal(process.returncode, 128 + signal.SIGINT, "exit status")
    ensure_equal(ended_by(), "command", "what ended it")


@case
def interrupted_without_command():
    with Recorder("-a"):
        run("sh", "-c", "echo hello | cat")
    ensure_equal(ended_by(), "interrupt", "what ended it")
    ensure([e for e in load_graph()["edges"] if e["mechanism"] == "pipe"], "no edges")


@case
def terminated():
    with Recorder("-a") as recorder:
        recorder.process.terminate()
        wait_for(lambda: recorder.process.poll() is not None, "the recorder to end")
    ensure_equal(ended_by(), "interrupt", "what ended it")


@case
def after_a_duration():
    """CMD goes on."""
    held = Held("-d", "200ms")
    ensure_equal(held.recorder.wait(), 0, "exit status")
    ensure_equal(held.comm(), "cat", "CMD after the duration")
    held.let_go()
    ensure_equal(ended_by(), "duration", "what ended it")


@case
def with_the_traced_process():
    traced = start(["cat"], stdin=subprocess.PIPE)
    recorder = Recorder("-p", str(traced.pid))
    recorder.wait_until_recording()
    traced.stdin.close()
    traced.wait()
    ensure_equal(recorder.wait(), 0, "exit status")
    ensure_equal(ended_by(), "exit", "what ended it")


@case
def at_a_size():
    """Recording stops; nothing is lost that was written, and the file is not much larger."""
    process = start([IPCTRACE, "record", "-q", "-o", "capture.data", "--max-size", "100k", "--",
                     "sh", "-c", "while :; do echo hello | cat > /dev/null; done"],
                    stderr=subprocess.PIPE, start_new_session=True)
    try:
        said = process.stderr.readline().decode()
        ensure_in("seen ", said, "the recorder")
        ensure_equal(process.wait(), 0, "exit status")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    ensure_equal(ended_by(), "enough", "what ended it")
    ensure(100 << 10 <= os.stat("capture.data").st_size < 400 << 10, "size of the file")


@case
def live_trace():
    """A line per transfer, with both ends; what carries the output is not in it."""
    done = run(IPCTRACE, "trace", "--", "sh", "-c", "head -c 5000 /dev/zero | cat | wc -c")
    lines = [line for line in done.stdout.splitlines() if "→" in line]
    ensure([line for line in lines if "head[" in line and "cat[" in line and "pipe" in line],
           f"no line from head to cat: {lines}")
    tracer = start([IPCTRACE, "trace", "-a"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        while b"tracing" not in tracer.stderr.readline():
            pass
        run("sh", "-c", "echo hello | cat")
        line = ""
        while "cat[" not in line:
            line = tracer.stdout.readline().decode()
            ensure("ipctrace[" not in line, f"the tracer shows itself: {line}")
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=WAIT_SECONDS)
    ensure_equal(tracer.returncode, 0, "exit status of the tracer")


if __name__ == "__main__":
    raise SystemExit(main())
