#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Processes that hold known ends of known channels, for test_snapshot.py.

Makes the channels in the current directory, forks b and c, lets each of a (itself), b and c
close what is not its own, says on stdout who holds what, and waits for the end of stdin.
"""
import contextlib
import ctypes
import json
import mmap
import os
import re
import socket
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
LIBRT = ctypes.CDLL("librt.so.1", use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p
LIBC.shmat.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
LIBC.msgsnd.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
IPC_CREAT, IPC_RMID, SHM_RDONLY = 0o1000, 0, 0o10000
PAGE = mmap.PAGESIZE
READ, READ_WRITE = mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE


def done(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def inode(descriptor):
    return os.fstat(descriptor).st_ino


def fdinfo(descriptor, field):
    text = open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii").read()
    return int(re.search(rf"^{field}:\s*(\d+)", text, re.M).group(1))


class Stage:
    def __init__(self, clean):
        self.clean = clean     # what outlives us, a contextlib.ExitStack
        self.descriptors = []  # (number, names of the processes that keep it)
        self.mappings = []     # (names of the processes, what they call)
        self.channels = []     # as said on stdout, with names of processes

    def keep(self, descriptor, names):
        """Every descriptor that is made has to go through here."""
        number = descriptor if isinstance(descriptor, int) else descriptor.detach()
        self.descriptors.append((number, names))
        return number

    def channel(self, mechanism, item, name, holders):
        """holders: end or role -> names of the processes, one for each descriptor."""
        self.channels.append({"mechanism": mechanism, "object": item, "name": name,
                              "holders": holders})

    # ---- pipes -------------------------------------------------------------------------------

    def pipe(self, readers, writers):
        reader, writer = os.pipe()
        ends = {"read": readers, "write": writers}
        self.channel("pipe", f"pipe:[{inode(reader)}]", "", ends)
        self.keep(reader, readers)
        self.keep(writer, writers)
        return reader, writer

    def fifo(self, both, readers, writers):
        path = os.path.abspath("fifo")
        os.mkfifo(path)
        number = self.keep(os.open(path, os.O_RDWR), both)
        self.keep(os.open(path, os.O_RDONLY | os.O_NONBLOCK), readers)
        self.keep(os.open(path, os.O_WRONLY), writers)
        os.write(number, b"12345")
        self.channel("fifo", f"fifo:[{inode(number)}]", path,
                     {"read+write": both, "read": readers, "write": writers})

    # ---- sockets -----------------------------------------------------------------------------

    def pair(self, mechanism, one, other, holders, others, name=""):
        """Two sockets that are connected to each other, in either order."""
        inodes = [inode(one.fileno()), inode(other.fileno())]
        self.channel(mechanism, [f"socket:[{number}]" for number in inodes], name,
                     {f"socket:[{inodes[0]}]": holders, f"socket:[{inodes[1]}]": others})
        self.keep(one, holders)
        self.keep(other, others)

    def lone(self, mechanism, one, end, name, holders):
        number = inode(one.fileno())
        self.channel(mechanism, f"socket:[{number}]", name,
                     {end or f"socket:[{number}]": holders})
        self.keep(one, holders)

    def unix_pair(self, mechanism, kind, holders, others):
        one, other = socket.socketpair(socket.AF_UNIX, kind)
        self.pair(mechanism, one, other, holders, others)

    def server(self, mechanism, family, address, name, holders, others):
        """A listener and a connection to it, `name` made of the address that it got."""
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen()
        client = socket.socket(family)
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        text = name(listener.getsockname())
        self.pair(mechanism, accepted, client, holders, others, text)
        self.lone(mechanism, listener, "listen", text, holders)

    def receiver(self, mechanism, family, address, name, holders, others):
        """A datagram socket that is connected to nobody, and one that is connected to it."""
        server = socket.socket(family, socket.SOCK_DGRAM)
        server.bind(address)
        client = socket.socket(family, socket.SOCK_DGRAM)
        client.connect(server.getsockname())
        self.pair(mechanism, server, client, holders, others, name(server.getsockname()))

    def udp_pair(self, holders, others):
        one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        one.connect(other.getsockname())
        other.connect(one.getsockname())
        self.pair("udp", one, other, holders, others, None)

    def sockets(self):
        def port(address):
            host = f"[{address[0]}]" if ":" in address[0] else address[0]
            return f"{host}:{address[1]}"

        def path(address):
            return address if isinstance(address, str) else "@" + address[1:].decode()

        place = os.path.abspath
        tag = f"ipctrace-test-{os.getpid()}"
        self.unix_pair("unix-stream", socket.SOCK_STREAM, "a", "b")
        self.unix_pair("unix-dgram", socket.SOCK_DGRAM, "b", "c")
        self.unix_pair("unix-seqpacket", socket.SOCK_SEQPACKET, "ab", "c")
        self.server("unix-stream", socket.AF_UNIX, place("sock"), path, "a", "b")
        self.server("unix-stream", socket.AF_UNIX, f"\0{tag}", path, "ab", "c")
        self.receiver("unix-dgram", socket.AF_UNIX, place("dgram"), path, "a", "b")
        self.server("tcp", socket.AF_INET, ("127.0.0.1", 0), port, "a", "b")
        self.receiver("udp", socket.AF_INET, ("127.0.0.1", 0), port, "a", "c")
        self.udp_pair("a", "b")
        self.lone("tcp", socket.socket(socket.AF_INET), None, "", "c")
        if os.path.exists("/proc/net/if_inet6"):
            self.server("tcp", socket.AF_INET6, ("::1", 0), port, "bc", "a")

    # ---- what is neither ---------------------------------------------------------------------

    def others(self):
        counter = self.keep(os.eventfd(3), "ab")
        self.channel("eventfd", f"eventfd:[{fdinfo(counter, 'eventfd-id')}]", "",
                     {"read+write": "ab"})
        master, slave = os.openpty()
        self.keep(master, "a")
        self.keep(slave, "bc")
        self.channel("pty", f"pty:[{fdinfo(master, 'tty-index')}]", None,
                     {"master": "a", "slave": "bc"})
        name = f"/ipctrace-test-{os.getpid()}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        queue = self.keep(done(LIBRT.mq_open(name.encode(), flags, 0o600, None)), "ac")
        self.clean.callback(LIBRT.mq_unlink, name.encode())
        LIBRT.mq_send.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint)
        for priority in (1, 2):
            done(LIBRT.mq_send(queue, b"four", 4, priority))
        self.channel("posix-mq", f"posix-mq:[{inode(queue)}]", name, {"read+write": "ac"})

    # ---- memory ------------------------------------------------------------------------------

    def map(self, descriptor, writers, readers):
        self.mappings.append((writers, lambda: mmap.mmap(descriptor, PAGE, prot=READ_WRITE)))
        self.mappings.append((readers, lambda: mmap.mmap(descriptor, PAGE, prot=READ)))
        self.keep(descriptor, "")

    def memory_file(self, mechanism, path, name, writers, readers):
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(number, PAGE)
        self.channel(mechanism, f"{mechanism}:[{inode(number)}]", name,
                     {"map-rw": writers, "map-ro": readers})
        self.map(number, writers, readers)

    def memory(self):
        number = os.memfd_create("a memory")
        os.ftruncate(number, PAGE)
        self.channel("memfd", f"memfd:[{inode(number)}]", "a memory",
                     {"map-rw": "a", "map-ro": "b"})
        self.map(number, "a", "b")
        name = f"ipctrace-test-{os.getpid()}"
        self.clean.callback(os.unlink, f"/dev/shm/{name}")
        self.memory_file("posix-shm", f"/dev/shm/{name}", f"/{name}", "a", "bc")
        path = os.path.abspath
        self.memory_file("shared-mapping", path("mapped"), path("mapped"), "b", "c")
        self.memory_file("shared-mapping", path("only-read"), path("only-read"), "", "bc")
        key = 0x49500000 | os.getpid() & 0xffff
        segment = done(LIBC.shmget(key, PAGE, IPC_CREAT | 0o600))
        self.clean.callback(LIBC.shmctl, segment, IPC_RMID, None)
        self.mappings.append(("a", lambda: LIBC.shmat(segment, None, 0)))
        self.mappings.append(("c", lambda: LIBC.shmat(segment, None, SHM_RDONLY)))
        self.channel("sysv-shm", f"sysv-shm:[{segment}]", f"0x{key:08x}",
                     {"map-rw": "a", "map-ro": "c"})
        self.anonymous()

    def anonymous(self):
        """Inherited by all, kept by a and c."""
        memory = mmap.mmap(-1, 3 * PAGE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        LIBC.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        self.mappings.append(("b", lambda: LIBC.munmap(address, 3 * PAGE)))
        self.mappings.append(("ac", lambda: memory))
        line = next(line for line in open("/proc/self/maps", encoding="utf-8")
                    if line.startswith(f"{address:x}-"))
        self.channel("shared-mapping", f"shared-mapping:[{line.split()[4]}]", "",
                     {"map-rw": "ac"})

    def sysv(self):
        key = 0x49510000 | os.getpid() & 0xffff
        queue = done(LIBC.msgget(key, IPC_CREAT | 0o600))
        self.clean.callback(LIBC.msgctl, queue, IPC_RMID, None)
        for text in (b"one", b"two two"):
            done(LIBC.msgsnd(queue, (1).to_bytes(8, sys.byteorder) + text, len(text), 0))
        sems = done(LIBC.semget(0, 2, IPC_CREAT | 0o600))
        self.clean.callback(LIBC.semctl, sems, 0, IPC_RMID)
        self.channel("sysv-msg", f"sysv-msg:[{queue}]", f"0x{key:08x}", {})
        self.channel("sysv-sem", f"sysv-sem:[{sems}]", "", {})

    # ---- processes ---------------------------------------------------------------------------

    def settle(self, name):
        """Be the process of this name; returns what keeps its mappings."""
        kept = [call() for names, call in self.mappings if name in names]
        for number, names in self.descriptors:
            if name not in names:
                os.close(number)
        return kept

    def child(self, name, gate, ready):
        kept = self.settle(name)
        os.write(ready, b".")
        os.read(gate, 1)
        os._exit(0 if kept is not None else 1)


def play(stage):
    gate, ready = os.pipe(), os.pipe()
    stage.channel("pipe", f"pipe:[{inode(gate[0])}]", "", {"read": "bc", "write": "a"})
    stage.keep(gate[0], "bc")
    stage.keep(gate[1], "a")
    stage.keep(ready[0], "a")
    stage.keep(ready[1], "bc")
    stage.channel("pipe", f"pipe:[{inode(ready[0])}]", "", {"read": "a", "write": "bc"})
    pids = {"a": os.getpid()}
    for name in "bc":
        pids[name] = os.fork()
        if not pids[name]:
            stage.child(name, gate[0], ready[1])
    kept = stage.settle("a")
    for _ in "bc":
        os.read(ready[0], 1)
    print(json.dumps({"pids": pids, "channels": stage.channels}), flush=True)
    sys.stdin.read()
    os.close(gate[1])
    for name in "bc":
        os.waitpid(pids[name], 0)
    del kept


def main():
    with contextlib.ExitStack() as clean:
        stage = Stage(clean)
        stage.pipe("a", "bc")
        _, writer = stage.pipe("bc", "aa")
        stage.keep(os.dup(writer), "a")
        stage.fifo("a", "b", "c")
        stage.sockets()
        stage.others()
        stage.memory()
        stage.sysv()
        play(stage)


if __name__ == "__main__":
    main()
