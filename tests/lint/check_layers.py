#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A folder of user/ uses only what stands to its right; bpf/ and user/ meet in include/ only."""
import pathlib
import re
import sys

# What each folder may include, besides itself.
ALLOWED = {
    "base": set(),
    "store": {"base"},
    "model": {"store", "base"},
    "graph": {"model", "store", "base"},
    "verify": {"graph", "model", "store", "base"},
    "output": {"verify", "graph", "model", "store", "base"},
    "capture": {"store", "base"},
    "command": {"output", "verify", "graph", "model", "store", "base", "capture"},
}
MAIN_ALLOWED = {"command", "base"}
MAIN_LIBBPF = {"libbpf_version_string"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
LIBBPF_NAME = re.compile(r"\b(?:bpf|btf|libbpf|ring_buffer|user_ring_buffer|perf_buffer)_\w+")


def includes(path):
    return [name for _, name in INCLUDE.findall(path.read_text())]


def check_user(path):
    folder = path.parent.name if path.parent.name != "user" else "main"
    allowed = MAIN_ALLOWED if folder == "main" else ALLOWED[folder] | {folder}
    for name in includes(path):
        top = name.split("/")[0]
        if top in ALLOWED and top not in allowed:
            yield f"{path}: {folder}/ may not use {name}"
        elif name.startswith("..") or "/../" in name:
            yield f"{path}: {name} leaves its folder; say where it is from user/"
        elif top == "bpf" and folder == "main":
            used = set(LIBBPF_NAME.findall(path.read_text())) - MAIN_LIBBPF
            for call in sorted(used):
                yield f"{path}: of libbpf only its version may be used here, not {call}"
        elif (top == "bpf" or name.endswith(".skel.h")) and folder != "capture":
            yield f"{path}: only capture/ knows libbpf, so not {name}"
        elif "/" not in name and (path.parent / name).exists() and path.suffix == ".h" \
                and folder != "capture":
            yield f"{path}: say \"{folder}/{name}\" instead of \"{name}\""


def check_bpf(path):
    for name in includes(path):
        if name.split("/")[0] in ALLOWED or name in ("stdio.h", "stdlib.h", "string.h", "unistd.h"):
            yield f"{path}: the kernel side may not use {name}"


def check_contract(path):
    """include/ is for both sides: fixed-width types, no libc, nothing of ours but itself."""
    for name in includes(path):
        if name != "linux/types.h" and not (path.parent / name).exists():
            yield f"{path}: the contract may not use {name}"


def main():
    found = []
    for path in sorted(pathlib.Path("user").rglob("*.[ch]")):
        found += check_user(path)
    for path in sorted(pathlib.Path("bpf").glob("*.[ch]")):
        found += check_bpf(path)
    for path in sorted(pathlib.Path("include").rglob("*.h")):
        found += check_contract(path)
    print("".join(f"{line}\n" for line in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
