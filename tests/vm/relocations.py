# SPDX-License-Identifier: GPL-2.0-only
"""Do the CO-RE relocations of the BPF object fit a kernel's BTF? Without booting it.

`bpftool gen min_core_btf` resolves each relocation as the loader would, with the same code. It
fails on what is ambiguous and on broken BTF, but what a kernel lacks is no error to it: the loader
then puts an invalid instruction there, which the verifier refuses only if the program can reach it.
So its debug output is read, which names each relocation and says "no matching targets found".
"""
import re
import subprocess

RELOCATION = re.compile(r"prog '[^']*': relo #\d+: <(\w+)> \[\d+\] (?:(?:struct|union|enum) )?"
                        r"([\w ]+?)(?:\.([\w.\[\]]*)|::\w+ = \d+)? ?(?:\(|$)")
MISSING = "no matching targets found"
# Types that are in modules, whose BTF is not there before they are loaded.
IN_MODULES = ("vsock_sock___compat",)


def unresolved_relocations(said):
    """[(kind, type, access)] of what is not on this kernel."""
    found, last = set(), None
    for line in said.splitlines():
        match = RELOCATION.search(line)
        if match:
            last = match.groups(default="")
        elif MISSING in line and last:
            found.add(last)
    return sorted(found)


def relocation_problems(btf, program):
    """(what is wrong: a line each, [[type, access]] that are not on this kernel but may lack)"""
    output = f"{program}.min_btf"
    done = subprocess.run(["bpftool", "-d", "gen", "min_core_btf", str(btf), output, str(program)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        return [line for line in done.stdout.splitlines() if "failed" in line] or [done.stdout], []
    problems, optional = [], []
    for kind, name, access in unresolved_relocations(done.stdout):
        # What a program asks for, with bpf_core_*_exists(), may be missing. So may what a flavour
        # (TYPE___FLAVOUR) describes: that is how compat.bpf.h names what only some kernels have.
        if kind.endswith("_exists"):
            continue
        if "___" not in name:
            problems.append(f"{name}.{access} is not on this kernel, and its type is no flavour")
        elif name not in IN_MODULES:
            optional.append([name, access])
    return problems, optional
