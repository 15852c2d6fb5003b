# SPDX-License-Identifier: GPL-2.0-only
#
# Bad input to the scripts: each gives one clear line and leaves nothing half
# done. On a copy of them, with a Linux of four files and a cache of its own.
#
# shellcheck shell=bash

setup()
{
	P=$BATS_TEST_TMPDIR/project
	FAKE=$BATS_TEST_TMPDIR/linux
	STUBS=$BATS_TEST_TMPDIR/stubs
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	unset MACHINE TEST RUN RESULTS SUITE KERNEL ACCEL STRESS TOPIC PART PATCH MINUTES ROUNDS

	mkdir -p "$STUBS" "$FAKE/kernel" "$FAKE/scripts"
	topic fixes-one ''
	topic 01-two fixes-one
	cp -r "$BATS_TEST_DIRNAME/../Makefile" "$BATS_TEST_DIRNAME/../scripts" \
		"$BATS_TEST_DIRNAME/../machines" "$P"
	cd "$P"

	printf 'VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 99\n' >"$FAKE/Makefile"
	: >"$FAKE/Kbuild"
	seq 20 >"$FAKE/kernel/numbers"
	echo one >"$FAKE/kernel/file"
	printf 'M: A <a@example.org>\nL: l@example.org\n' >"$FAKE/MAINTAINERS"
	cat >"$FAKE/scripts/get_maintainer.pl" <<-'END'
		my $args = "@ARGV";
		print "Zo\303\253 <z\@example.org>\n" unless $args =~ /--no-m/;
		print "l\@example.org\n" unless $args =~ /--no-l/;
	END
	PATH=$STUBS:$PATH
}

# topic NAME NEEDS: a topic with a cover letter
topic()
{
	mkdir -p "$P/patches/$1"
	printf '%s\n' "Subject: $1: numbers" "Needs: $2" 'Machines: virt' \
		'To: A <a@example.org>' '' 'Why we count.' >"$P/patches/$1/cover-letter.txt"
}

# stub NAME: a program of that name that comes first, from standard input
stub()
{
	{ echo '#!/bin/bash'; cat; } >"$STUBS/$1"
	chmod +x "$STUBS/$1"
}

git_tree()
{
	git -C build/linux -c user.name=Nobody -c user.email=nobody@example.org "$@"
}

tree_of_two()
{
	make -s tree KERNEL="$FAKE"
	sed -i 's/^3$/three/' build/linux/kernel/numbers
	git_tree commit -qam 'kernel: count better' -m 'Words are better than digits.'
	git_tree branch -f fixes-one
	echo two >>build/linux/kernel/file
	git_tree commit -qam 'kernel: add two' -m 'One is not enough.'
	make -s export
}

# subjects TOPIC: of its patches
subjects()
{
	sed -n "s,^$1/\(.*\)\.patch$,\1,p" patches/series | paste -sd' '
}

# What must not change
state()
{
	find patches -type f -printf '%p %T@ ' -exec sha256sum {} +
	[ ! -d build/linux ] || {
		git -C build/linux rev-parse HEAD series base
		git -C build/linux status --porcelain
		find build/linux -name .git -prune -o -type f -printf '%p %T@\n'
	}
	# Locks and logs are no product.
	find build -mindepth 1 -maxdepth 1 ! -name '.lock-*' ! -name '*.log' 2>/dev/null || :
}

# refused TEXT COMMAND...: fails with one line that has TEXT, and changes nothing
refused()
{
	local text=$1 before lines

	shift
	before=$(state)
	run "$@"
	echo "$output"
	[ "$status" -ne 0 ]
	lines=$(grep -vE '^(make(\[[0-9]+\])?: \*\*\*|== )' <<<"$output")
	[ "$(wc -l <<<"$lines")" -eq 1 ]
	[[ $lines == *"$text"* ]]
	[ "$(state)" = "$before" ]
}

@test "an unknown MACHINE= is named, with those there are" {
	local target

	for target in demo check kunit e2e selftest lint shell; do
		refused "no machine 'vax': MACHINE= takes one of vexpress" make "$target" MACHINE=vax
	done
	refused "no machine '../virt'" make kunit MACHINE=../virt
}

@test "KERNEL= that does not exist" {
	refused "/no/such does not exist" make tree KERNEL=/no/such
	[ ! -e build/linux ]
}

@test "KERNEL= that is not a kernel: a folder, a file, a tarball" {
	mkdir "$BATS_TEST_TMPDIR/empty"
	refused "is not a Linux kernel tree" make tree KERNEL="$BATS_TEST_TMPDIR/empty"
	refused "cannot be unpacked" make tree KERNEL="$P/Makefile"
	tar -cf "$BATS_TEST_TMPDIR/other.tar" -C "$P" scripts
	refused "is not a Linux kernel tree" make tree KERNEL="$BATS_TEST_TMPDIR/other.tar"
	[ ! -e build/linux ]
}

@test "KERNEL= of another version" {
	sed -i 's/^PATCHLEVEL.*/PATCHLEVEL = 2/' "$FAKE/Makefile"
	refused "is Linux 7.2; the series is for 7.3" make tree KERNEL="$FAKE"
}

@test "KERNEL= as a tarball and as a git tree gives the same base" {
	tar -cJf "$BATS_TEST_TMPDIR/linux.tar.xz" -C "$BATS_TEST_TMPDIR" linux
	make -s tree KERNEL="$BATS_TEST_TMPDIR/linux.tar.xz"
	one=$(git -C build/linux rev-parse base)
	rm -rf build
	git init -q "$FAKE"
	git -C "$FAKE" add -A
	git -C "$FAKE" -c user.name=n -c user.email=n@example.org commit -qm all
	echo uncommitted >>"$FAKE/kernel/file"
	make -s tree KERNEL="$FAKE"
	[ "$(git -C build/linux rev-parse base)" = "$one" ]
}

@test "deb: an architecture, files and configurations that are none" {
	stub dh_listpackages <<<''
	stub kmod <<<''
	echo CONFIG_NET=y >config
	refused "DEBARCH=vax: there are packages for amd64 and arm64" env DEBARCH=vax scripts/bindeb
	refused "CONFIG=/no/such does not exist" env CONFIG=/no/such scripts/bindeb
	refused "CONFIG=Makefile is not a kernel's configuration" env CONFIG=Makefile scripts/bindeb
	refused "LSMOD=/no/such does not exist" env CONFIG=config LSMOD=/no/such scripts/bindeb
	refused "LSMOD=config is not what lsmod prints" env CONFIG=config LSMOD=config scripts/bindeb
}

@test "deb: without debhelper it says what to install" {
	echo CONFIG_NET=y >config
	mkdir "$BATS_TEST_TMPDIR/bin"
	for program in bash dirname env dpkg zcat gzip grep sed cat; do
		ln -s "$(command -v $program)" "$BATS_TEST_TMPDIR/bin/"
	done
	refused "apt-get install --no-install-recommends debhelper kmod" \
		env PATH="$BATS_TEST_TMPDIR/bin" CONFIG=config scripts/bindeb
}

@test "deb: no network, and no configuration" {
	stub dh_listpackages <<<''
	stub kmod <<<''
	stub apt-get <<<'exit 100'
	run scripts/bindeb
	[ "$status" -ne 0 ]
	[[ $output == *"cannot get linux-config-7.3 from the Debian mirror"*"CONFIG= takes a file of yours" ]]
}

@test "no network: no base" {
	stub curl <<<'exit 6'
	stub apt-get <<-'EOF'
		[ "$1" != indextargets ] || exec /usr/bin/apt-get "$@"
		echo "E: Could not resolve the mirror" >&2
		exit 100
	EOF
	refused "cannot get Linux 7.3" make tree
	[ ! -e build/linux ]
	[ -z "$(find "$XDG_CACHE_HOME" -name '*.tar.xz' -o -name '.fetch.*')" ]
}

@test "kernel.org with a wrong checksum" {
	stub curl <<-'EOF'
		while [ "$1" != -o ]; do shift; done
		echo "0000 linux-7.3.4.tar.xz" | sed 's/0000/'"$(printf '%064d' 0)"' /;s/   / /' >"$2"
	EOF
	refused "does not have the checksum" make tree
	[ -z "$(find "$XDG_CACHE_HOME" -name '*.tar.xz' -o -name '.fetch.*')" ]
}

@test "missing packages, and nobody to install them" {
	stub dpkg-query <<<'exit 1'
	stub id <<<'echo 1000'
	stub sudo <<<'exit 1'
	refused "run this once as root: apt-get install" make tree KERNEL="$FAKE"
}

@test "a base that the series does not apply to" {
	tree_of_two
	rm -rf build
	sed -i 's/^3$/drei/' "$FAKE/kernel/numbers"
	refused "fixes-one/kernel-count-better.patch does not apply to Linux 7.3.99: " \
		make tree KERNEL="$FAKE"
	[ ! -e build/linux ]
}

