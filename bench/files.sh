#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# files.sh DEVICE: question i, what it takes to read each file of a cgroup, with many
# regions and many cgroups, all of which have counters for all of them; and how many
# bytes of slab memory the counters take. A call of the benchmark that goes on behind
# this makes the regions: it charges them in turn, with the lowest priority.

# shellcheck source=bench/lib.sh
. /bench/lib.sh

# make_regions N
make_regions() {
	lines=$(wc -l < "$CGROUPS/dmem.capacity")
	(
		enter holder
		exec calls behind "exec dma_alloc_benchmark -C -s 4K -r $1 -l $1 -n 100000 -p 1000"
	) > /tmp/holder 2>&1 &
	pid=$!
	until [ "$(wc -l < "$CGROUPS/dmem.capacity")" = $((lines + $1)) ]; do
		kill -0 "$pid" || die "no $1 regions: $(cat /tmp/holder)"
		sleep 0.01
	done
}

slab() {
	awk '/^nr_slab_/ { pages += $2 } END { print pages * 4096 }' /proc/vmstat
}

# each COMMAND: for every cgroup
each() {
	for dir in "$CGROUPS"/many/*/; do
		"$@" "$dir/dmem.low" || die "$* $dir"
	done
}

take "$1"
n=0
leave
for total in 10 1000; do
	while [ "$n" -lt "$total" ]; do
		n=$((n + 1))
		enter "many/$n"
		leave
	done
	# The inode of a file is not what is to be weighed.
	each cat > /dev/null
	for regions in 4 64 256; do
		make_regions "$regions"
		before=$(slab)
		each calls fill
		echo "bench counters counters - $regions classic $total 0 0 $(
			echo "$(slab) $before $regions $total" |
			awk '{ printf "%.1f", ($1 - $2) / ($3 * $4) }')"
		for file in "$CGROUPS/dmem.capacity" "$CGROUPS/many/$total"/dmem.*; do
			said=$(calls samples 200 read "$file") || die "$file: $said"
			echo "bench files ${file##*/} - $regions classic $total $(echo "$said" |
				sed 's/.*min \([0-9]*\) ns, median \([0-9]*\) ns/\1 \2/')"
		done
		kill "$pid" || die "the regions have gone too early: $(cat /tmp/holder)"
		wait
	done
done
give
echo bench-done
