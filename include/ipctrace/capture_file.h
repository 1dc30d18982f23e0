/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The capture file: blocks, one after the other, understandable with what came before.
 *
 *   head block, then data blocks (records of one stream), ledger blocks, at last an end block
 *
 * A block is a struct ipct_block and `stored_bytes` of payload, zstd-compressed where
 * `raw_bytes` differs. A reader takes whole blocks until the file ends or a block is damaged
 * (magic, sequence, checksum), and says so. Numbers are little endian.
 */
#ifndef IPCTRACE_CAPTURE_FILE_H
#define IPCTRACE_CAPTURE_FILE_H

#include "event.h"

#define IPCT_CAPTURE_VERSION 1
#define IPCT_BLOCK_MAGIC 0x31544350u  /* "PCT1" */
#define IPCT_BLOCK_RAW_MAX (1u << 20) /* no block unpacks to more */

enum ipct_block_type {
	IPCT_BLOCK_HEAD = 1,   /* JSON object: version, host, kernel, options, … */
	IPCT_BLOCK_DATA = 2,   /* records, each a struct ipct_event and its rest */
	IPCT_BLOCK_LEDGER = 3, /* JSON object: the ledger up to here */
	IPCT_BLOCK_END = 4,    /* JSON object: the ledger; the recorder ended the file itself */
};

#define IPCT_STREAM_SNAPSHOT 0xffffffffu /* records that the recorder made itself */

struct ipct_block {
	__u32 magic;
	__u16 version;	/* IPCT_CAPTURE_VERSION of the writer */
	__u16 type;	/* enum ipct_block_type */
	__u64 sequence; /* 0, 1, 2 … over all blocks of the file */
	__u32 stream;	/* DATA: the CPU, or IPCT_STREAM_SNAPSHOT */
	__u32 records;
	__u32 raw_bytes;
	__u32 stored_bytes;
	__u32 payload_crc; /* CRC-32 (zlib) of the stored payload */
	__u32 block_crc;   /* CRC-32 of this struct up to here */
};

_Static_assert(sizeof(struct ipct_block) == 40, "ipct_block");

#endif
