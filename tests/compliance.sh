#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Debian's v4l2-compliance on a vivid camera that uses videobuf2-dma-contig, in a
# cgroup without a limit. Needs
#
#   vivid.node_types=0x1 vivid.allocators=1
#
# on the kernel command line. Prints TAP, and what v4l2-compliance found, each test
# in a line that begins with "same:". These are what scripts/e2e compares with the
# unpatched kernel's, whatever they are.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

CLIENT=v4l2-compliance

await [ -c /dev/video0 ]
cd "$CGROUPS" || exit 1
echo +dmem > cgroup.subtree_control
mkdir a
echo "TAP version 13"
# With -s, all that streams, too
client a -d /dev/video0 -s
sed -n 's/^[[:space:]]*test \(.*: .*\)/same: \1/p; s/^[[:space:]]*\(fail: .*\)/# \1/p' /tmp/client
verdict "v4l2-compliance has come to its end" grep -q '^Total for ' /tmp/client
await reads dmem.current 0
verdict "nothing is left charged" [ "$(awk '{ n += $2 } END { print n + 0 }' dmem.current)" = 0 ]
tests_end
