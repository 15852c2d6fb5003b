#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The distribution's own v4l2-ctl, which knows nothing of limits, on a vivid
# camera that uses videobuf2-dma-contig, within a limit and beyond it. Needs
#
#   vivid.node_types=0x1 vivid.allocators=1
#
# on the kernel command line. Prints TAP.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

CLIENT=v4l2-ctl
REGION=dma/default_cma_region
FRAME=233472			# 57 pages, of which a frame of 320x180 uses 56 1/4
FORMAT=--set-fmt-video=width=320,height=180,pixelformat=XR24

# stream BUFFERS FRAMES: in a, until it ends
stream() {
	client a --verbose $FORMAT --stream-mmap="$1" --stream-count="$2"
}

frames() {
	expect "frames" "$1" "$(lines ' dqbuf: ' /tmp/client)"
}

tests_begin
if [ ! -c /dev/video0 ] || ! grep -q "^$REGION " "$CGROUPS/dmem.capacity"; then
	echo "Bail out! no camera, or no $REGION"
	exit 1
fi

begin "within its limit v4l2-ctl streams, and its buffers are what is charged"
limit a $((4 * FRAME))
stream 4 8
expect "exit status" 0 $?
frames 8
charged a 0
expect "peak" $((4 * FRAME)) "$(value a/dmem.peak)"
end

begin "it streams with the buffers that fit, if fewer do than it asked for"
limit a $((4 * FRAME - 1))
stream 8 8
expect "exit status" 0 $?
frames 8
charged a 0
expect "peak" $((3 * FRAME)) "$(value a/dmem.peak)"
end

begin "it says ENOMEM if fewer fit than the camera needs, and can try again"
limit a $((2 * FRAME - 1))
stream 4 8
expect "refusals" 1 "$(lines 'VIDIOC_REQBUFS.*Cannot allocate memory' /tmp/client)"
frames 0
charged a 0
limit a max
stream 4 8
expect "exit status" 0 $?
frames 8
end

begin "killed in the middle it leaves nothing behind"
(echo 0 > a/cgroup.procs; exec v4l2-ctl --verbose $FORMAT --stream-mmap=4) > /tmp/client 2>&1 &
pid=$!
await grep dqbuf /tmp/client
charged a $((4 * FRAME))
kill -KILL "$pid"
charged a 0
stream 4 8
expect "exit status of the next" 0 $?
end

tests_end
