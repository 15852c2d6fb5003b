#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mutants.sh own|all FIRST [NAME...]: the changes of tests/mutants.list, from number
# FIRST on or those that are named, each switched on while KUnit suites run again, its
# own or all, until one fails. Needs the kernel of scripts/mutants, which reads this:
#
#	mutant N NAME
#	red N TEST		a test that failed
#	green N			none did
#	spoiled N		they fail without it, too, by now: nothing follows
#
# Without a mutant, which is number 0, all have to pass.

suites=/sys/kernel/debug/kunit
switch=/sys/module/kernel/parameters/mutant
leaks=/sys/kernel/debug/kmemleak
whose=$1
first=$2
shift 2

# suite NAME: runs it; what failed first in $red, or nothing, and whether any test ran
suite() {
	red=
	[ -e "$suites/$1/run" ] || return 1
	echo run > "$suites/$1/run"
	red=$(sed -nE 's/^ *not ok [0-9]+ (- )?//p' "$suites/$1/results" | head -n1)
	red=${red:+$1: $red}
	grep '^    ok ' "$suites/$1/results" | grep -v '# SKIP' > /dev/null || [ -n "$red" ]
}

# first_red GLOB...: the first of the tests that fails, or what did not run
first_red() {
	done=' '
	for glob; do
		ran=
		# shellcheck disable=SC2045 # the kernel's names
		for name in $(ls "$suites"); do
			# shellcheck disable=SC2254 # a pattern
			case $name in
			$glob) ;;
			*) continue ;;
			esac
			case $done in *" $name "*) continue ;; esac
			done="$done$name "
			! suite "$name" || ran=yes
			[ -z "$red" ] || { echo "$red"; return; }
		done
		[ "$ran" ] || { echo "no test of $glob ran"; return; }
	done
}

leaked() {
	[ -w $leaks ] || return 0
	sleep 6
	echo scan > $leaks
	echo scan > $leaks
	grep -m1 '^unreferenced object' $leaks
}

# mutant NUMBER NAME SUITES [leaks]
# shellcheck disable=SC2086 # patterns
mutant() {
	echo
	echo "mutant $1 $2"
	[ -z "$4" ] || echo clear > $leaks
	# What warns only once has to do it for each.
	echo 1 > /sys/kernel/debug/clear_warn_once
	echo "$1" > $switch
	if [ "$whose" = own ]; then
		red=$(first_red $3)
	else
		red=$(first_red $3 '*dm[ae]*')
	fi
	[ -n "$red" ] || [ -z "$4" ] || red=$(leaked)
	echo 0 > $switch
	echo
	if [ -z "$red" ]; then
		echo "green $1"
		return
	fi
	echo "red $1 $red"
	# Does it work again?
	red=$(first_red $3)
	[ -z "$red" ] || { echo "spoiled $1 $red"; exit; }
}

set -f
grep '^@' /tests/mutants.list > /tmp/list
if [ "$first" = 0 ]; then
	# shellcheck disable=SC2013 # words
	mutant 0 none "$(for name in $(if [ $# -gt 0 ]; then echo "$@"; else awk '{ print $2 }' /tmp/list; fi); do
		awk -v name="$name" '$2 == name { print $4 }' /tmp/list
	done | sort -u | tr '\n' ' ')"
fi
number=0
while read -r _ name _ glob kind; do
	number=$((number + 1))
	[ "$number" -ge "$first" ] || continue
	case " $* " in
	"  "|*" $name "*) ;;
	*) continue ;;
	esac
	mutant "$number" "$name" "$glob" "$kind"
done < /tmp/list
echo
echo "no more mutants"
