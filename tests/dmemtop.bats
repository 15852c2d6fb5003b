# SPDX-License-Identifier: GPL-2.0-only
#
# tools/cgroup/dmemtop of the kernel tree, on directories that look like
# cgroups, with the sanitizers of the compiler.
#
# shellcheck shell=bash

setup_file()
{
	export TOOLS=${TOOLS:-$BATS_TEST_DIRNAME/../build/linux/tools}

	[ -f "$TOOLS/cgroup/dmemtop.c" ] || return 0
	make -s -C "$TOOLS/cgroup" OUTPUT="$BATS_FILE_TMPDIR/" \
		CFLAGS="-Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
}

setup()
{
	[ -f "$TOOLS/cgroup/dmemtop.c" ] || skip "no build/linux with the tool: make tree"
	PATH=$BATS_FILE_TMPDIR:$PATH
	ROOT=$BATS_TEST_TMPDIR/cgroup
	VRAM=dma/vram@18000000
	CMA=dma/default_cma_region
}

# cgroup PATH VRAM-CURRENT PEAK MAX [CMA-CURRENT PEAK MAX]
cgroup()
{
	local dir=$ROOT/$1

	mkdir -p "$dir"
	echo "memory dmem pids" >"$dir/cgroup.controllers"
	echo "dmem" >"$dir/cgroup.subtree_control"
	echo "domain" >"$dir/cgroup.type"
	printf '%s\n' "$VRAM $2" "$CMA ${5:-0}" >"$dir/dmem.current"
	printf '%s\n' "$VRAM $3" "$CMA ${6:-0}" >"$dir/dmem.peak"
	printf '%s\n' "$VRAM $4" "$CMA ${7:-max}" >"$dir/dmem.max"
}

# The root of the hierarchy: has a capacity, and no peak, no max, no type
root()
{
	cgroup "" "$1" 0 max "${2:-0}"
	rm "$ROOT"/dmem.peak "$ROOT"/dmem.max "$ROOT"/cgroup.type
	printf '%s\n' "$VRAM 8388608" "$CMA 67108864" >"$ROOT/dmem.capacity"
}

three()
{
	root 6291456
	cgroup display 6291456 6291456 max
	cgroup display/first 2097152 2097152 2097152
	cgroup display/second 4194304 4194304 max
	cgroup idle 0 4096 max
}

# shows LINE...: with the arguments in ARGS, these lines and nothing else
shows()
{
	run dmemtop --root="$ROOT" "${ARGS[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
	diff <(printf '%s\n' "$@") <(echo "$output")
}

# fails STATUS TEXT ARGUMENT...: with one line that has TEXT
fails()
{
	local status_wanted=$1 text=$2

	shift 2
	run timeout 20 "${AS[@]}" dmemtop "$@"
	echo "$output"
	[ "$status" -eq "$status_wanted" ]
	[ "$(wc -l <<<"$output")" -eq 1 ]
	[[ $output == *dmemtop:\ *"$text"* ]]
}

# json PYTHON: with the output as t, and the rows by region and cgroup as r
json()
{
	dmemtop --root="$ROOT" --json "${ARGS[@]}" | python3 -c '
import json, sys
t = json.loads(sys.stdin.buffer.read().decode())
r = {(x["region"], x["cgroup"]): x for x in t}
V, C = sys.argv[2:]
print(t)
assert eval(sys.argv[1])' "$1" "$VRAM" "$CMA"
}

nobody()
{
	[ "$(id -u)" = 0 ] || return 0
	AS=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
	"${AS[@]}" dmemtop --help >/dev/null || skip "nobody cannot run it here"
}

@test "who uses most comes first, and who uses nothing is left out" {
	three
	shows \
" CURRENT     PEAK      MAX   SHARE  EVENTS   LOCAL  REGION             CGROUP" \
"    6.0M        -        -   75.0%       -       -  dma/vram@18000000  /" \
"    6.0M     6.0M      max   75.0%       -       -  dma/vram@18000000  /display" \
"    4.0M     4.0M      max   50.0%       -       -  dma/vram@18000000  /display/second" \
"    2.0M     2.0M     2.0M   25.0%       -       -  dma/vram@18000000  /display/first"
}

@test "a limit alone is shown, a limit of 0 too" {
	root 0
	cgroup a 0 0 max 0 0 0
	cgroup b 0 8192 4M
	cgroup b 0 8192 4194304
	shows \
" CURRENT     PEAK      MAX   SHARE  EVENTS   LOCAL  REGION                  CGROUP" \
"       0        0        0    0.0%       -       -  dma/default_cma_region  /a" \
"       0     8.0K     4.0M    0.0%       -       -  dma/vram@18000000       /b"
}