@test "a patch that no longer applies leaves the old tree" {
	tree_of_two
	sed -i 's/^ 4$/ four/' patches/fixes-one/kernel-count-better.patch
	refused "fixes-one/kernel-count-better.patch does not apply to" make tree
	rm patches/01-two/kernel-add-two.patch
	refused "lists 01-two/kernel-add-two.patch, which does not exist" make tree
}

@test "a full disk" {
	local try='mount -t tmpfs -o size=600k full build && exec "$@"'

	mkdir build
	unshare -m true 2>/dev/null || skip "unshare -m is not allowed here"
	head -c 2M /dev/urandom >"$FAKE/kernel/large"
	refused "no space left" unshare -m bash -c "$try" sh make tree KERNEL="$FAKE"
	[ ! -e build/linux ]
}

@test "a full disk while a patch is applied" {
	local big=$BATS_TEST_TMPDIR/big try

	tree_of_two
	mkdir "$big"
	try="mount -t tmpfs -o size=900k full $big && cp -r . $big && cd $big &&
		sed -i 's/^+two/+zwei/' patches/01-two/kernel-add-two.patch &&
		! dd if=/dev/zero of=filler bs=1k 2>/dev/null &&
		head=\$(git -C build/linux rev-parse HEAD) &&
		! make tree && [ \$head = \$(git -C build/linux rev-parse HEAD) ]"
	unshare -m true 2>/dev/null || skip "unshare -m is not allowed here"
	run unshare -m bash -c "$try"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "Ctrl-C in the middle leaves nothing, and the next try works" {
	stub tar <<-'EOF'
		/bin/tar "$@"
		touch "$STARTED"
		sleep 20
	EOF
	export STARTED=$BATS_TEST_TMPDIR/started
	run python3 - "$FAKE" <<-'EOF'
		import os, signal, subprocess, sys, time
		p = subprocess.Popen(["make", "tree", "KERNEL=" + sys.argv[1]], start_new_session=True,
		        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
		while not os.path.exists(os.environ["STARTED"]):
		    time.sleep(0.1)
		os.killpg(p.pid, signal.SIGINT)
		sys.exit(p.wait() == 0)
	EOF
	[ "$status" -eq 0 ]
	[ ! -e build/linux ]
	[ -z "$(find build -mindepth 1 ! -name '.lock-*')" ]
	rm "$STUBS/tar"
	make -s tree KERNEL="$FAKE"
	git -C build/linux rev-parse -q --verify base
}

@test "no patches yet: tree, export and export-check work" {
	make -s tree KERNEL="$FAKE"
	make -s export-check
	make -s export
	[ ! -s patches/series ]
	make -s tree
	make -s export-check
}

@test "export after tree changes nothing, in any clone and configuration" {
	tree_of_two
	before=$(sha256sum patches/*/* patches/series)
	times=$(stat -c %y patches/*/* patches/series)
	rm -rf build
	make -s tree KERNEL="$FAKE"
	one=$(git -C build/linux rev-parse series)
	git -C build/linux config diff.noprefix true
	git -C build/linux config diff.context 9
	git -C build/linux config core.abbrev 5
	git -C build/linux config format.signature me
	git -C build/linux config diff.algorithm patience
	printf '[format]\n\tnumbered = true\n\tcoverLetter = true\n' >"$BATS_TEST_TMPDIR/.gitconfig"
	HOME=$BATS_TEST_TMPDIR make -s export
	HOME=$BATS_TEST_TMPDIR make -s export-check
	[ "$(sha256sum patches/*/* patches/series)" = "$before" ]
	[ "$(stat -c %y patches/*/* patches/series)" = "$times" ]
	rm -rf build
	make -s tree KERNEL="$FAKE"
	[ "$(git -C build/linux rev-parse series)" = "$one" ]
}

@test "tree moves to changed patches, and leaves the files that stay the same" {
	tree_of_two
	touch -d 2020-01-01 build/linux/kernel/file
	git -C build/linux status >/dev/null
	sed -i 's/^+three/+trois/' patches/fixes-one/kernel-count-better.patch
	sed -i 's/^index .*//' patches/fixes-one/kernel-count-better.patch
	run make export-check
	[ "$status" -ne 0 ]
	[[ $output == *kernel-count-better.patch* ]]
	make -s tree
	grep -qx trois build/linux/kernel/numbers
	[ "$(stat -c %Y build/linux/kernel/file)" = "$(date -d 2020-01-01 +%s)" ]
	sed -i '/count-better/d' patches/series
	make -s tree
	[ -z "$(grep -x trois build/linux/kernel/numbers)" ]
	make -s export
	[ ! -e patches/fixes-one/kernel-count-better.patch ]
}

@test "tree refuses what is nowhere else" {
	tree_of_two
	echo edit >>build/linux/kernel/file
	refused "has changes that are not committed" make tree
	refused "has changes that are not committed" make export
	git_tree commit -qam 'kernel: edit' -m 'For a test.'
	refused "has commits or topics that are not exported" make tree
	sed -i 's/^+two/+zwei/' patches/01-two/kernel-add-two.patch
	refused "has commits or topics that are not exported" make tree
	refused "patches/ is not what build/linux has: 01-two/kernel-add-two.patch 01-two/kernel-edit.patch" \
		make export-check
}

@test "export refuses empty, merge and fixup commits, and equal names" {
	tree_of_two
	git_tree commit -q --allow-empty -m 'kernel: nothing'
	refused "'kernel: nothing' is an empty commit" make export
	git_tree reset -q --hard HEAD^

	git_tree checkout -q -b side base
	echo side >build/linux/kernel/side
	git_tree add kernel/side
	git_tree commit -qm 'kernel: side'
	git_tree checkout -q series
	git_tree merge -q -m 'kernel: merge side' side
	refused "'kernel: merge side' is a merge commit" make export
	git_tree reset -q --hard HEAD^

	echo three >>build/linux/kernel/file
	git_tree commit -qam 'fixup! kernel: add two'
	refused "waits for rebase --autosquash" make export
	git_tree commit -q --amend -m 'kernel: add two'
	refused "kernel-add-two.patch" make export
	git_tree commit -q --amend -m 'kernel: three' -m 'See:' -m '---' -m 'and no more'
	refused "would not make the same commits" make export
	git_tree commit -q --amend -m 'kernel: three' -m 'For a test.'
	git_tree checkout -q --detach
	refused "is not on branch series" make export
	git_tree checkout -q series
	make -s export
	make -s export-check
}

@test "topics: a commit goes where it is made, also by a fixup; branches move along" {
	tree_of_two
	[ "$(subjects fixes-one)" = kernel-count-better ]
	[ "$(subjects 01-two)" = kernel-add-two ]
	[ "$(git_tree rev-parse fixes-one)" = "$(git_tree rev-parse series^)" ]

	# At the end of the first topic, and in it
	sed -i 's/^4$/four/' build/linux/kernel/numbers
	git_tree commit -qam 'fixup! kernel: count better'
	GIT_SEQUENCE_EDITOR=true git_tree rebase -q -i --autosquash base
	make -s export
	[ "$(subjects fixes-one)" = kernel-count-better ]
	grep -q '^+four' patches/fixes-one/kernel-count-better.patch
	echo '#!/bin/sh
	sed -i "1aexec sed -i s/^9/nine/ kernel/numbers \&\& git commit -qam kernel:-nine" "$1"' >"$STUBS/edit"
	chmod +x "$STUBS/edit"
	GIT_SEQUENCE_EDITOR=edit git_tree rebase -q -i base
	make -s export
	[ "$(subjects fixes-one)" = "kernel-count-better kernel-nine" ]

	# At the very end, and instead of what is there
	echo three >>build/linux/kernel/file
	git_tree commit -qam 'kernel: three'
	make -s export
	git_tree commit -q --amend -m 'kernel: have three'
	make -s export
	[ "$(subjects 01-two)" = "kernel-add-two kernel-have-three" ]
	rm -rf build
	make -s tree KERNEL="$FAKE"
	make -s export-check
	[ "$(git_tree log -1 --format=%s fixes-one)" = kernel:-nine ]
}

@test "topics: a new one needs a letter, and one may be empty" {
	tree_of_two
	git_tree branch 02-three series
	refused "branch 02-three is a topic without patches/02-three/cover-letter.txt" make export
	topic 02-three 01-two
	make -s export
	[ -z "$(subjects 02-three)" ]
	echo three >>build/linux/kernel/file
	git_tree commit -qam 'kernel: three'
	make -s export
	[ "$(subjects 02-three)" = kernel-three ]
	git_tree branch -f 01-two base
	refused "branch 01-two ends before fixes-one" make export
	git_tree branch -D -q 01-two
	refused "build/linux has no branch 01-two for patches/01-two" make export
	git_tree branch 01-two "$(git_tree commit-tree -p base -m x 'base^{tree}')"
	refused "branch 01-two is not in the series any more" make export
}

@test "a series that mixes topics, or has none" {
	tree_of_two
	cp patches/series all
	{ cat all; head -n1 all; } >patches/series
	refused "lists fixes-one/kernel-count-better.patch apart from the others of its topic" make tree
	cp patches/01-two/kernel-add-two.patch patches/
	sed 's,^01-two/,,' all >patches/series
	refused "lists kernel-add-two.patch, which is not topic/name.patch" make tree
}

@test "move takes a patch to another topic, in one go" {
	tree_of_two
	topic 02-three 01-two
	topic 03-four 02-three
	make -s tree
	git_tree branch -f 02-three series
	git_tree branch -f 03-four series
	before=$(git_tree rev-parse 'series^{tree}')
	make -s move PATCH=kernel-add-two.patch TOPIC=fixes-one
	[ "$(subjects fixes-one)" = "kernel-count-better kernel-add-two" ]
	[ -z "$(subjects 01-two)" ]
	make -s move PATCH=fixes-one/kernel-count-better.patch TOPIC=02-three
	[ "$(subjects fixes-one)" = kernel-add-two ]
	[ "$(subjects 02-three)" = kernel-count-better ]
	[ -z "$(subjects 03-four)" ]
	make -s move PATCH=kernel-count-better.patch TOPIC=03-four
	make -s move PATCH=kernel-count-better.patch TOPIC=01-two
	[ "$(subjects 01-two)" = kernel-count-better ]
	[ "$(git_tree rev-parse 'series^{tree}')" = "$before" ]
	make -s export-check

	refused "no topic '04-five': TOPIC= takes one of fixes-one 01-two" \
		make move PATCH=kernel-add-two.patch TOPIC=04-five
	refused "has 0 patches 'none.patch'" make move PATCH=none.patch TOPIC=01-two
	refused "is in fixes-one already" make move PATCH=kernel-add-two.patch TOPIC=fixes-one
	refused "which patch, and to which topic?" make move
	echo three >>build/linux/kernel/file
	git_tree commit -qam 'kernel: three'
	make -s export
	refused "kernel-add-two.patch cannot move to 03-four: 'kernel: three' does not apply: conflict in kernel/file" \
		make move PATCH=kernel-add-two.patch TOPIC=03-four
}

@test "series writes the mails of a topic, with recipients, base and prerequisites" {
	tree_of_two
	refused "no topic '02-more': TOPIC= takes one of fixes-one 01-two" make series TOPIC=02-more
	make -s series
	[ "$(ls build/series/01-two)" = "0000-cover-letter.patch
0001-kernel-add-two.patch" ]
	cd build/series/01-two
	grep -q '^Subject: \[PATCH 01-two 0/1\] 01-two: numbers$' 0000-cover-letter.patch
	grep -q '^Subject: \[PATCH 01-two 1/1\] kernel: add two$' 0001-kernel-add-two.patch
	grep -q '^Why we count\.$' 0000-cover-letter.patch
	grep -q '1 file changed' 0000-cover-letter.patch
	[ -z "$(grep -F '***' 0000-cover-letter.patch)" ]
	[ "$(sed -n '/^To: /,/^$/p' 0000-cover-letter.patch)" = $'To: A <a@example.org>\nCc: =?utf-8?q?Zo=C3=AB?= <z@example.org>,\n\tl@example.org' ]
	[ "$(sed -n '/^To: /,/^$/p' 0001-kernel-add-two.patch)" = $'To: =?utf-8?q?Zo=C3=AB?= <z@example.org>\nCc: l@example.org' ]
	grep -qx "base: Linux 7.3.99 (linux)" 0000-cover-letter.patch
	id=$(git patch-id --stable <"$P/patches/fixes-one/kernel-count-better.patch" | cut -d' ' -f1)
	grep -qx "prerequisite-patch-id: $id" 0000-cover-letter.patch
	cd "$P"
	[ -z "$(grep prerequisite build/series/fixes-one/*)" ]

	# A topic does without what it does not need.
	sed -i 's/^Needs:.*/Needs:/' patches/01-two/cover-letter.txt
	make -s series TOPIC=01-two
	[ -z "$(grep prerequisite build/series/01-two/*)" ]
}

@test "series: the base is a commit, if it has one" {
	git init -q "$FAKE"
	git -C "$FAKE" add -A
	git -C "$FAKE" -c user.name=n -c user.email=n@example.org commit -qm all
	tree_of_two
	make -s series TOPIC=fixes-one
	grep -qx "base-commit: $(git -C "$FAKE" rev-parse HEAD)" build/series/fixes-one/0000*
}

@test "series: what was sent, a tag tells, and the next version shows what has changed" {
	tree_of_two
	seq 20 >>build/linux/kernel/file
	git_tree commit -qa --amend --no-edit
	make -s export
	git init -q .
	git config user.name n
	git config user.email n@example.org
	git add patches
	git commit -qm one
	git tag sent/01-two/v1
	sed -i 's/^two$/zwei/' build/linux/kernel/file
	git_tree commit -qa --amend -m 'kernel: add two' -m 'One is not enough.'
	make -s export
	make -s series TOPIC=01-two
	[ "$(ls build/series/01-two)" = "v2-0000-cover-letter.patch
v2-0001-kernel-add-two.patch" ]
	grep -q '^Subject: \[PATCH 01-two v2 1/1\]' build/series/01-two/v2-0001*
	grep -q '^Range-diff against v1:' build/series/01-two/v2-0000*
	grep -q -e '^ *-+two$' build/series/01-two/v2-0000*
	grep -q -e '^ *++zwei$' build/series/01-two/v2-0000*
	git tag sent/01-two/vlast
	refused "tag sent/01-two/vlast does not end in a number" make series TOPIC=01-two
}

@test "check-topics: a topic that does not apply, and one with nothing, by what it needs" {
	tree_of_two
	printf '#!/bin/bash\necho "$*" >>said; echo kernel/file.c; git -C build/topics/linux log -1 --format=%%s >>said\n' >scripts/compile
	printf '#!/bin/bash\necho "kernel $*" >>said\n' >scripts/kernel
	printf '#!/bin/bash\n' >scripts/initramfs
	# Who has suites, has passed them.
	printf '#!/bin/bash\necho "boot $*" >>said\n{ [ -e no-suites ] || echo "[ 1.0] ok 1 dma"; } >build/topics/virt.log\n' >scripts/boot
	topic 02-three 01-two
	make -s tree
	run scripts/check-topics --quick
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "check-topics: 4 passed, 0 failed, 1 skipped" ]
	[[ $output == *"skipped: 02-three: no patches yet"* ]]
	[[ $output == *"fixes-one ("*"on the base with nothing else"*"01-two ("*"on the base with fixes-one"* ]]
	[ "$(grep -c "^--files $P/build/topics virt [0-9a-f]*~1$" said)" -eq 2 ]
	[ "$(grep ^kernel: said | paste -sd' ')" = "kernel: count better kernel: add two" ]
	[ ! -e build/topics/linux ]
	run scripts/check-topics
	[ "${lines[-1]}" = "check-topics: 8 passed, 0 failed, 3 skipped" ]
	[ "$(grep -c "^boot virt --in $P/build/topics " said)" -eq 2 ]
	touch no-suites
	TOPIC=01-two run scripts/check-topics
	[[ $output == *"skipped: 01-two: virt: KUnit: it boots, and has no suites yet"* ]]
	rm no-suites
	printf '#!/bin/bash\necho "[ 1.0] not ok 1 dma" >build/topics/virt.log\n' >scripts/boot
	TOPIC=01-two run scripts/check-topics
	[ "$status" -eq 1 ]
	[[ $output == *"failed: 01-two: virt: KUnit"* ]]
	[[ $output == *"skipped: 01-two: kernel/file.c: virt do not build it"* ]]

	sed -i 's/two$/two, in words/' build/linux/kernel/file
	git_tree commit -qam 'kernel: words'
	git_tree branch -f 01-two series^
	git_tree branch -f 02-three series
	make -s export
	sed -i 's/^Needs:.*/Needs:/' patches/02-three/cover-letter.txt
	run scripts/check-topics --quick
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"'kernel: words' does not apply: conflict in kernel/file"* ]]
	[ "${lines[-1]}" = "check-topics: 4 passed, 1 failed, 0 skipped" ]
	TOPIC=01-two run scripts/check-topics --quick
	[ "${lines[-1]}" = "check-topics: 2 passed, 0 failed, 0 skipped" ]
	TOPIC=x refused "no topic 'x'" scripts/check-topics
}

@test "tree keeps topics that are nowhere else" {
	tree_of_two
	git_tree branch 09-idea series^
	topic 02-three ''
	refused "has commits or topics that are not exported" make tree
	git_tree rev-parse -q --verify 09-idea
	git_tree branch -D -q 09-idea
	git_tree branch -f fixes-one series
	refused "has commits or topics that are not exported" make tree
	git_tree branch -f fixes-one series^
	git_tree worktree add -q "$BATS_TEST_TMPDIR/other" 01-two
	refused "another work tree has checked out 01-two" make tree
	refused "another work tree has checked out 01-two" make move PATCH=kernel-add-two TOPIC=fixes-one
	git_tree worktree remove "$BATS_TEST_TMPDIR/other"
	make -s tree
	git_tree rev-parse -q --verify 02-three
	rm patches/01-two/cover-letter.txt
	refused "topic 01-two, which has no cover-letter.txt" make tree
}

@test "compile: errors, warnings, what is not built, and nothing to do" {
	mkdir -p b/linux/kernel b/linux/Documentation
	git init -q b/linux
	cp machines/virt/kernel.config machines/lint.config .
	git -C b/linux config user.name n
	git -C b/linux config user.email n@example.org
	commit() { git -C b/linux add -A; git -C b/linux commit -q --allow-empty -m x; }
	printf 'obj-y += a.o\nobj-$(CONFIG_NO) += b.o\n' >b/linux/kernel/Makefile
	commit
	stub make <<-'END'
		echo "make $*" >>said
		while [ "$1" != -C ]; do shift; done
		objs=${3#O=}
		[[ "$*" != *allnoconfig* ]] || exec touch "$objs/.config"
		mkdir -p "$objs/kernel"
		cat error 2>/dev/null && exit 2
		cat warning 2>/dev/null
		[[ "$*" != *kernel* ]] || touch "$objs/kernel/a.o"
	END
	echo x >b/linux/Documentation/x.rst
	commit
	scripts/compile "$P/b" virt HEAD^
	[ ! -e said ]
	touch b/linux/kernel/{a,b}.c
	commit
	run scripts/compile "$P/b" virt HEAD^
	[ "$status" -eq 0 ]
	[ "$output" = kernel/b.c ]
	grep -q ' kernel/$' said
	run scripts/compile --files "$P/b" virt HEAD^
	[ "$status" -eq 0 ]
	grep -q ' kernel/a.o$' said
	echo '../linux/kernel/a.c:1:2: warning: odd' >warning
	run scripts/compile "$P/b" virt HEAD^
	[ "$status" -eq 1 ]
	[[ $output == *"warning: odd"*"virt: kernel/;"* ]]
	mv warning error
	run scripts/compile "$P/b" virt HEAD^
	[ "$status" -eq 1 ]
	run scripts/compile --files "$P/b" virt HEAD^
	[ "$status" -eq 1 ]
}

@test "check-bisect: in turn, and what was seen is not done again" {
	tree_of_two
	sed -i 's/^Machines:.*/Machines: virt q35/' patches/01-two/cover-letter.txt
	echo 'int x;' >build/linux/kernel/x.h
	git_tree add kernel/x.h
	git_tree commit -qm 'kernel: x'
	make -s export
	for s in kernel initramfs boot compile; do
		printf '#!/bin/bash\necho "%s $*" >>said\n' $s >scripts/$s
	done
	printf '#!/bin/bash\necho "boot $*" >>said; while [ "$1" != --log ]; do shift; done; >"$2"\n' >scripts/boot
	for a in aarch64-linux-gnu- arm-linux-gnueabihf- ''; do stub ${a}gcc <<<'echo 12'; done
	run scripts/check-bisect
	echo "$output"
	[ "$status" -eq 0 ]
	# dirs: 1 + 2 + 2, boot: 3, kernel: 2
	[ "${lines[-1]}" = "check-bisect: 10 passed, 0 failed" ]
	[[ $output == *"10 jobs, 0 of them seen before"* ]]
	[ "$(grep '^boot' said | cut -d' ' -f2 | paste -sd' ')" = "virt q35 virt" ]
	[ "$(wc -l <build/bisect/results)" -eq 10 ]
	grep -qE '^passed in [0-9]+ s: boot q35: kernel: add two$' build/bisect/results
	rm said
	run scripts/check-bisect
	[ "${lines[-1]}" = "check-bisect: 10 passed, 0 failed" ]
	[ ! -e said ]

	# A new patch, that fails: the others are not done again, this one is.
	echo three >>build/linux/kernel/file
	git_tree commit -qam 'kernel: three'
	make -s export
	printf '#!/bin/bash\necho "boot $*" >>said; exit 1\n' >scripts/boot
	run scripts/check-bisect
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "check-bisect: 12 passed, 1 failed" ]
	[[ $output == *"failed: boot on q35: kernel: three"* ]]
	PART=boot run scripts/check-bisect
	[ "${lines[-1]}" = "check-bisect: 3 passed, 1 failed" ]
	PART=dirs MACHINE=q35 run scripts/check-bisect
	[ "${lines[-1]}" = "check-bisect: 3 passed, 0 failed" ]
	PART=all run scripts/check-bisect
	[ "${lines[-1]}" = "check-bisect: 12 passed, 1 failed" ]
	grep -qE '^passed on [-0-9]+: dirs virt: kernel: count better$' build/bisect/results
	sed -i /^Machines/d patches/01-two/cover-letter.txt
	refused "01-two: no Machines: in its cover letter" scripts/check-bisect
	PART=more refused "no part 'more': PART= takes one of dirs kernel boot" scripts/check-bisect
}

@test "bench: the base is that of the series with the fixes and the benchmark, no more" {
	tree_of_two
	printf '#!/bin/bash\necho "$*" >said\nexit 1\n' >scripts/kernel
	mkdir -p bench
	refused "patches/series has no dma-mapping-benchmark-measure-allocations-too.patch" scripts/bench
	echo benchmark >>build/linux/kernel/file
	git_tree commit -qam 'dma-mapping: benchmark: measure allocations, too'
	echo charges >>build/linux/kernel/file
	git_tree commit -qam 'dma-mapping: benchmark: charge the dmem controller, too'
	make -s export
	MACHINE=virt run scripts/bench
	read -r _ _ commit _ <said
	[ "$(git_tree show "$commit:kernel/file")" = $'one\nbenchmark\ncharges' ]
	git_tree show "$commit:kernel/numbers" | grep -x three
}

@test "letters: what does not agree with the tree is named" {
	tree_of_two
	echo 'config NUMBERS' >build/linux/kernel/Kconfig
	echo '| pool | 1850 | 1,854 | 2001 |' >README.md
	git_tree add kernel/Kconfig
	cat >patches/01-two/cover-letter.txt <<-'END'
		Subject: numbers
		Needs: fixes-one
		Machines: virt q35
		To: A <a@example.org>
		Cc: l@example.org

		CONFIG_NUMBERS is in kernel/Kconfig and kernel/file.c has 64-bit words;
		see fixes-one, patch 1, and 1 patches.

		Patch  1    all

		  arm64    1850  1854  2001
	END
	echo 'int number(void);' >build/linux/kernel/file.c
	git_tree add kernel/file.c
	run scripts/letters
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	cat >patches/01-two/cover-letter.txt <<-'END'
		Subject: numbers
		Needs: 01-two 07-none
		Machines: vax
		To: B <b@example.org>
		Sender: me

		no_number() and CONFIG_MANY_NUMBERS, in kernel/nothing.c and 07-none, patches
		1-3; of 5 patches.

		Patch  2    all

		  arm64    1850  1854  2002
		and 99 bytes
	END
	run scripts/letters
	echo "$output"
	for what in "'Sender: me' in its head" "needs 01-two, which does not come before it" \
		"needs 07-none, which is no topic" "concerns vax, which is no machine" \
		"'B <b@example.org>' is not in MAINTAINERS" "patch 3 of 1" "patch 2 of 1" \
		"'5 patches': there are 1" "its list of patches does not have each" \
		"07-none is no topic" "'arm64    1850  1854  2002': no such row" \
		"'99 bytes': not in README.md" "the tree has no no_number" "the tree has no MANY_NUMBERS" \
		"the tree has no kernel/nothing.c"; do
		[[ $output == *"01-two: $what"* ]] || { echo "missing: $what"; false; }
	done
	[ "${#lines[@]}" -eq 15 ]
	rm patches/01-two/cover-letter.txt
	run scripts/letters
	[ "$output" = "01-two: has no cover-letter.txt" ]
}

# boot LINE...: a guest that prints these lines
boot()
{
	mkdir -p build/vexpress
	printf '%s\n' "$@" >build/said
	stub qemu-system-arm <<-'EOF'
		cat build/said
		! grep -q hang build/said || exec sleep 30
	EOF
	scripts/boot vexpress --run x --timeout 2
}

@test "boot tells a good guest from one that hangs, warns, panics or fails" {
	boot 'guest-exit: 0'
	boot 'DMA-API: preallocated 65536 debug entries' 'guest-exit: 0'
	run boot 'guest-exit: 1'
	[ "$status" -eq 2 ]
	for trouble in 'WARNING: kernel/dma/handle.c:1 at x, CPU#0: y/1' \
		'WARNING: possible circular locking dependency detected' \
		'BUG: sleeping function called from invalid context' \
		'INFO: rcu_preempt detected stalls on CPUs/tasks' \
		'Internal error: Oops: 5 [#1] SMP ARM' \
		'unreferenced object 0xc1 (size 64):' \
		'pl111 1f0000.clcd: DMA-API: device driver frees memory'; do
		run boot '[    1.0] something before' "[    2.0] $trouble" 'guest-exit: 0'
		# Only a leak is at the start of its line.
		[[ $trouble != unref* ]] || run boot "$trouble" 'guest-exit: 0'
		echo "$output"
		[ "$status" -eq 1 ]
		[[ $output == *"the kernel said: "*"$trouble"* ]]
		[[ $output == *"all of the log: build/vexpress/boot.log"* ]]
	done
	run boot 'hang'
	[ "$status" -eq 1 ]
	[[ $output == *"hangs"* ]]
	run boot 'nothing more'
	[ "$status" -eq 1 ]
	[[ $output == *"ended without saying how"* ]]
}

# guest STATUS LINE...: scripts/e2e with a guest that prints these lines
guest()
{
	local status=$1

	shift
	printf '%s\n' "$@" >"$P/said"
	printf 'tests/some.sh,one more=words\n' >machines/vexpress/e2e
	printf '#!/bin/bash\nmkdir -p build/vexpress\n' >scripts/ready
	printf '#!/bin/bash\nwhile [ "$1" != --log ]; do shift; done\ncp "%s" "$2"\nexit %d\n' \
		"$P/said" "$status" >scripts/boot
	MACHINE=vexpress scripts/e2e
}

@test "e2e counts TAP, and trusts neither a short plan nor a guest in trouble" {
	run guest 0 '1..2' 'ok 1 - a' 'ok 2 - b # SKIP because'
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "e2e: 1 passed, 0 failed, 1 skipped" ]
	run guest 2 '1..2' 'ok 1 - a' 'not ok 2 - b'
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "e2e: 1 passed, 1 failed, 0 skipped" ]
	run guest 0 '1..3' 'ok 1 - a' 'ok 2 - b'
	[ "$status" -eq 1 ]
	run guest 1 '1..1' 'ok 1 - a'
	[ "$status" -eq 1 ]
	run guest 0 'nothing'
	[ "$status" -eq 1 ]
}

