#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# suite.sh SUITE: what a suite said for which the kernel had to be booted in a
# way of its own. Prints TAP.

awk '
	# Those with more space before them are parameters of a test
	/^    (not )?ok / {
		sub(/^ */, "")
		print
		n++
		if (/^not /)
			bad = 1
	}
	END {
		print "1.." n + 0
		exit bad || !n
	}
' "/sys/kernel/debug/kunit/$1/results"
