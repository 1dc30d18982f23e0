#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Stored captures of ipcload, read without root: what was recorded once is read alike for ever."""
import functools
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))
import compare  # noqa: E402
from harness import IPCTRACE, add_case, ensure, ensure_equal, load_graph, main, run  # noqa: E402


def replay(capture):
    truth = json.loads(capture.with_suffix(".truth").read_text())
    problems = compare.compare(truth, load_graph(str(capture)), allow_inexact=True)
    ensure(not problems, "\n".join(problems))
    for table in ("edge", "process", "channel", "mechanism"):
        done = run(IPCTRACE, "report", "-i", capture, "--by", table)
        ensure_equal(done.stderr, "", "warnings")
        ensure(done.stdout.count("\n") > 5, f"a report by {table} of {done.stdout!r}")


if __name__ == "__main__":
    for path in sorted(HERE.glob("*.data")):
        add_case(path.stem, functools.partial(replay, path))
    raise SystemExit(main(needs_root=False))
