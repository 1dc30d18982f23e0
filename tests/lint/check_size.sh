#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# No function is longer than 80 lines and no file longer than 600.
status=0

for file in $(git ls-files -co --exclude-standard '*.c' '*.h' '*.def'); do
	[ -e "$file" ] || continue
	awk -v file="$file" '
		/^\{/ { start = NR }
		/^\}/ {
			if (start && NR - start + 1 > 80) {
				printf "%s:%d: a function of %d lines\n", file, start, NR - start + 1
				found = 1
			}
			start = 0
		}
		END {
			if (NR > 600) {
				printf "%s: %d lines\n", file, NR
				found = 1
			}
			exit found
		}' "$file" || status=1
done
exit $status
