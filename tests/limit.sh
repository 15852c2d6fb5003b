#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A limit for the memory of a node of the device tree stays valid when the tree
# makes another kind of memory of it: this is run with each, and is one for all.
# Prints TAP.
#
# The functions are called by verdict:
# shellcheck disable=SC2317

# shellcheck source=demo/lib.sh
. /demo/lib.sh

REGION=dma/dma-test@70000000

limited() {
	echo "$REGION 1048576" > a/dmem.max && reads a/dmem.max 1048576
}

cd "$CGROUPS" || exit 1
echo +dmem > cgroup.subtree_control
mkdir a

echo "TAP version 13"
verdict "the memory of the node has its region, of its size" \
	reads dmem.capacity 8388608
verdict "its limit is taken" limited
echo "1..$number"
exit $result