@test "boot takes another device tree, and says which there are" {
	mkdir -p build/vexpress
	stub qemu-system-arm <<<'printf "%s\n" "$@" guest-exit:\ 0'
	scripts/boot vexpress --run x --dtb shared
	grep -qx "$P/build/vexpress/shared.dtb" build/vexpress/boot.log
	scripts/boot vexpress --run x
	grep -qx "$P/build/vexpress/machine.dtb" build/vexpress/boot.log
	refused "no machines/vexpress/other.dtsi; there is: shared.dtsi" \
		scripts/boot vexpress --run x --dtb other
	refused "no machines/vexpress/../shared.dtsi; there is: shared.dtsi" \
		scripts/boot vexpress --run x --dtb ../shared
	refused "there is: none" scripts/boot q35 --run x --dtb shared
}

# line_of PROGRAM LINE: scripts/e2e or scripts/demo with this line, and a guest
# that prints what it was booted with
line_of()
{
	mkdir -p build/vexpress build/vexpress-lean
	printf '%s\n' "$2" >"machines/vexpress/$1"
	printf '#!/bin/bash\n' | tee scripts/ready >scripts/kernel
	cat >scripts/boot <<-'EOF'
		#!/bin/bash
		all="boot: $*"
		while [ "$1" != --log ]; do shift; done
		printf '%s\n' demo-begin "$all" 'PASS that' demo-end 'ok 1' 1..1 | tee "$2"
	EOF
	MACHINE=vexpress "scripts/$1"
}

