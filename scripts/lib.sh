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

# boot_options MACHINE RUN: splits what a line of machines/MACHINE/{e2e,demo} runs
# into the array "options", for scripts/boot, and "run". The options are
#
#   dtb=NAME,	the device tree of machines/MACHINE/NAME.dtsi
#   qemu=NAME,	arguments of QEMU from machines/MACHINE/qemu-NAME.args as well
boot_options()
{
	options=()
	run=$2
	while [[ $run =~ ^([^=,/]*)=([^,]*),(.*)$ ]]; do
		case ${BASH_REMATCH[1]} in
		dtb) options+=(--dtb "${BASH_REMATCH[2]}") ;;
		qemu) options+=(--qemu "${BASH_REMATCH[2]}") ;;
		*) die "machines/$1: '$2': there is no option '${BASH_REMATCH[1]}='" ;;
		esac
		run=${BASH_REMATCH[3]}
	done
}

# kmake ARG...: make in $objs from $source, which is in $sources_in, for $arch and
# $cross. All builds in one directory must have the same settings, or each would
# undo the other's. Clones, and the base and the series, share compilations:
# sources are named relative to the build directory, which is always beside its
# source. LOCALVERSION=: no "+" behind the version, which would depend on commits.
# shellcheck disable=SC2154
kmake()
{
	env -u MACHINE -u KERNEL -u SUITE -u STRESS \
		KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=dmem-dma KBUILD_BUILD_HOST=localhost \
		CCACHE_DIR="$CACHE/ccache" CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=2G \
		CCACHE_BASEDIR="$sources_in" \
		make -C "$source" O="$objs" ARCH="$arch" CROSS_COMPILE="$cross" LOCALVERSION= \
		CC="ccache ${cross}gcc" "$@" </dev/null
}

# patch_names: what patches/series lists, in order.
patch_names()
{
	[ -f "$PATCHES/series" ] || return 0
	sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$PATCHES/series"
}

# patches_id: changes when any patch or their order does.
patches_id()
{
	local p

	{
		patch_names
		patch_names | while read -r p; do
			[ ! -f "$PATCHES/$p" ] || cat "$PATCHES/$p"
		done
	} | sha256sum | cut -d' ' -f1
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
