#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The nested frames of every BPF program fit into the stack of the oldest kernels.

check_max_stack_depth() of the verifier allows 512 bytes over all frames that can be nested, each
rounded up to 32 (16 on later kernels), and eight frames. Since 6.13 programs on tracepoints have a
stack of their own for each function, so that a kernel at hand need not tell.
"""
import collections
import functools
import os
import pathlib
import re
import struct
import subprocess
import sys

STACK_MAX, FRAMES_MAX, ROUND = 512, 8, 32
OBJECT = pathlib.Path(os.environ.get("BUILD", "build")) / "bpf/ipctrace.bpf.o"

SECTION = re.compile(r"Disassembly of section (\S+):")
LABEL = re.compile(r"([0-9a-f]+) <(\S+)>:")
INSTRUCTION = re.compile(r"\s+(\d+):\s+((?:[0-9a-f]{2}\s){8})")
RELOCATION = re.compile(r"R_BPF_64_32\s+(\S+)")
SLOT = re.compile(r"\(r10 - (0x[0-9a-f]+|\d+)\)")
BELOW = re.compile(r"\+= -(0x[0-9a-f]+|\d+)")
COPY = re.compile(r"r\d = r10$")
CALL, PSEUDO_CALL = 0x85, 1

Function = collections.namedtuple("Function", "section start calls depth")


class Program:
    """Functions by name, out of a disassembly."""

    def __init__(self, text):
        self.functions = {}
        self.places = []  # of calls within .text: (caller, instruction)
        self.name = self.section = self.call = None
        self.is_copy = False
        for line in text.splitlines():
            self.read(line)
        self.end_call()
        self.resolve()

    def end_call(self, symbol=None):
        """A call without a symbol is relative; one with a section counts from its beginning."""
        if self.call is None:
            return
        at, offset = self.call
        if symbol and not symbol.startswith("."):
            self.functions[self.name].calls.add(symbol)
        else:
            self.places.append((self.name, offset + 1 + (0 if symbol else at)))
        self.call = None

    def read(self, line):
        section, label = SECTION.match(line), LABEL.match(line)
        relocation = RELOCATION.search(line)
        if section:
            self.end_call()
            self.section = section[1]
        elif label and not label[2].startswith("LBB"):
            self.end_call()
            # static functions of two files may have one name
            self.name = label[2] if label[2] not in self.functions else ":".join(label.groups())
            self.functions[self.name] = Function(self.section, int(label[1], 16) // 8, set(), [0])
        elif relocation:
            self.end_call(relocation[1])
        elif INSTRUCTION.match(line) and self.name:
            self.read_instruction(line)

    def read_instruction(self, line):
        self.end_call()
        number, code = INSTRUCTION.match(line).groups()
        code = bytes.fromhex(code)
        if code[0] == CALL and code[1] >> 4 == PSEUDO_CALL:
            self.call = int(number), struct.unpack("<i", code[4:])[0]
        depth = self.functions[self.name].depth
        below = BELOW.search(line) if self.is_copy else None
        for match in [*SLOT.finditer(line), *([below] if below else [])]:
            depth[0] = max(depth[0], int(match[1], 0))
        self.is_copy = bool(COPY.search(line.rstrip()))

    def resolve(self):
        starts = {f.start: name for name, f in self.functions.items() if f.section == ".text"}
        for caller, place in self.places:
            self.functions[caller].calls.add(starts[place])

    @functools.lru_cache(None)
    def worst(self, name):
        """((bytes, path) of the deepest stack, path of the most frames) from a function on."""
        function = self.functions[name]
        own = -(-max(function.depth[0], 1) // ROUND) * ROUND
        below = [self.worst(call) for call in sorted(function.calls) if call in self.functions]
        size, path = max((b[0] for b in below), default=(0, ()))
        frames = max((b[1] for b in below), key=len, default=())
        return (own + size, (name,) + path), (name,) + frames


def main():
    if not OBJECT.exists():
        print(f"there is no {OBJECT}; make lint builds it")
        return 1
    text = subprocess.run(["llvm-objdump", "-dr", OBJECT], stdout=subprocess.PIPE, check=True,
                          text=True).stdout
    program, problems = Program(text), 0
    for name, function in program.functions.items():
        if function.section == ".text":
            continue
        (size, path), frames = program.worst(name)
        if size > STACK_MAX:
            problems += 1
            print(f"{name}: {size} bytes of stack, {STACK_MAX} are allowed: " + " > ".join(
                f"{f} ({program.functions[f].depth[0]})" for f in path))
        if len(frames) > FRAMES_MAX:
            problems += 1
            print(f"{name}: {len(frames)} frames, {FRAMES_MAX} are allowed: " + " > ".join(frames))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