@test "lines of e2e and demo: options, arguments, words; unknown options" {
	local log=$P/build/vexpress program

	run line_of e2e 'dtb=shared,tests/some.sh,a=1,2 more=words and=more'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"boot: vexpress --dtb shared --run tests/some.sh,a=1,2 --log $log/some.log --timeout 600"*" more=words and=more"* ]]
	run line_of e2e 'tests/some.sh,a=1'
	[[ $output == *"boot: vexpress --run tests/some.sh,a=1 --log"* ]]
	run line_of e2e 'more tests/some.sh,a=1 word'
	[[ $output == *"boot: vexpress --run tests/some.sh,a=1 --log"*" word"* ]]
	MACHINE=vexpress run scripts/e2e --less
	[ "$status" -eq 0 ]
	[ "${lines[-2]}" = "  skipped: vexpress: tests/some.sh,a=1 word: only 'make e2e' runs it" ]
	[ "${lines[-1]}" = "e2e: 0 passed, 0 failed, 1 skipped" ]
	run line_of demo 'series dtb=shared,demo/some.sh,1 more=words'
	[ "$status" -eq 0 ]
	[[ $output == *"boot: vexpress --dtb shared --lean --run demo/some.sh,1 --log $log-lean/demo-some.log"*" more=words"* ]]
	run line_of demo 'base demo/some.sh'
	[[ $output == *"boot: vexpress --lean --base --run demo/some.sh --log"* ]]
	for program in e2e demo; do
		run line_of "$program" "$([ "$program" = e2e ] || echo series) colour=red,tests/some.sh"
		[ "$status" -ne 0 ]
		[ "$(grep -v '^== ' <<<"$output")" = "$program: machines/vexpress: 'colour=red,tests/some.sh': there is no option 'colour='" ]
	done
}