@test "the region that is used most comes first" {
	root 8388608 16777216
	cgroup b 8388608 8388608 max 0 0 max
	cgroup a 0 0 max 16777216 16777216 max
	cgroup a/c 0 0 max 4096 4096 max
	shows \
" CURRENT     PEAK      MAX   SHARE  EVENTS   LOCAL  REGION                  CGROUP" \
"   16.0M        -        -   25.0%       -       -  dma/default_cma_region  /" \
"   16.0M    16.0M      max   25.0%       -       -  dma/default_cma_region  /a" \
"    4.0K     4.0K      max    0.0%       -       -  dma/default_cma_region  /a/c" \
"    8.0M        -        -  100.0%       -       -  dma/vram@18000000       /" \
"    8.0M     8.0M      max  100.0%       -       -  dma/vram@18000000       /b"
}

@test "who uses the same comes by its path" {
	root 0
	for n in c a d e b f; do
		cgroup "$n" 4096 4096 max
	done
	[ "$(dmemtop -r "$ROOT" | awk 'NR > 1 { print $8 }' | paste -sd' ')" = "/a /b /c /d /e /f" ]
}

@test "--all shows every region of every cgroup" {
	three
	ARGS=(--all)
	run dmemtop -r "$ROOT" -a
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 11 ]
	json 'len(t) == 10 and r[V, "/idle"]["peak"] == 4096 and r[C, "/idle"]["current"] == 0'
}

@test "nothing to show is a line of titles, or an empty list" {
	root 0
	shows " CURRENT     PEAK      MAX   SHARE  EVENTS   LOCAL  REGION  CGROUP"
	json 't == []'
	: >"$ROOT/dmem.current"
	: >"$ROOT/dmem.capacity"
	shows " CURRENT     PEAK      MAX   SHARE  EVENTS   LOCAL  REGION  CGROUP"
}

@test "sizes are rounded to the next digit, and never wider than their column" {
	root 0
	for n in 1 1023 1024 1075 1126 1048524 1048525 1048576 1073741823 9223372036854775807; do
		cgroup "$n" "$n" 0 max
	done
	dmemtop -r "$ROOT" | awk 'NR > 1 { print $1, substr($8, 2) }' >"$BATS_TEST_TMPDIR/sizes"
	diff "$BATS_TEST_TMPDIR/sizes" - <<-'END'
	8.0E 9223372036854775807
	1.0G 1073741823
	1.0M 1048576
	1.0M 1048525
	1023.9K 1048524
	1.1K 1126
	1.0K 1075
	1.0K 1024
	1023 1023
	1 1
	END
}

@test "--json has bytes, \"max\" for no limit, and null for what there is not" {
	three
	json 'len(t) == 4 and t[0] == {"region": V, "cgroup": "/", "current": 6291456,
		"peak": None, "max": None, "events_max": None, "events_local_max": None,
		"capacity": 8388608}'
	json 'r[V, "/display/first"] == {"region": V, "cgroup": "/display/first",
		"current": 2097152, "peak": 2097152, "max": 2097152, "events_max": None,
		"events_local_max": None, "capacity": 8388608}'
	json 'r[V, "/display/second"]["max"] == "max"'
}

@test "--json is JSON whatever cgroups are called" {
	root 0
	python3 - "$ROOT" "$VRAM" <<-'END'
	import os, sys
	root, region = (os.fsencode(x) for x in sys.argv[1:])
	names = [b'quote"', b'back\\slash', b'a\tb', b'\x01\x1f\x7f\x1b[31m', b'null', b'..x',
	         b'dev-\\x2dfoo', 'grün-日本-😀'.encode(), b'\xff', b'\xc0\xaf', b'\xe0\x80\x80',
	         b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xf0\x8f\xbf\xbf', b'\xe2\x82', b'\xf0\x9f', b'\x80', b'x\xc2',
	         '\u0085\u009b31m'.encode(), b'n' * 255]
	for n in names:
	    d = os.path.join(root, n)
	    os.mkdir(d)
	    for f in b'current', b'peak', b'max':
	        with open(os.path.join(d, b'dmem.' + f), 'wb') as o:
	            o.write(region + b' 4096\n')
	END
	json '{x["cgroup"] for x in t} == {"/" + x for x in [
		"quote\"", "back\\slash", "a\tb", "\x01\x1f\x7f\x1b[31m", "null", "..x",
		"dev-\\x2dfoo", "grün-日本-😀", "\ufffd", "\ufffd" * 2, "\ufffd" * 3,
		"\ufffd" * 4, "x\ufffd", "\u0085\u009b31m", "n" * 255]} and len(t) == 20'

	# And the table is text, of one line for each
	dmemtop -r "$ROOT" >"$BATS_TEST_TMPDIR/table"
	python3 - "$BATS_TEST_TMPDIR/table" <<-'END'
	import sys, unicodedata
	lines = open(sys.argv[1], 'rb').read().decode().split('\n')
	assert len(lines) == 22 and not lines[-1], lines
	assert not [c for l in lines for c in l if unicodedata.category(c) == 'Cc'], lines
	names = [l.split(None, 7)[7] for l in lines[1:-1]]
	assert '/grün-日本-😀' in names and '/????[31m' in names and '/dev-\\x2dfoo' in names, names
	END
}

