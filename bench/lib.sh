# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the measuring scripts share. They run in a guest, print a line for each
# figure, and end at the first failure:
#
#   bench KIND CASE TYPE SIZE SUBJECT LIVE MINIMUM MEDIAN SLAB
#
# with times in nanoseconds, which are instructions where QEMU counts them.

CGROUPS=/sys/fs/cgroup

die() {
	echo "bench-failed: $*" >&2
	exit 1
}

# take DEVICE: has it measured from here on. It is BUS:NAME, or pci:edu for the
# first of QEMU's.
take() {
	bus=${1%%:*}
	device=${1#*:}
	if [ "$device" = edu ]; then
		for dir in /sys/bus/pci/devices/*; do
			[ "$(cat "$dir/vendor")" != 0x1234 ] || break
		done
		device=${dir##*/}
	fi
	dir=/sys/bus/$bus/devices/$device
	[ -d "$dir" ] || die "no device $1"
	echo dma_map_benchmark > "$dir/driver_override"
	echo "$device" > "/sys/bus/$bus/drivers/dma_map_benchmark/bind" || die "cannot bind $1"
}

give() {
	echo "$device" > "/sys/bus/$bus/drivers/dma_map_benchmark/unbind"
}

# enter DIR: a cgroup below the root; this very shell is in it then
enter() {
	path=$CGROUPS
	while read -r part; do
		echo "+dmem +memory" > "$path/cgroup.subtree_control" || die "no controllers in $path"
		path=$path/$part
		[ -d "$path" ] || mkdir "$path" || die "no cgroup $path"
	done <<-EOF
	$(echo "$1" | tr / '\n')
	EOF
	echo 0 > "$path/cgroup.procs" || die "cannot enter $path"
}

leave() {
	echo 0 > "$CGROUPS/cgroup.procs"
}

# options SUBJECT: the tool's
options() {
	case $1 in
	classic) ;;
	classic+memcg) echo -m ;;
	handle) echo -H ;;
	handle+charge) echo -H -c ;;
	classic+charge) echo -c ;;
	charge) echo -C ;;
	charge/*) echo -C -r "${1#charge/}" ;;
	*) die "what is $1?" ;;
	esac
}

# As many pairs that a clock of 16 ns does not matter
pairs() {
	case $1 in
	4K) echo 16 ;;
	64K) echo 4 ;;
	*) echo 1 ;;
	esac
}

# measure KIND CASE TYPE SIZE SUBJECT [LIVE]
measure() {
	# shellcheck disable=SC2046
	said=$(dma_alloc_benchmark -t "$3" -s "$4" -n "${SAMPLES:-1000}" -p "$(pairs "$4")" \
		-l "${6:-0}" $(options "$5") 2>&1) || die "$*: $said"
	echo "bench $1 $2 $3 $4 $5 ${6:-0} $(echo "$said" | sed \
		's/.*min \([0-9.]*\) ns, median \([0-9.]*\) ns\(, slab \([-0-9.]*\) .*\)*$/\1 \2 \4/')"
}

# rounds KIND CASE TYPE SIZE SUBJECTS [LIVE [MORE]]: the same for several subjects
# that take turns, five times: what an allocator has to do depends on what was
# done before. The lowest minimum and the lowest median count. With MORE there
# are ten rounds, and that many more live ones in each: every round has memory
# from another place, which costs more or less. One place in some tens is cheaper
# than what others get at best, and not for all subjects the same, so the second
# lowest counts.
rounds() {
	for round in 0 1 2 3 4 ${7:+5 6 7 8 9}; do
		for subject in $5; do
			SAMPLES=200 measure "$1" "$2" "$3" "$4" "$subject" \
				"$((${6:-0} + round * ${7:-0}))"
		done
	done > /tmp/rounds
	grep -v '^bench ' /tmp/rounds && exit 1
	awk -v which="$((1 + (${7:-0} > 0)))" '
	# keep(VALUES, KEY, X): VALUES[KEY, 1] to VALUES[KEY, n] stay sorted
	function keep(values, key, x,    i) {
		for (i = count[key]; i > 1 && values[key, i - 1] > x; i--)
			values[key, i] = values[key, i - 1]
		values[key, i] = x
	}
	{
		key = $6
		if (!(key in count))
			order[++n] = key
		count[key]++
		if (!(key in line))
			line[key] = $1 " " $2 " " $3 " " $4 " " $5 " " $6 " " $7
		keep(minima, key, $8 + 0)
		keep(medians, key, $9 + 0)
		slab[key] = $10
	} END {
		for (i = 1; i <= n; i++) {
			key = order[i]
			print line[key], minima[key, which], medians[key, which], slab[key]
		}
	}' /tmp/rounds
}
