#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""`ipctrace diff` on stored captures: verdicts and exit codes, damaged files, bad arguments."""
import json
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))
import capture_file  # noqa: E402
from harness import IPCTRACE, case, ensure, ensure_equal, ensure_in, main, run  # noqa: E402

OK, VIOLATION, USAGE, INCOMPLETE, IO = 0, 1, 2, 4, 5
STORED = HERE / "pipe-many-writers.data"
PIPE, FIFO, DGRAM = map(pathlib.Path, ("pipe.data", "fifo.data", "dgram.data"))


def diff(*arguments, status=OK):
    done = run(IPCTRACE, "diff", *arguments, check=False)
    ensure_equal(done.returncode, status, f"exit status of diff {arguments}; {done.stderr!r}")
    return done


def with_barrier(path, target):
    """The stored captures are older than the barrier: as if a recorder of today had made it."""
    blocks = list(capture_file.blocks(path.read_bytes()))
    ensure_equal(blocks[-1].kind, capture_file.END, "the last block")
    ledger = json.loads(blocks[-1].raw)
    ledger["barrier"] = {"cpus": 1, "reached": 1, "missed": ""}
    blocks[-1].raw = json.dumps(ledger).encode()
    last = [block for block in blocks if block.kind == capture_file.DATA][-1]
    last.raw += capture_file.barrier(ledger["time_ns"])
    last.records += 1
    target.write_bytes(capture_file.put_together(blocks))
    return target


def captures():
    for name, target in (("pipe-many-writers", PIPE), ("fifo-reopened", FIFO),
                         ("unix-dgram-sendto", DGRAM)):
        with_barrier(HERE / f"{name}.data", target)


def with_ledger(path, target, **changes):
    blocks = list(capture_file.blocks(path.read_bytes()))
    ensure_equal(blocks[-1].kind, capture_file.END, "the last block")
    blocks[-1].raw = json.dumps({**json.loads(blocks[-1].raw), **changes}).encode()
    target = pathlib.Path(target)
    target.write_bytes(capture_file.put_together(blocks))
    return target


def with_loss(path, lost):
    """The capture as if its recorder had lost so many records."""
    end = list(capture_file.blocks(path.read_bytes()))[-1]
    return with_ledger(path, f"lost-{lost}.data", seen=json.loads(end.raw)["seen"] + lost,
                       causes={"ring-full": lost})


def with_mechanisms(path, names):
    """The capture as if it had been made with -e of these."""
    blocks = list(capture_file.blocks(path.read_bytes()))
    ensure_equal(blocks[0].kind, capture_file.HEAD, "the first block")
    info = json.loads(blocks[0].raw)
    info["mechanisms"] = names
    blocks[0].raw = json.dumps(info).encode()
    target = pathlib.Path(f"only-{names}.data")
    target.write_bytes(capture_file.put_together(blocks))
    return target


def without_end(path):
    data = path.read_bytes()
    target = pathlib.Path("cut.data")
    target.write_bytes(data[:list(capture_file.blocks(data))[-1].begin])
    return target


@case
def same():
    for stored in sorted(HERE.glob("*.data")):
        path = with_barrier(stored, pathlib.Path(stored.name))
        done = diff(path, path, "--fail-on", "new,gone,bytes0%,messages0%")
        ensure_equal(done.stderr, "", f"stderr on {path.name}")
        ensure_in("\nno difference\n", done.stdout, path.name)
        ensure_in("0 new, 0 gone, 0 changed", done.stdout, path.name)


@case
def different():
    """A pipe of one job, FIFOs of the other: nothing is the same."""
    captures()
    done = diff(PIPE, FIFO)
    ensure_equal(done.stderr, "", "stderr")
    ensure_in("1 new, 1 gone, 0 changed", done.stdout, "text")
    wide = [line for line in done.stdout.splitlines() if len(line) > 100]
    ensure(not wide, f"wider than 100 columns: {wide}")
    graph = json.loads(diff(PIPE, FIFO, "-f", "json").stdout)
    truth = json.loads(STORED.with_suffix(".truth").read_text())
    gone = [edge for edge in graph["edges"] if edge["change"] == "gone"]
    ensure_equal([edge["mechanism"] for edge in gone], ["pipe"], "what is gone")
    for measure in ("messages", "bytes"):
        expected = sum(edge[measure] for edge in truth["edges"])
        ensure_equal(gone[0]["old"][measure],
                     {"at_least": expected, "best": expected, "at_most": expected}, measure)
    ensure_equal(gone[0]["new"], None, "the new side of what is gone")


