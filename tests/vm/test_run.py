#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""tools/vm/run: what a command does in a guest arrives, and no failure looks like success."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "live"))
from harness import (BUILD, ROOT, Skip, case, ensure, ensure_equal, ensure_in,  # noqa: E402
                     main, read_line, run, start, wait_for)

RUN = str(ROOT / "tools/vm/run")
KERNELS = BUILD / "vm/kernels"
KERNEL = "6.1"
GUEST_SECONDS = 90
USAGE, CANNOT_START, KERNEL_FAILED, NO_MEMORY, TIMED_OUT, INCOMPLETE = range(120, 126)


def command_line(*arguments, options=(), kernel=KERNEL):
    return [RUN, "--cache", str(KERNELS), "--build", "/nonexistent", "--timeout",
            str(GUEST_SECONDS), *options, kernel, "--", *arguments]


def guest(*arguments, options=(), status=0, env=None, **more):
    """Runs a command in a guest and returns what it and we said."""
    if not (KERNELS / KERNEL / "vmlinuz").exists():
        raise Skip(f"the kernel {KERNEL} was not fetched")
    done = run(*command_line(*arguments, options=options, **more), check=False,
               timeout=GUEST_SECONDS + 30, env=env)
    ensure_equal(done.returncode, status, f"exit status; it said {done.stdout}{done.stderr}")
    return done


def ensure_one_line(done, *words):
    lines = [line for line in done.stderr.splitlines() if not line.startswith("vm: | ")]
    ensure(len(lines) == 1, f"not one line: {done.stderr!r}")
    for word in words:
        ensure_in(word, lines[0], "the message")


def ensure_nothing_left(before):
    """QEMU has no parent but us, and its files no name."""
    ensure_equal(sorted(os.listdir(os.environ["TMPDIR"])), before, "files in TMPDIR")


# ---- what arrives ------------------------------------------------------------------------------

@case
def both_streams_and_the_status():
    done = guest("sh", "-c", "echo out; echo err >&2; exit 7", status=7)
    ensure_equal((done.stdout, done.stderr), ("out\n", "err\n"), "what it said")


@case
def arguments_and_environment():
    odd = ["", "a b", "it's", '"$HOME"', "back\\slash", "*", "line\nbreak", "ä €", "-n", "--"]
    done = guest("sh", "-c", 'printf "%s|" "$@"; printf %s "$NAME"', "sh", *odd,
                 options=["--env", "NAME=1 'and' $2"])
    ensure_equal(done.stdout, "".join(f"{word}|" for word in odd) + "1 'and' $2", "the arguments")


@case
def files_there_and_back():
    folder = pathlib.Path("a folder/below")
    folder.mkdir(parents=True)
    data = bytes(range(256)) * 8192
    (folder / "the file").write_bytes(data)
    (folder / "the file").chmod(0o751)
    (folder / "link").symlink_to("the file")
    (folder / "empty").mkdir()
    before = sorted(os.listdir(os.environ["TMPDIR"]))
    guest("sh", "-c", "cp -a 'a folder/below' 'made here' && cp -a 'made here' ' made ' && "
          "mkfifo 'made here/fifo' && "
          "cat 'made here/link' > /tmp/copy",
          options=["--add", "a folder", "--get", "made here:back", "--get", " made :blanks",
                   "--get", "/tmp/copy", "--get", "/proc/cmdline"])
    for name in ("copy", "back/the file"):
        ensure_equal(pathlib.Path(name).read_bytes() == data, True, f"{name} is the same")
    ensure_equal(pathlib.Path("back/the file").stat().st_mode & 0o777, 0o751, "its mode")
    ensure(pathlib.Path("blanks/the file").exists(), "a name with blanks around it is another's")
    ensure_equal(sorted(os.listdir("back")), ["empty", "the file"],
                 "the directory, but links and FIFOs")
    ensure_in("console=ttyS0", pathlib.Path("cmdline").read_text(), "the kernel's command line")
    ensure_nothing_left(sorted([*before, "back", "blanks", "cmdline", "copy"]))


@case
def files_over_a_serial_port():
    data = bytes(range(256)) * 1024
    pathlib.Path("data").write_bytes(data)
    guest("test", "!", "-e", "/dev/nvme0n1",
          options=["--disk", "0", "--add", "data", "--get", "data:back"])
    ensure(pathlib.Path("back").read_bytes() == data, "the file is another")


@case
def programs_bring_their_libraries():
    done = guest("bash", "-c", "read -r release < /proc/sys/kernel/osrelease; echo ${release@Q}",
                 options=["--add", "bash"])
    release = (KERNELS / KERNEL / "release").read_text().strip()
    ensure_equal(done.stdout, f"'{release}'\n", "the release of the guest")


@case
def a_machine_to_work_in():
    done = guest("sh", "-c", "for d in /proc /sys /dev/pts /dev/shm /dev/mqueue "
                 "/sys/kernel/tracing /sys/kernel/debug; do grep -q \" $d \" /proc/mounts || "
                 "echo no $d; done; touch /tmp/x || echo no /tmp; nproc; ping -qc1 127.0.0.1 "
                 "> /dev/null && ping -qc1 ::1 > /dev/null && echo lo; lsmod",
                 options=["--module", "vsock_loopback", "--cpus", "1"])
    words = done.stdout.split()
    ensure_equal(words[:2], ["1", "lo"], "its CPUs and its loopback interface")
    ensure_in("vsock_loopback", done.stdout, "its modules")


@case
def what_is_left_running_is_ended():
    done = guest("sh", "-c", "sleep 1000 & setsid sleep 1000 & echo out; kill -9 $$", status=137)
    ensure_equal(done.stdout, "out\n", "what it said")