@test "demo is that of vexpress or of MACHINE=, says what there is, and how to see the rest" {
	line_of demo 'series demo/some.sh'
	echo 'series demo/other.sh' >machines/q35/demo
	mkdir -p build/q35-lean
	run scripts/demo
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == "== vexpress: a lean kernel with the series, then 1 guests"*"compile steps"* ]]
	[[ $output == *"boot: vexpress --lean --run demo/some.sh"*"more: make demo MACHINE=q35"* ]]
	[[ $output != *"boot: q35"* ]]
	[ "${lines[-1]}" = "demo: 1 passed, 0 failed" ]
	MACHINE=q35 run scripts/demo
	[[ $output == *"boot: q35 --lean --run demo/other.sh"*"more: make demo MACHINE=vexpress"* ]]
	MACHINE=virt refused "virt has no demonstration: there is one for vexpress q35" scripts/demo
}

@test "results.json has each test, and the line that repeats it" {
	guest 2 '1..3' 'ok 1 - a "b" \c' 'not ok 2 - d' 'ok 3 - e # SKIP f' || :
	cat build/results.json
	python3 - <<-'END'
		import json
		all = json.load(open("build/results.json"))
		assert [r["verdict"] for r in all] == ["passed", "failed", "skipped"], all
		assert all[0]["test"].endswith(': a "b" \\c'), all[0]
		for r in all:
		    assert r["machine"] and r["log"].startswith("build/"), r
		    assert r["repeat"].startswith("make test MACHINE="), r
		    assert isinstance(r["seconds"], int), r
	END
	# Of parts of check in one file, which check makes
	RESULTS=$BATS_TEST_TMPDIR/shared run guest 0 '1..1' 'ok 1 - a'
	[ "$(wc -l <"$BATS_TEST_TMPDIR/shared")" -eq 1 ]
	[ "$(grep -c verdict build/results.json)" -eq 3 ]
}

@test "check: build/results.json has what failed without a count" {
	for part in harness lint check-topics kunit selftest e2e; do
		printf '#!/bin/sh\necho "%s"\n' "$part: 2 passed, 0 failed" >scripts/$part
	done
	printf '#!/bin/sh\nexit 3\n' >scripts/e2e
	MACHINE=virt run scripts/check
	[ "$status" -eq 1 ]
	python3 - <<-'END'
		import json
		all = json.load(open("build/results.json"))
		assert [(r["machine"], r["test"], r["repeat"]) for r in all] == \
		    [("virt", "e2e", "make e2e MACHINE=virt")], all
	END
}

@test "TEST= is one end-to-end test, and unknown ones are refused with those there are" {
	printf '%s\n' 'dtb=shared,tests/some.sh,1 word' 'more tests/some.sh' tests/other.sh \
		>machines/vexpress/e2e
	: >machines/virt/e2e
	: >machines/q35/e2e
	mkdir -p build/vexpress
	printf '#!/bin/bash\n' >scripts/ready
	cat >scripts/boot <<-'EOF'
		#!/bin/bash
		while [ "$1" != --log ]; do shift; done
		printf '%s\n' 'ok 1' 1..1 >"$2"
	EOF
	TEST=some run scripts/e2e --one
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "e2e: 2 passed, 0 failed, 0 skipped" ]
	refused "no test 'none': TEST= takes one of other some" make test TEST=none
	refused "no test 'some' on virt: " make test TEST=some MACHINE=virt
	TEST='' refused "no test '': TEST= takes one of other some" scripts/e2e --one
}

