# SPDX-License-Identifier: GPL-2.0-only
"""Blocks of a capture file, taken apart and put together again."""
import ctypes
import struct
import zlib

HEAD, DATA, LEDGER, END = 1, 2, 3, 4  # enum ipct_block_type
_BLOCK = struct.Struct("<IHHQIIIIII")  # struct ipct_block
_BARRIER = struct.Struct("<QQIIHHIII")  # struct ipct_barrier
_BARRIER_TYPE = 19  # IPCT_EVENT_BARRIER
_TYPE, _SEQUENCE, _RECORDS, _RAW, _STORED, _PAYLOAD_CRC = 2, 3, 5, 6, 7, 8
_ZSTD = ctypes.CDLL("libzstd.so.1")
_ZSTD.ZSTD_compressBound.restype = ctypes.c_size_t
_ZSTD.ZSTD_compress.restype = ctypes.c_size_t
_ZSTD.ZSTD_decompress.restype = ctypes.c_size_t


class Block:
    """`kind`, `records` and `raw`, what it holds, may be changed; `begin` is where it was."""

    def __init__(self, data, begin):
        self._fields = list(_BLOCK.unpack_from(data, begin))
        self.begin = begin
        self.end = begin + _BLOCK.size + self._fields[_STORED]
        self.kind = self._fields[_TYPE]
        self.records = self._fields[_RECORDS]
        self.raw = data[begin + _BLOCK.size:self.end]
        if len(self.raw) != self._fields[_RAW]:
            self.raw = _unpack(self.raw, self._fields[_RAW])

    def packed(self, sequence):
        payload = _pack(self.raw)
        self._fields[_SEQUENCE] = sequence
        self._fields[_RECORDS] = self.records
        self._fields[_RAW] = len(self.raw)
        self._fields[_STORED] = len(payload)
        self._fields[_PAYLOAD_CRC] = zlib.crc32(payload)
        head = _BLOCK.pack(*self._fields)[:-4]
        return head + struct.pack("<I", zlib.crc32(head)) + payload


def _unpack(payload, size):
    raw = ctypes.create_string_buffer(size)
    if _ZSTD.ZSTD_decompress(raw, ctypes.c_size_t(size), payload,
                             ctypes.c_size_t(len(payload))) != size:
        raise SystemExit("a block cannot be unpacked")
    return raw.raw


def _pack(raw):
    room = _ZSTD.ZSTD_compressBound(ctypes.c_size_t(len(raw)))
    packed = ctypes.create_string_buffer(room)
    size = _ZSTD.ZSTD_compress(packed, ctypes.c_size_t(room), raw, ctypes.c_size_t(len(raw)), 19)
    return packed.raw[:size] if size < len(raw) else raw


def blocks(data):
    at = 0
    while at < len(data):
        block = Block(data, at)
        at = block.end
        yield block


def put_together(some_blocks):
    return b"".join(block.packed(sequence) for sequence, block in enumerate(some_blocks))


def barrier(time_ns, cpu=0):
    """A record that says: what was on this CPU is before this."""
    return _BARRIER.pack(time_ns, 0, 0, 0, _BARRIER_TYPE, _BARRIER.size, 0, cpu, 0)
