#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the results of all kernels of the matrix say together; see cases.py."""
import runpy
import sys

from kernels import HERE, HOST, ROOT, kernels, read_results

from harness import BUILD, Skip, case, ensure, ensure_equal, main

SHOWN = 5
TABLE = runpy.run_path(str(HERE / "table"))


def guests():
    """The kernels that are the same wherever this runs, all with results."""
    found = [kernel for kernel in kernels() if kernel != HOST]
    for kernel in found:
        results = read_results(BUILD, kernel)
        ensure(results, f"nothing was run on {kernel}: `make check-vm` does")
        if "skipped" in results:
            raise Skip(results["skipped"])
        ensure("problem" not in results, f"{kernel}: {results.get('problem')}")
    return found


def cells_of(lines):
    """{(row, column): cell} of a table in Markdown, with notes written out."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines
            if line.startswith("|")]
    notes = dict(line.split(". ", 1) for line in lines if line[:1].isdigit())
    for number, note in notes.items():
        rows = [[cell.replace(f"<sup>{number}</sup>", f" ({note})") for cell in row]
                for row in rows]
    return {(row[0], head): cell for row in rows[2:] for head, cell in zip(rows[0][1:], row[1:])}


@case
def every_flavour_is_of_some_kernel():
    """A type or member that only some kernels have is on one of them, or it is misspelt."""
    lacking = [set(map(tuple, read_results(BUILD, kernel)["unresolved"])) for kernel in guests()]
    ensure_equal(sorted(set.intersection(*lacking)), [], "relocations that no kernel resolves")


@case
def the_readme_has_the_table():
    """As far as it is not about the kernel here. `tests/vm/table --readme` writes it."""
    marked = TABLE["MARKED"].search((ROOT / "README.md").read_text())
    ensure(marked, "README.md has no place for the table")
    told = cells_of(marked[2].splitlines())
    found = cells_of(TABLE["table"](BUILD, guests()))
    ensure(found, "there is no table")
    wrong = [f"{row}, {column}: {told.get((row, column))}; found: {cell}"
             for (row, column), cell in found.items() if told.get((row, column)) != cell]
    ensure(not wrong, "\n".join(wrong[:SHOWN]))


if __name__ == "__main__":
    sys.exit(main(needs_root=False))
