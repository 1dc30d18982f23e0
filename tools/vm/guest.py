# SPDX-License-Identifier: GPL-2.0-only
"""The virtual machine of tools/vm/run: QEMU, what it says, and why it ended."""
import ctypes
import hashlib
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1
BOOT_SECONDS = 60
PROBE_SECONDS = 10

# Exit statuses of our own; everything else is the command's.
USAGE, CANNOT_START, KERNEL_FAILED, NO_MEMORY, TIMED_OUT, INCOMPLETE = range(120, 126)

# What differs between machines: how QEMU is called, and the names of the serial ports in the guest:
# the console, the command's stdout, its stderr, and the results where there is no NVMe disk.
# microvm starts 1 s sooner, but three of eight boots hung; pc never did.
MACHINES = {
    "x86_64": {"qemu": "qemu-system-x86_64", "machine": "pc", "cpu": "max",
               "ports": ("ttyS0", "ttyS1", "ttyS2", "ttyS3")},
    # It has one serial port of its own; the others are on PCI.
    "aarch64": {"qemu": "qemu-system-aarch64", "machine": "virt", "cpu": "cortex-a57",
                "ports": ("ttyAMA0", "ttyS0", "ttyS1", "ttyS2")},
}
# As Debian calls them, and in the names of the cache and of the build directory.
DEBIAN_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


class Failed(Exception):
    """The guest did not run the command to its end; status is what we exit with."""

    def __init__(self, status, problem):
        super().__init__(problem)
        self.status = status


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


class Guest:
    """A QEMU with an output of its own for each serial port, which follow() reads.

    No file of ours has a name that could be left behind: QEMU opens them as /proc/self/fd/N."""

    def __init__(self, arch, image, initramfs, accel, memory, cpus, append="", disk=None):
        self.console, self.results, self.qemu = bytearray(), bytearray(), bytearray()
        self.inputs = []
        machine = MACHINES[arch]
        self.archive = tempfile.TemporaryFile()
        initramfs.write(self.archive)
        self.archive.flush()
        command = [machine["qemu"], "-nodefaults", "-no-user-config", "-display", "none",
                   "-no-reboot", "-machine", machine["machine"], "-accel", accel,
                   "-cpu", "host" if accel == "kvm" else machine["cpu"],
                   "-m", str(memory), "-smp", str(cpus),
                   "-kernel", str(image), "-initrd", f"/proc/self/fd/{self.archive.fileno()}",
                   "-append", f"console={machine['ports'][0]} panic=-1 oops=panic loglevel=5 "
                   + append]
        passed = [self.archive.fileno()]
        if disk:
            passed.append(disk.fileno())
            command += ["-drive", "if=none,id=results,format=raw,cache=unsafe,werror=report,"
                        f"file=/proc/self/fd/{disk.fileno()}",
                        "-device", "nvme,drive=results,serial=results"]
        on_board = sum(port[:4] == machine["ports"][0][:4] for port in machine["ports"])
        self.start(command, passed, on_board)

    def start(self, command, passed, on_board):
        """on_board: how many serial ports the machine has without PCI."""
        if not shutil.which(command[0]):
            raise Failed(CANNOT_START, f"'{command[0]}' is missing; 'tools/deps vm' installs it")
        writers = []
        for number in range(5):
            reader, writer = os.pipe()
            self.inputs.append(reader)
            writers.append(writer)
            if number < 4:
                command += ["-chardev", f"file,id=port{number},append=on,"
                            f"path=/proc/self/fd/{writer}"]
                command += ["-serial", f"chardev:port{number}"] if number < on_board else \
                    ["-device", f"pci-serial,chardev=port{number}"]
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writers[4],
                                            stderr=writers[4], pass_fds=[*passed, *writers],
                                            start_new_session=True, preexec_fn=die_with_parent)
        finally:
            for writer in writers:
                os.close(writer)

    def is_up(self):
        return b"ipctrace-vm: up" in self.console

    def is_done(self):
        return b"ipctrace-vm: done" in self.console

    def follow(self, seconds, out, err):
        """Reads all that the guest says until QEMU ends; the command's output goes to the file
        descriptors out and err. Raises Failed when the time is over."""
        console, stdout, stderr, results, qemu = self.inputs
        sinks = {console: self.console.extend, results: self.results.extend,
                 qemu: self.qemu.extend, stdout: lambda data: write_all(out, data),
                 stderr: lambda data: write_all(err, data)}
        began = time.monotonic()
        while sinks:
            limit = seconds if self.is_up() else min(seconds, BOOT_SECONDS)
            left = began + limit - time.monotonic()
            if left <= 0:
                raise Failed(TIMED_OUT, f"still running after {limit:g} s: ended it"
                             if self.is_up() else f"the kernel did not come up in {limit:g} s")
            for descriptor in select.select(list(sinks), [], [], left)[0]:
                data = os.read(descriptor, 65536)
                if data:
                    sinks[descriptor](data)
                else:
                    del sinks[descriptor]

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for descriptor in self.inputs:
            os.close(descriptor)
        self.archive.close()

    def has_panicked_early(self):
        """Before anything of ours ran. Tried: without KVM one boot of 7.3 in some forty did, in an
        int3 that the kernel has put into its own code and taken away again on another CPU."""
        return not self.is_up() and b"Kernel panic" in self.console

    def why_ended(self):
        """The Failed for a guest that ended without a status."""
        console = self.console.decode(errors="backslashreplace")
        panic = re.search(r"Kernel panic - not syncing: (.*)", console)
        failed = re.search(r"ipctrace-vm: failed: (.*)", console)
        if panic and "ut of memory" in panic[1]:
            return Failed(NO_MEMORY, "the guest ran out of memory: give it more with --memory")
        if panic:
            return Failed(KERNEL_FAILED, f"the kernel panicked: {panic[1].strip()}")
        if failed:
            return Failed(INCOMPLETE, failed[1].strip())
        if not self.is_up() and self.qemu:
            said = self.qemu.decode(errors="backslashreplace").strip().splitlines()
            return Failed(CANNOT_START, f"QEMU: {said[-1]}")
        if not self.is_up():
            return Failed(KERNEL_FAILED, "the guest ended before its kernel was up")
        return Failed(INCOMPLETE, "the guest ended before the command did")


def kvm_answer(image, cache):
    """The file that keeps whether this image boots with KVM."""
    digest = hashlib.sha256(pathlib.Path(image).read_bytes()).hexdigest()
    return cache / "boots-with-kvm" / digest[:16]


def boots_with_kvm(arch, image, initramfs, cache):
    """Whether this kernel really comes up under KVM with this initramfs, which only says so: there
    are hosts where /dev/kvm exists and hangs. The answer is kept in the cache until the next boot
    of the host."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or arch != os.uname().machine:
        return False
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    answer = kvm_answer(image, cache)
    try:
        known, verdict = answer.read_text().split()
        if known == boot:
            return verdict == "yes"
    except (OSError, ValueError):
        pass  # not known yet
    guest = Guest(arch, image, initramfs, "kvm", 512, 1)
    try:
        with open(os.devnull, "wb") as nowhere:
            guest.follow(PROBE_SECONDS, nowhere.fileno(), nowhere.fileno())
        does_boot = guest.is_up()
    except Failed:
        does_boot = False
    finally:
        guest.end()
    try:
        answer.parent.mkdir(parents=True, exist_ok=True)
        answer.write_text(f"{boot} {'yes' if does_boot else 'no'}\n")
    except OSError:
        pass  # without a cache each run asks again
    return does_boot
