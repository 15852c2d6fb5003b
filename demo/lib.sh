# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034
#
# What the scripts in demo/ and tests/ share. They run in a guest, as root,
# under busybox; what they check they read from the kernel's own files.

CGROUPS=/sys/fs/cgroup
REGION=dma/vram@18000000
MIB=1048576

# value FILE: what dmem.current, dmem.max, ... says for the display's region
value() {
	awk -v region="$REGION" '$1 == region { print $2 }' "$1" 2> /dev/null
}

# reads FILE VALUE: whether that is what it says
reads() {
	[ "$(value "$1")" = "$2" ]
}

# lines PATTERN FILE: how many lines match
lines() {
	grep -c -- "$1" "$2" 2> /dev/null || :
}

# await COMMAND...: until it succeeds, 60 seconds at most. The kernel drops the
# last reference to a file from task work: charges return just after the exit.
await() {
	read -r now _ < /proc/uptime
	end=$((${now%.*} + 60))
	until "$@" > /dev/null 2>&1; do
		read -r now _ < /proc/uptime
		[ "${now%.*}" -le "$end" ] || return 1
		sleep 0.05
	done
}

# The tests' own: a counter, and a line of TAP

number=0
result=0

# verdict TITLE COMMAND...
verdict() {
	title=$1
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $title"
	else
		echo "not ok $number - $title"
		result=1
	fi
}

# The demo's own: a step's title, a command with its output, a verdict

step() {
	printf '\n=== %s\n' "$*"
}

# run COMMAND: in this very shell, so that cd, $! and functions work
run() {
	echo "# $1"
	eval "$1" > /tmp/output 2>&1
	cat /tmp/output
}

# check TEXT COMMAND...
check() {
	text=$1
	shift
	if "$@" > /dev/null 2>&1; then
		echo "PASS $text"
	else
		echo "FAIL $text"
		failures=$((failures + 1))
	fi
}

# Whether the console is shown on a framebuffer
framebuffer_console() {
	for console in /sys/class/vtconsole/*; do
		grep -q 'frame buffer' "$console/name" && grep -q 1 "$console/bind" && return
	done
	return 1
}

demo_begin() {
	failures=0
	echo "demo-begin"
	echo "Linux $(uname -r), $(cat /proc/device-tree/model 2> /dev/null || uname -m)"
}

demo_end() {
	echo "demo-end"
	exit $((failures > 0))
}
