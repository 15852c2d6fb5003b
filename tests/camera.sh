#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# End-to-end test of the charging of V4L2 buffers, on two vivid cameras that
# use videobuf2-dma-contig and so the default CMA area. Prints TAP. Needs
#
#   vivid.n_devs=2 vivid.node_types=0x1,0x1 vivid.allocators=1,1
#   vivid.cache_hints=1,1 vivid.multiplanar=1,2
#
# on the kernel command line. User pointers are not tested: vivid does not take
# them with this allocator.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

CLIENT=camera
REGION=dma/default_cma_region
SMALL=320x180
FRAME=233472			# 57 pages, of which a frame uses 56 1/4
HD=1920x1080
HD_FRAME=8294400		# more than the page allocator can give
PLANE=307200			# of 640x480 in three planes
DRIVER=/sys/bus/platform/drivers/vivid

# got N FILE: how many buffers that client got at the last request
got() {
	expect "buffers in $2" "$1" \
		"$(sed -n 's/^\(request\|add\) [0-9]*: got \([0-9]*\) .*/\2/p' "$2" | tail -n1)"
}

refused() {
	expect "refusals in $1" 1 "$(lines '^[a-z]* *[0-9]*: Cannot allocate memory$' "$1")"
}

said() {
	expect "'$1' in $2" 1 "$(lines "^$1" "$2")"
}

# next COUNT FILE: lets the client go on, to its COUNTth "hold"
next() {
	kill "$pid"
	await holds "$1" "$2" || expect "holds in $2" "$1" "$(cat "$2")"
}

words_of_the_kernel() {
	dmesg | wc -l
}

begin_quiet() {
	begin "$1"
	spoken=$(words_of_the_kernel)
}

end_quiet() {
	expect "lines in the kernel's log" "$spoken" "$(words_of_the_kernel)"
	end
}

tests_begin
if [ "$(value "$CGROUPS/dmem.capacity")" -lt $((32 * MIB)) ] || [ ! -c /dev/video1 ]; then
	echo "Bail out! no $REGION of 32 MiB, or not two cameras"
	exit 1
fi

# With coherent and with non-coherent buffers
both_kinds() {
	kind=${mode:-coherent}

	begin "$kind buffers are charged in whole pages, until the last close"
	start a ${mode:+"$mode"} size $SMALL request 4 stream 4 hold close unmap hold
	got 4 /tmp/a
	expect "non-coherent requests" "${mode:+1}" "$(grep -o '^request.*, non-coherent$' /tmp/a | wc -l | sed 's/^0$//')"
	said "streamed 4" /tmp/a
	charged a $((4 * FRAME))
	next 2 /tmp/a
	charged a 0
	end

	begin_quiet "as many $kind buffers as a limit allows are given, and can be used"
	limit a $((4 * FRAME - 1))
	start a ${mode:+"$mode"} size $SMALL request 8 check stream 4 hold
	got 3 /tmp/a
	said "3 checked" /tmp/a
	said "streamed 4" /tmp/a
	charged a $((3 * FRAME))
	expect "peak" $((3 * FRAME)) "$(value a/dmem.peak)"
	end_quiet

	begin_quiet "VIDIOC_CREATE_BUFS gives as many $kind ones, and takes none away"
	limit a $((3 * FRAME))
	start a ${mode:+"$mode"} size $SMALL add 2 add 4 add 1 check stream 4 hold
	got 1 /tmp/a
	refused /tmp/a
	said "3 checked" /tmp/a
	said "streamed 4" /tmp/a
	charged a $((3 * FRAME))
	end_quiet

	begin_quiet "with fewer $kind buffers than the queue needs there are none"
	limit a $((2 * FRAME - 1))
	start a ${mode:+"$mode"} size $SMALL request 4 hold request 4 stream 4 hold
	refused /tmp/a
	charged a 0
	limit a max
	next 2 /tmp/a
	got 4 /tmp/a
	said "streamed 4" /tmp/a
	charged a $((4 * FRAME))
	end_quiet

	begin_quiet "$kind buffers beyond the page allocator are refused without a word"
	limit a $((3 * HD_FRAME))
	start a ${mode:+"$mode"} size $HD request 5 hold
	got 3 /tmp/a
	charged a $((3 * HD_FRAME))
	end_quiet

	begin_quiet "and so they are if the area is full of $kind ones"
	start a ${mode:+"$mode"} size $HD request 40 hold
	count=$(sed -n 's/^request 40: got \([0-9]*\) .*/\1/p' /tmp/a)
	expect "a full area" 1 $((count >= 2 && count < 40))
	charged a $((count * HD_FRAME))
	kill "$pid"
	charged a 0
	client b ${mode:+"$mode"} size $HD request "$count"
	expect "exit status of who takes them next" 0 $?
	got "$count" /tmp/client
	end_quiet

	begin "a dma-buf keeps a $kind buffer and its charge beyond the closed device"
	start a ${mode:+"$mode"} size $SMALL request 3 export close unmap hold check hold
	said "exported 3" /tmp/a
	charged a $((3 * FRAME))
	next 2 /tmp/a
	said "3 checked" /tmp/a
	charged a $((3 * FRAME))
	end

	begin "beyond VIDIOC_REQBUFS, too, and so within the limit of $kind ones"
	limit a $((5 * FRAME))
	start a ${mode:+"$mode"} size $SMALL request 3 export unmap free request 4 stream 4 hold
	got 2 /tmp/a
	said "streamed 4" /tmp/a
	charged a $((5 * FRAME))
	end

	begin "a dma-buf of a $kind buffer survives the driver, which can come back"
	start a ${mode:+"$mode"} size $SMALL request 2 export close unmap hold check hold
	echo vivid.0 > $DRIVER/unbind
	expect "the cameras" "" "$(ls /dev/video* 2> /dev/null)"
	charged a $((2 * FRAME))
	next 2 /tmp/a
	said "2 checked" /tmp/a
	kill "$pid"
	charged a 0
	echo vivid.0 > $DRIVER/bind
	await [ -c /dev/video1 ]
	client b ${mode:+"$mode"} size $SMALL request 4 stream 4
	expect "exit status of a client of the new device" 0 $?
	end

	begin "another camera can be given a $kind buffer, which is charged once"
	start a ${mode:+"$mode"} size $SMALL request 2 export device 1 import stream 4 hold
	said "streamed 4" /tmp/a
	charged a $((2 * FRAME))
	end
}

