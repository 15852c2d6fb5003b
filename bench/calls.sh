#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# calls.sh WHAT...: question g, buffers through system calls: dumb, camera,
# heap. On a kernel that can, they are charged.

# shellcheck source=bench/lib.sh
. /bench/lib.sh

enter bench
for what; do
	said=$(calls size 320x240 "$what") || die "$said"
	echo "bench calls $what - 300K classic 0 $(echo "$said" |
		sed 's/.*min \([0-9]*\) ns, median \([0-9]*\) ns/\1 \2/')"
done
echo bench-done
