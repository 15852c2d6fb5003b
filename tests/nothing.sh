#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Who does not ask sees nothing: a machine without CMA, whose pools no device has,
# has no region, as with the base kernel, and all files are as empty as there.
# Prints TAP.
#
# The functions are called by verdict:
# shellcheck disable=SC2317

# shellcheck source=demo/lib.sh
. /demo/lib.sh

# files CGROUP FILE...: whether these are all the dmem files there are, and empty
files() {
	cd "$1" || return
	shift
	[ "$(echo dmem.*)" = "$*" ] || return
	! cat "$@" | grep -q .
}

cd "$CGROUPS" || exit 1
echo +dmem > cgroup.subtree_control
mkdir a

echo "TAP version 13"
verdict "the root cgroup has the files that it had, and they are empty" \
	files "$CGROUPS" dmem.capacity dmem.current
verdict "so has another cgroup" \
	files "$CGROUPS/a" dmem.current dmem.events dmem.events.local dmem.low dmem.max dmem.min dmem.peak
verdict "the device tree has pools all the same" \
	[ -d /sys/firmware/devicetree/base/reserved-memory/dma-test@30000000 ]
echo "1..$number"
exit $result
