#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# sound.sh [REGION [pages]]: end-to-end test of the charging of ALSA's PCM
# buffers, on QEMU's HD-audio card. Prints TAP. The memory of a card behind an
# IOMMU comes from the page allocator; without one it comes from the region that
# is named. "pages": ALSA does not get it from the DMA API, but takes pages.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

CLIENT=sound
REGION=${1:-dma/system}
SIZE=262144
PREALLOC=/proc/asound/card0/pcm0p/sub0/prealloc
HANDLES=/sys/kernel/debug/dma-api/dma_handles

said() {
	expect "'$1' in $2" 1 "$(lines "^$1\$" "$2")"
}

# next COUNT FILE: lets the client go on, to its COUNTth "hold"
next() {
	kill "$pid"
	await holds "$1" "$2" || expect "holds in $2" "$1" "$(cat "$2")"
}

# shellcheck disable=SC2317 # await calls it
nobody_left() {
	[ -z "$(cat a/cgroup.procs b/cgroup.procs)" ]
}

await [ -c /dev/snd/pcmC0D0p ]
tests_begin
if [ ! -c /dev/snd/pcmC0D0p ] || [ ! -c /dev/snd/pcmC0D0c ]; then
	echo "Bail out! no sound card"
	exit 1
fi

begin "the region that is charged is the one that dmemtop names for the sound card"
announced /dev/snd/controlC0
start a buffer $SIZE hold
charged a $SIZE
end

for stream in "" capture; do
	begin "the buffer of a ${stream:-playback} stream is charged until it is freed"
	# shellcheck disable=SC2086
	start a $stream open hold buffer $SIZE hold free hold
	charged a 0
	next 2 /tmp/a
	said "buffer: got $SIZE" /tmp/a
	charged a $SIZE
	next 3 /tmp/a
	charged a 0
	end
done

begin "it is charged until the device is closed, and in whole pages"
start a buffer 10240 hold close hold
charged a 12288
next 2 /tmp/a
charged a 0
end

begin "a mapping keeps it and its charge beyond the closed device"
start a mappable buffer $SIZE map close hold check unmap hold
said "mapped $SIZE" /tmp/a
charged a $SIZE
next 2 /tmp/a
said "checked $SIZE" /tmp/a
charged a 0
end

begin "who is killed while playing leaves nothing behind"
start a buffer $SIZE run $SIZE hold
charged a $SIZE
kill -KILL "$pid"
charged a 0
client b buffer $SIZE run $SIZE
expect "exit status of the next" 0 $?
end

begin "a larger buffer takes the place of a smaller one, and not the other way"
limit a $SIZE
start a buffer $((SIZE / 2)) hold buffer $SIZE hold buffer $((SIZE / 2)) hold
charged a $((SIZE / 2))
next 2 /tmp/a
said "buffer: got $SIZE" /tmp/a
charged a $SIZE
next 3 /tmp/a
charged a $SIZE
end

begin "beyond a limit there is ENOMEM, and no buffer"
limit a $((SIZE - 1))
start a buffer $SIZE hold
said "buffer $SIZE: Cannot allocate memory" /tmp/a
charged a 0
expect "peak" 0 "$(value a/dmem.peak)"
end

begin "who asks for less and less gets what fits, and can play it"
limit a $((SIZE / 4 + SIZE / 8))
start a shrink $SIZE run $SIZE hold
said "shrink $SIZE: Cannot allocate memory" /tmp/a
said "shrink $((SIZE / 2)): Cannot allocate memory" /tmp/a
said "shrink: got $((SIZE / 4))" /tmp/a
said "ran $SIZE" /tmp/a
charged a $((SIZE / 4))
end

begin "playback and capture share the limit of their common parent"
limit . $((SIZE + SIZE / 2))
start a buffer $SIZE hold
start b capture buffer $SIZE hold
said "buffer: got $SIZE" /tmp/a
said "buffer $SIZE: Cannot allocate memory" /tmp/b
charged . $SIZE
end

begin "a buffer stays with its cgroup when its owner moves, and when it is removed"
await dying 0
start a buffer $SIZE hold
echo "$pid" > b/cgroup.procs
charged a $SIZE
charged b 0
rmdir a
charged . $SIZE
await dying 1 || expect "removed cgroups with charges" 1 "$(cat cgroup.stat)"
kill "$pid"
charged . 0
await dying 0 || expect "removed cgroups after the last close" 0 "$(cat cgroup.stat)"
mkdir a
end

# There is no handle for mere pages.
if [ "${2:-}" != pages ]; then
	begin "debugfs tells who holds it"
	start a buffer 10240 hold
	line="size=12288 region=$REGION charged=12288 cgroup=/tests/a"
	expect "its line in debugfs" 1 "$(lines "$line\$" $HANDLES)"
	kill "$pid"
	charged a 0
	expect "the line when it is free" 0 "$(lines "$line\$" $HANDLES)"
	end
fi

begin "what is preallocated is nobody's, but what it is too small for is charged"
# In a subshell: the shell that writes is in the cgroup, and ends.
(echo 0 > a/cgroup.procs; exec sh -c "echo 64 > $PREALLOC")
expect "the preallocation" 64 "$(cat $PREALLOC)"
charged a 0
start a buffer 65536 hold
said "buffer: got 65536" /tmp/a
charged a 0
kill "$pid"
# Its size is the largest that can be had as long as it is there.
start a buffer $SIZE hold
charged a 0
kill "$pid"
(echo 0 > a/cgroup.procs; exec sh -c "echo 0 > $PREALLOC")
expect "the preallocation" 0 "$(cat $PREALLOC)"
start a buffer $SIZE hold
charged a $SIZE
end

begin "twenty who start and are killed leave nothing behind"
for _ in 1 2 3 4 5 6 7 8 9 10; do
	start a buffer $SIZE run $((SIZE / 4)) hold
	start b capture buffer $SIZE hold
	echo 1 > cgroup.kill
	await nobody_left
done
charged . 0
end

# A program that knows nothing of limits. All that it needs to know of ALSA's
# configuration is this.
CLIENT=aplay
export ALSA_CONFIG_PATH=/tmp/alsa.conf
echo 'pcm.card { type hw card 0 device 0 }' > $ALSA_CONFIG_PATH

# play: a quarter of a second, with a buffer of $SIZE
play() {
	client a -v -D card -t raw -f S16_LE -r 48000 -c 2 --buffer-size=$((SIZE / 4)) -s 12000 /dev/zero
}

begin "Debian's aplay plays within its limit"
limit a $SIZE
play
expect "exit status" 0 $?
expect "its buffer" 1 "$(lines "buffer_size *: $((SIZE / 4))\$" /tmp/client)"
charged a 0
expect "peak" $SIZE "$(value a/dmem.peak)"
end

begin "it gives up beyond it, and can try again"
limit a $((SIZE - 1))
play
expect "exit status" 1 $?
expect "what it says" 1 "$(lines 'Unable to install hw params' /tmp/client)"
charged a 0
expect "peak" 0 "$(value a/dmem.peak)"
limit a max
play
expect "exit status" 0 $?
end

tests_end
