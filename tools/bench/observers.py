# SPDX-License-Identifier: GPL-2.0-only
"""What can watch a workload: each is started, waited for until it is attached, told to stop, asked
whether it saw the workload, and waited for until the kernel has let go of its programs."""
import json
import os
import pathlib
import select
import signal
import subprocess
import time

WAIT_SECONDS = 60
POLL_SECONDS = 0.01
# Kinds of BPF programs that watch what the kernel does.
WATCHING = {"tracing", "raw_tracepoint", "raw_tracepoint_writable", "tracepoint", "kprobe",
            "perf_event", "lsm"}
TRACEFS = pathlib.Path("/sys/kernel/tracing")


class CannotRun(Exception):
    """Something that the bench needs does not run here; says what."""


def bpftool(*args):
    done = subprocess.run(["bpftool", "-j", *args], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    return json.loads(done.stdout or "[]")


def watching_programs():
    return {p["id"] for p in bpftool("prog") if p.get("type") in WATCHING}


def wait_until(is_met, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_met():
        if time.monotonic() > deadline:
            raise CannotRun(f"{what}: not within {WAIT_SECONDS} s")
        time.sleep(POLL_SECONDS)


def wait_text(process, stream, text, what):
    """Reads an unbuffered pipe until `text` has come."""
    deadline = time.monotonic() + WAIT_SECONDS
    got = b""
    while text not in got:
        if not select.select([stream], [], [], max(0, deadline - time.monotonic()))[0]:
            raise CannotRun(f"{what}: not ready within {WAIT_SECONDS} s")
        more = os.read(stream.fileno(), 65536)
        if not more:
            raise CannotRun(f"{what}: {got.decode(errors='replace').strip() or 'ended'} "
                            f"(exit status {process.wait()})")
        got += more


class Observer:
    """Nothing at all; also what the others have in common."""
    slower = 1  # how much less work the workload does under it

    def __init__(self, name):
        self.name = name

    def wrap(self, argv):
        return argv

    def start(self):
        pass

    def stop(self, pid, calls):
        """The workload was `pid` and made `calls` calls that this should have seen."""

    def programs(self):
        return set()


class Attached(Observer):
    """A program that attaches to the whole machine and ends with SIGINT."""

    def __init__(self, name, argv):
        super().__init__(name)
        self.argv = argv
        self.process = None

    def start(self):
        try:
            self.process = subprocess.Popen(self.argv, bufsize=0, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as error:
            raise CannotRun(f"{self.name}: {error.strerror}: {self.argv[0]}") from None
        try:
            self.wait_ready()
        except BaseException:
            self.process.kill()
            self.process.communicate()
            raise

    def wait_ready(self):
        raise NotImplementedError

    def programs(self):
        ids = set()
        for path in pathlib.Path(f"/proc/{self.process.pid}/fdinfo").glob("*"):
            try:
                lines = path.read_text().splitlines()
            except OSError:
                continue  # closed since
            ids |= {int(line.split()[1]) for line in lines if line.startswith("prog_id:")}
        return ids

    def stop(self, pid, calls):
        programs = self.programs()
        self.process.send_signal(signal.SIGINT)
        try:
            out, err = self.process.communicate(timeout=WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise CannotRun(f"{self.name}: does not end") from None
        wait_until(lambda: not programs & watching_programs(), f"{self.name}: detaching")
        self.check(out.decode(errors="replace"), err.decode(errors="replace"), pid, calls)

    def check(self, out, err, pid, calls):
        pass


class Empty(Attached):
    def __init__(self, build):
        super().__init__("empty tp_btf/sys_exit",
                         [f"{build}/bench/attach_empty", f"{build}/bench/empty.bpf.o"])

    def wait_ready(self):
        wait_text(self.process, self.process.stderr, b"attached\n", self.name)


class Record(Attached):
    """Without -q, which only hides the line that says that it is attached: the progress is for a
    terminal, and there is none."""

    def __init__(self, build):
        super().__init__("ipctrace record -a",
                         [f"{build}/ipctrace", "record", "-a", "-o", "/dev/null"])
        self.ledgers = []

    def wait_ready(self):
        wait_text(self.process, self.process.stderr, b"recording...", self.name)

    def check(self, out, err, pid, calls):
        words = err.split("ipctrace: seen ")[-1].split()
        try:
            ledger = {"seen": int(words[0]), "recorded": int(words[2]),
                      "aggregated": int(words[4]), "lost": int(words[6])}
        except (IndexError, ValueError):
            raise CannotRun(f"{self.name}: no ledger in: {err.strip()}") from None
        if ledger["seen"] < calls:
            raise CannotRun(f"{self.name}: saw {ledger['seen']} of {calls} calls")
        self.ledgers.append(ledger)

    def ledger_line(self):
        total = {key: sum(l[key] for l in self.ledgers) for key in ("seen", "aggregated", "lost")}
        share = 100 * total["aggregated"] / max(1, total["seen"])
        return (f"ipctrace record saw {total['seen']:,} transfers, only counted {share:.1f}% of "
                f"them because its ring was full, lost {total['lost']:,}.")


class Bpftrace(Attached):
    def __init__(self, name, calls, actions):
        self.probes = [f"tracepoint:syscalls:sys_exit_{call}" for call in calls]
        argv = ["bpftrace", "-f", "json", "-e", ",".join(self.probes) + " { " + actions + " }"]
        if not (TRACEFS / "events").exists():  # bpftrace looks there; seen by it alone
            argv = ["unshare", "-m", "sh", "-c",
                    f'mount -t tracefs tracefs {TRACEFS} && exec "$@"', "sh", *argv]
        super().__init__(name, argv)

    def wait_ready(self):
        def is_attached():
            if self.process.poll() is not None:
                out, err = self.process.communicate()
                raise CannotRun(f"{self.name}: {(out + err).decode(errors='replace').strip()}")
            mine = [p for p in bpftool("perf") if p.get("pid") == self.process.pid
                    and p.get("fd_type") == "tracepoint"]
            return len(mine) == len(self.probes)
        wait_until(is_attached, f"{self.name}: attaching")

    def check(self, out, err, pid, calls):
        counts = {}
        for line in out.splitlines():
            if line.startswith("{"):
                said = json.loads(line)
                if said.get("type") == "map":
                    counts |= said["data"].get("@n", {})
        if counts.get(str(pid), 0) < calls:
            raise CannotRun(f"{self.name}: saw {counts.get(str(pid), 0)} of {calls} calls")


class Strace(Observer):
    """Starts the workload, which pins itself: strace is put on its CPU, where it is fastest.
    (--seccomp-bpf does nothing for a process that strace is attached to later.)"""

    def __init__(self, cpu, slower):
        super().__init__("strace -f --seccomp-bpf")
        self.cpu = cpu
        self.slower = slower

    def wrap(self, argv):
        return ["taskset", "-c", str(self.cpu), "strace", "-f", "--seccomp-bpf",
                "-e", "trace=read,write", "-o", "/dev/null", *argv]