@test "names of regions may be long, of any characters" {
	VRAM="dma/$(printf 'x%.0s' {1..200})@1,2:\"\\é"
	root 4096
	json 'r[V, "/"]["current"] == 4096'
	dmemtop -r "$ROOT" >"$BATS_TEST_TMPDIR/table"
	grep -qF "$VRAM  /" "$BATS_TEST_TMPDIR/table"
	# The titles are as wide: é is one character of two bytes.
	python3 - "$BATS_TEST_TMPDIR/table" <<-'END'
	import sys
	title, row = open(sys.argv[1], 'rb').read().decode().splitlines()
	assert title.index('CGROUP') == row.index('  /') + 2, (title, row)
	END
}

@test "large figures are exact in --json" {
	root 9007199254740993
	json 'r[V, "/"]["current"] == 9007199254740993'
}

@test "--root= may be a cgroup: paths are below it, its own limit shows, shares do not" {
	three
	cgroup display 6291456 6291456 7340032
	ROOT=$ROOT/display
	shows \
" CURRENT     PEAK      MAX   SHARE  EVENTS   LOCAL  REGION             CGROUP" \
"    6.0M     6.0M     7.0M       -       -       -  dma/vram@18000000  /" \
"    4.0M     4.0M      max       -       -       -  dma/vram@18000000  /second" \
"    2.0M     2.0M     2.0M       -       -       -  dma/vram@18000000  /first"
	json 'all(x["capacity"] is None for x in t)'
}

@test "a cgroup that has no dmem is skipped, with all below it" {
	three
	mkdir -p "$ROOT/display/first/leaf" "$ROOT/other/leaf"
	json 'len(t) == 4'
}

@test "a cgroup that is being removed is skipped" {
	three
	cgroup gone 4096 4096 max
	rm "$ROOT/gone/dmem.max"
	json 'len(t) == 4'
	rm "$ROOT/gone/dmem.current"
	json 'len(t) == 4'
	# One of a kernel that has no dmem.peak is not.
	rm "$ROOT/display/first/dmem.peak"
	json 'r[V, "/display/first"]["peak"] is None and r[V, "/display/first"]["max"] == 2097152'
}

@test "cgroups that come and go meanwhile are no error" {
	three
	(
		exec >/dev/null 2>&1 3>&-
		while [ -d "$ROOT" ]; do
			for n in 1 2 3 4 5; do
				cgroup "display/$n" 4096 4096 max
				cgroup "display/$n/x" 4096 4096 max
			done
			rm -rf "$ROOT"/display/[1-5]
		done
	) &
	churn=$!
	for _ in $(seq 150); do
		dmemtop -r "$ROOT" --json -a >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" ||
			echo failed >>"$BATS_TEST_TMPDIR/err"
		# The writer is no kernel: what is seen half written is not a matter of removal.
		grep -v "cannot understand\|^failed" "$BATS_TEST_TMPDIR/err" && break
	done
	kill "$churn"
	wait "$churn" || :
	[ "$(grep -cv "cannot understand\|^failed" "$BATS_TEST_TMPDIR/err")" = 0 ]
}

@test "a hierarchy deeper than a path can be long" {
	root 4096
	python3 - "$ROOT" "$VRAM" <<-'END'
	import os, sys
	d = os.open(sys.argv[1], os.O_RDONLY)
	for i in range(100):
	    os.mkdir('d' * 200, dir_fd=d)
	    n = os.open('d' * 200, os.O_RDONLY, dir_fd=d)
	    os.close(d)
	    d = n
	    for f in 'current', 'peak', 'max':
	        with os.fdopen(os.open('dmem.' + f, os.O_WRONLY | os.O_CREAT, dir_fd=d), 'w') as o:
	            o.write(sys.argv[2] + ' 4096\n')
	END
	json 'len(t) == 101 and max(len(x["cgroup"]) for x in t) == 20100'
}

@test "where dmem is not enabled below the root, that is said, and the root shown" {
	root 4096
	mkdir "$ROOT/a"
	: >"$ROOT/cgroup.subtree_control"
	run dmemtop --root="$ROOT"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
	[ "${lines[2]}" = "dmemtop: no +dmem in $ROOT/cgroup.subtree_control" ]
	dmemtop --root="$ROOT" --json 2>/dev/null | python3 -m json.tool >/dev/null
	# Nothing to be said without cgroups
	rmdir "$ROOT/a"
	run dmemtop --root="$ROOT"
	[ "${#lines[@]}" -eq 2 ]
}

@test "no dmem controller, or none for this cgroup" {
	root 0
	echo "memory pids dmem2" >"$ROOT/cgroup.controllers"
	fails 1 "$ROOT: no dmem controller" --root="$ROOT"
	fails 1 "no dmem controller" --root="$ROOT" --json
	fails 1 "no dmem controller" --root="$ROOT" --watch
	: >"$ROOT/cgroup.controllers"
	echo domain >"$ROOT/cgroup.type"
	fails 1 "no +dmem in the parent's cgroup.subtree_control" --root="$ROOT"
}

@test "no cgroup2 directory" {
	fails 1 "cannot open $ROOT: No such file or directory" --root="$ROOT"
	mkdir "$ROOT"
	fails 1 "$ROOT is not a cgroup2 directory" --root="$ROOT"
	fails 1 "Not a directory" --root="$BATS_TEST_FILENAME"
	fails 1 "cannot open : No such file" --root=
}

