#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# contention.sh CASE=DEVICE: how much two processes, each in a cgroup and on a
# CPU of its own, slow each other down by classic allocations: the median of the
# first one's times, alone and beside the other, ten times over. These are
# seconds, not instructions.

# shellcheck source=bench/lib.sh
. /bench/lib.sh

# on CPU SAMPLES: in place of this shell
on() {
	enter "contention/$1"
	exec taskset "$((1 << $1))" dma_alloc_benchmark -s 4K -n "$2"
}

median() {
	(on 0 20000) | sed -n 's/.*median \([0-9.]*\) ns.*/\1/p'
}

take "${1#*=}"
for run in 1 2 3 4 5 6 7 8 9 10; do
	alone=$(median)
	(on 1 1000000) > /dev/null 2>&1 &
	sleep 0.3
	both=$(median)
	kill $!
	wait
	echo "bench contention ${1%%=*}/$run coherent 4K classic 0 $alone $both"
done
echo bench-done
