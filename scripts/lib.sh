# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sourced by every script here.
#
# shellcheck disable=SC2034 # used by those who source it

set -euo pipefail
export LC_ALL=C
# What make hands down is for make, not for the kernel's own.
unset MAKEFLAGS MFLAGS MAKELEVEL KBUILD_OUTPUT LLVM

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$TOP/build
LINUX=$BUILD/linux
PATCHES=$TOP/patches
CACHE=${XDG_CACHE_HOME:-${HOME:-~}/.cache}/dmem-dma
KVERSION=7.3
# The point release that is fetched; any 7.3.x is accepted as KERNEL=.
KRELEASE=7.3.4
# The kernel asks for 17 at least, and Debian 12 has this one.
CLANG=clang-19

# One line on stderr, and out: how every expected failure ends.
die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

note()
{
	echo "== $*" >&2
}

# --help: the comment at the head of the script that sources this
case ${1:-} in
-h|--help)
	sed -n '4,/^$/ { /^#/!q; s/^# \{0,1\}//p }' "$0"
	exit 0 ;;
esac

# Results. Every test passes through record(), which counts it and adds a line to
# the file $RESULTS; closing() says the counts and makes build/results.json of all
# the lines. "check" hands RESULTS down, so that its parts write to one file.
passed=0 failed=0 skipped=0

# results: before the first record() of a script
results()
{
	[ -z "${RESULTS:-}" ] || return 0
	mkdir -p "$BUILD"
	RESULTS=$BUILD/results.log
	results_mine=1
	: >"$RESULTS"
}

# json TEXT: as a string of JSON
json()
{
	local text=${1//\\/\\\\}

	text=${text//\"/\\\"}
	printf '"%s"' "${text//[[:cntrl:]]/ }"
}

# record passed|failed|skipped MACHINE TEST SECONDS LOG COMMAND: MACHINE and LOG may
# be empty; COMMAND repeats it.
record()
{
	case $1 in
	passed) passed=$((passed + 1)) ;;
	failed) failed=$((failed + 1)) ;;
	skipped) skipped=$((skipped + 1)) ;;
	esac
	# One write, as jobs share the file
	printf '{"verdict": "%s", "machine": %s, "test": %s, "seconds": %d, "log": %s, "repeat": %s}\n' \
		"$1" "$(json "$2")" "$(json "$3")" "$4" "$(json "${5#"$TOP/"}")" "$(json "$6")" >>"$RESULTS"
}

# closing NAME [--two]: the last line of a script, and build/results.json; --two
# without what was skipped. Fails if a test did.
closing()
{
	if [ "${results_mine:-}" ]; then
		{ echo "["; sed '$!s/$/,/' "$RESULTS"; echo "]"; } >"$BUILD/results.json.new"
		mv "$BUILD/results.json.new" "$BUILD/results.json"
		rm -f "$RESULTS"
	fi
	echo "$1: $passed passed, $failed failed$([ "${2:-}" = --two ] || echo ", $skipped skipped")"
	[ "$failed" = 0 ]
}

machines()
{
	local m

	for m in vexpress virt q35; do
		[ -d "$TOP/machines/$m" ] && echo "$m"
	done
}

# want_machine NAME: dies with one line unless there is such a machine.
want_machine()
{
	case $1 in
	""|*[!a-z0-9]*) ;;
	*) [ -f "$TOP/machines/$1/machine.conf" ] && return ;;
	esac
	die "no machine '$1': MACHINE= takes one of $(machines | paste -sd' ')"
}

# tests [MACHINE]: the names of its end-to-end tests, or of all
tests()
{
	# shellcheck disable=SC2086 # a pattern
	{ cat "$TOP"/machines/${1:-*}/e2e 2>/dev/null || :; } |
		sed -nE '/^#/d; s,^(more )?([^ ]*)tests/([a-z0-9-]+)\.sh.*,\3,p' | sort -u
}

# want_test NAME: dies with one line unless a chosen machine has such a test.
want_test()
{
	local there

	there=$(tests "${MACHINE:-}")
	grep -qxF -- "$1" <<<"$there" ||
		die "no test '$1'${MACHINE:+ on $MACHINE}: TEST= takes one of $(paste -sd' ' <<<"$there")"
}

