# SPDX-License-Identifier: GPL-2.0-only
"""The kernels of the matrix: what is run on each, and what came out of it.

A kernel is a link test_VERSION.py to cases.py, nothing else: add one, and it is fetched, booted,
tested and a column of the table; test_ARCH-VERSION.py is one for another machine. `host` is the
kernel that runs here.
"""
import fnmatch
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/live"))
sys.path.insert(0, str(ROOT / "tests"))
HOST = "host"
# Not mechanisms: the other way to call the kernel, which has its own hooks; system calls that move
# data between channels; lives of processes.
RINGS = "io_uring"
OTHERS = {"splice": ("splice-", "tee", "sendfile-", "vmsplice"), "process": ("process-",)}
# Scenarios that do not begin with the name of their mechanism.
NAMES = {"process-vm": ("process-vm", "ptrace"), "shared-mapping": ("anonymous-mapping",),
         "futex": ("pthread-", "sem-"), "file-lock": ("flock", "posix-lock", "ofd-lock")}


def machine_of(kernel):
    """The other machine that a kernel is for, else an empty string."""
    return kernel.rpartition("-")[0]


def fetched_name(kernel):
    """As tools/vm/fetch and run call it."""
    return kernel.replace("-", "/")


def kernels():
    """Versions, the oldest first, then those for other machines, then the host."""
    names = [path.stem.removeprefix("test_") for path in HERE.glob("test_*.py")
             if path.is_symlink()]
    versions = [name for name in names if name != HOST]
    versions.sort(key=lambda name: (machine_of(name), [int(part) for part in
                                                       name.rpartition("-")[2].split(".")]))
    return versions + [HOST]


def mechanisms():
    rows = (ROOT / "include/ipctrace/mechanisms.def").read_text()
    return re.findall(r'^MECHANISM\(\w+,\s*\d+,\s*"([^"]+)"', rows, re.M)


def groups():
    """What has a row and a test of its own."""
    return mechanisms() + [RINGS, *OTHERS]


def group_of(scenario):
    """The mechanism that a scenario is about, or what else it is."""
    if "-uring" in scenario:
        return RINGS
    starts = [(prefix, group) for group, prefixes in {**NAMES, **OTHERS}.items()
              for prefix in prefixes]
    starts += [(name, name) for name in mechanisms()]
    return max((len(prefix), group) for prefix, group in starts if scenario.startswith(prefix))[1]


def place_of(build, kernel):
    """The directory of a kernel's results."""
    return pathlib.Path(build, "vm", "results", kernel)


def read_results(build, kernel):
    """What gather found out (see there), or None if it did not run."""
    path = place_of(build, kernel) / "results.json"
    return json.loads(path.read_text()) if path.exists() else None


def read_denied(kernel):
    """[(pattern of scenarios, why they cannot pass on this kernel)]"""
    path = HERE / f"DENYLIST.{kernel}"
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]


def why_denied(denied, scenario):
    for pattern, reason in denied:
        if fnmatch.fnmatchcase(scenario, pattern):
            return reason
    return None
