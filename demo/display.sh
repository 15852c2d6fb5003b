#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The main job on a real driver: dumb buffers of the pl111 display come from
# its own 8 MiB of video RAM, and dmem.max limits who gets how much of it.

# shellcheck source=demo/lib.sh
. /demo/lib.sh

demo_begin

step "1. The video RAM of the display is a region of the dmem controller"
run 'cd /sys/fs/cgroup'
run 'echo +dmem > cgroup.subtree_control'
run 'cat dmem.capacity'
check "dmem.capacity lists $REGION with 8 MiB" reads dmem.capacity $((8 * MIB))

step "2. Two clients, each in its own cgroup; the first one may have 2 MiB"
run 'mkdir display'
run 'echo +dmem > display/cgroup.subtree_control'
run 'mkdir display/first display/second && cd display'
run "echo '$REGION 2M' > first/dmem.max"
run 'grep vram first/dmem.max second/dmem.max'
check "the first client's limit is 2 MiB" reads first/dmem.max $((2 * MIB))
check "the second client has none" reads second/dmem.max max

step "3. The first client asks for two buffers of 640x480x32"
log_lines=$(dmesg | wc -l)
run '(echo 0 > first/cgroup.procs; exec dumb create 2 hold) > /tmp/first.log &'
first=$!
await grep holding /tmp/first.log
run 'cat /tmp/first.log'
check "the first buffer is there" [ "$(lines '^buffer 1: .* size 1228800$' /tmp/first.log)" = 1 ]
check "the second one is refused with ENOMEM" \
	[ "$(lines '^buffer 2: .*: Cannot allocate memory$' /tmp/first.log)" = 1 ]
run 'grep vram first/dmem.current'
check "charged is what the pool gave, a power of two: 2 MiB for 1228800 bytes" \
	reads first/dmem.current $((2 * MIB))
# That one comes once, some 10 seconds after boot, whatever we do
run "dmesg | tail -n +$((log_lines + 1)) | grep -v 'deferred probe pending'"
check "the refusal left no line in the kernel log" \
	[ "$(lines 'Cannot allocate memory$' /tmp/first.log)$(cat /tmp/output)" = 1 ]

if [ -f dmem.events ]; then
	run 'grep vram first/dmem.events second/dmem.events dmem.events'
	check "dmem.events has counted the refusal, once, and for the parent, too" \
		[ "$(value first/dmem.events) $(value dmem.events)" = "max=1 max=1" ]
	run 'grep vram dmem.events.local'
	check "but it was not the parent's limit that was in the way" reads dmem.events.local max=0
else
	echo "This kernel has no dmem.events."
fi

step "4. The second client is not affected"
run '(echo 0 > second/cgroup.procs; exec dumb create 2 hold) > /tmp/second.log &'
second=$!
await grep holding /tmp/second.log
run 'cat /tmp/second.log'
check "it gets both of its buffers" [ "$(lines 'size 1228800$' /tmp/second.log)" = 2 ]
run 'grep vram first/dmem.current second/dmem.current dmem.current'
check "the second client is charged 4 MiB" reads second/dmem.current $((4 * MIB))
check "the parent's dmem.current is the sum, 6 MiB" reads dmem.current $((6 * MIB))
[ ! -f dmem.events ] || check "and nothing was refused to it" reads second/dmem.events max=0
run "kill $first $second"
await reads dmem.current 0
run 'grep vram dmem.current'
check "both are gone, and so are their charges" reads dmem.current 0

step "5. A buffer that was passed on stays charged to the one who made it"
run '(echo 0 > second/cgroup.procs; exec dumb recv /tmp/fifo hold) > /tmp/second.log &'
second=$!
await grep listening /tmp/second.log
run '(echo 0 > first/cgroup.procs; exec dumb create 1 send /tmp/fifo)'
await grep holding /tmp/second.log
run 'cat /tmp/second.log'
check "the second client has the buffer, with what the first one wrote into it" \
	[ "$(lines '^buffer 1: received, size 1228800$' /tmp/second.log)$(lines '^byte' /tmp/second.log)" = 10 ]
