#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# memory.sh KIND...: end-to-end test of dma.mem_accounting=1, by which the memory
# controller is charged as well for RAM from a heap, a camera, a display, or a sound
# card behind an IOMMU. "memory.sh off KIND..." wants it not to be. Prints TAP.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

# What a process needs for itself, and what memcg has charged in advance
SLACK=$((2 * MIB))

# use KIND: who asks for it, its buffers and how many, and their region
use() {
	kind=$1 count=8 buffer=1228800 REGION=dma/default_cma_region
	case $kind in
	heap) CLIENT=camera all="heap 8" ;;
	camera) CLIENT=camera all="request 8" ;;
	noncoherent) CLIENT=camera all="noncoherent request 8" ;;
	display) CLIENT=dumb all="create 8" ;;
	sound) CLIENT=sound count=1 buffer=$((4 * MIB)) all="buffer $buffer" REGION=dma/system ;;
	*) echo "Bail out! no kind '$kind'"; exit 1 ;;
	esac
	total=$((count * buffer))
	# Without areas all of it is from the page allocator.
	grep -q "^$REGION " "$CGROUPS/dmem.capacity" || REGION=dma/system
}

# current DIR: what memcg has
current() {
	cat "$1/memory.current"
}

# has DIR AT_LEAST AT_MOST
# shellcheck disable=SC2317 # await calls it
has() {
	[ "$(current "$1")" -ge "$2" ] && [ "$(current "$1")" -le "$3" ]
}

memory() {
	await has "$@" ||
		expect "$1/memory.current" "$2 to $3" "$(current "$1")"
}

# events DIR NAME
events() {
	sed -n "s/^$2 //p" "$1/memory.events"
}

charged_twice() {
	begin "$kind: memory is charged to both controllers, and comes back to both"
	# shellcheck disable=SC2086
	start a $all hold
	memory a $total $((total + SLACK))
	kill "$pid"
	wait "$pid"
	charged a 0
	memory a 0 $SLACK
	end
}

charged_once() {
	begin "$kind: memory is not charged to the memory controller"
	# shellcheck disable=SC2086
	start a $all hold
	memory a 0 $SLACK
	end
}

# At most what is left of the limit; sound cards have one buffer, or none.
at_a_limit() {
	begin "$kind: memory.max refuses, and kills nobody"
	echo $((total / 2 + SLACK / 2)) > a/memory.max
	# shellcheck disable=SC2086
	start a $all hold
	await grep -q 'Cannot allocate memory\|got [1-7]' /tmp/a ||
		expect "what $kind says" "a refusal" "$(cat /tmp/a)"
	memory a 0 $((total / 2 + SLACK / 2))
	[ "$(events a max)" -gt 0 ] || expect "memory.events" "max above 0" "$(cat a/memory.events)"
	expect "oom_kill" 0 "$(events a oom_kill)"
	# Nothing stays charged to dmem for what memcg has refused.
	got=$(value a/dmem.current)
	[ "${got:-0}" -lt $total ] || expect "dmem.current" "less than $total" "$got"
	await kill -0 "$pid" || expect "$kind" "still there" "gone"
	end
}

# The buffer's charge to dmem is gone with the buffer: see tests/escape.sh.
pinned() {
	begin "$kind: pages that are pinned stay charged"
	echo $((3 * MIB)) > a/memory.max
	(
		echo 0 > a/cgroup.procs
		exec faults pin 0 "$1"
	) > /tmp/client 2>&1
	grep -q 'a limit is in the way' /tmp/client ||
		expect "what pins pages" "a limit is in the way" "$(cat /tmp/client)"
	expect "oom_kill" 0 "$(events a oom_kill)"
	memory a 0 $SLACK
	end
}

stays() {
	begin "$kind: a charge that memcg cannot follow does not move"
	CLIENT=share
	start a "$1" 1 charge "$PWD/b" hold
	expect "'charge' in /tmp/a" "charge: Operation not supported" "$(grep charge: /tmp/a)"
	expect "b/dmem.current" 0 "$(value b/dmem.current)"
	end
}

off=
[ "$1" != off ] || { off=1; shift; }
cd "$CGROUPS" || exit 1
echo +memory > cgroup.subtree_control
tests_begin
echo +memory > cgroup.subtree_control
[ "$#" -gt 0 ] || echo "Bail out! no kind"
for name in "$@"; do
	use "$name"
	if [ "$off" ]; then
		charged_once
		continue
	fi
	charged_twice
	at_a_limit
	case $kind in
	# Behind an IOMMU it is mapped page by page.
	sound) [ -z "$(ls /sys/class/iommu)" ] || pinned sound-map ;;
	heap) stays heap ;;
	camera) stays camera ;;
	esac
done
tests_end
