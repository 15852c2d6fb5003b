#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# escape.sh KIB CALL...: calls of tests/faults.c that map memory, by a process whose
# limit is 1 MiB in every region. What it can keep past that by pinning pages has to
# be KIB. Prints TAP.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

cd "$CGROUPS" || exit 1
echo +dmem > cgroup.subtree_control
mkdir tests && cd tests || exit 1
while read -r region _; do
	echo "$region $MIB" > dmem.max
done < ../dmem.capacity
echo 0 > cgroup.procs
exec faults pin "$@"
