#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# soak.sh [ROUNDS]: a camera's driver is unbound, and bound again, 1000 times or as
# often as is asked for, each time while a client holds buffers, mappings and
# dma-bufs of it; the client ends before the driver is back, or after somebody uses
# the new device. Then, as often, one client after the other has all that a limit
# allows, in few large buffers or in many small ones. Prints TAP. Needs
#
#   vivid.n_devs=1 vivid.node_types=0x1 vivid.allocators=1
#
# on the kernel command line.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

CLIENT=camera
REGION=dma/default_cma_region
DRIVER=/sys/bus/platform/drivers/vivid
FRAME=233472			# 320x180
rounds=${1:-1000}

# What must not grow: mappings of the kernel's, and what a handle takes
state() {
	cat /sys/kernel/mm/cma/*/available_pages
	grep -c . /sys/kernel/debug/dma-api/dma_handles
}

case $rounds in
""|*[!0-9]*)
	echo "Bail out! not a number of rounds: '$rounds'"
	exit 1 ;;
esac
tests_begin
if [ ! -c /dev/video0 ]; then
	echo "Bail out! no camera"
	exit 1
fi

begin "a driver goes and comes $rounds times while its memory is held"
state > /tmp/before
round=0
while [ "$round" -lt "$rounds" ] && [ -z "$failed" ]; do
	round=$((round + 1))
	case $((round % 3)) in
	0) start a size 320x180 request 2 export start hold ;;
	1) start a size 320x180 request 2 export close hold check hold ;;
	2) start a size 320x180 request 2 close hold check hold ;;
	esac
	holder=$pid
	charged a $((2 * FRAME))
	echo vivid.0 > $DRIVER/unbind
	charged a $((2 * FRAME))
	if [ $((round % 2)) = 0 ]; then
		kill -KILL "$holder"
		charged a 0
	fi
	echo vivid.0 > $DRIVER/bind
	await [ -c /dev/video0 ]
	client b size 320x180 request 2 stream 2
	expect "exit status of a client in round $round" 0 $?
	kill -KILL "$holder" 2> /dev/null
	charged a 0
	charged b 0
	[ $((round % 50)) != 0 ] || echo "# $round rounds"
done
await charged . 0
state > /tmp/after
expect "free pages, and handles" "$(cat /tmp/before)" "$(cat /tmp/after)"
end

# Who has ended has freed: nobody has to wait for that.
begin "a limit that fits exactly is enough for one client after the other, $rounds times"
limit a $((3 * FRAME))
round=0
while [ "$round" -lt "$rounds" ] && [ -z "$failed" ]; do
	round=$((round + 1))
	client a size 320x180 request 3 export
	expect "exit status with large buffers in round $round" 0 $?
	expect "buffers in round $round" 1 "$(lines '^request 3: got 3 ' /tmp/client)"
	client a size 160x90 request 11 export
	expect "exit status with small buffers in round $round" 0 $?
	expect "buffers in round $round" 1 "$(lines '^request 11: got 11 ' /tmp/client)"
done
end
tests_end
