#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Does what docs/administrators.md tells to do, in one shell, block by block: those
# that begin with "```sh run". Prints what was typed and what came of it, as a
# transcript, and TAP. The application is a vivid camera with four buffers of
# 1920x1080, which it exports, too. Needs
#
#   vivid.n_devs=1 vivid.node_types=0x1 vivid.allocators=1
#
# on the kernel command line. What verdict() calls is not unreachable:
# shellcheck disable=SC2317

# shellcheck source=demo/lib.sh
. /demo/lib.sh

REGION=dma/default_cma_region
NEEDED=$((4 * 8294400))
BLOCKS=/tmp/blocks
APPLICATION=/tmp/bin/camera-application

mkdir -p $BLOCKS /tmp/bin
PATH=/tmp/bin:$PATH
awk -v dir=$BLOCKS '
	/^```/ { if (typed) close(file); typed = /^```sh run$/; if (typed) file = dir "/" ++n; next }
	typed { print > file }' /docs/administrators.md

cat > $APPLICATION <<'END'
#!/bin/sh
exec camera size 1920x1080 request 4 export stream 4 hold > /tmp/application 2>&1
END
chmod 755 $APPLICATION

# block: types the next one. What a person would see before going on is awaited.
block() {
	typed=$((typed + 1))
	sed 's/^/# /' $BLOCKS/$typed
	rm -f /tmp/application
	eval "$(cat $BLOCKS/$typed)" > /tmp/output 2>&1
	cat /tmp/output
	if grep -q "dmemtop.*watch" $BLOCKS/$typed; then
		await test -s /tmp/watch
	fi
	if grep -q camera-application $BLOCKS/$typed; then
		await grep -q holding /tmp/application
		sed 's/^/application: /' /tmp/application
	fi
	if grep -q cgroup.kill $BLOCKS/$typed; then
		await grep -qx 'populated 0' camera/cgroup.events
		await reads camera/dmem.current 0
	fi
}

hundredths() {
	read -r now _ < /proc/uptime
	echo "${now%.*}${now#*.}"
}

names_the_region() {
	grep -q "^/dev/video0 .* $REGION " /tmp/output
}

needs() {
	reads camera/dmem.current "$NEEDED" && ! grep -q 'Cannot allocate' /tmp/application
}

measured() {
	grep -qx "camera/dmem.current:$REGION $NEEDED" /tmp/output &&
		grep -qx "camera/dmem.peak:$REGION $NEEDED" /tmp/output
}

refused() {
	grep -qx 'request 4: Cannot allocate memory' /tmp/application && reads camera/dmem.events max=1
}

# The row of the camera when the count rose: the two files are not read at once
seen() {
	grep -q " 1\**  *1\**  *$REGION  /camera$" /tmp/watch
}

said() {
	grep -q " 1\**  *1\**  *$REGION  /camera$" /tmp/output && grep -qx "$REGION max=1" /tmp/output
}

# The process is found by its cgroup, by its descriptors and by its mappings.
found() {
	pid=$(cat camera/cgroup.procs)
	[ "$(cat "/proc/$pid/comm")" = camera ] && grep -qx "$pid" /tmp/output &&
		grep -q "^/proc/$pid/fd/[0-9]* -> /dev/video0$" /tmp/output &&
		[ "$(grep -c "^/proc/$pid/fd/[0-9]* -> /dmabuf:" /tmp/output)" = 4 ] &&
		grep -q "^/proc/$pid/maps:8$" /tmp/output &&
		[ "$(grep -o '^/proc/[0-9]*' /tmp/output | sort -u)" = "/proc/$pid" ]
}

ended() {
	reads camera/dmem.current 0 && ! grep -qsx dmemtop /proc/[0-9]*/comm
}

undone() {
	[ ! -e camera ] && ! grep -q dmem cgroup.subtree_control && reads dmem.current 0
}

echo "TAP version 13"
typed=0
block
verdict "the region of the camera" names_the_region
block
verdict "an application without a limit" needs
block
verdict "what it needs" measured
block
verdict "watching" [ -s /tmp/watch ]
block
verdict "a limit that is too low" refused
before=$(hundredths)
verdict "dmemtop shows the refusal" await seen
echo "# $(($(hundredths) - before)) hundredths of a second after the application had said it"
block
verdict "where it is read" said
block
verdict "a limit that is not" needs
block
verdict "who holds the memory" found
block
verdict "all is ended" ended
block
verdict "all is undone" undone
verdict "there is no more in the document" [ ! -e $BLOCKS/$((typed + 1)) ]
echo "1..$number"
exit "$result"