@test "run: a command in a guest, as it was written, and its status" {
	mkdir -p build/vexpress
	printf '#!/bin/bash\n' >scripts/ready
	cat >scripts/boot <<-'EOF'
		#!/bin/bash
		run=${3#tests/run.sh,}
		while [ "$1" != --log ]; do shift; done
		printf '%s\n' run-begin "$(base64 -d <<<"$run")" run-end 'guest-exit: 7' >"$2"
		exit 2
	EOF
	RUN="echo 'a,  b' | cat" run scripts/run
	echo "$output"
	[ "$status" -eq 7 ]
	[ "$output" = "echo 'a,  b' | cat" ]
	printf '#!/bin/bash\nwhile [ "$1" != --log ]; do shift; done\n: >"$2"\nexit 1\n' >scripts/boot
	RUN=true run scripts/run
	[ "$status" -eq 125 ]
	RUN='' refused "RUN= is the command" scripts/run
	RUN=$(printf '%600s' x) refused "RUN= is too long" scripts/run
}

@test "doctor says what is missing, and changes nothing" {
	stub dpkg-query <<<'[ "${!#}" = bats ] || echo installed'
	run scripts/packages --doctor
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "packages: missing; as root: apt-get install --no-install-recommends bats" ]
	stub dpkg-query <<<'echo installed'
	stub df <<<'printf "h\n/ 1 1 99999999 1%% /\n"'
	run make doctor
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "packages: all there" ]
	[ ! -e build ]
	stub df <<<'printf "h\n/ 1 1 999999 1%% /\n"'
	run make doctor
	[ "$status" -ne 0 ]
}

