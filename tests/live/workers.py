#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Uses one part of Python's multiprocessing and prints what it counted itself, as JSON.

workers.py SUBJECT fork|spawn. Whoever has to be asleep before the other goes on is asked for in
/proc, so that the number of hand-overs is known.
"""
import collections
import ctypes
import json
import mmap
import multiprocessing
import multiprocessing.connection
import multiprocessing.managers
import multiprocessing.shared_memory
import multiprocessing.util
import os
import pathlib
import pickle
import stat
import sys

from programs import shared_memory

FRAME = 4  # bytes of length in front of what a Connection sends
ROUNDS = 200
SYS_FUTEX = "202"


def wait_until_asleep(pid, call=SYS_FUTEX):
    """Until the main thread of a process is blocked in this system call."""
    while True:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            if file.read().split()[0] == call:
                return


def run(context, target, *arguments):
    child = context.Process(target=target, args=arguments)
    child.start()
    return child


def finish(*children):
    for child in children:
        child.join()
        assert child.exitcode == 0, f"{child.name} ended with {child.exitcode}"


# ---- pipes -------------------------------------------------------------------------------------

def echo_half(connection, count):
    for _ in range(count):
        connection.send_bytes(connection.recv_bytes()[::2])


def pipe(context):
    """A Pipe is a unix socket if it goes both ways, else a pipe: framed by hand, and raw."""
    ours, theirs = context.Pipe()
    child = run(context, echo_half, theirs, ROUNDS)
    theirs.close()
    sizes = [2 * i + 2 for i in range(ROUNDS)]
    for size in sizes:
        ours.send_bytes(bytes(size))
        assert len(ours.recv_bytes()) == size // 2
    finish(child)
    sent = sum(sizes) + FRAME * ROUNDS
    answered = sum(sizes) // 2 + FRAME * ROUNDS
    edges = [(os.getpid(), child.pid, "unix-stream", ROUNDS, sent),
             (child.pid, os.getpid(), "unix-stream", ROUNDS, answered)]

    reader, writer = context.Pipe(duplex=False)
    child = run(context, write_raw, writer, ROUNDS)
    writer.close()
    total = 0
    while data := os.read(reader.fileno(), 1000):
        total += len(data)
    finish(child)
    edges.append((child.pid, os.getpid(), "pipe", ROUNDS, total))
    return {"edges": edges}


def write_raw(connection, count):
    for i in range(count):
        assert os.write(connection.fileno(), bytes(3 * i + 1)) == 3 * i + 1


# ---- queues ------------------------------------------------------------------------------------

def produce(queue, count):
    for i in range(count):
        queue.put((os.getpid(), bytes(i)))


def consume(queue, report):
    """Until None: how many messages and bytes came from whom."""
    taken = collections.defaultdict(lambda: [0, 0])
    while item := queue.get():
        taken[item[0]][0] += 1
        taken[item[0]][1] += FRAME + len(pickle.dumps(item))
    report.put((os.getpid(), {producer: tuple(counts) for producer, counts in taken.items()}))


def queue(context):
    """What a feeder thread sends is one write; whoever holds the lock takes all of it."""
    items, reports = context.Queue(), context.SimpleQueue()
    consumers = [run(context, consume, items, reports) for _ in range(2)]
    producers = [run(context, produce, items, ROUNDS) for _ in range(3)]
    finish(*producers)
    for _ in consumers:
        items.put(None)
    edges = []
    for _ in consumers:
        consumer, taken = reports.get()
        edges += [(producer, consumer, "pipe", *counts) for producer, counts in taken.items()]
    finish(*consumers)
    return {"edges": edges}


# ---- shared memory -----------------------------------------------------------------------------

def look(name, report):
    """Maps it to read only, without the help of multiprocessing."""
    descriptor = os.open(f"/dev/shm/{name}", os.O_RDONLY)
    with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as memory:
        assert memory[0] == 7
        report.put((os.getpid(), shared_memory(os.getpid())))
    os.close(descriptor)


def scribble(name, report):
    memory = multiprocessing.shared_memory.SharedMemory(name=name)
    memory.buf[0] = 7
    report.put((os.getpid(), shared_memory(os.getpid())))
    memory.close()


def shm(context):
    name = f"ipctrace-{os.getpid()}"
    reports = context.SimpleQueue()
    memory = multiprocessing.shared_memory.SharedMemory(name=name, create=True, size=65536)
    rights = {os.getpid(): shared_memory(os.getpid())}
    memory.close()  # else children that are forked have it, too
    for target in (scribble, look):
        child = run(context, target, name, reports)
        rights.update([reports.get()])
        finish(child)
    memory.unlink()
    return {"mappers": rights, "name": f"/{name}", "edges": []}


def add_up(value, array, report):
    with value.get_lock():
        value.value += sum(array)
    report.put((os.getpid(), shared_memory(os.getpid())))


def array(context):
    """Value and Array lie in a file that has lost its name."""
    reports = context.SimpleQueue()
    value, numbers = context.Value(ctypes.c_long, 0), context.Array(ctypes.c_long, range(1000))
    rights = {os.getpid(): shared_memory(os.getpid())}
    children = [run(context, add_up, value, numbers, reports) for _ in range(3)]
    rights.update(reports.get() for _ in children)
    finish(*children)
    assert value.value == 3 * sum(range(1000))
    return {"mappers": rights, "edges": []}


# ---- semaphores --------------------------------------------------------------------------------

def wait_and_post(mine, theirs, parent, count):
    for _ in range(count):
        mine.acquire()
        wait_until_asleep(parent)
        theirs.release()


def semaphore(context):
    """Each is asleep when the other posts: every release is one of a sleeper."""
    ping, pong = context.Semaphore(0), context.Semaphore(0)
    child = run(context, wait_and_post, ping, pong, os.getpid(), ROUNDS)
    for _ in range(ROUNDS):
        wait_until_asleep(child.pid)
        ping.release()
        pong.acquire()
    finish(child)
    return {"edges": [(os.getpid(), child.pid, "futex", ROUNDS, 0),
                      (child.pid, os.getpid(), "futex", ROUNDS, 0)]}


def notify(lock, condition, event, box, count, watchers):
    for i in range(count):
        with lock:
            box[0] += 1
        with condition:
            box[1] = i
            condition.notify_all()
    for pid in watchers:
        wait_until_asleep(pid)
    event.set()


def watch(lock, condition, event, box, count):
    for _ in range(count):
        with lock:
            box[0] += 1
    with condition:
        condition.wait_for(lambda: box[1] == count - 1)
    event.wait()


def sync(context):
    """Lock, Condition and Event as they come: how often one waits is for a witness to say. Each
    watcher does at least once."""
    box = context.Array("l", 2, lock=False)
    shared = (context.Lock(), context.Condition(), context.Event(), box)
    watchers = [run(context, watch, *shared, ROUNDS) for _ in range(2)]
    notifier = run(context, notify, *shared, ROUNDS, [w.pid for w in watchers])
    finish(notifier, *watchers)
    assert box[0] == 3 * ROUNDS
    return {"edges": [], "pids": [os.getpid(), notifier.pid, *[w.pid for w in watchers]]}


# ---- a manager ---------------------------------------------------------------------------------

FRAMES = {"sent": [0, 0], "received": [0, 0]}  # messages and bytes of this process, in sockets


def count_frames():
    """From now on, in this process and those that are forked from it or import this."""
    kind = multiprocessing.connection.Connection
    send, receive = kind._send_bytes, kind._recv_bytes

    def count(connection, way, size):
        if stat.S_ISSOCK(os.fstat(connection.fileno()).st_mode):
            FRAMES[way][0] += 1
            FRAMES[way][1] += FRAME + size

    def counting_send(connection, buf):
        count(connection, "sent", len(buf))
        send(connection, buf)

    def counting_receive(connection, maxsize=None):
        buf = receive(connection, maxsize)
        count(connection, "received", len(buf.getvalue()))
        return buf

    def forget():
        for counts in FRAMES.values():
            counts[:] = 0, 0

    kind._send_bytes, kind._recv_bytes = counting_send, counting_receive
    os.register_at_fork(after_in_child=forget)


def write_counts():
    """The last that a process of multiprocessing does."""
    pathlib.Path(f"counts.{os.getpid()}").write_text(json.dumps(FRAMES))


def fill(table, count):
    multiprocessing.util.Finalize(None, write_counts, exitpriority=-1000)
    for i in range(count):
        table[os.getpid(), i] = i


def manager(context):
    """The proxies of three clients; what each sends and receives it leaves in counts.PID."""
    served = multiprocessing.managers.SyncManager(address=os.path.abspath("manager"), ctx=context)
    served.start()
    server = multiprocessing.active_children()[0].pid
    table = served.dict()
    children = [run(context, fill, table, ROUNDS) for _ in range(3)]
    finish(*children)
    assert len(table) == 3 * ROUNDS
    served.shutdown()
    return {"edges": [], "server": server, "clients": [child.pid for child in children]}


SUBJECTS = {function.__name__: function for function in
            (pipe, queue, shm, array, semaphore, sync, manager)}

count_frames()

if __name__ == "__main__":
    print(json.dumps(SUBJECTS[sys.argv[1]](multiprocessing.get_context(sys.argv[2]))))
