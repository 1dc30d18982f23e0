# SPDX-License-Identifier: GPL-2.0-only
"""What the live tests share: cases, the recorder, servers, waiting for a condition."""
import ctypes
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))
IPCTRACE = str(BUILD / "ipctrace")
IPCLOAD = str(BUILD / "ipcload")
WAIT_SECONDS = 30
PR_SET_PDEATHSIG = 1


class Skip(Exception):
    """What this machine lacks."""


class Failure(Exception):
    """What is wrong, for a person."""


def ensure(condition, problem):
    if not condition:
        raise Failure(problem)


def ensure_equal(found, expected, what):
    ensure(found == expected, f"{what}: {found!r}, expected {expected!r}")


def ensure_in(part, text, what):
    ensure(part in text, f"{what} does not say {part!r}: {text!r}")


# ---- cases -------------------------------------------------------------------------------------

_cases = {}
_unlisted = set()


def case(function):
    """Makes a function without arguments a test, named after it."""
    _cases[function.__name__.replace("_", "-")] = function
    return function


def add_case(name, function, is_listed=True):
    """is_listed: False if it only runs when it is asked for by its name."""
    _cases[name] = function
    if not is_listed:
        _unlisted.add(name)


def main(needs_root=True):
    """--list, or the name of the case to run: the protocol of tests/run."""
    if sys.argv[1:] == ["--list"]:
        print("\n".join(name for name in _cases if name not in _unlisted))
        return 0
    if len(sys.argv) != 2 or sys.argv[1] not in _cases:
        print(f"usage: {sys.argv[0]} --list | CASE", file=sys.stderr)
        return 2
    try:
        if needs_root and os.geteuid():
            raise Skip("recording needs root")
        _cases[sys.argv[1]]()
    except Skip as reason:
        print(reason)
        return 77
    except Failure as failure:
        print(failure)
        return 1
    return 0


# ---- processes ---------------------------------------------------------------------------------

def die_with_parent():
    """In a child before its exec: it does not outlive a test that was killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, **options):
    return subprocess.Popen(command, preexec_fn=die_with_parent, **options)


def run(*command, check=True, **options):
    """Runs a command to its end, with what it said as text."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
               "errors": "surrogateescape", "timeout": WAIT_SECONDS * 2, **options}
    done = subprocess.run(command, preexec_fn=die_with_parent, check=False, **options)
    ensure(not check or done.returncode == 0,
           f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr}")
    return done


def wait_for(condition, what, seconds=WAIT_SECONDS):
    """Until the condition holds; returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        ensure(time.monotonic() < deadline, f"waited {seconds} s in vain for {what}")
        time.sleep(0.005)


def read_line(stream, what, seconds=WAIT_SECONDS):
    """A line of an unbuffered binary pipe."""
    deadline = time.monotonic() + seconds
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
        ensure(ready, f"waited {seconds} s in vain for {what}; so far: {line!r}")
        byte = stream.read(1)
        ensure(byte, f"the end of the output, instead of {what}; last: {line!r}")
        line += byte
    return line.decode(errors="backslashreplace")


def stop(process, number=signal.SIGTERM):
    """Ends a process and returns its exit status."""
    if process.poll() is None:
        process.send_signal(number)
    return process.wait(WAIT_SECONDS)


# ---- ipctrace ----------------------------------------------------------------------------------

class Recorder:
    """`ipctrace record` in the background, between start and stop."""

    def __init__(self, *arguments, path="capture.data"):
        # Not a pipe: CMD has it open, too, and may outlive the recorder.
        self.errors = pathlib.Path(path + ".stderr")
        with self.errors.open("wb") as errors:
            self.process = start([IPCTRACE, "record", "-o", path, *arguments], stderr=errors)

    def said(self):
        return self.errors.read_text(errors="backslashreplace")

    def wait_until_recording(self):
        wait_for(lambda: self.process.poll() is not None or "recording" in self.said(),
                 "the recorder to begin")
        ensure_in("recording", self.said(), "the recorder")

    def wait(self):
        """Until it ends; returns its exit status."""
        return self.process.wait(WAIT_SECONDS)

    def __enter__(self):
        self.wait_until_recording()
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            self.process.kill()
            self.process.wait()
            return
        self.process.send_signal(signal.SIGINT)
        status = self.wait()
        ensure(status == 0, f"the recorder ended with {status}\n{self.said()}")


def load_graph(path="capture.data"):
    run(IPCTRACE, "graph", "-i", path, "-f", "json", "-o", "graph.json")
    return json.loads(pathlib.Path("graph.json").read_text())


def record(*command, options=(), path="capture.data", status=0, seconds=WAIT_SECONDS * 2):
    """Records a command to its end and returns its graph."""
    done = run(IPCTRACE, "record", "-q", "-o", path, *options, "--", *command, check=False,
               timeout=seconds)
    if done.returncode == 77:
        raise Skip((done.stderr or done.stdout).strip().splitlines()[-1])
    ensure_equal(done.returncode, status, f"exit status of {command} while recorded; "
                 f"it said {done.stdout}{done.stderr}")
    return load_graph(path)


TIMER_ATTEMPTS = 3
MISSED_TIMER = re.compile(r"wrong: +kernel → \d+ signal: ")


def despite_missed_timers(function, *arguments):
    """Once more, if signals of the kernel's timers were the only mistake.

    Tried: on a virtual machine whose first process is the host's agent, no BPF program runs in an
    interrupt that hits this process, nor is it counted as missed, while ftrace sees the signal. Of
    1000 ticks of a timer that is about one.
    """
    for attempt in range(1, TIMER_ATTEMPTS + 1):
        try:
            return function(*arguments)
        except Failure as failure:
            is_missed = all(map(MISSED_TIMER.match, str(failure).splitlines()))
            if attempt == TIMER_ATTEMPTS or not is_missed:
                raise
            print(f"once more: {failure}")
    return None
