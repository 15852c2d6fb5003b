#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# End-to-end test of the charging of dumb buffers, on the pl111 display and
# its 8 MiB pool, of which the framebuffer console has 1 MiB. Prints TAP.
#
# Every test starts with two empty cgroups "a" and "b" below a common parent,
# and passes only if the parent's dmem.current is back at 0 when its processes
# have ended, and the kernel had nothing to complain about.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

CLIENT=dumb

BUFFER=$((2 * MIB))		# what a buffer of 640x480x32 is charged
DRIVER=/sys/bus/amba/drivers/drm-clcd-pl111
CLCD=1c1f0000.clcd

# got N FILE: how many buffers that client got
got() {
	expect "buffers in $2" "$1" "$(lines '^buffer [0-9]*: .*handle' "$2")"
}

refused() {
	expect "refusals in $1" 1 "$(lines ': Cannot allocate memory$' "$1")"
}

# A client in b holds a dma-buf of a buffer that a client in a, gone by now, made
share() {
	start b recv /tmp/fifo "$@" hold
	client a create 1 send /tmp/fifo
	expect "the maker's exit status" 0 $?
	await grep holding /tmp/b
	expect "a's processes" "" "$(cat a/cgroup.procs)"
	expect "received" 1 "$(lines '^buffer 1: received, size 1228800$' /tmp/b)"
	expect "wrong bytes" 0 "$(lines '^byte' /tmp/b)"
}

tests_begin
if ! reads "$CGROUPS/dmem.capacity" $((8 * MIB)) || [ ! -c /dev/dri/card0 ]; then
	echo "Bail out! no $REGION of 8 MiB, or no display"
	exit 1
fi

begin "the region that is charged is the one that dmemtop names for the display"
announced /dev/dri/card0
start a create 1 hold
charged a "$BUFFER"
end

begin "a limit of two buffers is two buffers, and is the peak"
limit a $((2 * BUFFER))
start a create 3 hold
got 2 /tmp/a
refused /tmp/a
charged a $((2 * BUFFER))
expect "peak" $((2 * BUFFER)) "$(value a/dmem.peak)"
end

begin "with a limit one page lower only one fits"
limit a $((2 * BUFFER - 4096))
start a create 3 hold
got 1 /tmp/a
refused /tmp/a
charged a "$BUFFER"
end

begin "a limit one byte below a buffer's size refuses it"
limit a $((BUFFER - 1))
client a create 1
expect "exit status" 1 $?
refused /tmp/client
charged a 0
end

begin "a limit of 0 refuses even one page"
limit a 0
client a size 32x32x32 create 1
expect "exit status" 1 $?
refused /tmp/client
charged a 0
end

begin "'max' takes a limit away"
limit a "$BUFFER"
limit a max
expect "dmem.max" max "$(value a/dmem.max)"
start a create 3 hold
got 3 /tmp/a
charged a $((3 * BUFFER))
end

begin "a limit below usage takes nothing away, only refuses more"
start a create 2 hold check create 1 hold
limit a "$BUFFER"
charged a $((2 * BUFFER))
kill "$pid"
await holds 2 /tmp/a
expect "checked" 1 "$(lines '^2 checked' /tmp/a)"
refused /tmp/a
charged a $((2 * BUFFER))
kill "$pid"
charged a 0
client a create 1
expect "exit status below the limit again" 0 $?
end

begin "the parent's limit holds for the children together"
limit . $((2 * BUFFER))
start a create 3 hold
got 2 /tmp/a
refused /tmp/a
client b create 1
expect "exit status of the other child" 1 $?
refused /tmp/client
expect "dmem.max of the child" max "$(value a/dmem.max)"
charged b 0
charged . $((2 * BUFFER))
end

begin "two clients at once get exactly what their parent may have"
limit . 65536
for _ in 1 2 3 4 5; do
	(echo 0 > a/cgroup.procs; exec dumb size 64x64x32 create 8 hold) > /tmp/a &
	(echo 0 > b/cgroup.procs; exec dumb size 64x64x32 create 8 hold) > /tmp/b &
	await grep holding /tmp/a
	await grep holding /tmp/b
	expect "sum of both" 4 "$(cat /tmp/a /tmp/b | grep -c 'size 16384$')"
	charged . 65536
	expect "sum of charges" 65536 \
		$(($(value a/dmem.current) + $(value b/dmem.current)))
	echo 1 > cgroup.kill
	charged . 0
