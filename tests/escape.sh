#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# escape.sh KIB CALL...: calls of tests/faults.c that map memory, by a process whose
# limit is 1 MiB in every region. What it can keep past that by pinning pages has to
# be KIB. Prints TAP.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

poor "$MIB"
echo 0 > cgroup.procs
exec faults pin "$@"
