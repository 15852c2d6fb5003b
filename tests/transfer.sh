#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# End-to-end test of charges that move: a server allocates dma-bufs for clients
# in other cgroups, and they pay, or it makes them pay where it may. Its buffers
# come from the CMA heap and from a camera or, with "transfer.sh,dumb", from a
# display that has a pool. Prints TAP. With cameras it needs
#
#   vivid.n_devs=1 vivid.node_types=0x1 vivid.allocators=1
#
# on the kernel command line.

# shellcheck source=tests/lib.sh
. /tests/lib.sh

CLIENT=share
NOBODY=65534

said() {
	expect "'$1' in $2" 1 "$(lines "^$1" "$2")"
}


# use KIND: the allocator that the server has its buffers from
use() {
	kind=$1
	case $kind in
	heap) REGION=dma/default_cma_region BUFFER=1048576 ;;
	camera) REGION=dma/default_cma_region BUFFER=233472 ;;
	dumb) REGION=dma/vram@18000000 BUFFER=262144 ;;
	esac
}

# serve COMMAND...: the server, in a cgroup of its own
serve() {
	mkdir server
	start server "$@"
	server=$pid
}

# The server's cgroup has to go before the test's end looks at the rest.
server_ends() {
	kill "$server" 2> /dev/null
	await rmdir server
}

# The server still has all ten when the clients have taken on theirs.
by_clients() {
	begin "clients take on their buffers of a server's $kind, which pays for none"
	limit a $((5 * BUFFER))
	serve "$kind" 10 give 5 give 5 hold close hold
	charged server $((10 * BUFFER))
	start a user $NOBODY get charge . hold
	first=$pid
	said "got 5" /tmp/a
	said "charged 5" /tmp/a
	start b user $NOBODY get charge . hold
	said "charged 5" /tmp/b
	charged server 0
	charged a $((5 * BUFFER))
	charged b $((5 * BUFFER))
	charged . $((10 * BUFFER))

	# Who has no buffer any more still pays, as long as somebody has.
	await holds 1 /tmp/server
	kill -KILL "$first"
	charged a $((5 * BUFFER))
	kill "$server"
	await holds 2 /tmp/server
	charged a 0
	charged b $((5 * BUFFER))
	charged server 0
	server_ends
	end
}

at_a_limit() {
	begin "a client's limit holds for what it takes on of a $kind"
	limit a $((3 * BUFFER))
	serve "$kind" 10 give 5 give 5 hold close hold
	start a user $NOBODY get charge . hold
	said "charge: Cannot allocate memory" /tmp/a
	said "charged 3" /tmp/a
	charged a $((3 * BUFFER))
	charged server $((7 * BUFFER))
	expect "refusals" 1 "$(sed -n "s,^$REGION max=,,p" a/dmem.events)"
	kill -KILL "$pid"
	charged a $((3 * BUFFER))
	start b user $NOBODY get charge . hold
	said "charged 5" /tmp/b
	charged server $((2 * BUFFER))
	kill "$server"
	charged server 0
	charged a 0
	charged b $((5 * BUFFER))
	server_ends
	end
}

pushed() {
	begin "a server without rights cannot make others pay for a $kind"
	serve "$kind" 10 user $NOBODY charge "$PWD/a" charge "$PWD" charge "$PWD/a" hold
	expect "refusals" 3 "$(lines '^charge: Permission denied' /tmp/server)"
	charged server $((10 * BUFFER))
	charged a 0
	server_ends
	end

	begin "nor with those to one of the two cgroups"
	chown $NOBODY a/cgroup.procs
	serve "$kind" 10 user $NOBODY charge "$PWD/a" hold
	said "charge: Permission denied" /tmp/server
	charged server $((10 * BUFFER))
	server_ends
	end

	begin "one that the cgroups are delegated to can, up to the client's limit"
	chown $NOBODY cgroup.procs a/cgroup.procs
	limit a $((4 * BUFFER))
	serve "$kind" 10 user $NOBODY charge "$PWD/a" hold
	said "charge: Cannot allocate memory" /tmp/server
	charged server $((6 * BUFFER))
	charged a $((4 * BUFFER))
	chown 0 cgroup.procs
	server_ends
	charged . 0
	end
}

survived() {
	begin "the $kind of a server whose cgroup is gone can be taken on"
	serve "$kind" 5 give 5 hold
	echo "$server" > b/cgroup.procs
	await dying 0
	rmdir server
	await dying 1 || expect "removed cgroups" 1 "$(cat cgroup.stat)"
	start a user $NOBODY get charge . hold
	said "charged 5" /tmp/a
	charged a $((5 * BUFFER))
	charged . $((5 * BUFFER))
	# An open camera keeps the cgroup of who opened it.
	kill "$server"
	await dying 0 || expect "removed cgroups" 0 "$(cat cgroup.stat)"
	charged a $((5 * BUFFER))
	end
}

tests_begin
kinds="heap camera"
device=/dev/video0
if [ "$1" = dumb ]; then
	kinds=dumb
	device=/dev/dri/card0
fi
if [ ! -c $device ] || { [ "$1" != dumb ] && [ ! -c /dev/dma_heap/default_cma_region ]; }; then
	echo "Bail out! no $device, or no heap"
	exit 1
fi

for kind in $kinds; do
	use "$kind"
	by_clients
	at_a_limit
	pushed
	survived
done

tests_end
