# SPDX-License-Identifier: GPL-2.0-only
"""What `strace -f -yy -o FILE` saw: an independent witness of the system calls of a workload."""
import collections
import pathlib
import re

LINE = re.compile(r"^(\d+) +(.*)$")
UNFINISHED = " <unfinished ...>"
UNREADABLE = 2**64 - 1
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+|\?|0x[0-9a-f]+)(?: (.*))?$")
SIGNAL = re.compile(r"^--- (SIG\w+) \{(.*)\} ---$")
FIELD = re.compile(r"(\w+)=([^,}]+)")

END = re.compile(r"^(exit_group\(|\+\+\+ (exited|killed) )")

Call = collections.namedtuple("Call", "pid name arguments result line")
Delivery = collections.namedtuple("Delivery", "pid signal fields")


def whole_lines(path):
    """(line, pid, text) of each line, what another process interrupted put together again."""
    open_calls = {}
    for number, line in enumerate(pathlib.Path(path).read_text(errors="replace").splitlines()):
        match = LINE.match(line)
        if not match:
            continue
        pid, text = int(match[1]), match[2]
        if text.endswith(UNFINISHED):
            open_calls[pid] = text[:-len(UNFINISHED)]
            continue
        if END.match(text) and pid in open_calls:
            yield number, pid, open_calls.pop(pid) + ") = ?"
        resumed = RESUMED.match(text)
        if resumed:
            text = open_calls.pop(pid, resumed[1] + "(") + resumed[2]
        yield number, pid, text


def result_of(call):
    """
    What it returned; None if its process was killed meanwhile: strace has no result then, or that
    of a register that it could not read any more.
    """
    if call[3] == "?":
        return None
    result = int(call[3], 16 if call[3].startswith("0x") else 10)
    return None if result == UNREADABLE else result


def parse_log(path):
    """All calls that returned, and all signals that were delivered, in the order of the log."""
    calls, deliveries = [], []
    for line, pid, text in whole_lines(path):
        call = CALL.match(text)
        if call:
            if result_of(call) is not None:
                calls.append(Call(pid, call[1], call[2], result_of(call), line))
            continue
        signal = SIGNAL.match(text)
        if signal:
            deliveries.append(Delivery(pid, signal[1], dict(FIELD.findall(signal[2]))))
    return calls, deliveries


def never_returned(path):
    """The calls in which their process was killed: done or not, strace was not told; result 0."""
    matches = ((line, pid, CALL.match(text)) for line, pid, text in whole_lines(path))
    return [Call(pid, call[1], call[2], 0, line) for line, pid, call in matches
            if call and result_of(call) is None]


def ends(path):
    """{pid: line in which its end begins}; exit_group tells it earliest, if it is traced."""
    found = {}
    for line, pid, text in whole_lines(path):
        if END.match(text):
            found.setdefault(pid, line)
    return found


def descriptors(call):
    """What the descriptors among the arguments name, in their order: `pipe:[1]`, `/a/path`."""
    found = []
    for argument in split_arguments(call):
        match = re.match(r"\d+<(.*)>(\(deleted\))?$", argument)
        if match:
            found.append(match[1])
    return found


def split_arguments(call):
    """The arguments at the top level, as text."""
    parts, depth, quoted, last = [], 0, False, 0
    text = call.arguments
    for at, char in enumerate(text):
        if char == '"' and (at == 0 or text[at - 1] != "\\"):
            quoted = not quoted
        elif quoted:
            continue
        elif char in "([{<":
            depth += 1
        elif char in ")]}>" and not (char == ">" and text[at - 1] in "-="):
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[last:at].strip())
            last = at + 1
    parts.append(text[last:].strip())
    return parts