# chosen_machines [DEFAULT...]: MACHINE=, or else the default, or else all.
chosen_machines()
{
	if [ -n "${MACHINE:-}" ]; then
		want_machine "$MACHINE"
		echo "$MACHINE"
	elif [ $# -gt 0 ]; then
		printf '%s\n' "$@"
	else
		machines
	fi
}

# conf MACHINE KEY: a value of machines/MACHINE/machine.conf
conf()
{
	sed -n "s/^$2=//p" "$TOP/machines/$1/machine.conf"
}

# configs MACHINE: the files that the configuration of its kernel is made of
configs()
{
	echo "$TOP/machines/common.config"
	echo "$TOP/machines/$1/kernel.config"
	[ "$(conf "$1" memory)" != yes ] || echo "$TOP/machines/memory.config"
}

# boot_options MACHINE RUN: splits what a line of machines/MACHINE/{e2e,demo} runs
# into the array "options", for scripts/boot, and "run". The options are
#
#   dtb=NAME,	the device tree of machines/MACHINE/NAME.dtsi
#   qemu=NAME,	arguments of QEMU from machines/MACHINE/qemu-NAME.args as well
#   both=results,	on the unpatched kernel, too, and what it says in lines with
#		"same: " must be the same; in "both", for scripts/e2e
boot_options()
{
	options=()
	both=
	run=$2
	while [[ $run =~ ^([^=,/]*)=([^,]*),(.*)$ ]]; do
		case ${BASH_REMATCH[1]} in
		dtb) options+=(--dtb "${BASH_REMATCH[2]}") ;;
		qemu) options+=(--qemu "${BASH_REMATCH[2]}") ;;
		both) both=1 ;;
		*) die "machines/$1: '$2': there is no option '${BASH_REMATCH[1]}='" ;;
		esac
		run=${BASH_REMATCH[3]}
	done
}

# kmake ARG...: make in $objs from $source, which is in $sources_in, for $arch and
# $cross. All builds in one directory must have the same settings, or each would
# undo the other's. Clones, and the base and the series, share compilations:
# sources are named relative to the build directory, which is always beside its
# source, and the compiler names what was included (CCACHE_DEPEND), which spares
# a run of the preprocessor for each. LOCALVERSION=: no "+" behind the version,
# which would depend on commits. W=1: scripts/lint, which looks at the warnings,
# uses the same compilations. It sets "kerneldoc", too; elsewhere kernel-doc is not
# started, which would take a sixth of the time of a build. BUILD=: the kernel is in
# piggy.o by .incbin, which CCACHE_DEPEND does not see: the next kernel would be
# the last one.
# shellcheck disable=SC2154
kmake()
{
	env -u MACHINE -u KERNEL -u SUITE -u STRESS -u TOPIC -u PART -u PATCH -u MINUTES -u ROUNDS -u TEST -u RUN \
		-u CONFIG -u LSMOD -u DEBARCH \
		KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=dmem-dma KBUILD_BUILD_HOST=localhost \
		CCACHE_DIR="$CACHE/ccache" CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1 CCACHE_MAXSIZE=2G \
		CCACHE_BASEDIR="$sources_in" \
		make -C "$source" O="$objs" ARCH="$arch" CROSS_COMPILE="$cross" LOCALVERSION= \
		CC="ccache ${cross}gcc" HOSTCC="ccache gcc" W=1 "${kerneldoc:-cmd_checkdoc=}" \
		"AFLAGS_piggy.o=-DBUILD=$EPOCHREALTIME" "$@" </dev/null
}