@test "no cgroup2 mount" {
	AS=(unshare -m --propagation private sh -c '
		awk "\$3 == \"cgroup2\" { print \$2 }" /proc/self/mounts | tac | while read -r dir; do
			umount -l "$dir" || exit 1
		done
		exec "$@"' sh)
	"${AS[@]}" true 2>/dev/null || skip "cannot unmount it here"
	fails 1 "no cgroup2 file system is mounted"
}

@test "the mount is found, also beside cgroup v1" {
	local dir

	dir=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	[ -n "$dir" ] || skip "this machine has none"
	if grep -qw dmem "$dir/cgroup.controllers"; then
		skip "this machine has dmem"
	fi
	fails 1 "$dir: no"
}

@test "a cgroup that must not be read is named, and the others are shown" {
	three
	nobody
	chmod 000 "$ROOT/display/second" "$ROOT/idle"
	run "${AS[@]}" dmemtop --root="$ROOT"
	echo "$output"
	chmod 755 "$ROOT/display/second" "$ROOT/idle"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 5 ]
	[[ ${lines[4]} == "dmemtop: could not read 2 of the cgroups, such as /"*": Permission denied" ]]
	chmod 000 "$ROOT/display/first/dmem.current"
	run "${AS[@]}" dmemtop --root="$ROOT"
	[ "$status" -eq 1 ]
	[[ ${lines[4]} == *" 1 of "*"/display/first: Permission denied" ]]
	chmod 644 "$ROOT/display/first/dmem.current"
	chmod 000 "$ROOT/display/first/dmem.max"
	run "${AS[@]}" dmemtop --root="$ROOT"
	[ "$status" -eq 1 ]
	[[ ${lines[5]} == *" 1 of "*"/display/first: Permission denied" ]]
}

@test "nor the root of them" {
	three
	nobody
	chmod 000 "$ROOT/dmem.capacity"
	fails 1 "cannot read $ROOT/dmem.capacity: Permission denied" --root="$ROOT"
	chmod 000 "$ROOT/cgroup.controllers"
	fails 1 "cannot read $ROOT/cgroup.controllers: Permission denied" --root="$ROOT"
	chmod 000 "$ROOT"
	fails 1 "cannot open $ROOT: Permission denied" --root="$ROOT"
	chmod 755 "$ROOT"
}

@test "a line that is not understood is said, and the others are shown" {
	three
	for line in "$VRAM" "$VRAM -1" "$VRAM 12x" "$VRAM " " 1" "$VRAM max" \
		    "$VRAM 99999999999999999999" "$VRAM 18446744073709551615"; do
		printf '%s\n' "$line" "$CMA 4096" >"$ROOT/display/first/dmem.current"
		run dmemtop --root="$ROOT" --json
		echo "$output"
		[ "$status" -eq 1 ]
		[ "$(grep -c '"cgroup":"/display/first"' <<<"$output")" -eq 1 ]
		[ "$(grep -c '"region"' <<<"$output")" -eq 4 ]
		[ "$(tail -n1 <<<"$output")" = "dmemtop: cannot understand 1 of the lines, such as '$line' in dmem.current of /display/first" ]
	done
	printf '%s\n' "$VRAM 4096" >"$ROOT/display/first/dmem.current"
	printf '%s\n' $'\e[31m' "$VRAM 4M" >"$ROOT/display/first/dmem.max"
	printf 'x' >>"$ROOT/dmem.capacity"
	run dmemtop --root="$ROOT"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 6 ]
	[ "${lines[5]}" = "dmemtop: cannot understand 3 of the lines, such as 'x' in dmem.capacity of /" ]
	[ "$(grep -c $'\e' <<<"$output")" = 0 ]
	json 'r[V, "/display/first"]["max"] is None' 2>/dev/null
}

# events CGROUP EVENTS LOCAL, of the VRAM: as they are behind "max="
events()
{
	printf '%s\n' "$CMA max=0" "$VRAM max=$2" >"$ROOT/$1/dmem.events"
	printf '%s\n' "$CMA max=0" "$VRAM max=$3" >"$ROOT/$1/dmem.events.local"
}

@test "how often limits were in the way is shown, and who that was is not left out" {
	three
	events display 12 2
	events display/first 10 10
	events idle 1 0
	rm "$ROOT/idle/dmem.events.local"
	shows \
" CURRENT     PEAK      MAX   SHARE  EVENTS   LOCAL  REGION             CGROUP" \
"    6.0M        -        -   75.0%       -       -  dma/vram@18000000  /" \
"    6.0M     6.0M      max   75.0%      12       2  dma/vram@18000000  /display" \
"    4.0M     4.0M      max   50.0%       -       -  dma/vram@18000000  /display/second" \
"    2.0M     2.0M     2.0M   25.0%      10      10  dma/vram@18000000  /display/first" \
"       0     4.0K      max    0.0%       1       -  dma/vram@18000000  /idle"
	json 'r[V, "/display"]["events_max"] == 12 and r[V, "/display"]["events_local_max"] == 2'
	json 'r[V, "/idle"]["events_local_max"] is None'

	# Of a later kernel, that counts more than this
	echo "$VRAM low=3 max=7 high=5" >"$ROOT/idle/dmem.events"
	json 'r[V, "/idle"]["events_max"] == 7'
	echo "$VRAM low=3" >"$ROOT/idle/dmem.events"
	run dmemtop --root="$ROOT"
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == *"such as '$VRAM low=3' in dmem.events of /idle" ]]
}

