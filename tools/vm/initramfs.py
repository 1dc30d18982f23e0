# SPDX-License-Identifier: GPL-2.0-only
"""The file system that a guest of tools/vm/run starts with: a cpio archive, made in memory.

Programs bring the shared libraries that they are linked to, modules those that they depend on.
"""
import lzma
import os
import pathlib
import re
import stat
import subprocess

ELF_MAGIC = b"\x7fELF"
ELF_MACHINES = {62: "x86_64", 183: "aarch64"}
ELF_MACHINE_AT = 18
LOADER_TAGS = {"x86_64": "x86-64", "aarch64": "AArch64"}


class CannotBuild(Exception):
    """What is missing, for a person."""


def tool(*command):
    try:
        return subprocess.run(command, check=True, text=True, errors="surrogateescape",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout
    except FileNotFoundError as error:
        raise CannotBuild(f"'{command[0]}' is missing; 'tools/deps vm' installs it") from error
    except subprocess.CalledProcessError as error:
        raise CannotBuild(f"{' '.join(map(str, command))}: {error.stderr.strip()}") from error


class Libraries:
    """Finds what a program is linked to, of any architecture, without running it."""

    def __init__(self, arch):
        self.by_name = {}
        if arch == os.uname().machine:
            self.ask_loader(LOADER_TAGS[arch])
        else:  # Debian's place for those of other architectures
            for folder in (f"/lib/{arch}-linux-gnu", f"/usr/lib/{arch}-linux-gnu"):
                for path in pathlib.Path(folder).glob("*.so*"):
                    self.by_name.setdefault(path.name, path)

    def ask_loader(self, tag):
        for line in tool("/sbin/ldconfig", "-p").splitlines():
            match = re.match(r"\s+(\S+) \(([^)]*)\) => (.*)", line)
            if match and tag in match[2].split(","):
                self.by_name.setdefault(match[1], pathlib.Path(match[3]))

    def needed_by(self, path):
        """The interpreter and the libraries of an ELF file, those of libraries included."""
        found = {}
        waiting = [path]
        while waiting:
            current = waiting.pop()
            text = tool("readelf", "-ldW", current)
            interpreter = re.search(r"Requesting program interpreter: ([^]]+)\]", text)
            if interpreter:
                found[interpreter[1]] = pathlib.Path(interpreter[1])
            search = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", text)
            for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
                library = self.locate(name, search, current)
                if str(library) not in found:
                    found[str(library)] = library
                    waiting.append(library)
        return found.values()

    def locate(self, name, search, user):
        for folder in [part for paths in search for part in paths.split(":")]:
            folder = folder.replace("$ORIGIN", str(user.parent)).replace("${ORIGIN}",
                                                                         str(user.parent))
            if (pathlib.Path(folder) / name).exists():
                return pathlib.Path(folder) / name
        if name not in self.by_name:
            raise CannotBuild(f"{user} needs the library {name}, which is not here")
        return self.by_name[name]


class Initramfs:
    """An archive in the making; paths in it are absolute strings."""

    def __init__(self, arch):
        self.arch = arch
        self.libraries = Libraries(arch)
        self.entries = {}  # path: (mode, bytes)

    def add_bytes(self, path, data, mode=0o644):
        self.add_parents(path)
        self.entries[path] = (stat.S_IFREG | mode, data)

    def add_link(self, path, target):
        self.add_parents(path)
        self.entries[path] = (stat.S_IFLNK | 0o777, os.fsencode(target))

    def add_parents(self, path):
        for parent in reversed(pathlib.PurePosixPath(path).parents):
            self.entries.setdefault(str(parent), (stat.S_IFDIR | 0o755, b""))

    def add_directory(self, path):
        self.add_parents(path)
        self.entries.setdefault(path, (stat.S_IFDIR | 0o755, b""))

    def add_file(self, source, path):
        """A regular file; a program with all that it is linked to."""
        try:
            data = source.read_bytes()
            mode = stat.S_IMODE(source.stat().st_mode)
        except OSError as error:
            raise CannotBuild(f"cannot read {source}: {error.strerror}") from error
        self.add_bytes(path, data, mode)
        if data[:4] == ELF_MAGIC:
            self.check_machine(source, data)
            for library in self.libraries.needed_by(source):
                if str(library) not in self.entries:
                    self.add_bytes(str(library), library.read_bytes(), 0o755)

    def check_machine(self, source, data):
        number = int.from_bytes(data[ELF_MACHINE_AT:ELF_MACHINE_AT + 2], "little")
        if ELF_MACHINES.get(number) != self.arch:
            raise CannotBuild(f"{source} is no program for {self.arch}")

    def add(self, source, path):
        """A file, or a directory with all that is in it."""
        if source.is_symlink() or not source.is_dir():
            self.add_file(source, path)
            return
        self.add_directory(path.rstrip("/") or "/")
        for child in sorted(source.rglob("*")):
            place = f"{path.rstrip('/')}/{child.relative_to(source)}"
            if child.is_symlink():
                self.add_link(place, os.readlink(child))
            elif child.is_dir():
                self.add_directory(place)
            elif child.is_file():
                self.add_file(child, place)

    def size(self):
        """What the files take in the guest's memory, in bytes."""
        return sum(len(data) + 4096 for _, data in self.entries.values())

    def write(self, stream):
        """In newc format. /init comes last: of an archive cut short by lack of memory no guest
        starts."""
        entries = dict(self.entries)
        entries["/init"] = entries.pop("/init")
        for number, (path, (mode, data)) in enumerate(entries.items(), 1):
            write_entry(stream, number, path.strip("/") or ".", mode, data)
        write_entry(stream, 0, "TRAILER!!!", 0, b"")


def write_entry(stream, number, name, mode, data):
    name = os.fsencode(name) + b"\0"
    numbers = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % value for value in numbers) + name
    stream.write(header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4))


# ---- modules -----------------------------------------------------------------------------------

def read_module(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def add_modules(initramfs, folder, names):
    """The modules of a kernel, each after those that it depends on, as /vm/modules/NN-NAME.ko."""
    if names and not folder.is_dir():
        raise CannotBuild("modules are there for the kernels of tools/vm/fetch only")
    files = {}
    for path in folder.rglob("*.ko*"):
        files[path.name.split(".")[0].replace("-", "_")] = path
    order = []

    def visit(name):
        if name in order:
            return
        if name not in files:
            raise CannotBuild(f"there is no module '{name}' in {folder}")
        data = read_module(files[name])
        depends = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in depends[1].decode().split(",") if depends and depends[1] else []:
            visit(other.replace("-", "_"))
        order.append(name)
        initramfs.add_bytes(f"/vm/modules/{len(order):02}-{name}.ko", data)

    for name in names:
        visit(name.replace("-", "_"))
