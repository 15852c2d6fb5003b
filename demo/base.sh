#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What the series is for: the same client on the kernel without it.

# shellcheck source=demo/lib.sh
. /demo/lib.sh

demo_begin

step "7. The same client on the unpatched kernel"
run 'cd /sys/fs/cgroup'
run 'echo +dmem > cgroup.subtree_control'
run 'cat dmem.capacity'
check "dmem.capacity is empty" [ ! -s /tmp/output ]
run 'mkdir first second'
run "echo '$REGION 2M' > first/dmem.max"
check "there is nothing that could be limited" grep -q 'Invalid argument' /tmp/output
run '(echo 0 > first/cgroup.procs; exec dumb create 4 size 640x480x16 create 2 hold) > /tmp/first.log &'
first=$!
await grep holding /tmp/first.log
run 'cat /tmp/first.log'
check "one client takes all that the console left: 3 times 2 MiB and 1 MiB" \
	[ "$(lines ', size 1228800$' /tmp/first.log) $(lines ', size 614400$' /tmp/first.log)" = "3 1" ]
run 'cat first/dmem.current'
check "and nothing shows it" [ ! -s /tmp/output ]
run '(echo 0 > second/cgroup.procs; exec dumb size 32x32x32 create 1)'
check "another client does not even get a page" grep -q 'Cannot allocate memory' /tmp/output
run "kill $first"

demo_end
