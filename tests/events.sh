#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# End-to-end test of dmem.events and dmem.events.local: who waits for them is
# woken when a camera is refused a buffer. Prints TAP. Needs two vivid cameras that
# use videobuf2-dma-contig:
#
#   vivid.n_devs=2 vivid.node_types=0x1,0x1 vivid.allocators=1,1
#
# saw is called by await:
# shellcheck disable=SC2317

# shellcheck source=tests/lib.sh
. /tests/lib.sh

CLIENT=camera
REGION=dma/default_cma_region
SMALL=320x180
FRAME=233472			# 57 pages, of which a frame uses 56 1/4

# watcher poll|inotify FILE: waits for events in FILE, in a cgroup of its own
watcher() {
	CLIENT=waiter
	start_as "$(name_of "$2")" watchers "$1" "$2"
	CLIENT=camera
}

# name_of FILE: the log in /tmp of who watches it
name_of() {
	echo "watch-$1" | tr / -
}

# woken FILE N: the watcher of FILE has been woken, and read N events then
woken() {
	log=/tmp/$(name_of "$1")
	await saw "$log" "$2" || expect "events that were seen in $1" "$2" "$(cat "$log")"
}

saw() {
	grep -q '^woken' "$1" && [ "$(grep "^$REGION " "$1" | tail -n 1)" = "$REGION max=$2" ]
}

# asleep FILE: the watcher of FILE was not woken
asleep() {
	expect "events in $1" 0 "$(lines '^woken' "/tmp/$(name_of "$1")")"
}

events() {
	expect "$1" "max=$2" "$(value "$1")"
}

tests_begin
if [ ! -c /dev/video1 ]; then
	echo "Bail out! there are not two cameras"
	exit 1
fi
mkdir watchers

for how in poll inotify; do
	begin "who waits for events by $how is woken by a refused buffer"
	limit a $((3 * FRAME))
	events a/dmem.events 0
	watcher $how a/dmem.events
	watcher $how a/dmem.events.local
	watcher $how b/dmem.events
	start a size $SMALL request 3 hold
	asleep a/dmem.events
	client a device 1 size $SMALL request 2
	expect "refusals" 1 "$(lines 'Cannot allocate memory' /tmp/client)"
	woken a/dmem.events 1
	woken a/dmem.events.local 1
	client a device 1 size $SMALL request 2
	woken a/dmem.events 2
	woken a/dmem.events.local 2
	asleep b/dmem.events
	events b/dmem.events 0
	end

	begin "and if the limit is that of an ancestor, who waits there, by $how"
	mkdir a/inner
	echo +dmem > a/cgroup.subtree_control
	limit a $((2 * FRAME))
	watcher $how a/dmem.events
	watcher $how a/inner/dmem.events
	client a/inner size $SMALL request 3
	woken a/dmem.events 1
	asleep a/inner/dmem.events
	events a/dmem.events.local 1
	events a/inner/dmem.events 0
	events a/inner/dmem.events.local 0
	charged a 0
	rmdir a/inner
	end
done

begin "one watch of the common parent sees the refusals of all containers"
limit a $((2 * FRAME))
limit b 0
watcher inotify dmem.events
seen=$(value dmem.events)
client a device 1 size $SMALL request 2
asleep dmem.events
client b size $SMALL request 2
client a size $SMALL request 4
woken dmem.events $((${seen#max=} + 2))
events b/dmem.events.local 1
events a/dmem.events.local 1
end

tests_end