@test "too many open files are no lack of memory" {
	three
	mkdir -p "$ROOT/display/first/a/b/c"
	for d in a a/b a/b/c; do
		cgroup "display/first/$d" 4096 4096 max
	done
	# Standard ones, the root's two, and what there is left for those below it
	for n in 4 5 6 7 8 9; do
		run bash -c 'exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n "$1"; exec dmemtop --root="$2"' - "$n" "$ROOT"
		echo "$n: $output"
		[ "$status" -eq 1 ]
		[[ $output == *"Too many open files"* ]]
		[[ $output != *memory$'\n'* && $output != *"out of memory"* ]]
	done
}

@test "bad options" {
	root 0
	fails 2 "unrecognized option '--foo'" --foo
	fails 2 "invalid option -- 'x'" -x
	fails 2 "requires an argument" --root
	fails 2 "unexpected argument 'x'" --root="$ROOT" x
	for s in abc "" 0 0.01 -1 nan inf 1e99 5x; do
		fails 2 "'$s' is not a number of seconds" --root="$ROOT" --watch="$s"
	done
}

@test "--help" {
	run dmemtop --help
	[ "$status" -eq 0 ]
	[[ $output == "Usage: dmemtop"* ]]
	[ "$output" = "$(dmemtop -h)" ]
	[ "$(grep -c '.\{81\}' <<<"$output")" = 0 ]
	run dmemtop -h
	for option in --all --devices --json --root --sysfs --watch --help; do
		[[ $output == *"$option"* ]]
	done
}

@test "the manual has every option of --help, and no other" {
	diff <(dmemtop --help | grep -oE -- '--[a-z]+' | sort -u) \
		<(sed -n '/^.SH OPTIONS/,/^.SH DEVICES/s/\\-/-/gp' "$TOOLS/cgroup/dmemtop.8" |
			grep -oE -- '--[a-z]+' | sort -u)
	command -v man >/dev/null || skip "there is no man here"
	[ -z "$(MANROFFSEQ='' man --warnings -l "$TOOLS/cgroup/dmemtop.8" 2>&1 >/dev/null)" ]
}

# until_has COUNT PATTERN FILE: and end the program in $pid then
until_has()
{
	local n

	for n in $(seq 400); do
		[ "$(grep -c -- "$2" "$3")" -lt "$1" ] || break
		sleep 0.05
	done
	kill "$pid"
	[ "$n" != 400 ]
}

@test "--watch repeats, and sees what there is new" {
	local out=$BATS_TEST_TMPDIR/out

	three
	: >"$out"
	timeout 30 dmemtop -r "$ROOT" -w0.2 >"$out" 3>&- &
	pid=$!
	until [ -s "$out" ]; do sleep 0.05; done
	cgroup display/third 1048576 1048576 max
	until_has 3 "1.0M .*/display/third" "$out"
	[ "$(grep -c CURRENT "$out")" -ge 4 ]
	[ "$(grep -c $'\e' "$out")" = 0 ]

	: >"$out"
	timeout 30 dmemtop -r "$ROOT" --json --watch=0.2 >"$out" 3>&- &
	pid=$!
	until_has 3 ']$' "$out"
	python3 - "$out" <<-'END'
	import json, sys
	text, n = open(sys.argv[1]).read(), 0
	while text.strip():
	    t, end = json.JSONDecoder().raw_decode(text.lstrip())
	    assert len(t) == 5, t
	    text, n = text.lstrip()[end:], n + 1
	assert n >= 3, n
	END
}

# watches COMMAND...: what is shown before this, with it and some rounds later, in the
# files first, second and third
watches()
{
	local out=$BATS_TEST_TMPDIR/out n

	: >"$out"	# now, not when the child runs: it is read below
	timeout 20 dmemtop -r "$ROOT" -w0.3 "${ARGS[@]}" >"$out" 3>&- &
	pid=$!
	until grep -q '^$' "$out"; do sleep 0.05; done
	"$@"
	n=$(grep -c CURRENT "$out")
	until [ "$(grep -c '^$' "$out")" -ge $((n + 3)) ]; do sleep 0.05; done
	kill "$pid"
	awk -v RS= 'NR == 1' "$out" >"$BATS_TEST_TMPDIR/first"
	awk -v RS= '/[+*]|removed/' "$out" >"$BATS_TEST_TMPDIR/second"
	awk -v RS= '{ last = prev; prev = $0 } END { print last }' "$out" >"$BATS_TEST_TMPDIR/third"
	cat "$out"
}

