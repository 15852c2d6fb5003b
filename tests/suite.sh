#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# suite.sh SUITE...: what suites said for which the kernel had to be booted in a
# way of its own. One that skipped all of its tests was not booted that way, and
# fails. Prints TAP.

cd /sys/kernel/debug/kunit || exit 1
for suite; do
	grep -q . "$suite/results" 2>/dev/null || {
		echo "Bail out! there is no suite $suite"
		exit 1
	}
done

for suite; do
	cat "$suite/results"
	echo "end $suite"
done | awk '
	# Those with more space before them are parameters of a test
	/^    (not )?ok / {
		sub(/^ */, "")
		sub(/ok [0-9]+/, "ok " ++n)
		print
		if (!/# SKIP/)
			ran = 1
		if (/^not /)
			bad = 1
	}
	/^end / {
		if (!ran) {
			print "not ok " ++n " " $2 " could not run any of its tests"
			bad = 1
		}
		ran = 0
	}
	END {
		print "1.." n + 0
		exit bad
	}
'
