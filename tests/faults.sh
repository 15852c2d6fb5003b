#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# faults.sh CALL...: calls of tests/faults.c, each of whose allocations fails once.
# The kernel's log says where. Prints TAP.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

inject=/sys/kernel/debug
if [ ! -d $inject/failslab ] || [ ! -d $inject/fail_page_alloc ]; then
	echo "Bail out! the kernel cannot inject faults"
	exit 1
fi
# Those that may wait, too, and single pages; none but by fail-nth
for dir in failslab fail_page_alloc; do
	echo 0 > $inject/$dir/probability
	echo N > $inject/$dir/ignore-gfp-wait
	echo 2 > $inject/$dir/verbose
done
echo N > $inject/fail_page_alloc/ignore-gfp-highmem
echo 0 > $inject/fail_page_alloc/min-order

cd "$CGROUPS" || exit 1
echo +dmem > cgroup.subtree_control
mkdir tests && cd tests || exit 1
echo 0 > cgroup.procs
dmesg -n 6
exec faults "$@"
