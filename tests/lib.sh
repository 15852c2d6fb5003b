# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034
#
# What the tests share that have clients in two cgroups, "a" and "b", below a
# common parent, which is the working directory. The program is $CLIENT, the
# region $REGION.

# shellcheck source=demo/lib.sh
. /demo/lib.sh

# expect WHAT WANTED GOT
expect() {
	[ "$2" = "$3" ] && return
	echo "# $1: expected '$2', got '$3'"
	failed=1
}

# charged DIR BYTES, within the time of await
charged() {
	await reads "$1/dmem.current" "$2"
	expect "$1/dmem.current" "$2" "$(value "$1/dmem.current")"
}

limit() {
	echo "$REGION $2" > "$1/dmem.max"
}

# client DIR COMMAND...: runs in that cgroup; what it says is in /tmp/client
client() {
	(
		echo 0 > "$1/cgroup.procs"
		shift
		exec "$CLIENT" "$@"
	) > /tmp/client 2>&1
}

# start DIR COMMAND...: the same in the background, what it says in /tmp/DIR;
# back when it holds or listens
start() {
	start_as "$1" "$@"
}

# start_as NAME DIR COMMAND...: what it says in /tmp/NAME
start_as() {
	log=/tmp/$1
	: > "$log"	# now, not when the child runs: it is read below
	(
		echo 0 > "$2/cgroup.procs"
		shift 2
		exec "$CLIENT" "$@"
	) > "$log" 2>&1 &
	pid=$!
	await grep -E 'holding|listening' "$log" ||
		expect "$log" "holding or listening" "$(cat "$log")"
}

# holds COUNT FILE: whether the client has come to its COUNTth "hold"
holds() {
	[ "$(lines '^holding' "$2")" = "$1" ]
}

# dying COUNT: whether so many removed cgroups still live on in the controller
dying() {
	grep -qx "nr_dying_subsys_dmem $1" cgroup.stat
}

# survives_its_cgroup BYTES: what a client in a made and $pid, which is not in a,
# holds stays charged when a is removed, and is freed with $pid
survives_its_cgroup() {
	await dying 0
	rmdir a
	charged . "$1"
	await dying 1 || expect "removed cgroups with charges" 1 "$(cat cgroup.stat)"
	kill "$pid"
	charged . 0
	await dying 0 || expect "removed cgroups after the last close" 0 "$(cat cgroup.stat)"
	mkdir a
}

# announced NODE: dmemtop says that the region is where the memory of it comes from,
# first if there are others
announced() {
	expect "what dmemtop has for $1" "$REGION" \
		"$(dmemtop --devices | awk -v node="$1" '$1 == node { print $3; exit }')"
}

# Data races are judged by scripts/check-sanitize, and by scripts/boot elsewhere.
complaints() {
	dmesg | grep -v 'BUG: KCSAN: ' | grep -cE 'WARNING:|BUG:|DMA-API: |Unable to handle|Internal error|ODEBUG:'
}

# poor BYTES: an empty cgroup with that limit in every region is the working
# directory from here on
poor() {
	cd "$CGROUPS" || exit 1
	echo +dmem > cgroup.subtree_control
	mkdir tests && cd tests || exit 1
	while read -r region _; do
		echo "$region $1" > dmem.max
	done < ../dmem.capacity
}

# The working directory from here on
tests_begin() {
	cd "$CGROUPS" || exit 1
	echo +dmem > cgroup.subtree_control
	mkdir tests && cd tests || exit 1
	echo +dmem > cgroup.subtree_control
	echo "TAP version 13"
}

tests_end() {
	echo "1..$number"
	exit "$result"
}

# A test starts with two empty cgroups without limits, and passes only if the
# parent's dmem.current is back at 0 when its processes have ended, and the
# kernel had nothing to complain about.
begin() {
	title=$1
	number=$((number + 1))
	failed=
	mkdir a b
	limit . max
	before=$(complaints)
}

end() {
	echo 1 > cgroup.kill
	charged . 0
	await rmdir a
	await rmdir b
	expect "complaints in the kernel's log" "$before" "$(complaints)"
	if [ -z "$failed" ]; then
		echo "ok $number - $title"
	else
		echo "not ok $number - $title"
		result=1
	fi
}
