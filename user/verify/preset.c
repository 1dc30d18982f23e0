/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/preset.h"

#include <string.h>

const char *const preset_names[] = { "libc", "dbus", "systemd" };

const size_t preset_names_nr = sizeof(preset_names) / sizeof(preset_names[0]);

/* Names of users and hosts, and messages for the system's log. */
static const char *const libc[] = {
	"* -> * via unix /run/nscd/*",
	"* -> * via unix /var/run/nscd/*",
	"* -> * via unix /dev/log",
	"* -> * via unix /run/systemd/journal/*",
	"* -> * via udp *:53",
	"* -> * via netlink",
	"* -- * via shared-memory /var/cache/nscd/*",
	NULL,
};

static const char *const dbus[] = {
	"* -> * via unix /run/dbus/*",
	"* -> * via unix /var/run/dbus/*",
	"* -> * via unix /run/user/*/bus",
	"* -> * via unix @/tmp/dbus-*",
	NULL,
};

static const char *const systemd[] = {
	"* -> * via unix /run/systemd/*",
	NULL,
};

const char *const *preset_find(const char *name)
{
	static const char *const *const presets[] = { libc, dbus, systemd };

	for (size_t i = 0; i < preset_names_nr; i++)
		if (!strcmp(preset_names[i], name))
			return presets[i];
	return NULL;
}
