/* SPDX-License-Identifier: GPL-2.0-only */
/* Names for objects that are the whole machine's: none that another run would use. */
#ifndef IPCLOAD_NAMING_H
#define IPCLOAD_NAMING_H

#include <sys/ipc.h>

#define NAMING_SIZE 128

/* "ipcload-PID". */
void naming_plain(char ret_name[NAMING_SIZE]);
/* "/ipcload-PID", for POSIX objects. */
void naming_slash(char ret_name[NAMING_SIZE]);
/* A System V key, with the name that the graph shows for it. */
key_t naming_key(char ret_name[NAMING_SIZE]);

#endif