@case
def a_file_that_is_not_there():
    done = guest("true", options=["--get", "nothing"], status=INCOMPLETE)
    ensure_one_line(done, "nothing")
    guest("false", options=["--get", "nothing"], status=1)


# ---- what fails --------------------------------------------------------------------------------

@case
def panic():
    done = guest("sh", "-c", "echo c > /proc/sysrq-trigger; sleep 1000", status=KERNEL_FAILED)
    ensure_one_line(done, "panicked")


@case
def panic_before_anything_ran():
    """Tried again, twice; then it is a failure as any other."""
    done = guest("true", options=["--append", "rdinit=/nothing init=/nothing"],
                 status=KERNEL_FAILED)
    ensure_equal(done.stderr.count("once more"), 2, "boots that were tried again")
    ensure_in("panicked: ", done.stderr, "the message")


@case
def reboot_and_power_off():
    for command in ("reboot", "poweroff"):
        ensure_one_line(guest(command, "-f", status=INCOMPLETE), "ended before the command did")


@case
def hang():
    done = guest("sleep", "1000", options=["--timeout", "12"], status=TIMED_OUT)
    ensure_one_line(done, "12 s")


@case
def out_of_memory():
    done = guest("sh", "-c", "mkdir big; mount -t tmpfs -o size=9g big big; "
                 "dd if=/dev/zero of=big/file bs=1M count=9000",
                 options=["--memory", "256"], status=NO_MEMORY)
    ensure_one_line(done, "--memory")
    done = guest("true", options=["--memory", "64"], status=CANNOT_START)
    ensure_one_line(done, "--memory")


@case
def results_that_do_not_fit():
    done = guest("dd", "if=/dev/zero", "of=big", "bs=1M", "count=20",
                 options=["--disk", "8", "--get", "big"], status=INCOMPLETE)
    ensure_in("did not fit", done.stderr, "the message")


@case
def no_room_on_the_host():
    """What the guest believes to have written must not be taken for what is there."""
    if os.geteuid():
        raise Skip("only root can mount a small file system")
    pathlib.Path("small").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "small", "small"], check=True)
    try:
        done = guest("dd", "if=/dev/zero", "of=big", "bs=1M", "count=100",
                     options=["--get", "big"], status=INCOMPLETE,
                     env=dict(os.environ, TMPDIR=os.path.abspath("small")))
        ensure_in("could not keep the results", done.stderr, "the message")
    finally:
        subprocess.run(["umount", "-l", "small"], check=True)


@case
def a_status_that_the_command_wrote():
    """The status is what the guest's first process saw, not something left where it writes it."""
    guest("sh", "-c", "mkdir /vm/results; echo 0 > /vm/results/status; echo 0 > /vm/status; exit 3",
          status=3)


@case
def no_kernel():
    done = guest("true", kernel="9.99", status=CANNOT_START)
    ensure_one_line(done, "9.99", "tools/vm/fetch")
    pathlib.Path("text").write_text("no kernel\n" * 1000)
    ensure_one_line(guest("true", kernel="text", status=CANNOT_START), "QEMU")
    image = bytearray((KERNELS / KERNEL / "vmlinuz").read_bytes())
    image[len(image) // 2:] = bytes(len(image) - len(image) // 2)
    pathlib.Path("broken").write_bytes(image)
    ensure_one_line(guest("true", kernel="./broken", status=KERNEL_FAILED), "up")


@case
def no_tools():
    pathlib.Path("bin").mkdir()
    for name in ("busybox", "readelf"):
        pathlib.Path("bin", name).symlink_to(shutil.which(name))
    path = str(pathlib.Path("bin").resolve())
    for missing, place in (("busybox", "/nonexistent"), ("qemu-system-x86_64", path)):
        done = run(*command_line("true"), check=False, env=dict(os.environ, PATH=place))
        ensure_equal(done.returncode, CANNOT_START, "exit status")
        ensure_one_line(done, f"'{missing}' is missing", "tools/deps vm")


@case
def usage():
    for arguments in ([], ["6.1"], ["6.1", "--"], ["--nothing", "6.1", "--", "true"],
                      ["--timeout", "0", "6.1", "--", "true"], ["--timeout", "nan", "6.1", "--", "true"],
                      ["--memory", "x", "6.1", "--", "t"],
                      ["--env", "=x", "6.1", "--", "true"]):
        done = run(RUN, *arguments, check=False)
        ensure_equal(done.returncode, USAGE, f"exit status of run {arguments}")
        ensure_one_line(done, "--help")
    ensure_in("Usage", run(RUN, "--help").stdout.capitalize(), "the help")
    ensure_one_line(guest("true", options=["--add", "nothing"], status=CANNOT_START), "nothing")
    ensure_one_line(guest("true", options=["--module", "nothing"], status=CANNOT_START), "nothing")


@case
def interrupted():
    """Ctrl-C and SIGTERM end QEMU, too; the runner of the tests sees what is left behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        before = sorted(os.listdir(os.environ["TMPDIR"]))
        loader = start(command_line("sh", "-c", "echo up; sleep 1000"), stdout=-1, stderr=-1,
                       bufsize=0)
        read_line(loader.stdout, "the guest to be up", GUEST_SECONDS)
        loader.send_signal(number)
        wait_for(lambda: loader.poll() is not None, "run to end")
        ensure_equal(loader.returncode, 128 + number, "exit status")
        ensure_nothing_left(before)


if __name__ == "__main__":
    sys.exit(main(needs_root=False))