# replaced FILE VALUE: what the file has of the VRAM, in one go
replaced()
{
	sed "s,^$VRAM .*,$VRAM $2," "$ROOT/$1" >"$BATS_TEST_TMPDIR/new"
	mv "$BATS_TEST_TMPDIR/new" "$ROOT/$1"
}

@test "--watch says what has changed, and how much was charged or freed" {
	three
	events display/first 10 10
	watches replaced display/second/dmem.current 1048576
	[ "$(grep -c '[*+]' "$BATS_TEST_TMPDIR/first")" = 0 ]
	[ "$(head -n1 "$BATS_TEST_TMPDIR/second")" = " CURRENT   CHANGE     PEAK      MAX   SHARE  EVENTS   LOCAL  REGION             CGROUP" ]
	[ "$(grep -c '[*+]' "$BATS_TEST_TMPDIR/second")" = 1 ]
	grep -qx "    1.0M\*   -3.0M     4.0M      max   12.5%       -       -  dma/vram@18000000  /display/second" "$BATS_TEST_TMPDIR/second"
	[ "$(grep -c '[*+]' "$BATS_TEST_TMPDIR/third")" = 0 ]

	watches replaced display/second/dmem.current 2097152
	grep -q "^    2.0M\*   +1.0M .*/display/second$" "$BATS_TEST_TMPDIR/second"

	watches replaced display/second/dmem.max 5242880
	grep -qx "    2.0M        -     4.0M     5.0M\* .*/display/second" "$BATS_TEST_TMPDIR/second"

	watches replaced display/first/dmem.events max=11
	grep -q " 25.0%      11\*     10  dma/vram@18000000  /display/first$" "$BATS_TEST_TMPDIR/second"
}

gone()
{
	mv "$ROOT/display/second" "$BATS_TEST_TMPDIR/gone"
}

comes()
{
	mv "$BATS_TEST_TMPDIR/gone" "$ROOT/display/second"
}

@test "--watch shows once what a removed cgroup had, and that of a new one" {
	three
	watches gone
	grep -qx "       -    -4.0M        -        -       -       -       -  dma/vram@18000000  /display/second (removed)" "$BATS_TEST_TMPDIR/second"
	[ "$(grep -c second "$BATS_TEST_TMPDIR/third")" = 0 ]
	watches comes
	grep -q "^    4.0M\*   +4.0M .*/display/second$" "$BATS_TEST_TMPDIR/second"
	replaced display/first/dmem.max max
	watches replaced display/first/dmem.current 0
	grep -q "^       0\*   -2.0M .*/display/first$" "$BATS_TEST_TMPDIR/second"
	[ "$(grep -c first "$BATS_TEST_TMPDIR/third")" = 0 ]
}

@test "--watch fills a terminal, and no more" {
	three
	run script -qec "stty rows 6 cols 60; timeout 3 dmemtop -r '$ROOT' -w0.2" /dev/null
	clear=$'\e[H\e[J'
	[[ $output == *"$clear"*"$clear"* ]]
	last=${output##*"$clear"}
	echo "$last"
	[ "$(grep -c 'vram' <<<"$last")" -eq 2 ]
}

@test "--watch ends when its cgroup goes" {
	three
	(sleep 0.5; rm -rf "$ROOT") 3>&- &
	run timeout 10 dmemtop -r "$ROOT/display" -w0.1
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == "dmemtop: "* ]]
}

# A sysfs, and a device tree in it: what the tests of --devices are about

# reserved NAME PHANDLE COMPATIBLE [PROPERTY...]
reserved()
{
	local dir=$SYS/firmware/devicetree/base/reserved-memory/$1 property

	mkdir -p "$dir"
	printf "\\0\\0\\0\\$2" >"$dir/phandle"
	printf '%s\0' "$3" >"$dir/compatible"
	shift 3
	for property; do
		: >"$dir/$property"
	done
}

