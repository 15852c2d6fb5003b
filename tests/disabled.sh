#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# With cgroup_disable=dmem on the kernel command line: the display's buffers
# are to be had as ever, through handles that ask for a charge, and nobody
# charges anything. Prints TAP.
#
# The functions are called by verdict:
# shellcheck disable=SC2317

# shellcheck source=demo/lib.sh
. /demo/lib.sh

no_files() {
	! grep -qw dmem cgroup.controllers && ! ls dmem.* a/dmem.* 2> /dev/null
}

refuses_to_enable() {
	! echo +dmem 2> /dev/null > cgroup.subtree_control
}

buffers() {
	(
		echo 0 > a/cgroup.procs
		exec dumb create 3 check
	) > /tmp/client 2>&1
	[ "$(lines '^buffer [0-9]*: .*handle' /tmp/client)" = 3 ] || {
		sed 's/^/# /' /tmp/client
		return 1
	}
}

asked() {
	[ "$(lines 'dma_alloc_handle: .*source=coherent-pool.*ACCOUNT.* ret=0$' /tmp/trace)" = 3 ]
}

no_charge() {
	[ "$(lines 'dma_alloc_charge:' /tmp/trace)" = 0 ]
}

# What the KUnit suite, with which the kernel was booted, says about that
no_region() {
	grep -q "^ *ok 1 dmem_register_test_disabled$" \
		/sys/kernel/debug/kunit/dmem_register/results
}

cd "$CGROUPS" || exit 1
mkdir a || exit 1
echo "TAP version 13"
tracing=/sys/kernel/tracing
echo 1 > $tracing/events/dma/dma_alloc_charge/enable
echo 1 > $tracing/events/dma/dma_alloc_handle/enable
verdict "there are no files of the controller" no_files
verdict "it cannot be enabled for a cgroup" refuses_to_enable
verdict "no region can be registered" no_region
verdict "a client gets all the buffers that the pool has room for" buffers
cat $tracing/trace > /tmp/trace
verdict "its buffers were asked for with a charge" asked
verdict "no charge was attempted" no_charge
echo "1..$number"
exit $result
