#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A capture that is cut, damaged, foreign or whose recorder was killed: read as far as it goes."""
import json
import os
import pathlib
import signal
import struct
import zlib

from harness import (IPCLOAD, IPCTRACE, Recorder, case, ensure, ensure_equal, ensure_in, load_graph,
                     main, run, wait_for)

IO = 5
BLOCK = struct.Struct("<IHHQIIIIII")  # struct ipct_block
READERS = (["report", "-i"], ["report", "--by", "channel", "-i"], ["info", "-i"],
           ["graph", "-f", "json", "-i"], ["graph", "-f", "dot", "-i"])


def make_capture():
    """The bytes of a capture and the offsets at which its blocks begin, and at which it ends."""
    run(IPCTRACE, "record", "-q", "-o", "good.data", "--", IPCLOAD, "pipe-many-writers",
        "--messages", "300")
    data = pathlib.Path("good.data").read_bytes()
    offsets = [0]
    while offsets[-1] < len(data):
        stored = BLOCK.unpack_from(data, offsets[-1])[7]
        offsets.append(offsets[-1] + BLOCK.size + stored)
    ensure_equal(offsets[-1], len(data), "end of the last block")
    ensure(len(offsets) > 4, f"only {len(offsets) - 1} blocks")
    return data, offsets


def read_with(reader, data):
    pathlib.Path("bad.data").write_bytes(data)
    return run(IPCTRACE, *reader, "bad.data", check=False)


def ensure_refused(data, what, *says):
    for reader in READERS:
        done = read_with(reader, data)
        ensure_equal(done.returncode, IO, f"exit status of {reader} on {what}; {done.stderr!r}")
        ensure_equal(done.stdout, "", f"stdout of {reader} on {what}")
        ensure_equal(done.stderr.count("\n"), 1, f"lines of {reader} on {what}: {done.stderr!r}")
        for text in ("bad.data", *says):
            ensure_in(text, done.stderr, f"{reader} on {what}")


def ensure_partial(data, what, *says):
    """It is read, with a warning."""
    for reader in READERS:
        done = read_with(reader, data)
        ensure_equal(done.returncode, 0, f"exit status of {reader} on {what}; {done.stderr!r}")
        ensure(done.stdout, f"nothing was read of {what}")
        for text in ("bad.data", *says):
            ensure_in(text, done.stderr, f"{reader} on {what}")
        if "json" in reader:
            json.loads(done.stdout)


@case
def truncated():
    data, offsets = make_capture()
    for length in (0, 1, BLOCK.size - 1, BLOCK.size, offsets[1] - 1):
        ensure_refused(data[:length], f"the first {length} bytes")
    for offset in offsets[1:-1]:
        ensure_partial(data[:offset], f"the blocks up to {offset}", "incomplete")
    for begin, end in zip(offsets[1:], offsets[2:]):
        for length in {begin + 1, begin + BLOCK.size, (begin + end) // 2, end - 1}:
            ensure_partial(data[:length], f"the first {length} bytes", "damaged", str(begin))


@case
def corrupted():
    data, offsets = make_capture()

    def flipped(position):
        return data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1:]

    for position in (0, 3, BLOCK.size - 1, BLOCK.size, offsets[1] - 1):
        ensure_refused(flipped(position), f"a wrong byte at {position}")
    for begin, end in zip(offsets[1:], offsets[2:]):
        for position in {begin, begin + 8, begin + 30, begin + BLOCK.size, end - 1}:
            ensure_partial(flipped(position), f"a wrong byte at {position}", "damaged", str(begin))
    for offset in offsets[2:-1]:
        missing = offsets[offsets.index(offset) - 1]
        ensure_partial(data[:missing] + data[offset:], f"no block at {missing}", "damaged")
    ensure_partial(data + b"more", "more behind the end", "damaged")


@case
def newer_version():
    """Refused by name, not as if it were damaged."""
    data, offsets = make_capture()
    fields = list(BLOCK.unpack_from(data))
    fields[1] = 77
    head = BLOCK.pack(*fields)[:-4]
    newer = head + struct.pack("<I", zlib.crc32(head)) + data[BLOCK.size:]
    ensure_refused(newer, "a newer version", "version 77")


@case
def no_capture():
    ensure_refused(b"", "an empty file")
    ensure_refused(b"#!/bin/sh\necho hello\n" * 100, "a script")
    ensure_refused(bytes(100000), "zeros")
    ensure_refused(os.urandom(100000), "noise")
    pathlib.Path("folder").mkdir()
    for path in ("missing", "folder", "/dev/null"):
        for reader in READERS:
            done = run(IPCTRACE, *reader, path, check=False)
            ensure_equal(done.returncode, IO, f"exit status of {reader} {path}")
            ensure_in(path, done.stderr, f"{reader}")
            ensure_equal(done.stdout, "", f"stdout of {reader} {path}")


def child_of(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ensure_equal(len(children), 1, "children of the recorder")
    return int(children[0])


def data_blocks(path):
    """How many whole blocks of data a file has so far."""
    data, offset, count = pathlib.Path(path).read_bytes(), 0, 0
    while offset + BLOCK.size <= len(data):
        fields = BLOCK.unpack_from(data, offset)
        offset += BLOCK.size + fields[7]
        count += fields[2] == 2 and offset <= len(data)
    return count


@case
def recorder_killed():
    recorder = Recorder("--", "sh", "-c", "while :; do echo hello | cat > /dev/null; done")
    recorder.wait_until_recording()
    shell = child_of(recorder.process.pid)
    try:
        wait_for(lambda: data_blocks("capture.data") > 4, "data in the file")
        recorder.process.kill()
        ensure_equal(recorder.process.wait(), -signal.SIGKILL, "exit status of the recorder")
    finally:
        os.kill(shell, signal.SIGKILL)
    for reader in READERS:
        done = run(IPCTRACE, *reader, "capture.data")
        ensure_in("incomplete", done.stderr, f"{reader} after SIGKILL")
    graph = load_graph()
    ensure([e for e in graph["edges"] if e["mechanism"] == "pipe"], "no edges were kept")


if __name__ == "__main__":
    raise SystemExit(main())