@case
def formats():
    captures()
    for name, says in (("text", "CHANGE "), ("json", '"ipctrace.diff/1"'), ("svg", "</svg>"),
                       ("dot", "digraph")):
        ensure_in(says, diff(PIPE, FIFO, "-f", name).stdout, name)
        diff(PIPE, FIFO, "-f", name, "-o", "out")
        ensure_in(says, pathlib.Path("out").read_text(), f"{name} in a file")
    ensure_in("… 1 more", diff(PIPE, FIFO, "-n", "1").stdout, "-n 1")
    diff(PIPE, FIFO, "-o", "missing/out", status=IO)


@case
def violations():
    captures()
    for limits, status in (("new", VIOLATION), ("gone", VIOLATION), ("bytes+0%", OK),
                           ("messages-0%,gone,bytes5", VIOLATION), ("new,uncertain", VIOLATION)):
        done = diff(PIPE, FIFO, "--fail-on", limits, status=status)
        ensure_equal(done.stderr.count("--fail-on"), 1 if status else 0, f"complaints on {limits}")
        ensure_in("CHANGE ", done.stdout, f"the table with --fail-on {limits}")
    done = diff(PIPE, FIFO, "--fail-on", "gone", status=VIOLATION)
    ensure_equal(done.stderr, "ipctrace: --fail-on gone: ipcload → ipcload via pipe\n", "stderr")
    edges = json.loads(diff(PIPE, FIFO, "--fail-on", "new", "-f", "json",
                            status=VIOLATION).stdout)["edges"]
    ensure_equal([(edge["change"], edge["breaks"]) for edge in edges],
                 [("new", ["new"]), ("gone", [])], "what breaks the limits")


@case
def lost_records():
    """What is not in a capture that lost records may have been there."""
    captures()
    lossy = with_loss(PIPE, 3)
    for old, new, limit in ((PIPE, lossy, "gone"), (lossy, PIPE, "new"), (lossy, lossy, "new")):
        done = diff(old, new, "--fail-on", limit, status=INCOMPLETE)
        ensure_in("lost-3.data is incomplete", done.stderr, "stderr")
    ensure_equal(diff(lossy, lossy, status=INCOMPLETE).stderr.count("incomplete"), 2, "warnings")
    diff(lossy, PIPE, "--max-lost", "2", status=INCOMPLETE)
    diff(lossy, PIPE, "--max-lost", "3")
    # what is there is there: an edge that the other one, which lost nothing, has not is new
    done = diff(with_loss(FIFO, 1), PIPE, "--fail-on", "gone,uncertain", status=VIOLATION)
    ensure_in("--fail-on gone", done.stderr, "stderr")
    done = diff(FIFO, lossy, "--fail-on", "gone", status=INCOMPLETE)
    ensure_in("1 more is not certain", done.stderr, "stderr")


@case
def not_traced():
    """What a capture was made without is neither there nor gone, and that is no success."""
    captures()
    fifo = with_mechanisms(FIFO, "fifo")
    for old, new, limit in ((PIPE, fifo, "gone"), (fifo, PIPE, "new")):
        done = diff(old, new, "--fail-on", limit, status=INCOMPLETE)
        ensure_in(f"--fail-on {limit} is not decided: ", done.stderr, "stderr")
        diff(old, new, "--fail-on", f"{limit},uncertain", status=VIOLATION)
    # the edge of what both traced, and no limit at all
    diff(PIPE, fifo, "--fail-on", "new,gone", status=VIOLATION)
    diff(fifo, fifo, "--fail-on", "new,gone")
    diff(PIPE, fifo)


