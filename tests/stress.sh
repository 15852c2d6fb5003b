#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# stress.sh [SECONDS [SEED [files]]]: eight clients, of displays, cameras and a
# dma-buf heap, in four nested cgroups with limits. They start, allocate, stream,
# share, move to another of the cgroups and are killed, while the innermost cgroup
# is removed and made again, for 15 seconds or as many as are asked for. In the end
# everything is where it began. With "files" others read all files and write limits
# meanwhile, and are the first to be charged in new cgroups. A machine without a
# display has the other four clients. Prints TAP. Needs
#
#   vivid.n_devs=3 vivid.node_types=0x1,0x1,0x1 vivid.allocators=1,1,1
#   vivid.cache_hints=1,1,1
#
# on the kernel command line.

# RANDOM: busybox has it, for each subshell. Unreachable: what verdict calls.
# shellcheck source=tests/lib.sh disable=SC3028,SC2317,SC2030,SC2031
. /tests/lib.sh

REGION=dma/default_cma_region
seconds=${1:-15}
seed=${2:-$(od -An -N2 -tu2 /dev/urandom | tr -d " ")}
files=${3:-}

uptime() {
	read -r now _ < /proc/uptime
	echo "${now%.*}"
}

# No process may be beside cgroups with controllers, so three have a leaf.
some_cgroup() {
	case $((RANDOM % 4)) in
	0) where=one/leaf ;;
	1) where=one/two/leaf ;;
	2) where=one/two/three/leaf ;;
	3) where=one/two/three/four ;;
	esac
}

nap() {
	sleep 0.$((RANDOM % 10))
}

# As long as was asked for; on a slow machine longer, until all has happened that
# is looked for below
running() {
	now=$(uptime)
	[ "$now" -lt "$deadline" ] || { [ ! -e /tmp/enough ] && [ "$now" -lt $((deadline + 120)) ]; }
}

# churn NAME PROGRAM COMMAND...: again and again
churn() {
	name=$1
	shift
	clients=$((clients + 1))
	(
		RANDOM=$((seed + clients))
		started=0 moved=0 killed=0
		while running; do
			some_cgroup
			# Not at all if its cgroup is just being made again
			(echo 0 > "$where"/cgroup.procs && exec "$@") >> "/tmp/$name" 2>&1 &
			pid=$!
			started=$((started + 1))
			for _ in 1 2; do
				nap
				some_cgroup
				echo "$pid" > "$where"/cgroup.procs && moved=$((moved + 1))
			done
			signal=KILL
			[ $((RANDOM % 4)) != 0 ] || signal=TERM
			kill -$signal "$pid" && killed=$((killed + 1))
			wait "$pid"
		done 2> /dev/null
		echo "$name: started $started, moved $moved, killed $killed" >> /tmp/work
	) &
}

# The innermost cgroup comes and goes.
remover() {
	while running; do
		sleep 2
		(streamed && imported && refused) > /dev/null && touch /tmp/enough
		echo 1 > one/two/three/four/cgroup.kill
		rmdir one/two/three/four && make_four && echo removed >> /tmp/removed
	done 2> /dev/null &
}

# Readers of all there is to read, twice as many as there are CPUs in a guest
readers() {
	for _ in 1 2 3 4; do
		while running; do
			for file in dmem.current dmem.max dmem.peak dmem.events dmem.low; do
				cat one/two/three/$file one/two/three/four/$file "$CGROUPS/dmem.current" \
					"$CGROUPS/dmem.capacity"
			done
			cat /sys/kernel/debug/dma-api/dma_handles
		done > /dev/null 2>&1 &
	done
}

# What protects is written, and taken back, where others allocate.
writers() {
	for dir in one one/two/three; do
		while running; do
			for value in $((RANDOM * 64)) 0; do
				echo "$REGION $value" > "$dir/dmem.low"
				echo "$REGION $value" > "$dir/dmem.min"
			done
		done 2> /dev/null &
	done
}

# The first charge of a cgroup makes its pools, and removing it frees them.
newcomers() {
	for name in new-1 new-2; do
		while running; do
			mkdir "$name"
			(echo 0 > "$name/cgroup.procs" && exec camera size 160x120 heap 1)
			rmdir "$name"
		done > /dev/null 2>&1 &
	done
}

