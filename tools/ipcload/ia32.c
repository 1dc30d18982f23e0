/* SPDX-License-Identifier: GPL-2.0-only */
#define _GNU_SOURCE
#include "ia32.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "try.h"

#ifdef __x86_64__

long ia32_call(unsigned int nr, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e)
{
	long result = nr;

	/* The sixth argument is in ebp; below the stack lies what the compiler may still use. */
	asm volatile("lea -128(%%rsp), %%rsp\n\t"
		     "push %%rbp\n\t"
		     "xor %%ebp, %%ebp\n\t"
		     "int $0x80\n\t"
		     "pop %%rbp\n\t"
		     "lea 128(%%rsp), %%rsp"
		     : "+a"(result)
		     : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "r8", "r9", "r10", "r11", "memory", "cc");
	result = (int)result;
	if (result >= 0 || result < -4095)
		return result;
	errno = -result;
	return -1;
}

/* In a child: where the kernel knows no such call, it dies. */
void ia32_probe(void)
{
	pid_t pid = TRY(fork());
	int status;

	if (!pid)
		_exit(ia32_call(IA32_GETPID, 0, 0, 0, 0, 0) == getpid() ? 0 : 1);
	ENSURE(TRY(waitpid(pid, &status, 0)) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		try_skip("no 32-bit system calls");
}

void *ia32_alloc(size_t size)
{
	void *low = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	ENSURE(low != MAP_FAILED);
	return low;
}

#else

long ia32_call(unsigned int nr, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e)
{
	(void)nr, (void)a, (void)b, (void)c, (void)d, (void)e;
	errno = ENOSYS;
	return -1;
}

void ia32_probe(void)
{
	try_skip("not an x86-64 machine");
}

void *ia32_alloc(size_t size)
{
	(void)size;
	try_skip("not an x86-64 machine");
}

#endif

uint32_t ia32_pointer(const void *low)
{
	ENSURE((uintptr_t)low <= UINT32_MAX);
	return (uintptr_t)low;
}
