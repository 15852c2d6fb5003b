#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A display, a camera and a dma-buf heap that allocate from one CMA area share
# its limit. For the device tree in which the display has no memory of its own
# (machines/vexpress/shared.dtsi), with
#
#   vivid.n_devs=2 vivid.node_types=0x1,0x1 vivid.allocators=1,1
#
# on the kernel command line. Prints TAP.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

REGION=dma/default_cma_region
FRAME=1228800			# of 640x480, in each of the three

# asks KIND COUNT [CAMERA]: the client and its command line, to take so many frames
asks() {
	CLIENT=camera
	case $1 in
	display) CLIENT=dumb asked="create $2" ;;
	camera) asked="device ${3:-0} request $2" ;;
	heap) asked="heap $2" ;;
	esac
}

# take KIND COUNT [DIR [NAME]]: in the background, and keep them
take() {
	asks "$1" "$2"
	# shellcheck disable=SC2086
	start_as "${4:-$1}" "${3:-a}" $asked hold
}

# took KIND COUNT: how many frames that client got
took() {
	case $1 in
	display) expect "frames of the display" "$2" "$(lines '^buffer [0-9]*: .*handle' /tmp/display)" ;;
	*) expect "frames of the $1" "$2" \
		"$(sed -n 's/^\(request\|heap\) [0-9]*: got \([0-9]*\).*/\2/p' "/tmp/$1")" ;;
	esac
}

# refused KIND COUNT: another client is, with ENOMEM
refused() {
	asks "$1" "$2" 1
	# shellcheck disable=SC2086
	client a $asked
	expect "exit status of a refused $1" 1 $?
	expect "refusals of a $1" 1 "$(lines ': Cannot allocate memory$' /tmp/client)"
}

# Six frames for two of the three each: the third asks for more, and gets two.
# What the first one had is then free for the last.
shared_by() {
	begin "one limit holds for $1, $2 and $3 together"
	limit a $((6 * FRAME))
	take "$1" 2
	first=$pid
	take "$2" 2
	take "$3" 4
	last=$pid
	took "$1" 2
	took "$2" 2
	took "$3" 2
	charged a $((6 * FRAME))
	refused display 1
	refused camera 2
	refused heap 1
	charged a $((6 * FRAME))
	kill "$first"
	charged a $((4 * FRAME))
	kill "$last"
	charged a $((2 * FRAME))
	take "$3" 5
	took "$3" 4
	charged a $((6 * FRAME))
	refused "$1" 2
	expect "peak" $((6 * FRAME)) "$(value a/dmem.peak)"
	end
}

# filled_by KIND: what a limit is for
filled_by() {
	begin "without a limit, a $1 leaves nothing of the area to the others"
	take "$1" 60
	expect "more than half of the area" 1 \
		$((2 * $(value a/dmem.current) > $(value "$CGROUPS/dmem.capacity")))
	for kind in display camera heap; do
		[ "$kind" = "$1" ] || refused "$kind" 2
	done
	end
}

tests_begin
if ! grep -q "$REGION" "$CGROUPS/dmem.capacity" || [ ! -c /dev/dri/card0 ] ||
	[ ! -c /dev/video1 ] || [ ! -c /dev/dma_heap/default_cma_region ]; then
	echo "Bail out! no $REGION, display, two cameras or heap"
	exit 1
fi

begin "the region that is charged is the one that dmemtop names, for the display and the cameras"
for node in /dev/dri/card0 /dev/video0 /dev/video1; do
	announced $node
done
take display 1 a
take camera 2 b
charged a $FRAME
charged b $((2 * FRAME))
end

shared_by display camera heap
shared_by display heap camera
shared_by camera display heap
shared_by camera heap display
shared_by heap display camera
shared_by heap camera display

begin "so does the limit of the parent, for clients in cgroups of their own"
mkdir c
limit . $((6 * FRAME))
take display 2 a
take heap 2 b
take camera 4 c
took camera 2
for dir in a b c; do
	charged $dir $((2 * FRAME))
done
charged . $((6 * FRAME))
refused heap 1
echo 1 > c/cgroup.kill
charged . $((4 * FRAME))
await rmdir c
end

begin "a limit of 0 refuses all three, and opens a camera all the same"
limit a 0
refused display 1
refused camera 2
refused heap 1
client a size 640x480 open
expect "exit status of who needs no memory" 0 $?
end

filled_by display
filled_by camera
filled_by heap

tests_end
