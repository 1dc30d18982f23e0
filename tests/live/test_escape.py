#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a traced process controls - names, arguments, paths - cannot reach the terminal raw."""
import json
import os
import pathlib
import shutil
import subprocess
import unicodedata
import xml.etree.ElementTree

from harness import IPCTRACE, Failure, case, ensure, ensure_equal, ensure_in, main, run

# Clears the screen, breaks the line, is no UTF-8, and has what XML, DOT and JSON quote.
EVIL = b"\x1b[2J\n\xff<&\">\\'"
BIDI = "\u202e".encode()  # turns the direction of the text
# cat under an evil name, with evil arguments, from an evil FIFO, to an evil abstract socket.
SCRIPT = r"""
import os, socket, subprocess, sys
name = os.fsencode(sys.argv[1])
os.mkfifo(name + b".fifo")
fifo = os.open(name + b".fifo", os.O_RDWR)
writer = subprocess.Popen([b"./" + name, b"--", b"input"], stdout=fifo)
writer.wait()
reader = subprocess.Popen(["head", "-c", "6"], stdin=os.open(name + b".fifo", os.O_RDONLY),
                          stdout=subprocess.PIPE)
print(len(reader.communicate()[0]))
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(b"\0" + name)
client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
client.sendto(b"hello", b"\0" + name)
server.recv(10)
"""
READ = [["report"], *[["report", "--by", by] for by in ("process", "channel", "mechanism")],
        ["info"], ["graph", "-f", "json"], ["graph", "-f", "dot"], ["graph", "-f", "svg"],
        *[["graph", "-f", "dot", "--group-by", by] for by in ("comm", "exe", "program")]]


def script():
    """The command that does it; its fork runs under the evil name, too."""
    if not os.path.exists(EVIL):
        shutil.copy("/bin/cat", EVIL)
        pathlib.Path("input").write_text("hello\n")
    else:
        os.unlink(EVIL + b".fifo")
    return ["/usr/bin/python3", "-c", SCRIPT, EVIL, BIDI + EVIL]


def ensure_harmless(output, what, allowed=frozenset()):
    """Printable UTF-8, tabs and line ends, no more."""
    try:
        text = output.decode()
    except UnicodeDecodeError as error:
        ensure(False, f"{what} is no UTF-8: {error}")
    for character in set(text) - {"\n", "\t"}:
        # Cc: controls, Cf: formats, as the bidirectional ones; Zl and Zp end lines.
        ensure(unicodedata.category(character) not in {"Cc", "Cf", "Zl", "Zp"} - allowed,
               f"{what} has the character {character!r}")
    return text


def said_by(*command):
    done = subprocess.run(command, capture_output=True, check=True)
    # JSON is for programs: it keeps all text that is UTF-8 and no control.
    allowed = {"Cf", "Zl", "Zp"} if "json" in command else set()
    return ensure_harmless(done.stdout, f"stdout of {command}", allowed), \
        ensure_harmless(done.stderr, f"stderr of {command}")


@case
def captures():
    run(IPCTRACE, "record", "-q", "-o", "capture.data", "--", *script())
    outputs = {}
    for reader in READ:
        out, err = said_by(IPCTRACE, *reader, "-i", "capture.data")
        ensure_equal(err, "", f"stderr of {reader}")
        outputs[tuple(reader)] = out
        if reader not in (["info"], ["report", "--by", "mechanism"]):
            ensure_in("x1B[2J", out, f"{reader}")
    check_json(json.loads(outputs["graph", "-f", "json"]))
    xml.etree.ElementTree.fromstring(outputs["graph", "-f", "svg"])
    run("dot", "-Tcanon", input=outputs["graph", "-f", "dot"])
    for reader in (("report",), ("report", "--by", "process"), ("report", "--by", "channel")):
        wide = [line for line in outputs[reader].splitlines() if len(line) > 100]
        ensure(not wide, f"{reader} is wider than 100 columns: {wide}")


def check_json(graph):
    escaped = r"""\x1B[2J\x0A\xFF<&">\'"""
    ensure_in(escaped, [p["comm"] for p in graph["processes"]], "comm of the processes")
    names = [c["name"] for c in graph["channels"]]
    ensure_in(f"{os.getcwd()}/{escaped}.fifo", names, "name of the channels")
    ensure_in("@" + escaped, names, "name of the channels")


@case
def live():
    for runner in (["trace", "--"], ["--"]):
        out, _ = said_by(IPCTRACE, *runner, *script())
        ensure_in("x1B[2J", out, f"{runner}")


@case
def complaints():
    """We repeat what we were given; it may come out of a script's variable."""
    failures = []
    for command in ([EVIL], ["report", "-i", EVIL], ["info", EVIL], ["graph", "-f", EVIL],
                    ["record", "-e", EVIL, "--", "true"], ["record", "-p", EVIL],
                    ["record", "-d", EVIL, "--", "true"], ["record", "--ring-size", EVIL],
                    ["record", "--max-size", EVIL], ["record", "--max-lost", EVIL],
                    ["record", "-o", b"missing/" + EVIL, "--", "true"], ["report", "-n", EVIL],
                    ["record", "-q", "--", b"./" + EVIL], ["report", "--by", EVIL]):
        try:
            complain(command)
        except Failure as failure:
            failures.append(str(failure))
    ensure(not failures, "\n".join(failures))


def complain(command):
    done = subprocess.run([IPCTRACE, *command], capture_output=True, check=False)
    ensure(done.returncode, f"{command} went well")
    text = ensure_harmless(done.stderr, f"stderr of {command}")
    ensure_in("x1B[2J", text, f"{command}")


if __name__ == "__main__":
    raise SystemExit(main())