done
end

begin "bad input to dmem.max is EINVAL and changes nothing"
limit a "$BUFFER"
for line in "dma/vram 4M" "$REGION" "$REGION junk" "$REGION -1" \
	"$REGION 4M 4M" "$REGION 4Q" "no/such/region 4M" " 4M" "4M" ""; do
	expect "'$line'" "Invalid argument" \
		"$({ echo "$line" > a/dmem.max; } 2>&1 | grep -o 'Invalid argument')"
	expect "dmem.max after '$line'" "$BUFFER" "$(value a/dmem.max)"
done
end

begin "a full pool is ENOMEM, and charges nothing"
start a create 4 hold
got 3 /tmp/a
refused /tmp/a
charged a $((3 * BUFFER))
end

begin "a pool in pieces is ENOMEM for what fits in none, and charges nothing"
pieces=
for piece in 1 2 3 4 5 6 7; do
	start_as "piece$piece" a size 512x512x32 create 1 hold
	pieces="$pieces $pid"
done
charged a $((7 * MIB))
# shellcheck disable=SC2086 # words
set -- $pieces
kill "$2" "$4" "$6"
charged a $((4 * MIB))
client b create 1
refused /tmp/client
charged b 0
kill "$3"
charged a $((3 * MIB))
client b create 1
expect "exit status with room for it" 0 $?
end

begin "what can never fit is ENOMEM, and was never charged"
client a size 2048x2048x32 create 1
expect "exit status" 1 $?
refused /tmp/client
expect "peak" 0 "$(value a/dmem.peak)"
end

begin "a charge shows at every level of a new hierarchy"
echo +dmem > a/cgroup.subtree_control
mkdir a/c
echo +dmem > a/c/cgroup.subtree_control
mkdir a/c/d
(echo 0 > a/c/d/cgroup.procs; exec dumb create 1 hold) > /tmp/d &
await grep holding /tmp/d
for dir in a/c/d a/c a .; do
	charged "$dir" "$BUFFER"
done
echo 1 > a/cgroup.kill
for dir in a/c/d a/c a .; do
	charged "$dir" 0
done
await rmdir a/c/d
rmdir a/c
end

begin "without +dmem below it, a cgroup is charged for its children's buffers"
mkdir a/c
(echo 0 > a/c/cgroup.procs; exec dumb create 1 hold) > /tmp/c &
await grep holding /tmp/c
expect "its dmem.current" none "$(cat a/c/dmem.current 2> /dev/null || echo none)"
charged a "$BUFFER"
echo 1 > a/cgroup.kill
charged a 0
await rmdir a/c
end

begin "dmemtop tells what the files do"
limit a $((3 * BUFFER))
start a create 2 hold
start b create 1 hold
charged a $((2 * BUFFER))
charged b "$BUFFER"
for dir in a b; do
	expect "dmemtop --json: $dir" \
		"\"current\":$(value $dir/dmem.current),\"peak\":$(value $dir/dmem.peak)" \
		"$(dmemtop --json | grep "$REGION.*/tests/$dir\"" | grep -o '"current.*peak":[0-9]*')"
done
expect "dmemtop: all together" "$(value ../dmem.current)" \
	"$(dmemtop --json | sed -n 's,.*"cgroup":"/"\,"current":\([0-9]*\).*,\1,p')"
expect "dmemtop" "/tests/a 4.0M 4.0M 6.0M 50.0% /tests/b 2.0M 2.0M max 25.0%" \
	"$(dmemtop | awk '/tests\/./ { print $8, $1, $2, $3, $4 }' | xargs)"
expect "the device tree's way to the region" "${REGION##*/}" "$(
	cd /sys/firmware/devicetree/base/reserved-memory || exit
	for node in *; do
		cmp -s "$node/phandle" "/sys/bus/amba/devices/$CLCD/of_node/memory-region" &&
			echo "$node"
	done)"
