/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes that a traced process controls, made safe to show. In all of them controls, DEL, C1
 * controls and bytes that are not UTF-8 become `\xNN` (upper-case hex, a byte each); other
 * UTF-8 stays, and so does a literal backslash unless the target's own quoting wants it
 * doubled. The result is NUL-terminated, owned by the caller (free), NULL without memory.
 */
#ifndef IPCTRACE_ESCAPE_H
#define IPCTRACE_ESCAPE_H

#include <stddef.h>

/* As the JSON graph wants its names; the JSON writer adds its own quoting. */
char *escape_text(const char *bytes, size_t len);

/*
 * For a line on a terminal: as escape_text(), and what would reorder or break the line
 * (bidirectional overrides, U+2028, U+2029) too.
 */
char *escape_line(const char *bytes, size_t len);

/* For XML text or a quoted attribute: as escape_line(), `& < > " '` as entities. */
char *escape_xml(const char *bytes, size_t len);

/* For a double-quoted label or tooltip in Graphviz' language, which also reads entities. */
char *escape_dot(const char *bytes, size_t len);

/* For text in an HTML-like label of Graphviz: as escape_xml(), backslash doubled. */
char *escape_dot_html(const char *bytes, size_t len);

#endif
