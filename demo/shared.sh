#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A display without video RAM of its own, a camera and a dma-buf heap allocate
# from one CMA area: one limit in dmem.max is for what they take together.

# shellcheck source=demo/lib.sh
. /demo/lib.sh

REGION=dma/default_cma_region
FRAME=1228800			# 640x480, 4 bytes per pixel

# in_cgroup NAME CGROUP COMMAND...: as a client would be started, until it holds
in_cgroup() {
	log=/tmp/$1.log
	cgroup=$2
	shift 2
	run "(echo 0 > $cgroup/cgroup.procs; exec $*) > $log &"
	client=$!
	await grep holding "$log"
	run "cat $log"
}

demo_begin

step "8. Three drivers, one CMA area"
run 'cd /sys/fs/cgroup'
run 'echo +dmem > cgroup.subtree_control'
run 'ls /dev/dri/card0 /dev/video0 /dev/dma_heap/default_cma_region'
check "there are a display, a camera and a heap" [ "$(lines '^/dev' /tmp/output)" = 3 ]
run 'find /sys/bus/amba/devices/1c1f0000.clcd/of_node/ -name memory-region'
check "this display has no memory of its own" [ ! -s /tmp/output ]
run "grep dma/default dmem.capacity"
check "the area has 64 MiB" reads dmem.capacity $((64 * MIB))

step "9. A kiosk may have six frames of 640x480 of it, however it gets them"
run 'mkdir kiosk other'
run "echo '$REGION $((6 * FRAME / 1024))K' > kiosk/dmem.max"
check "the limit is six frames" reads kiosk/dmem.max $((6 * FRAME))
in_cgroup display kiosk dumb create 2 hold
display=$client
check "the display gets two buffers" [ "$(lines '^buffer .*, size 1228800$' /tmp/display.log)" = 2 ]
in_cgroup camera kiosk camera request 3 stream 2 hold
check "the camera gets three, and streams" \
	[ "$(lines '^request 3: got 3 of 1228800$' /tmp/camera.log)$(lines '^streamed 2$' /tmp/camera.log)" = 11 ]
in_cgroup heap kiosk camera heap 2 hold
heap=$client
check "one is left: from the heap the second is refused with ENOMEM" \
	[ "$(lines '^heap: Cannot allocate memory$' /tmp/heap.log)$(lines '^heap 2: got 1$' /tmp/heap.log)" = 11 ]
run 'grep dma/default kiosk/dmem.current'
check "the kiosk is charged for six frames" reads kiosk/dmem.current $((6 * FRAME))
run '(echo 0 > kiosk/cgroup.procs; exec dumb create 1)'
check "nor does the display get another one" grep -q 'Cannot allocate memory$' /tmp/output

step "10. Others are not affected, and dmemtop shows who has what"
in_cgroup other other camera heap 4 hold
other=$client
check "another cgroup gets its four frames" grep -q '^heap 4: got 4$' /tmp/other.log
run 'dmemtop'
check "both are in the table of the area" [ "$(lines '/kiosk$\|/other$' /tmp/output)" = 2 ]

step "11. What one of the three gives back is there for the others"
run "kill $display"
await reads kiosk/dmem.current $((4 * FRAME))
run 'grep dma/default kiosk/dmem.current'
check "the display's two frames are back" reads kiosk/dmem.current $((4 * FRAME))
run "kill $heap"
await reads kiosk/dmem.current $((3 * FRAME))
in_cgroup heap kiosk camera heap 4 hold
heap=$client
check "the heap now has three" grep -q '^heap 4: got 3$' /tmp/heap.log
run "kill $heap $other"
await reads other/dmem.current 0

step "12. Without a limit one client could take it all"
run "echo '$REGION max' > kiosk/dmem.max"
in_cgroup all kiosk camera heap 64 hold
check "from the heap comes all that is left" grep -q '^heap: Cannot allocate memory$' /tmp/all.log
run '(echo 0 > other/cgroup.procs; exec dumb create 1)'
check "and the display of another cgroup has no buffer" grep -q 'Cannot allocate memory$' /tmp/output
run 'grep dma/default kiosk/dmem.current other/dmem.current'
run 'echo 1 > kiosk/cgroup.kill'
await reads dmem.current 0
run 'grep dma/default dmem.current'
check "nothing is left charged" reads dmem.current 0

demo_end