@case
def no_barrier():
    """Without one, what a capture lacks may have been there all the same."""
    captures()
    done = diff(FIFO, STORED, status=INCOMPLETE)
    ensure_in("pipe-many-writers.data is incomplete", done.stderr, "stderr")
    ensure_equal(done.stderr.count("incomplete"), 1, "warnings")
    changes = {edge["mechanism"]: edge["certain"]
               for edge in json.loads(diff(FIFO, STORED, "-f", "json",
                                           status=INCOMPLETE).stdout)["edges"]}
    ensure_equal(changes, {"pipe": True, "fifo": False}, "what is certain")
    # no barrier is not made good by leave to lose some
    diff(PIPE, with_loss(STORED, 3), "--max-lost", "3", status=INCOMPLETE)


@case
def ended_otherwise():
    captures()
    ends = [with_ledger(PIPE, f"{end}.data", end=end) for end in ("command", "duration")]
    ensure_in("ended for different reasons", diff(*ends).stderr, "stderr")
    ensure_equal(diff(ends[0], ends[0]).stderr, "", "stderr")


@case
def recorder_killed():
    captures()
    done = diff(PIPE, without_end(PIPE), "--fail-on", "new", "--max-lost", "1000",
                status=INCOMPLETE)
    ensure_in("cut.data is incomplete: the recorder did not end it", done.stderr, "stderr")
    ensure_in("cut.data is incomplete: that an edge is not there", done.stderr, "stderr")


@case
def damaged():
    captures()
    data = PIPE.read_bytes()
    pathlib.Path("folder").mkdir()
    pathlib.Path("empty").write_bytes(b"")
    pathlib.Path("noise").write_bytes(os.urandom(5000))
    pathlib.Path("short").write_bytes(data[:50])
    for bad in ("missing", "folder", "empty", "noise", "short", "/dev/null"):
        for pair in ((bad, PIPE), (PIPE, bad)):
            for format_name in ("text", "json"):
                done = diff(*pair, "-f", format_name, status=IO)
                ensure_equal(done.stdout, "", f"stdout on {pair}")
                ensure_equal(done.stderr.count("\n"), 1, f"lines on {pair}: {done.stderr!r}")
                ensure_in(bad, done.stderr, f"stderr on {pair}")
    for position in range(60, len(data), 97):
        flipped = data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1:]
        pathlib.Path("flipped").write_bytes(flipped)
        done = run(IPCTRACE, "diff", PIPE, "flipped", check=False)
        ensure(done.returncode in (INCOMPLETE, IO),
               f"a wrong byte at {position}: {done.returncode} {done.stderr!r}")


@case
def arguments():
    captures()
    for bad, says in (([], "two captures"), ([PIPE], "two captures"),
                      ([PIPE, FIFO, DGRAM], "not more"), ([PIPE, FIFO, "-f", "yaml"], "choose"),
                      ([PIPE, FIFO, "--group-by", "process"], "choose"),
                      ([PIPE, FIFO, "-n", "many"], "whole number"),
                      ([PIPE, FIFO, "--max-lost", "-1"], "whole number"),
                      ([PIPE, FIFO, "--fail-on", "uncertain"], "uncertain"),
                      ([PIPE, FIFO, "--fail-on", ",".join(["new"] * 33)], "32"),
                      *(([PIPE, FIFO, "--fail-on", text], "is no limit") for text in
                        ("", "news", "new,", "bytes", "bytes+20%%", "20%", "messages+1k",
                         "bytes+-1"))):
        done = diff(*bad, status=USAGE)
        ensure_equal(done.stdout, "", f"stdout on {bad}")
        ensure_in(says, done.stderr, f"stderr on {bad}")
        ensure(done.stderr.count("\n") <= 2, f"lines on {bad}: {done.stderr!r}")
    ensure_equal(run(IPCTRACE, "diff", "--help").stdout.count("\n  ipctrace diff "), 3, "examples")


@case
def groupings():
    captures()
    for grouping in ("program", "comm", "exe"):
        graph = json.loads(diff(PIPE, PIPE, "--group-by", grouping, "-f", "json").stdout)
        ensure_equal(graph["group_by"], grouping, "group_by")
        names = {program["name"] for program in graph["programs"]}
        ensure(len(names) == 1 and ("/" in names.pop()) == (grouping == "exe"),
               f"programs by {grouping}: {graph['programs']}")


if __name__ == "__main__":
    raise SystemExit(main(needs_root=False))
