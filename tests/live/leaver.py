#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes and removes objects that outlive processes, for test_leftovers.py.

leaver.py STEP…, where a step is VERB[=ARGUMENT[,ARGUMENT]]. It holds nothing in the end.
"""
import ctypes
import mmap
import os
import socket
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.sem_open.restype = ctypes.c_void_p
LIBC.shmat.restype = ctypes.c_void_p
LIBC.shmat.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
LIBC.msgsnd.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
IPC_CREAT, IPC_RMID = 0o1000, 0
PAGE = mmap.PAGESIZE


def done(result):
    if result is None or result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def key(text):
    return ctypes.c_int(int(text, 0))


def msgget(text):
    return done(LIBC.msgget(key(text), IPC_CREAT | 0o600))


def msgsnd(text):
    done(LIBC.msgsnd(msgget(text), (1).to_bytes(8, "little") + b"hello", 5, 0))


def msgrm(text):
    done(LIBC.msgctl(done(LIBC.msgget(key(text), 0)), IPC_RMID, None))


def semget(text):
    return done(LIBC.semget(key(text), 1, IPC_CREAT | 0o600))


def semrm(text):
    done(LIBC.semctl(done(LIBC.semget(key(text), 0, 0)), 0, IPC_RMID))


def shmget(text):
    return done(LIBC.shmget(key(text), PAGE, IPC_CREAT | 0o600))


def shmat(text):
    LIBC.shmat(shmget(text), None, 0)


def shmrm(text):
    done(LIBC.shmctl(done(LIBC.shmget(key(text), 0, 0)), IPC_RMID, None))


def mq_open(name):
    return done(LIBC.mq_open(name.encode(), os.O_CREAT | os.O_RDWR, 0o600, None))


def mq_send(name):
    done(LIBC.mq_send(mq_open(name), b"hello", 5, 0))


def mq_unlink(name):
    done(LIBC.mq_unlink(name.encode()))


def shm_open(name):
    """Makes and maps it."""
    fd = done(LIBC.shm_open(name.encode(), os.O_CREAT | os.O_RDWR, 0o600))
    os.ftruncate(fd, PAGE)
    mmap.mmap(fd, PAGE)
    os.close(fd)


def shm_unlink(name):
    done(LIBC.shm_unlink(name.encode()))


def sem_open(name):
    done(LIBC.sem_open(name.encode(), os.O_CREAT, 0o600, 1))


def sem_unlink(name):
    done(LIBC.sem_unlink(name.encode()))


def bind(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()


def serve(path):
    """A connection over it, with a byte."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen()
        client.connect(path)
        server, _ = listener.accept()
        client.send(b"x")
        server.recv(1)
        server.close()


def bind_datagram(path):
    """A datagram to it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        inbox.bind(path)
        client.sendto(b"x", path)
        inbox.recv(1)


def bind_abstract(name):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)


def mkfifo_at(directory, name):
    descriptor = os.open(directory, os.O_PATH)
    os.mkfifo(name, dir_fd=descriptor)
    os.close(descriptor)


def use_fifo(path):
    descriptor = os.open(path, os.O_RDWR)
    os.write(descriptor, b"x")
    os.read(descriptor, 1)
    os.close(descriptor)


def say(word):
    print(word, flush=True)


def wait():
    """For a line."""
    sys.stdin.readline()


def main():
    verbs = {**{name: function for name, function in globals().items() if callable(function)},
             "unlink": os.unlink, "mkfifo": os.mkfifo, "rename": os.rename, "chdir": os.chdir,
             "chroot": os.chroot, "mkdir": os.mkdir}
    for step in sys.argv[1:]:
        verb, _, arguments = step.partition("=")
        verbs[verb](*filter(None, arguments.split(",")))


if __name__ == "__main__":
    main()