@test "--help of each script is the head of it, and nothing else is done" {
	local script

	for script in scripts/*; do
		head -n1 "$script" | grep -q bash || continue
		run "$script" --help
		echo "$script: $output"
		[ "$status" -eq 0 ]
		[ -n "$output" ]
		[[ $output != *'lib.sh"'* ]]
	done
	[ ! -e build ]
}

@test "demo: a transcript with other lines is named, and renewed where that machine's are" {
	mkdir -p docs
	printf '%s\n' head '```' 'Linux 1, arm' 'PASS 3 of these' '' '[  1.5] log' 'Linux 1, arm' old \
		'Linux 1, x86' other '```' tail >docs/transcript.md
	line_of demo 'series demo/some.sh'
	cat >scripts/boot <<-'EOF'
		#!/bin/bash
		while [ "$1" != --log ]; do shift; done
		printf '%s\n' demo-begin 'Linux 2, arm' 'PASS 4 of these' '[  2.5] other' 'Linux 2, arm' \
			"$(cat now)" demo-end >"$2"
	EOF
	echo old >now
	run scripts/demo
	[[ $output != *"has other lines"* ]]
	echo new >now
	before=$(cat docs/transcript.md)
	run scripts/demo
	[[ $output == *"docs/transcript.md has other lines: "*"renew it: scripts/demo --renew"* ]]
	[ "$(cat docs/transcript.md)" = "$before" ]
	run scripts/demo --renew
	cat docs/transcript.md
	[ "$(paste -sd'|' docs/transcript.md)" = 'head|```|Linux 2, arm|PASS 4 of these|[  2.5] other|Linux 2, arm|new|Linux 1, x86|other|```|tail' ]
}

@test "STRESS= is for the stress test only, and is a number" {
	STRESS=60 run line_of e2e 'dtb=shared,tests/stress.sh,15 a=b'
	[[ $output == *" --run tests/stress.sh,60 "* ]]
	STRESS=60 run line_of e2e 'tests/stress.sh'
	[[ $output == *" --run tests/stress.sh,60 "* ]]
	STRESS=60 run line_of e2e 'tests/other.sh,15'
	[[ $output == *" --run tests/other.sh,15 "* ]]
	run line_of e2e 'tests/stress.sh,15'
	[[ $output == *" --run tests/stress.sh,15 "* ]]
	for seconds in x 0 -1 1.5 '1 2'; do
		STRESS=$seconds refused "STRESS=$seconds is not a number of seconds" scripts/e2e
	done
}

# selftest_guest STATUS LINE...: scripts/selftest with a guest that prints these
# lines; the kernel tree has the programs test_a to test_c
selftest_guest()
{
	local status=$1

	shift
	printf '%s\n' "$@" >"$P/said"
	mkdir -p build/vexpress/kselftest/cgroup tests
	touch build/vexpress/kselftest/cgroup/test_{a,b,c}
	printf '%s\n' '# comment' 'test_a all' 'test_b virt needs a PCI bus' \
		'test_a:test_flaky vexpress,q35 misses its deadline' \
		'test_a:test_other q35 fails there' >tests/selftests.list
	printf '#!/bin/bash\n' >scripts/ready
	printf '#!/bin/bash\nwhile [ "$1" != --log ]; do shift; done\ncp "%s" "$2"\nexit %d\n' \
		"$P/said" "$status" >scripts/boot
	MACHINE=vexpress scripts/selftest
}

@test "selftest counts what each program printed, and says why it skips" {
	run selftest_guest 0 'selftest-begin test_a' 'TAP version 13' '1..3' 'ok 1 test_one' \
		'ok 2 # SKIP test_two: no such file' 'not ok 3 test_flaky' 'selftest-end test_a 1'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "selftest: 1 passed, 0 failed, 4 skipped" ]
	[[ $output == *"skipped: vexpress: test_b: needs a PCI bus"* ]]
	[[ $output == *"skipped: vexpress: test_c: not in tests/selftests.list"* ]]
	[[ $output == *"skipped: vexpress: test_a: test_two: no such file"* ]]
	[[ $output == *"skipped: vexpress: test_a: test_flaky: misses its deadline"* ]]

	run selftest_guest 0 'selftest-begin test_a' '1..2' 'ok 1 test_one' 'ok 2 test_flaky' \
		'selftest-end test_a 0'
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "selftest: 2 passed, 0 failed, 2 skipped" ]
}

@test "selftest fails for a failure, a short plan, no plan and a guest in trouble" {
	# What is known of another machine is not of this one.
	run selftest_guest 0 'selftest-begin test_a' '1..2' 'ok 1 test_one' \
		'not ok 2 test_other' 'selftest-end test_a 1'
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "selftest: 1 passed, 1 failed, 2 skipped" ]
	run selftest_guest 0 'selftest-begin test_a' '1..2' 'ok 1 test_one' 'selftest-end test_a 137'
	[ "$status" -eq 1 ]
	[[ $output == *"test_a: 1 of 2 planned tests ended, status 137"* ]]
	run selftest_guest 1 'selftest-begin test_a' '1..2' 'ok 1 test_one'
	[ "$status" -eq 1 ]
	[[ $output == *"test_a: 1 of 2 planned tests ended, status unknown"* ]]
	run selftest_guest 0 'selftest-begin test_a' 'selftest-end test_a 127'
	[ "$status" -eq 1 ]
	run selftest_guest 1 'selftest-begin test_a' '1..1' 'ok 1 test_one' 'selftest-end test_a 0'
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "selftest: 1 passed, 1 failed, 2 skipped" ]
	run selftest_guest 0 'selftest-begin test_a' '1..0 # SKIP no cgroups' 'selftest-end test_a 4'
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "selftest: 0 passed, 0 failed, 3 skipped" ]
}

@test "the matrix of allocators is a table with reasons, and nothing without the suite" {
	cat >tap <<-'END'
		KTAP version 1
		    # Subtest: dma_alloc_handle_matrix
		        # Subtest: dma_matrix_test_cell
		        ok 1 pool: coherent, snooping
		        not ok 2 pool: coherent, not snooping
		        ok 3 pool: pages, snooping # SKIP no such thing
		        ok 4 pool: pages, not snooping # SKIP no such thing
		    not ok 1 dma_matrix_test_cell
		        # Subtest: dma_matrix_test_inject
		        not ok 1 area: coherent, snooping
		    # Subtest: dma_alloc_handle_iommu
		        # Subtest: dma_iommu_test_alloc
		        not ok 1 snooping device, coherent
		        ok 2 snooping device, single pages
		        ok 3 other device, coherent
		        ok 4 other device, pages # SKIP no such thing
		    not ok 1 dma_iommu_test_alloc
	END
	run scripts/matrix virt tap
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[2]}" = "  pool             + X       a a" ]
	[ "${lines[3]}" = "  behind an IOMMU  X +       ? a" ]
	[[ $output == *"2 cells passed (+), 2 failed (X)"* ]]
	[ "${lines[-1]}" = "  a  no such thing" ]
	[[ $output != *area* ]]

	sed -i s/_cell/_other/ tap
	run scripts/matrix virt tap
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "check adds up what its parts say, and ends with what failed" {
	for part in harness lint check-topics kunit selftest e2e demo; do
		printf '#!/bin/sh\necho "one: 7 passed, 7 failed"\necho "%s"\n' \
			"$part: 2 passed, 0 failed, 1 skipped" >scripts/$part
	done
	cat >scripts/e2e <<-'END'
		#!/bin/sh
		echo "  $MACHINE: not ok 3 - a test"
		echo "e2e: 2 passed, 1 failed, 1 skipped"
		exit 1
	END
	MACHINE=virt run scripts/check
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "check: 12 passed, 1 failed, 6 skipped" ]
	[ "${lines[-2]}" = "  e2e-virt: virt: not ok 3 - a test" ]

	printf '#!/bin/sh\nexit 3\n' >scripts/e2e
	run scripts/check
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == "check: "*" passed, 3 failed, "* ]]

	printf '#!/bin/sh\necho e2e: 1 passed, 0 failed\n' >scripts/e2e
	run scripts/check
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "check: 23 passed, 0 failed, 10 skipped" ]
}

@test "check leaves out what there is no time for, and says so" {
	for part in harness lint check-topics kunit selftest e2e demo; do
		printf '#!/bin/sh\necho "%s"\n' "$part: 2 passed, 0 failed" >scripts/$part
	done
	printf '#!/bin/sh\nsleep 1\necho "kunit: 2 passed, 0 failed"\n' >scripts/kunit
	MINUTES=0 run scripts/check
	[ "$status" -eq 0 ]
	grep '^  skipped: check-topics: after 0 of 0 minutes; make check-topics$' <<<"$output"
	grep '^  skipped: q35: after 0 of 0 minutes; make check MACHINE=q35$' <<<"$output"
	grep '^  skipped: demo: after 0 of 0 minutes; make demo$' <<<"$output"
	[ "${lines[-1]}" = "check: 16 passed, 0 failed, 3 skipped" ]
	MINUTES=9 run scripts/check
	[ "${lines[-1]}" = "check: 26 passed, 0 failed, 0 skipped" ]
	for minutes in x -1 1.5 07; do
		MINUTES=$minutes refused "MINUTES=$minutes is not a number of minutes" scripts/check
	done
}

@test "boot adds arguments of QEMU, and says if there are none of that name" {
	mkdir -p build/virt build/vexpress
	printf 'one -M\n' >machines/virt/qemu-other.args
	echo '-M two' >machines/vexpress/qemu-other.args
	stub qemu-system-aarch64 <<<'printf "%s\n" "$@" guest-exit:\ 0'
	stub qemu-system-arm <<<'printf "%s\n" "$@" guest-exit:\ 0'
	scripts/boot virt --run x --qemu other
	[ "$(grep -c -e '^one$' -e "^$P/build/virt/other.dtb$" build/virt/boot.log)" -eq 2 ]
	scripts/boot virt --run x
	[ "$(grep -c -e '^one$' -e "^$P/build/virt/machine.dtb$" build/virt/boot.log)" -eq 1 ]
	# Its device tree is the kernel's: it does not depend on arguments.
	scripts/boot vexpress --run x --qemu other
	[ "$(grep -c -e '^two$' -e "^$P/build/vexpress/machine.dtb$" build/vexpress/boot.log)" -eq 2 ]
	refused "no machines/q35/qemu-other.args" scripts/boot q35 --run x --qemu other
}

@test "e2e: a log of its own for each time a script runs" {
	printf '%s\n' 'qemu=other,tests/some.sh,a=1,2 more=words and=more' \
		tests/some.sh,b >machines/vexpress/e2e
	mkdir -p build/vexpress
	printf '#!/bin/bash\n' >scripts/ready
	cat >scripts/boot <<-'EOF'
		#!/bin/bash
		all="boot: $*"
		while [ "$1" != --log ]; do shift; done
		printf '%s\n' "$all" 'ok 1' 1..1 >"$2"
	EOF
	MACHINE=vexpress scripts/e2e
	grep 'boot: vexpress --qemu other --run tests/some.sh,a=1,2 --log .* more=words and=more$' \
		build/vexpress/some.log
	grep 'boot: vexpress --run tests/some.sh,b --log' build/vexpress/some-2.log
}

# with_base RESULT...: of the guest with the series, then of the unpatched one each
# time that it is booted
with_base()
{
	printf '%s\n' both=results,tests/some.sh >machines/vexpress/e2e
	mkdir -p build/vexpress
	printf '#!/bin/bash\n' | tee scripts/ready >scripts/kernel
	printf '%s\n' "${@:2}" >bases
	cat >scripts/boot <<-EOF
		#!/bin/bash
		result=$1
		[[ \$* != *--base* ]] || { result=\$(head -n1 bases); sed -i 1d bases; }
		while [ "\$1" != --log ]; do shift; done
		printf '%s\n' "same: \$result" 'ok 1' 1..1 >"\$2"
	EOF
	MACHINE=vexpress scripts/e2e
}

@test "e2e: results other than the base's are no success, unless it has them the second time" {
	run with_base OK OK
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "e2e: 2 passed, 0 failed, 0 skipped" ]
	run with_base OK FAIL OK
	[ "$status" -eq 0 ]
	grep 'flaky: vexpress: some: the base had other results at first' <<<"$output"
	[ "${lines[-1]}" = "e2e: 1 passed, 0 failed, 0 skipped" ]
	run with_base FAIL OK OK
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "e2e: 1 passed, 1 failed, 0 skipped" ]
}

@test "suites that did not run, or skipped all, are no success" {
	local results=$BATS_TEST_TMPDIR/kunit

	sed "s|/sys/kernel/debug/kunit|$results|" "$BATS_TEST_DIRNAME/suite.sh" >suite.sh
	mkdir -p "$results"/{good,bad,skips}
	printf '%s\n' '    ok 1 a # SKIP why' '        ok 1 x' '    ok 2 b' 'ok 1 good' \
		>"$results/good/results"
	printf '%s\n' '    ok 1 c' '    not ok 2 d' 'not ok 1 bad' >"$results/bad/results"
	printf '%s\n' '    ok 1 e # SKIP why' 'ok 1 skips # SKIP' >"$results/skips/results"
	run sh suite.sh good
	[ "$status" -eq 0 ]
	[ "$output" = $'ok 1 a # SKIP why\nok 2 b\n1..2' ]
	run sh suite.sh good bad
	[ "$status" -eq 1 ]
	[ "$output" = $'ok 1 a # SKIP why\nok 2 b\nok 3 c\nnot ok 4 d\n1..4' ]
	run sh suite.sh skips good
	[ "$status" -eq 1 ]
	[ "${lines[1]}" = "not ok 2 skips could not run any of its tests" ]
	[ "${lines[-1]}" = 1..4 ]
	run sh suite.sh good other
	[ "$status" -eq 1 ]
	[ "$output" = "Bail out! there is no suite other" ]
}

# measured: a log of a machine, as bench/lib.sh has it printed, from standard input
measured()
{
	mkdir -p build/bench bench
	cat >"build/bench/$1.log"
	printf '%s\n' '# a comment' question,machine,case,kind,bar \
		'a,*,*,ratio|difference,1.005|16' 'b,*,* 64K,difference,0' 'b,*,*,difference,600' >bench/bars.csv
}

@test "bench-report: the bars are those of bars.csv, and a missed one is no success" {
	measured virt-base-direct <<-'EOF'
		bench pair pool coherent 4K classic 0 650 700
		bench pair pool coherent 64K classic 0 4000 4100
	EOF
	measured virt-series-direct <<-'EOF'
		bench pair pool coherent 4K classic 0 666 700
		bench pair pool coherent 4K handle+charge 0 1266 1300
		bench pair pool coherent 64K classic 0 4010 4100
		bench pair pool coherent 64K handle+charge 0 4011 4100
	EOF
	run scripts/bench-report build/bench
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "bench: 3 met, 1 missed" ]
	run cat build/bench/results.csv
	[ "${lines[0]}" = question,machine,case,subject,reference,figure,bar ]
	grep -qx 'a,virt,pool coherent 4K,666,650,16,16' build/bench/results.csv
	grep -qx 'b,virt,pool coherent 64K,4011,4010,1,0' build/bench/results.csv
	grep -qF '| virt: pool coherent | 650 | 666 |  | 1266 |  |' build/bench/tables.md
	grep -qx '| b: .* | 2 | 1 |  |' build/bench/tables.md
	[ -s build/bench/a.svg ]

	sed -i 's/ 1266 / 1267 /; s/ 4011 / 4010 /' build/bench/virt-series-direct.log
	run scripts/bench-report build/bench
	[ "$status" -eq 1 ]
	grep -qx '| b: .* | 2 | 1 | virt pool coherent 4K: 601 |' build/bench/tables.md
	sed -i 's/ 1267 / 1266 /' build/bench/virt-series-direct.log
	run scripts/bench-report build/bench
	[ "$status" -eq 0 ]
}

@test "bench-report: what is no figure, or nothing" {
	measured virt-base-direct <<<'bench pair pool coherent 4K classic 0 many 700'
	run scripts/bench-report build/bench
	[ "$status" -eq 1 ]
	[ "$output" = "bench-report: virt-base-direct.log: not a figure: bench pair pool coherent 4K classic 0 many 700" ]
	measured virt-base-direct <<<'nothing'
	run scripts/bench-report build/bench
	[ "$status" -eq 1 ]
	[ "$output" = "bench-report: no figures in build/bench" ]
}

@test "bench: of five rounds the lowest figures count, of ten with others live the second lowest" {
	sed -n '/^rounds()/,$p' "$BATS_TEST_DIRNAME/../bench/lib.sh" >rounds.sh
	cat >>rounds.sh <<-'EOF'
		# 7 has a remainder for each of ten numbers, 107 comes first
		measure() { echo "bench $1 $2 $3 $4 $5 $6 $((100 + $6 * 7 % 10)) $((300 - $6)) 5"; }
		rounds pair pool coherent 64K "one two" 1 1
		rounds pair pool coherent 4K one
	EOF
	run sh rounds.sh
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "bench pair pool coherent 64K one 1 101 291 5" ]
	[ "${lines[1]}" = "bench pair pool coherent 64K two 1 101 291 5" ]
	[ "${lines[2]}" = "bench pair pool coherent 4K one 0 100 300 5" ]
}

@test "check-sanitize and mutants: a bad part, number or name, and nothing is booted" {
	printf '#!/bin/bash\necho booted\nexit 1\n' >scripts/boot
	PART=other refused "no part 'other': PART= takes one of faults kcsan races escape fuzz configs" scripts/check-sanitize
	MACHINE=vax refused "no machine 'vax'" scripts/check-sanitize
	MINUTES=0 refused "MINUTES=0 is not a number" scripts/check-sanitize
	ROUNDS=many refused "ROUNDS=many is not a number" scripts/check-sanitize
	SEED=any refused "SEED=any is not a number" scripts/check-sanitize
	mkdir -p tests
	echo '@ one a.c suite' >tests/mutants.list
	refused "no mutant 'two' in tests/mutants.list" scripts/mutants two
}

# sanitize STATUS LINE...: a $part of check-sanitize where a guest says that, on vexpress
sanitize()
{
	local status=$1 part=${part:-faults}

	shift
	printf '%s\n' "$@" >"$P/said"
	mkdir -p tests demo
	touch tests/{a.c,a.h,a.sh} demo/{a.c,a.h,a.sh}
	printf '#!/bin/bash\n' | tee scripts/kernel >scripts/initramfs
	printf '#!/bin/bash\nwhile [ "$1" != --log ]; do shift; done\ncp "%s" "$2"\nexit %d\n' \
		"$P/said" "$status" >scripts/boot
	stub arm-linux-gnueabihf-gcc <<<:
	echo "$part some tests/$part.sh,SEED,heap" >machines/vexpress/sanitize
	MACHINE=vexpress PART=$part scripts/check-sanitize
}

@test "check-sanitize fails for a fault that loses something, and remembers what passed" {
	make -s tree KERNEL="$FAKE"
	run sanitize 1 'ok 1 - heap: 3 allocations' 'not ok 2 - queue: something is lost' 1..2
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "check-sanitize: 0 passed, 1 failed, 0 skipped" ]
	[[ $output == *"not ok 2 - queue: something is lost"* ]]
	[[ $output == *"make check-sanitize PART=faults MACHINE=vexpress; log: build/sanitize/"* ]]

	run sanitize 0 'FAULT_INJECTION: forcing a failure.' ' should_fail_ex+0x1/0x2' \
		' __kmalloc_noprof+0x1/0x2' ' one+0x1/0x2' ' two+0x1/0x2' 'ok 1 - heap: 3 allocations' 1..1
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"    heap: 3 allocations"* ]]
	[[ $output == *"    1 places where an allocation failed"* ]]
	[ "${lines[-1]}" = "check-sanitize: 1 passed, 0 failed, 0 skipped" ]
	run sanitize 1 'not ok 1 - heap: not asked' 1..1
	[ "$status" -eq 0 ]
	[[ $output == *"passed: vexpress: faults: some"* ]]
	echo another >>build/linux/kernel/file
	run sanitize 1 'not ok 1 - heap: asked again' 1..1
	[ "$status" -eq 1 ]
}

@test "check-sanitize: what is run after the planted race is the line's own" {
	make -s tree KERNEL="$FAKE"
	echo 'int a;' >build/linux/a.c
	git -C build/linux add a.c
	git -C build/linux -c user.name=a -c user.email=a@b commit -qm a
	mkdir -p build/vexpress-kcsan tests demo
	touch build/vexpress-kcsan/a.o tests/{a.c,a.h,a.sh} demo/{a.c,a.h,a.sh}
	printf '#!/bin/bash\n' | tee scripts/kernel >scripts/initramfs
	stub arm-linux-gnueabihf-gcc <<<:
	stub arm-linux-gnueabihf-nm <<<'echo 0 T __dma_uncharge'
	printf '#!/bin/bash\necho "$*" >>"%s"\nwhile [ "$1" != --log ]; do shift; done\necho "%s" >"$2"\n' \
		"$P/booted" 'BUG: KCSAN: data-race in __dma_uncharge / __dma_uncharge' >scripts/boot
	echo 'kcsan stress tests/stress.sh,SECONDS,1,files' >machines/vexpress/sanitize
	MACHINE=vexpress PART=kcsan MINUTES=3 run scripts/check-sanitize
	echo "$output"
	[[ $output == *"passed: vexpress: kcsan: planted"* ]]
	[[ $output == *"failed: vexpress: kcsan: stress"* ]]
	[ "$(grep -o 'tests/stress.sh[^ ]*' "$P/booted" | paste -sd' ')" = "tests/stress.sh,20 tests/stress.sh,180,1,files" ]
}

@test "check-sanitize says with which seed it fails, and takes it" {
	make -s tree KERNEL="$FAKE"
	part=fuzz run sanitize 1 '# seed 7' 'not ok 1 - heap, call 5: more is mapped than was' 1..2
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"make check-sanitize PART=fuzz MACHINE=vexpress SEED=7; log: build/sanitize/"* ]]
	SEED=7 part=fuzz run sanitize 0 '# seed 7' 'ok 1 - 5 calls' 1..2
	[ "$status" -eq 0 ]
	part=fuzz run sanitize 0 '# seed 8' 'ok 1 - 6 calls' 1..2
	[[ $output == *"    6 calls"* ]]
	part=fuzz run sanitize 1 'not ok 1 - heap: not asked' 1..2
	[ "$status" -eq 0 ]
}

@test "mutate: each change only for its number, and a line that is not there is said" {
	mkdir -p tree/kernel/cgroup
	printf '%s\n' '#include <linux/a.h>' '' 'int f(int a)' '{' '	if (a > 1)' '		return 1;' \
		'	a = 2;' '	g(a);' '	return 0;' '}' >tree/kernel/cgroup/dmem.c
	printf '%s\n' '# comment' '@ one kernel/cgroup/dmem.c dmem* leaks' '-	if (a > 1)' '+	if (0)' \
		'@ two kernel/cgroup/dmem.c:f dmem*' '-	g(a);' '+' \
		'@ three kernel/cgroup/dmem.c dmem*' '-	a = 2;' '+	a = 3;' >list
	run scripts/mutate tree list
	[ "$status" -eq 0 ]
	[ "$output" = $'1 one dmem* leaks\n2 two dmem*\n3 three dmem*' ]
	grep -xF 'if ((mutant_number == 1) ? !!(0) : !!(a > 1))' tree/kernel/cgroup/dmem.c
	grep -xF 'if (mutant_number == 2) { ; } else { g(a); }' tree/kernel/cgroup/dmem.c
	grep -xF 'a = (mutant_number == 3) ? (3) : (2);' tree/kernel/cgroup/dmem.c
	run scripts/mutate tree list
	[ "$status" -eq 1 ]
	[ "$output" = "mutate: kernel/cgroup/dmem.c: 0 times: if (a > 1)" ]
	run scripts/mutate --check tree list
	[ "$status" -eq 1 ]
	[ "$output" = "mutate: kernel/cgroup/dmem.c: 0 times: if (a > 1)" ]
}
