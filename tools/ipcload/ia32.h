/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls as a 32-bit program makes them, by int $0x80 from this 64-bit one. Numbers and
 * layouts are those of ia32, and all memory has to lie where a pointer of 32 bits reaches.
 */
#ifndef IPCLOAD_IA32_H
#define IPCLOAD_IA32_H

#include <stddef.h>
#include <stdint.h>

/* Skips the scenario where there are no such calls. */
void ia32_probe(void);
/* Result as that of syscall(): -1 and errno. There are no calls of six arguments here. */
long ia32_call(unsigned int nr, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e);

/* Zeroes that a 32-bit pointer reaches; never freed. */
void *ia32_alloc(size_t size);
/* Only of what ia32_alloc() returned, or inside of it. */
uint32_t ia32_pointer(const void *low);

/* Numbers of ia32. */
enum ia32_number {
	IA32_READ = 3,
	IA32_WRITE = 4,
	IA32_GETPID = 20,
	IA32_KILL = 37,
	IA32_SOCKETCALL = 102,
	IA32_IPC = 117,
	IA32_READV = 145,
	IA32_WRITEV = 146,
	IA32_FUTEX = 240,
	IA32_MQ_OPEN = 277,
	IA32_MQ_UNLINK = 278,
	IA32_MQ_TIMEDSEND = 279,
	IA32_MQ_TIMEDRECEIVE = 280,
	IA32_EVENTFD2 = 328,
	IA32_RECVMMSG = 337,
	IA32_SENDMMSG = 345,
	IA32_SENDTO = 369,
	IA32_SENDMSG = 370,
	IA32_RECVFROM = 371,
	IA32_RECVMSG = 372,
};

/* What socketcall() and ipc() are told to do. */
enum ia32_multiplex {
	IA32_SOCKETCALL_SOCKETPAIR = 8,
	IA32_SOCKETCALL_SEND = 9,
	IA32_SOCKETCALL_RECV = 10,
	IA32_SOCKETCALL_SENDTO = 11,
	IA32_SOCKETCALL_RECVFROM = 12,
	IA32_SOCKETCALL_SENDMSG = 16,
	IA32_SOCKETCALL_RECVMSG = 17,
	IA32_SOCKETCALL_RECVMMSG = 19,
	IA32_SOCKETCALL_SENDMMSG = 20,
	IA32_IPC_SEMOP = 1,
	IA32_IPC_SEMGET = 2,
	IA32_IPC_SEMCTL = 3,
	IA32_IPC_MSGSND = 11,
	IA32_IPC_MSGRCV = 12,
	IA32_IPC_MSGGET = 13,
	IA32_IPC_MSGCTL = 14,
	IA32_IPC_SHMAT = 21,
	IA32_IPC_SHMDT = 22,
	IA32_IPC_SHMGET = 23,
	IA32_IPC_SHMCTL = 24,
};

#endif