make_four() {
	mkdir one/two/three/four
	limit one/two/three/four "$MIB"
}

# Every dmem.current, and what the areas themselves say
state() {
	cat "$CGROUPS/dmem.current"
	find . -name dmem.current | sort | xargs grep .
	grep . /sys/kernel/mm/cma/*/available_pages
}

same_state() {
	state > /tmp/after
	cmp -s /tmp/before /tmp/after
}

as_it_began() {
	# All are looked at
	for dir in '' one/ one/leaf/ one/two/ one/two/leaf/ one/two/three/ \
		one/two/three/leaf/ one/two/three/four/; do
		grep -qx "./${dir}dmem.current:$REGION 0" /tmp/before ||
			{ echo "# no ${dir}dmem.current"; return 1; }
	done
	await same_state && return
	diff /tmp/before /tmp/after | sed 's/^/# /'
	return 1
}

none_dying() {
	await dying 0 && return
	grep dmem cgroup.stat | sed 's/^/# /'
	return 1
}

quiet() {
	[ "$(complaints)" = "$before" ]
}

all_worked() {
	[ "$(lines . /tmp/work)" = "$clients" ] && ! grep -qE ' (started|moved|killed) 0' /tmp/work
}

# said PATTERN NAME...: each of these clients, at least once
said() {
	pattern=$1
	shift
	for file; do
		grep -q "$pattern" "/tmp/$file" || { echo "# $file never: $pattern"; return 1; }
	done
}

streamed() {
	said '^streamed' camera-1 camera-2 camera-3
}

imported() {
	[ "$display" ] || return 0
	said '^buffer 1: imported' display-4
}

refused() {
	cat /tmp/camera* /tmp/display* /tmp/heap | grep -q 'Cannot allocate memory$'
}

nothing_stale() {
	! grep '^byte' /tmp/camera* /tmp/display* /tmp/heap
}

case $seconds$seed in
*[!0-9]*)
	echo "Bail out! not a number of seconds, or not a seed: '$seconds', '$seed'"
	exit 1 ;;
esac
tests_begin
if [ ! -c /dev/video2 ] || [ ! -c /dev/dma_heap/default_cma_region ]; then
	echo "Bail out! not three cameras, or no heap"
	exit 1
fi
display=
[ ! -c /dev/dri/card0 ] || display=yes

mkdir -p one/two/three one/leaf one/two/leaf one/two/three/leaf
for dir in one one/two one/two/three; do
	echo +dmem > $dir/cgroup.subtree_control
done
limit one $((6 * MIB))
limit one/two $((4 * MIB))
limit one/two/three $((3 * MIB))
make_four
before=$(complaints)
state > /tmp/before

echo "# $seconds seconds, seed $seed"
clients=0
deadline=$(($(uptime) + seconds))
churn camera-1 camera size 320x180 request 4 stream 3 stream 3 start hold
churn camera-2 camera device 1 noncoherent size 320x180 request 3 export stream 3 free add 4 start hold
churn camera-3 camera device 2 size 320x180 heap 3 import stream 3 start hold
if [ "$display" ]; then
	churn display-1 dumb size 160x120x32 loop 99
	churn display-2 dumb size 320x240x32 create 6 check hold
	churn display-3 dumb size 160x120x32 create 2 send /tmp/prime send /tmp/prime send /tmp/prime hold
	churn display-4 dumb recv /tmp/prime import check hold
fi
churn heap camera size 320x240 heap 6 check hold
remover
if [ "$files" ]; then
	readers
	writers
	newcomers
fi
wait
echo 1 > cgroup.kill

sed 's/^/# /' /tmp/work
verdict "$clients clients started, moved and were killed for $seconds seconds" all_worked
verdict "cameras streamed, also into buffers of the heap" streamed
[ -z "$display" ] || verdict "a display imported what another client had made" imported
verdict "limits refused" refused
verdict "a cgroup was removed and made again" [ -s /tmp/removed ]
verdict "nobody saw the data of others" nothing_stale
verdict "every dmem.current, and every area, is where it began" as_it_began
verdict "no removed cgroup lives on" none_dying
verdict "the kernel had nothing to complain about" quiet
tests_end