# device DIR BUS [PHANDLE...]: with a node of the device tree, if it has phandles
device()
{
	local dir=$SYS/devices/$1 of=$SYS/firmware/devicetree/base/soc/${1##*/} n

	mkdir -p "$dir" "$SYS/bus/$2"
	ln -rsfn "$SYS/bus/$2" "$dir/subsystem"
	shift 2
	[ $# -gt 0 ] || return 0
	mkdir -p "$of"
	ln -rsfn "$of" "$dir/of_node"
	for n; do
		printf "\\0\\0\\0\\$n"
	done >"$of/memory-region"
}

# used DIR CLASS NAME: by this device of the class
used()
{
	mkdir -p "$SYS/devices/$1/$2/$3" "$SYS/class/$2"
	ln -rsfn "$SYS/devices/$1" "$SYS/devices/$1/$2/$3/device"
	ln -rsfn "$SYS/devices/$1/$2/$3" "$SYS/class/$2/$3"
}

# group DIR TYPE: the device is in an IOMMU group of the type
group()
{
	mkdir -p "$SYS/kernel/iommu_groups/$2"
	ln -rsfn "$SYS/kernel/iommu_groups/$2" "$SYS/devices/$1/iommu_group"
	echo "$2" >"$SYS/kernel/iommu_groups/$2/type"
}

board()
{
	SYS=$BATS_TEST_TMPDIR/sys
	ARGS=(--sysfs="$SYS" --devices)
	root 0
	mkdir -p "$SYS"
}

# sources LINE...: what --devices --json says, "NODE DEVICE REGION CAPACITY SOURCE"
sources()
{
	dmemtop --root="$ROOT" "${ARGS[@]}" --json >"$BATS_TEST_TMPDIR/json"
	python3 - "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/sources" <<-'END'
	import json, sys
	for s in json.load(open(sys.argv[1])):
	    print(*(s[k] for k in ("node", "device", "region", "capacity", "source")))
	END
	diff <([ $# -eq 0 ] || printf '%s\n' "$@") "$BATS_TEST_TMPDIR/sources"
}

@test "--devices: a display on its pool, a camera on the default area, and a sound card" {
	board
	reserved vram@18000000 1 shared-dma-pool no-map
	device platform/1c1f0000.clcd amba 1
	used platform/1c1f0000.clcd drm card0
	mkdir -p "$SYS/class/drm/card0-VGA-1"
	device platform/vivid.0 platform
	used platform/vivid.0 video4linux video0
	used platform/vivid.0 video4linux video10
	used platform/vivid.0 video4linux video2
	mkdir -p "$SYS/class/video4linux/v4l-subdev0"
	device pci0000:00/0000:00:03.0 pci
	used pci0000:00/0000:00:03.0 sound card0
	sources \
"/dev/video0 vivid.0 dma/default_cma_region 67108864 default CMA area" \
"/dev/video2 vivid.0 dma/default_cma_region 67108864 default CMA area" \
"/dev/video10 vivid.0 dma/default_cma_region 67108864 default CMA area" \
"/dev/dri/card0 1c1f0000.clcd dma/vram@18000000 8388608 coherent pool" \
"/dev/snd/controlC0 0000:00:03.0 dma/default_cma_region 67108864 default CMA area"
}

@test "--devices: the table" {
	board
	device platform/vivid.0 platform
	used platform/vivid.0 video4linux video0
	device platform/1c1f0000.clcd amba
	group platform/1c1f0000.clcd DMA
	used platform/1c1f0000.clcd drm card0
	shows \
"NODE            DEVICE         REGION                  CAPACITY  SOURCE" \
"/dev/video0     vivid.0        dma/default_cma_region     64.0M  default CMA area" \
"/dev/dri/card0  1c1f0000.clcd  -                              -  page allocator, for an IOMMU"
}

@test "--devices: areas of the device, of its node, and the default one" {
	board
	printf '%s\n' "dma/numa1 16777216" "dma/camera@50000000 4096" >>"$ROOT/dmem.capacity"
	reserved linux,cma 1 shared-dma-pool reusable linux,cma-default
	reserved camera@50000000 2 shared-dma-pool reusable
	for n in 0 1 2 3; do
		device "platform/camera$n" platform
		used "platform/camera$n" video4linux "video$n"
	done
	device platform/camera0 platform 1
	device platform/camera1 platform 2
	echo 1 >"$SYS/devices/platform/camera2/numa_node"
	echo -1 >"$SYS/devices/platform/camera3/numa_node"
	sources \
"/dev/video0 camera0 dma/default_cma_region 67108864 CMA area of its own" \
"/dev/video1 camera1 dma/camera@50000000 4096 CMA area of its own" \
"/dev/video2 camera2 dma/numa1 16777216 CMA area of its NUMA node" \
"/dev/video2 camera2 dma/default_cma_region 67108864 default CMA area" \
"/dev/video3 camera3 dma/default_cma_region 67108864 default CMA area"

	# With a limit for it, what the areas cannot serve is worth a line.
	echo "dma/system 1073741824" >>"$ROOT/dmem.capacity"
	sources \
"/dev/video0 camera0 dma/default_cma_region 67108864 CMA area of its own" \
"/dev/video0 camera0 dma/system 1073741824 page allocator" \
"/dev/video1 camera1 dma/camera@50000000 4096 CMA area of its own" \
"/dev/video1 camera1 dma/system 1073741824 page allocator" \
"/dev/video2 camera2 dma/numa1 16777216 CMA area of its NUMA node" \
"/dev/video2 camera2 dma/default_cma_region 67108864 default CMA area" \
"/dev/video2 camera2 dma/system 1073741824 page allocator" \
"/dev/video3 camera3 dma/default_cma_region 67108864 default CMA area" \
"/dev/video3 camera3 dma/system 1073741824 page allocator"
}

@test "--devices: several phandles, and what is no memory of the DMA API" {
	board
	reserved firmware@1 1 vendor,firmware no-map
	reserved pool@2 2 shared-dma-pool no-map
	reserved off@3 3 shared-dma-pool no-map
	printf 'disabled\0' >"$SYS/firmware/devicetree/base/reserved-memory/off@3/status"
	reserved bounce@4 4 restricted-dma-pool
	device platform/codec platform 1 3 2 7
	used platform/codec video4linux video0
	device platform/other platform 4
	used platform/other video4linux video1
	sources \
"/dev/video0 codec None None reserved, not for the DMA API" \
"/dev/video0 codec dma/pool@2 None coherent pool" \
"/dev/video1 other dma/bounce@4 None restricted pool"
}

@test "--devices: an IOMMU, or one that only stands by" {
	board
	reserved camera@50000000 1 shared-dma-pool reusable
	reserved pool@2 2 shared-dma-pool no-map
	for n in 0 1 2 3; do
		device "platform/camera$n" platform
		used "platform/camera$n" video4linux "video$n"
	done
	device platform/camera2 platform 1
	device platform/camera3 platform 2
	group platform/camera0 DMA-FQ
	group platform/camera1 identity
	group platform/camera2 DMA
	group platform/camera3 DMA
	sources \
"/dev/video0 camera0 None None page allocator, for an IOMMU" \
"/dev/video1 camera1 dma/default_cma_region 67108864 default CMA area" \
"/dev/video2 camera2 dma/camera@50000000 None CMA area of its own" \
"/dev/video3 camera3 dma/pool@2 None coherent pool"
	echo "dma/system 1073741824" >>"$ROOT/dmem.capacity"
	sources \
"/dev/video0 camera0 dma/system 1073741824 page allocator, for an IOMMU" \
"/dev/video1 camera1 dma/default_cma_region 67108864 default CMA area" \
"/dev/video1 camera1 dma/system 1073741824 page allocator" \
"/dev/video2 camera2 dma/camera@50000000 None CMA area of its own" \
"/dev/video2 camera2 dma/system 1073741824 page allocator, for an IOMMU" \
"/dev/video3 camera3 dma/pool@2 None coherent pool"
}

@test "--devices: PCI behind a bridge with a restricted pool, graphics cards, and USB" {
	board
	printf '%s\n' "drm/0000:01:00.0/vram0 4096" "drm/0000:01:00.0/stolen 8192" \
		"drm/0000:02:00.0/vram0 1" >>"$ROOT/dmem.capacity"
	reserved bounce@1 1 restricted-dma-pool
	reserved other@2 2 shared-dma-pool no-map
	device platform/pcie platform 2 1
	device platform/pcie/pci0000:00 none
	device platform/pcie/pci0000:00/0000:00:02.0 pci
	used platform/pcie/pci0000:00/0000:00:02.0 sound card0
	device pci0001:00/0000:01:00.0 pci
	used pci0001:00/0000:01:00.0 drm card1
	device pci0001:00/0000:02:01.0/usb1/1-1 usb
	used pci0001:00/0000:02:01.0/usb1/1-1 video4linux video0
	sources \
"/dev/video0 1-1 None None USB, no memory of the DMA API" \
"/dev/dri/card1 0000:01:00.0 drm/0000:01:00.0/vram0 4096 memory of the device" \
"/dev/dri/card1 0000:01:00.0 drm/0000:01:00.0/stolen 8192 memory of the device" \
"/dev/snd/controlC0 0000:00:02.0 dma/bounce@1 None restricted pool"
}

@test "--devices: no area at all, no parent, no device" {
	board
	echo "$VRAM 8388608" >"$ROOT/dmem.capacity"
	shows "NODE  DEVICE  REGION  CAPACITY  SOURCE"
	sources
	device platform/camera0 platform
	used platform/camera0 video4linux video0
	mkdir -p "$SYS/class/video4linux/video1"
	sources \
"/dev/video0 camera0 None None page allocator" \
"/dev/video1 - None None no device that has memory"
}

@test "--devices: what it cannot do" {
	board
	fails 2 "--devices and --watch do not go together" --root="$ROOT" --devices --watch
	fails 1 "cannot read $SYS/nowhere: No such file or directory" --root="$ROOT" -d -s "$SYS/nowhere"
	cgroup a 0 0 max
	fails 1 "$ROOT/a has no dmem.capacity: not the root" --root="$ROOT/a" -d
}

@test "output that cannot be written is an error" {
	three
	run bash -c 'dmemtop --root="$1" >/dev/full' - "$ROOT"
	[ "$status" -eq 1 ]
	[[ $output == "dmemtop: cannot write: No space left on device" ]]
}

@test "tools/Makefile builds, installs and cleans it" {
	local out=$BATS_TEST_TMPDIR/out

	mkdir "$out"
	make -s -C "$TOOLS" O="$out" cgroup
	[ -x "$out/cgroup/dmemtop" ]
	make -s -C "$TOOLS" O="$out" DESTDIR="$BATS_TEST_TMPDIR/dest" cgroup_install
	"$BATS_TEST_TMPDIR/dest/usr/bin/dmemtop" --help >/dev/null
	cmp "$BATS_TEST_TMPDIR/dest/usr/share/man/man8/dmemtop.8" "$TOOLS/cgroup/dmemtop.8"
	make -s -C "$TOOLS" O="$out" cgroup_clean
	[ ! -e "$out/cgroup/dmemtop" ]
	make -s -C "$TOOLS" help | grep -q '^  cgroup '
}
