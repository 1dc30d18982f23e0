#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# C is formatted as .clang-format says (`make fmt`); no line ends in blanks; text ends in a newline.
status=0

for file in $(git ls-files -co --exclude-standard '*.c' '*.h'); do
	[ -e "$file" ] || continue
	"$CLANG_FORMAT" "$file" | diff -u --label "$file" --label "$file, formatted" "$file" - ||
		status=1
done
for file in $(git ls-files -co --exclude-standard); do
	grep -Iq . "$file" 2> /dev/null || continue # empty, binary, or gone
	grep -nHE '[[:blank:]]+$' "$file" && status=1
	if [ -n "$(tail -c 1 "$file")" ]; then
		echo "$file: no newline at the end"
		status=1
	fi
done
exit $status