run 'cat first/cgroup.procs'
check "the first client has exited" [ ! -s /tmp/output ]
run 'grep vram first/dmem.current second/dmem.current'
check "the buffer is still charged to the first client" reads first/dmem.current $((2 * MIB))
check "and not to the one who holds it" reads second/dmem.current 0
run 'rmdir first'
run 'grep vram dmem.current'
check "the first client's cgroup is gone: its parent still has the charge" \
	[ "$([ -d first ] || value dmem.current)" = $((2 * MIB)) ]
run "kill $second"
await reads dmem.current 0
run 'grep vram dmem.current'
check "closing the last descriptor returned it" reads dmem.current 0

step "6a. kill -9 returns everything, and dmem.peak remembers"
run '(echo 0 > second/cgroup.procs; exec dumb create 2 hold) > /tmp/second.log &'
second=$!
await grep holding /tmp/second.log
run 'grep vram second/dmem.current'
check "the client is charged 4 MiB" reads second/dmem.current $((4 * MIB))
run "kill -9 $second"
await reads dmem.current 0
run 'grep vram second/dmem.current'
check "everything was returned" reads second/dmem.current 0
run 'grep vram dmem.peak second/dmem.peak'
check "dmem.peak remembers 4 MiB" reads second/dmem.peak $((4 * MIB))
check "and for the parent the 6 MiB of step 4" reads dmem.peak $((6 * MIB))

step "6b. The framebuffer console has 1 MiB of the pool; nobody is charged for it"
run 'grep . /sys/class/vtconsole/vtcon*/name /sys/class/vtconsole/vtcon*/bind'
check "the framebuffer console is bound" framebuffer_console
run 'grep -E "allocated|size=[0-9]+$|dma_addr" /sys/kernel/debug/dri/0/framebuffer'
check "its buffer lies in the pool, vram@18000000" \
	[ "$(lines fbcon /tmp/output)$(lines 'dma_addr=0x18[0-7]' /tmp/output)" = 11 ]
run 'grep vram /sys/fs/cgroup/dmem.current'
check "no cgroup is charged for it, not even the root" reads /sys/fs/cgroup/dmem.current 0
run '(echo 0 > second/cgroup.procs; exec dumb size 640x480x16 create 8 hold) > /tmp/second.log &'
second=$!
await grep holding /tmp/second.log
run 'cat /tmp/second.log'
run 'grep vram second/dmem.current'
check "a client without limit fills up the pool" \
	[ "$(lines '^buffer 8: .*: Cannot allocate memory$' /tmp/second.log)" = 1 ]
check "and is charged for what it got, all of the pool but 1 MiB" \
	reads second/dmem.current $(($(value /sys/fs/cgroup/dmem.capacity) - MIB))
run "kill $second"
await reads dmem.current 0

step "6c. The trace tells why a request was refused"
run 'mkdir first'
run "echo '$REGION 2M' > first/dmem.max"
run 'cd /sys/kernel/tracing'
run 'echo 1 > events/dma/dma_alloc_charge/enable'
run '(echo 0 > /sys/fs/cgroup/display/first/cgroup.procs; exec dumb create 2)'
run 'grep dma_alloc_charge: trace'
check "the trace names the region and ret=-11 (EAGAIN, a limit), once" \
	[ "$(grep "region=$REGION " /tmp/output | grep -c "ret=-11")" = 1 ]
check "and has the request that was granted, too" \
	[ "$(grep "region=$REGION " /tmp/output | grep -cw "ret=0")" = 1 ]
run 'echo 0 > events/dma/dma_alloc_charge/enable'

run 'cd /sys/fs/cgroup/display'
await reads dmem.current 0
run 'grep vram dmem.current'
check "nothing is left charged" reads dmem.current 0

demo_end
