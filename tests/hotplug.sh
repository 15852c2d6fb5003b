#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Memory that goes and comes again: the capacity of the page allocator's region
# follows. Prints TAP.
#
# The functions are called by verdict:
# shellcheck disable=SC2317

# shellcheck source=demo/lib.sh
. /demo/lib.sh

REGION=dma/system
memory=/sys/devices/system/memory

has_region() {
	[ "${before:-0}" -gt 0 ]
}

# The last blocks have the fewest pages that must stay where they are.
take_block() {
	for block in $(find "$memory" -name 'memory*' -maxdepth 1 | sort -rV); do
		echo offline 2> /dev/null > "$block/state" && return
	done
	return 1
}

return_block() {
	echo online > "$block/state"
}

cd "$CGROUPS" || exit 1
echo +dmem > cgroup.subtree_control
size=$((0x$(cat "$memory"/block_size_bytes)))
before=$(value dmem.capacity)

echo "TAP version 13"
verdict "the page allocator has a region" has_region
verdict "a block of memory can be taken away" take_block
verdict "the capacity is less by that block" reads dmem.capacity $((before - size))
verdict "the block can be returned" return_block
verdict "the capacity is what it was" reads dmem.capacity "$before"
echo "1..$number"
exit $result