# topics: the topics of the series, a folder each, in the order of patches/series,
# where a topic comes after those that it needs: the numbers are names. One without
# patches comes before the topics at the end that have higher numbers.
topics()
{
	local t i order names=()
	local -A number=()

	mapfile -t order < <(patch_names | cut -d/ -f1 | uniq)
	for t in "$PATCHES"/fixes-*/cover-letter.txt "$PATCHES"/[0-9][0-9]-*/cover-letter.txt; do
		t=$(basename "${t%/*}")
		[[ $t =~ ^(fixes|[0-9][0-9])-[a-z0-9]+$ ]] || continue
		names+=("$t")
		number[$t]=${#names[@]}
	done
	for t in "${names[@]}"; do
		[[ " ${order[*]} " != *" $t "* ]] || continue
		i=${#order[@]}
		while [ "$i" -gt 0 ] && [ "${number[${order[i - 1]}]:-0}" -gt "${number[$t]}" ]; do
			i=$((i - 1))
		done
		order=("${order[@]:0:i}" "$t" "${order[@]:i}")
	done
	for t in "${order[@]}"; do
		[ -z "${number[$t]:-}" ] || echo "$t"
	done
}

# want_topic NAME: dies with one line unless there is such a topic.
want_topic()
{
	[[ " $(topics | paste -sd" ") " == *" $1 "* ]] ||
		die "no topic '$1': TOPIC= takes one of $(topics | paste -sd' ')"
}

# wanted FILE: whether the configuration in $objs has this C file of $source, for
# $arch: the file and its directory. Asked for by name, kbuild makes it all the same.
wanted()
{
	local dir o symbol module

	case $1 in
	arch/*) [[ $1 == arch/${arch/x86_64/x86}/* ]] || return 1 ;;
	esac
	dir=$(dirname "$1")
	o=$(basename "${1%.c}").o
	# Of a module of this and other files, it is the module that is asked for.
	module=$(joined "$source/$dir/Makefile" |
		sed -n "s,^\([a-z0-9_-]*\)-\(y\|objs\)[[:space:]]*[:+]\?=\(.*[[:space:]]\)*$o\([[:space:]].*\)*\$,\1,p" |
		grep -vx obj | head -n1 || :)
	for o in "${module:-${o%.o}}.o" "$(basename "$dir")/"; do
		symbol=$(joined "$source/$dir/Makefile" |
			sed -n "s,^[a-z0-9_-]*-\$(\(CONFIG_[A-Z0-9_]*\)).*[[:space:]=]$o\([[:space:]].*\)*\$,\1,p" |
			head -n1 || :)
		[ -z "$symbol" ] || grep -qE "^$symbol=[ym]" "$objs/.config" || return 1
		dir=$(dirname "$dir")
	done
}

# joined MAKEFILE: a line each, without backslashes
joined()
{
	[ ! -f "$1" ] || sed -e ':more' -e '/\\$/{N;s/\\\n/ /;b more' -e '}' "$1"
}

# patch_names [TOPIC]: what patches/series lists, in order, as topic/name.patch
patch_names()
{
	[ -f "$PATCHES/series" ] || return 0
	sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$PATCHES/series" |
		{ grep "^${1:-}${1:+/}" || :; }
}

# letter TOPIC FIELD: of the head of its cover letter, which ends at an empty line
letter()
{
	sed -n -e '/^$/q' -e "s/^$2: *//p" "$PATCHES/$1/cover-letter.txt"
}

# needs TOPIC: all the topics that it needs, and what those need, in order
needs()
{
	local all=" " n list=$1

	while read -r n list <<<"$list" && [ -n "$n" ]; do
		[[ $all != *" $n "* ]] || continue
		all+="$n "
		list+=" $(letter "$n" Needs)"
	done
	topics | while read -r n; do
		[ "$n" = "$1" ] || [[ $all != *" $n "* ]] || echo "$n"
	done
}

# patches_id: changes when any patch, their order or a topic does.
patches_id()
{
	local p

	{
		topics
		patch_names
		patch_names | while read -r p; do
			[ ! -f "$PATCHES/$p" ] || cat "$PATCHES/$p"
		done
	} | sha256sum | cut -d' ' -f1
}

# mark_topics TREE: a branch for each topic, at its last patch. "git rebase" then
# moves them along: to move a line in its list across an "update-ref" is to move
# a patch to another topic. No branch here has more than patches/ has.
mark_topics()
{
	local commits t n=0

	git_plain -C "$1" config rebase.updateRefs true
	mapfile -t commits < <(echo base; git_plain -C "$1" rev-list --reverse base..series)
	for t in $(topic_branches "$1"); do
		[ -d "$PATCHES/$t" ] || git_plain -C "$1" branch -q -D "$t"
	done
	for t in $(topics); do
		n=$((n + $(patch_names "$t" | wc -l)))
		git_plain -C "$1" branch -q -f --no-track "$t" "${commits[n]}"
	done
}

# topics_at TREE: changes when a branch of a topic is made, moved or deleted.
topics_at()
{
	git_plain -C "$1" for-each-ref --format='%(refname) %(objectname)' \
		'refs/heads/fixes-*' 'refs/heads/[0-9][0-9]-*' | sha256sum | cut -d' ' -f1
}

# movable TREE: dies if git would not move a topic's branch
movable()
{
	local out

	out=$(git_plain -C "$1" worktree list --porcelain |
		sed -nE 's,^branch refs/heads/((fixes|[0-9][0-9])-.*),\1,p' | paste -sd' ')
	[ -z "$out" ] || die "build/linux: another work tree has checked out $out"
}

# topic_branches TREE: in the order of the series, and those that are no topics
topic_branches()
{
	local all

	all=$(git_plain -C "$1" for-each-ref --format='%(refname:short)' \
		'refs/heads/fixes-*' 'refs/heads/[0-9][0-9]-*')
	topics | grep -xF "$all" || :
	topics | grep -vxF -f - <(echo "$all") | sed '/^$/d' || :
}

# topic_range TREE COMMIT TOPIC: FIRST..LAST of the topic's commits, on the base with
# only what it needs. COMMIT is what all of patches/series makes.
topic_range()
{
	local all picked=() own=0 name i=0 needed

	needed=" $(needs "$3" | paste -sd' ') "
	mapfile -t all < <(git_plain -C "$1" rev-list --reverse "base..$2")
	while read -r name; do
		case $name in
		"$3"/*) picked+=("${all[i]}"); own=$((own + 1)) ;;
		*) [[ $needed != *" ${name%/*} "* ]] || picked+=("${all[i]}") ;;
		esac
		i=$((i + 1))
	done < <(patch_names)
	all=("$("$TOP/scripts/pick" "$1" "${picked[@]}")") || return 1
	echo "${all[0]}~$own..${all[0]}"
}

# suites_in DIR MACHINE: does the kernel in DIR/MACHINE boot, and pass the KUnit
# suites about DMA memory that it has?
suites_in()
{
	"$TOP/scripts/initramfs" "$2" &&
		"$TOP/scripts/boot" "$2" --in "$1" --run /bin/true --log "$1/$2.log" \
			--append "kunit.enable=1 kunit.filter_glob=*dm[ae]*" &&
		! grep -aE '^\[ *[0-9.]*\] not ok ' "$1/$2.log" >&2
}

# Git as these scripts want it: not as the user's configuration has it.
git_plain()
{
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 \
	GIT_COMMITTER_NAME=dmem-dma GIT_COMMITTER_EMAIL=dmem-dma@localhost \
	git -c safe.directory='*' -c core.autocrlf=false -c core.compression=1 -c gc.auto=0 \
	    -c commit.gpgSign=false -c core.hooksPath=/dev/null \
	    -c advice.detachedHead=false "$@"
}

# on_exit COMMAND...: run when the script ends, however it ends. A signal
# must end the script, or bash would go on with the next command after it.
ON_EXIT=()
on_exit()
{
	ON_EXIT+=("$(printf '%q ' "$@")")
	trap run_on_exit EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
}

run_on_exit()
{
	local rc=$? i

	trap '' INT TERM HUP
	for ((i = ${#ON_EXIT[@]} - 1; i >= 0; i--)); do
		eval "${ON_EXIT[i]}" 2>/dev/null || :
	done
	exit "$rc"
}

# locked NAME: only one script at a time past this point; waits for the other.
locked()
{
	mkdir -p "$BUILD" || exit 1
	exec {lock_fd}>"$BUILD/.lock-$1"
	flock "$lock_fd"
}