mode=
both_kinds
mode=noncoherent
both_kinds

begin "a mapping keeps buffer and charge beyond the closed device"
start a size $SMALL request 2 close hold check hold
charged a $((2 * FRAME))
next 2 /tmp/a
said "2 checked" /tmp/a
charged a $((2 * FRAME))
end

begin "each plane is charged, and with the last that fits a whole buffer"
limit a $((8 * PLANE))
start a device 1 planar request 4 stream 4 hold
got 2 /tmp/a
said "streamed 4" /tmp/a
charged a $((6 * PLANE))
kill "$pid"
limit a $((5 * PLANE))
client a device 1 planar request 4
refused /tmp/client
charged a 0
end

begin "two cameras share the limit of their common parent"
limit . $((6 * FRAME))
start a size $SMALL request 4 hold
start b device 1 size $SMALL request 4 hold
got 4 /tmp/a
got 2 /tmp/b
charged a $((4 * FRAME))
charged b $((2 * FRAME))
charged . $((6 * FRAME))
end

begin "a limit lowered below usage takes nothing away"
start a size $SMALL request 4 start hold
limit a "$FRAME"
charged a $((4 * FRAME))
client a device 1 size $SMALL request 2
refused /tmp/client
charged a $((4 * FRAME))
end

begin "buffers stay with their cgroup when their owner moves, and when it is removed"
start a size $SMALL request 2 start export hold
echo "$pid" > b/cgroup.procs
charged a $((2 * FRAME))
charged b 0
survives_its_cgroup $((2 * FRAME))
end

begin "who is killed while streaming leaves nothing behind"
start a size $SMALL request 4 export start hold
charged a $((4 * FRAME))
kill -KILL "$pid"
charged a 0
client b size $SMALL request 4 stream 4
expect "exit status of the next" 0 $?
end

begin "the driver can go while a camera streams"
start a size $SMALL request 2 export start hold
echo vivid.0 > $DRIVER/unbind
charged a $((2 * FRAME))
kill "$pid"
charged a 0
echo vivid.0 > $DRIVER/bind
await [ -c /dev/video1 ]
client b size $SMALL request 4 stream 4
expect "exit status of a client of the new device" 0 $?
end

begin "read() is charged to whoever reads first, and not to who opened"
start a size $SMALL open hold read 2 hold read 1 hold
echo "$pid" > b/cgroup.procs
next 2 /tmp/a
said "read 2" /tmp/a
charged b $((2 * FRAME))
charged a 0
echo "$pid" > a/cgroup.procs
next 3 /tmp/a
said "read 1" /tmp/a
charged b $((2 * FRAME))
charged a 0
end

begin "and so is poll()"
start a size $SMALL open hold poll hold
echo "$pid" > b/cgroup.procs
next 2 /tmp/a
said "poll: frame" /tmp/a
charged b $((2 * FRAME))
charged a 0
end

begin_quiet "read() and poll() fail below the queue's minimum, and work above it"
limit a $((2 * FRAME - 1))
start a size $SMALL read 1 poll hold read 1 hold
refused /tmp/a
said "poll: error" /tmp/a
charged a 0
limit a $((2 * FRAME))
next 2 /tmp/a
said "read 1" /tmp/a
charged a $((2 * FRAME))
end_quiet

# Whether or not the heap charges what it allocates
begin "buffers of the heap are not charged again by a camera that uses them"
start a size $SMALL heap 2 hold import stream 4 hold
heap=$(value a/dmem.current)
limit a "$heap"
next 2 /tmp/a
said "imported 2" /tmp/a
said "streamed 4" /tmp/a
charged a "$heap"
end

# given: how many bytes all areas have handed out since "free" was read
free_pages() {
	cat /sys/kernel/mm/cma/*/available_pages | awk '{ sum += $1 } END { print sum }'
}

given() {
	expect "bytes that the areas have given" "$1" $(((free - $(free_pages)) * 4096))
}

begin "what is charged is what the area has given"
free=$(free_pages)
start a size $SMALL request 3 export heap 2 hold free close unmap hold
given "$(value a/dmem.current)"
next 2 /tmp/a
given "$(value a/dmem.current)"
kill -KILL "$pid"
charged a 0
given 0
end

begin "with a full area, small buffers come from elsewhere and are not charged to it"
start_as rest a size $HD heap 64 size $SMALL heap 64 size 32x32 heap 64 hold
rest=$(value a/dmem.current)
start b size $SMALL request 2 stream 4 hold
got 2 /tmp/b
said "streamed 4" /tmp/b
charged b 0
client b device 1 size $HD request 2
refused /tmp/client
charged b 0
charged a "$rest"
end

begin "a camera that refuses a dma-buf does not keep it"
start a size $SMALL heap 2 misfit hold
said "refused 2" /tmp/a
end

tests_end