end

begin "a client that moves leaves its charges behind"
start a create 1 hold destroy create 2 hold
echo "$pid" > b/cgroup.procs
charged a "$BUFFER"
charged b 0
kill "$pid"
charged a 0
charged b $((2 * BUFFER))
end

begin "creating and destroying 200 times ends balanced"
limit a 16384
client a size 64x64x32 loop 200
expect "exit status" 0 $?
expect "looped" 1 "$(lines '^looped 200 times$' /tmp/client)"
expect "peak" 16384 "$(value a/dmem.peak)"
end

begin "kill -9 with several buffers returns everything"
start a create 3 hold
charged a $((3 * BUFFER))
kill -9 "$pid"
charged a 0
client b create 3
expect "exit status of the next client" 0 $?
end

begin "a mapping keeps buffer and charge beyond the closed device"
start a create 1 close check hold
expect "checked" 1 "$(lines '^1 checked$' /tmp/a)"
charged a "$BUFFER"
end

begin "a dma-buf is readable and charged beyond its maker"
share hold check
kill "$pid"
await grep checked /tmp/b
expect "checked" 1 "$(lines '^1 checked$' /tmp/b)"
charged a "$BUFFER"
charged b 0
end

begin "so is a GEM handle that was imported from it"
share import check
expect "imported" 1 "$(lines '^buffer 1: imported' /tmp/b)"
expect "checked" 1 "$(lines '^1 checked$' /tmp/b)"
charged a "$BUFFER"
charged b 0
end

begin "a buffer survives its cgroup, and then frees it"
share
survives_its_cgroup "$BUFFER"
end

# The client itself looks at all bytes of each new mapping. The dumb buffer
# ioctl rounds up to whole pages before it allocates, so here this is a guard;
# the allocator's part is tested with unaligned sizes in KUnit.
begin "nothing of a former owner is visible, to the end of the page"
client a size 640x480x16 create 7 check
expect "exit status of who fills the pool" 0 $?
expect "checked" 1 "$(lines '^7 checked$' /tmp/client)"
charged . 0
client b size 10x10x8 create 64
expect "exit status of the next" 0 $?
expect "buffers of one page" 64 "$(lines 'size 4096$' /tmp/client)"
expect "stale bytes" "" "$(grep '^byte' /tmp/client)"
end

# A program that knows nothing of limits
CLIENT=modetest
connector=$(modetest -M pl111 -c 2> /dev/null | awk '$3 == "connected" { print $1; exit }')
picture="-M pl111 -s $connector:640x480@XR24"

# shellcheck disable=SC2086
{
begin "Debian's modetest shows a picture within its limit"
limit a "$BUFFER"
client a $picture
expect "exit status" 0 $?
expect "its mode" 1 "$(lines '^setting mode 640x480' /tmp/client)"
charged a 0
expect "peak" "$BUFFER" "$(value a/dmem.peak)"
end

begin "it says ENOMEM beyond it, and can try again"
limit a $((BUFFER - 4096))
client a $picture
expect "refusals" 1 "$(lines 'Cannot allocate memory' /tmp/client)"
charged a 0
limit a max
client a $picture
expect "exit status" 0 $?
end

begin "killed while it shows one it leaves nothing behind"
sleep 60 | (echo 0 > a/cgroup.procs; exec modetest $picture) > /tmp/client 2>&1 &
pid=$!
charged a "$BUFFER"
kill -KILL "$pid"
charged a 0
end
}
CLIENT=dumb

begin "a dma-buf survives the driver, which can come back"
share
echo "$CLCD" > "$DRIVER/unbind"
expect "the device" "" "$(ls /dev/dri 2> /dev/null)"
charged a "$BUFFER"
kill "$pid"
charged . 0
echo "$CLCD" > "$DRIVER/bind"
await [ -c /dev/dri/card0 ]
expect "$REGION in dmem.capacity" 1 "$(lines "^$REGION " "$CGROUPS/dmem.capacity")"
client b create 3
expect "exit status of a client of the new device" 0 $?
end

tests_end
