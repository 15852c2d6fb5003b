#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh SECONDS SEED INTERFACE...: random calls of tests/fuzz.c, by a process whose
# limit is 4 MiB in every region. The kernel's log must not grow by more than what one
# rate limit lets through. Prints TAP.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

poor $((4 * MIB))
before=$(dmesg | wc -l)
echo 1..2
number=1
(
	echo 0 > cgroup.procs
	exec fuzz "$@"
) || result=1
# Ten in five seconds, and as many at once
lines=$(($(dmesg | wc -l) - before))
dmesg | tail -n "$lines" | sed 's/^\[[^]]*\] *//; s/[0-9][0-9a-f]*/N/g' | sort | uniq -c |
	sort -rn | head -n 20 | sed 's/^/#/'
verdict "lines of the kernel's log: $lines" [ "$lines" -le $(($1 * 2 + 10)) ]
exit "$result"
