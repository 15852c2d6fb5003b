#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# allocs.sh KERNEL QUESTIONS CASE=DEVICE=TYPES...: what an allocation and its
# free need on the kernel "base" or "series". Questions are letters: q is the
# few figures by which two runs are compared; h takes the number of allocations
# that the allocator can hold. Types are joined by +.

# shellcheck source=bench/lib.sh
. /bench/lib.sh

kernel=$1
questions=$2
shift 2

asked() {
	case $questions in
	*"$1"*) ;;
	*) return 1 ;;
	esac
}

# Subjects of this kernel
subjects="classic"
[ "$kernel" = base ] || subjects="classic handle handle+charge classic+charge"

# held SIZE: how many allocations to hold while others are measured, and how many
# more in each round. They take the pieces of the free memory that others have
# left, so that all subjects find large ones; whether the last one's neighbour is
# free, to be merged with, differs between rounds. What is in a pool stays there.
held() {
	case $case/$1 in
	pool/* | */4K) echo 0 ;;
	*/64K) echo 200 1 ;;
	*/1M) echo 16 1 ;;
	esac
}

# Questions a to d
pair() {
	for type in $(echo "$types" | tr + ' '); do
		for size in 4K 64K 1M; do
			# shellcheck disable=SC2046
			rounds pair "$case" "$type" "$size" "$subjects" $(held "$size")
		done
	done
}

# Question f: what a live one needs, by many of them
memory() {
	for subject in classic handle handle+charge; do
		[ "$kernel" = series ] || [ "$subject" = classic ] || continue
		SAMPLES=1 measure memory "$case" "$1" 4K "$subject" "$2"
	done
}

# Question h
live() {
	for n in 1 10 1000 "$2"; do
		rounds live "$case" "$1" 4K "classic handle+charge" "$n"
	done
}

cgroups() {
	n=0
	leave
	for total in 1 100 1000; do
		while [ "$n" -lt "$total" ]; do
			n=$((n + 1))
			enter "many/$n"
			SAMPLES=1 measure warm "$case" "$1" 4K handle+charge > /dev/null
		done
		rounds cgroups "$case/$total" "$1" 4K "classic handle+charge"
	done
	leave
}

# Question e
charges() {
	for depth in 1 3 6; do
		leave
		enter "$(echo "d$depth/2/3/4/5/6" | cut -d/ -f-"$depth")"
		for regions in 1 16 64; do
			measure charge "depth-$depth" coherent 4K "charge/$regions"
		done
	done
	leave
	enter memcg
	measure charge memcg pages 4K classic
	measure charge memcg pages 4K classic+memcg
	leave
}

# Question l: with a dmem.low for each region on each level, what is protected has
# to be passed on to the parents when a charge changes it
low() {
	for depth in 1 3 6; do
		for protected in no yes; do
			leave
			enter "$(echo "$protected/2/3/4/5/6" | cut -d/ -f-"$depth")"
			while [ "$protected" = yes ] && [ "$path" != "$CGROUPS" ]; do
				calls protect "$path/dmem.low" || die "no dmem.low in $path"
				path=${path%/*}
			done
			rounds low "$case/$depth/$protected" "$1" 4K "classic handle+charge"
		done
	done
	leave
}

for word; do
	case=${word%%=*}
	types=${word##*=}
	word=${word#*=}
	take "${word%=*}"
	enter bench
	if asked q; then
		measure quick "$case" coherent 4K classic
		measure quick "$case" coherent 64K classic
	fi
	! asked p || pair
	! asked e || { charges; enter bench; }
	! asked l || { low "${types%%+*}"; enter bench; }
	! asked f || memory "${types##*+}" 50000
	! asked h || { live "${types%%+*}" "${questions#*h}"; cgroups "${types%%+*}"; }
	leave
	give
done
echo bench-done
