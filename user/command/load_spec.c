/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/load_spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"

#define BYTES_MAX (1u << 20) /* more is no specification, as spec_parse() says */

static int load_failed(const char *path, const char *problem)
{
	char *name = escape_line(path, strlen(path));

	log_err("cannot read the specification %s: %s", name ? name : "", problem);
	free(name);
	return EXIT_CODE_USAGE;
}

/* At most one byte more than a specification may have; it may come from a pipe. 0 or -errno. */
static int file_read(int fd, char *bytes, size_t *ret_len)
{
	size_t len = 0;

	while (len <= BYTES_MAX) {
		ssize_t n = read(fd, bytes + len, BYTES_MAX + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += n;
	}
	*ret_len = len;
	return 0;
}

int load_spec_text(const char *path, const char *bytes, size_t len, struct spec **ret_spec)
{
	struct text_problem problem;
	int err = spec_parse(bytes, len, ret_spec, &problem);
	char *name;

	if (!err)
		return EXIT_CODE_OK;
	if (err != -EINVAL)
		return load_failed(path, strerror(-err));
	name = escape_line(path, strlen(path));
	log_err("%s:%zu:%zu: %s", name ? name : "", problem.place.line, problem.place.column,
		problem.text);
	free(name);
	return EXIT_CODE_USAGE;
}

int load_spec(const char *path, struct loaded_spec *ret_loaded)
{
	struct loaded_spec loaded = { .bytes = calloc(1, BYTES_MAX + 2) };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err = fd < 0 ? -errno : 0, status;

	if (!err && !loaded.bytes)
		err = -ENOMEM;
	if (!err)
		err = file_read(fd, loaded.bytes, &loaded.len);
	if (fd >= 0)
		close(fd);
	status = err ? load_failed(path, err == -EISDIR ? "it is a directory; name the file" :
							  strerror(-err)) :
		       load_spec_text(path, loaded.bytes, loaded.len, &loaded.spec);
	if (status)
		free(loaded.bytes);
	else
		*ret_loaded = loaded;
	return status;
}

void load_spec_fini(struct loaded_spec *loaded)
{
	spec_free(loaded->spec);
	free(loaded->bytes);
	*loaded = (struct loaded_spec){};
}
