#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs those of the kernel tree's cgroup selftests that are named, and says
# where the output of each begins and ends: they print a TAP document each.

cd /tmp || exit 1
for test in "$@"; do
	echo "selftest-begin $test"
	timeout -s KILL 600 "/selftests/$test" 2>&1
	echo "selftest-end $test $?"
	echo "# $test: at $(cut -d' ' -f1 /proc/uptime) s"
done
