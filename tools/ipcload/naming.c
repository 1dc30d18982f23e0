/* SPDX-License-Identifier: GPL-2.0-only */
#include "naming.h"

#include <stdio.h>
#include <unistd.h>

void naming_plain(char ret_name[NAMING_SIZE])
{
	snprintf(ret_name, NAMING_SIZE, "ipcload-%d", (int)getpid());
}

void naming_slash(char ret_name[NAMING_SIZE])
{
	snprintf(ret_name, NAMING_SIZE, "/ipcload-%d", (int)getpid());
}

/* Process ids stay below 2^22. */
key_t naming_key(char ret_name[NAMING_SIZE])
{
	key_t key = 0x49000000 | getpid();

	snprintf(ret_name, NAMING_SIZE, "0x%08x", (unsigned int)key);
	return key;
}
