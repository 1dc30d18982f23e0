#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What stands in a table stands in the documents, every program is off by default, every source
says its licence. A document that does not exist yet is not missed."""
import pathlib
import re
import subprocess
import sys

MECHANISMS = "include/ipctrace/mechanisms.def"
COMMANDS = "user/command/commands.def"
SOURCES = (".c", ".h", ".def", ".sh", ".py", ".mk")
SECTION = re.compile(r'SEC\("([^"]*)"\)')
NO_PROGRAM = ("license", ".maps", "version", ".rodata", ".data", ".bss", "?")


def rows(path, pattern):
    return re.findall(pattern, pathlib.Path(path).read_text(), re.M)


def check_documents():
    mechanisms = rows(MECHANISMS, r'^MECHANISM\(\w+,\s*\d+,\s*"([^"]+)"')
    for path in map(pathlib.Path, ("README.md", "bpf/README.md")):
        if not path.exists():
            continue
        table = "\n".join(l for l in path.read_text().splitlines() if l.lstrip().startswith("|"))
        for name in mechanisms:
            if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", table):
                yield f"{path}: no row of a table names the mechanism {name}"
    readme = pathlib.Path("README.md")
    for name in rows(COMMANDS, r"^COMMAND\((\w+)\)"):
        # `ipctrace run` is what `ipctrace -- CMD` runs; the documents show it as that.
        shown = "ipctrace -- " if name == "run" else f"ipctrace {name}"
        pages = list(pathlib.Path(".").glob(f"**/ipctrace-{name}.[18]*"))
        if readme.exists() and not pages and shown not in readme.read_text():
            yield f"{readme}: does not show '{shown}', and there is no man page"


def check_programs():
    for path in sorted(pathlib.Path("bpf").glob("*.[ch]")):
        for name in SECTION.findall(path.read_text()):
            if not name.startswith(NO_PROGRAM):
                yield f'{path}: SEC("{name}") is loaded by default; begin it with a ?'


def check_licences():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    for path in map(pathlib.Path, listed.splitlines()):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(200)
        is_source = path.suffix in SOURCES or path.name == "Makefile" or head.startswith(b"#!")
        if is_source and b"SPDX-License-Identifier: " not in b"\n".join(head.split(b"\n")[:2]):
            yield f"{path}: no SPDX-License-Identifier in its first two lines"


def main():
    found = [*check_documents(), *check_programs(), *check_licences()]
    print("".join(f"{line}\n" for line in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
