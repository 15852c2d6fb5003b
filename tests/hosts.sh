#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Who sets limits on a real machine: systemd, as process 1, and crun, both of Debian,
# with the files that docs/administrators.md shows: blocks of it that begin with
# "```language /path". Prints TAP. Needs two vivid cameras, and systemd to start it:
#
#   rdinit=/lib/systemd/systemd systemd.unit=guest.service
#   vivid.n_devs=2 vivid.node_types=0x1,0x1 vivid.allocators=1,1
#
# on the kernel command line. What verdict() calls is not unreachable:
# shellcheck disable=SC2317

# shellcheck source=demo/lib.sh
. /demo/lib.sh

REGION=dma/default_cma_region
FRAME=8294400
BUNDLE=/tmp/bundle
SERVICE=cameras.slice/camera.service
OTHER=cameras.slice/other.service
SUBTREE=system.slice/containers.service

# unit NAME COMMAND...: what it says is in /tmp/NAME
unit() {
	name=$1
	shift
	cat > "/etc/systemd/system/$name.service" <<-EOF
	[Service]
	StandardOutput=truncate:/tmp/$name
	ExecStart=/bin/camera $*
	EOF
}

# controlled DIR: whether its children have the controller
controlled() {
	grep -qw dmem "$1/cgroup.subtree_control"
}

# has FILE LINE
has() {
	grep -qx -- "$2" "$1"
}

holding() {
	await grep -q holding "/tmp/$1"
}

is_first() {
	[ "$(cat /proc/1/comm)" = systemd ] && [ -d system.slice ] && ! controlled .
}

started() {
	systemctl daemon-reload && systemctl start camera && holding camera &&
		reads "$SERVICE"/dmem.max $((32 * MIB)) && reads cameras.slice/dmem.max $((40 * MIB))
}

limited() {
	reads "$SERVICE"/dmem.current $((4 * FRAME)) && reads "$SERVICE"/dmem.events.local max=1 &&
		reads cameras.slice/dmem.events.local max=0
}

limited_by_the_slice() {
	systemctl start other && await has /tmp/other 'request 2: Cannot allocate memory' &&
		reads cameras.slice/dmem.events.local max=1 && reads "$OTHER"/dmem.events.local max=0
}

restarted() {
	before=$(stat -c %i "$SERVICE")
	echo "$REGION 1M" > "$SERVICE"/dmem.max
	systemctl restart camera && holding camera && [ "$(stat -c %i "$SERVICE")" != "$before" ] &&
		reads "$SERVICE"/dmem.max $((32 * MIB)) && limited_again
}

limited_again() {
	reads "$SERVICE"/dmem.current $((4 * FRAME)) && reads "$SERVICE"/dmem.events.local max=1
}

# Limits that no unit has
by_hand() {
	echo "$REGION 33M" > "$SERVICE"/dmem.max
	echo "$REGION 41M" > cameras.slice/dmem.max
}

as_by_hand() {
	reads "$SERVICE"/dmem.max $((33 * MIB)) && reads cameras.slice/dmem.max $((41 * MIB)) &&
		controlled . && controlled cameras.slice &&
		reads "$SERVICE"/dmem.current $((4 * FRAME))
}

# untouched COMMAND...
untouched() {
	by_hand
	"$@" && as_by_hand
}

# Makes and removes cgroups, and enables a controller, beside ours
others_come_and_go() {
	systemctl start visitor && await has /tmp/visitor 'holding .*' && systemctl stop visitor
}

# As in Documentation/admin-guide/cgroup-v2.rst
slice_alone() {
	cat > /etc/systemd/system/kiosk-limit.service <<-EOF
	[Unit]
	Requires=kiosk.slice
	After=kiosk.slice
	[Service]
	Type=oneshot
	ExecStart=/bin/sh -c 'echo +dmem > /sys/fs/cgroup/cgroup.subtree_control'
	ExecStart=/bin/sh -c 'echo "$REGION 4M" > /sys/fs/cgroup/kiosk.slice/dmem.max'
	EOF
	systemctl daemon-reload && systemctl start kiosk-limit && reads kiosk.slice/dmem.max $((4 * MIB)) &&
		systemctl stop kiosk.slice && await [ ! -e kiosk.slice ]
}

stopped() {
	systemctl stop camera other && await [ ! -e "$SERVICE" ] && await reads dmem.current 0
}

delegated() {
	systemctl start containers && await controlled "$SUBTREE" &&
		reads "$SUBTREE"/dmem.max $((40 * MIB)) && [ -e "$SUBTREE"/main/dmem.max ]
}

# Cgroups below are not systemd's business.
untouched_below() {
	mkdir "$SUBTREE"/mine && echo "$REGION 3M" > "$SUBTREE"/mine/dmem.max &&
		systemctl daemon-reload && systemctl daemon-reexec &&
		systemctl set-property --runtime containers MemoryMax=512M &&
		controlled "$SUBTREE" && reads "$SUBTREE"/mine/dmem.max $((3 * MIB)) &&
		reads "$SUBTREE"/dmem.max $((40 * MIB)) && rmdir "$SUBTREE"/mine
}

# container LIMIT COMMAND...: in crun, what the container says in /tmp/container
container() {
	limit=$1
	shift
	mkdir -p "$BUNDLE"/rootfs/proc "$BUNDLE"/rootfs/dev
	cp /demo/camera "$BUNDLE"/rootfs/
	cat > "$BUNDLE"/config.json <<-EOF
	{
		"ociVersion": "1.0.0",
		"process": {
			"user": { "uid": 0, "gid": 0 },
			"args": [ "/camera", "$(echo "$*" | sed 's/ /", "/g')" ],
			"cwd": "/"
		},
		"root": { "path": "rootfs" },
		"mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" } ],
		"linux": {
			"cgroupsPath": "/$SUBTREE/one",
			"namespaces": [ { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" } ],
			"devices": [ { "path": "/dev/video0", "type": "c", "major": 81, "minor": 0, "fileMode": 438 } ],
			"resources": { "unified": { "dmem.max": "$REGION $limit" } }
		}
	}
	EOF
	# pivot_root() does not do it from an initramfs.
	crun run --no-pivot --no-new-keyring -b "$BUNDLE" one > /tmp/container 2>&1
}

within() {
	container 16M size 1920x1080 request 2 stream 4 && ! grep -q Cannot /tmp/container &&
		await [ ! -e "$SUBTREE"/one ]
}

# A container that stays, to be looked at
beyond() {
	container 16M size 1920x1080 request 3 hold &
	await grep -q holding /tmp/container && reads "$SUBTREE"/one/dmem.max $((16 * MIB)) &&
		reads "$SUBTREE"/one/dmem.current $((2 * FRAME)) &&
		reads "$SUBTREE"/one/dmem.events.local max=1 && reads "$SUBTREE"/dmem.current $((2 * FRAME)) &&
		crun kill one KILL && wait && await reads "$SUBTREE"/dmem.current 0
}

refused() {
	container 8M size 1920x1080 request 2
	has /tmp/container 'request 2: Cannot allocate memory'
}

# What the subtree has left is not much: its limit counts, too.
refused_by_the_subtree() {
	echo "$REGION 8M" > "$SUBTREE"/dmem.max
	before=$(value "$SUBTREE"/dmem.events.local)
	container 16M size 1920x1080 request 2
	has /tmp/container 'request 2: Cannot allocate memory' &&
		[ "$(value "$SUBTREE"/dmem.events.local)" = "max=$((${before#max=} + 1))" ]
}

not_enabled() {
	echo -dmem > "$SUBTREE"/cgroup.subtree_control
	! container 16M size 1920x1080 request 2 &&
		grep -q 'controller .dmem. is not available' /tmp/container &&
		! grep -q 'request 2' /tmp/container
}

# attempt TITLE COMMAND...: and if that fails, what there is to know
attempt() {
	verdict "$@"
	[ "$result" = 0 ] || [ "$said" ] || {
		said=1
		head -n 20 /tmp/camera /tmp/other /tmp/visitor /tmp/container
		grep -r . cameras.slice/dmem.* cameras.slice/*/dmem.* "$SUBTREE"/dmem.* cgroup.subtree_control
		systemctl --no-pager status camera other containers
	} 2>&1 | sed 's/^/# /'
}

awk '/^```/ { if (file) close(file); file = ""; if ($2 ~ "^/") {
		file = $2; dir = file; sub("/[^/]*$", "", dir); system("mkdir -p " dir); next } }
	file { print > file }' /docs/administrators.md
chmod 755 /usr/local/sbin/*
# What units want to be there, and who boots the guest did not need
for target in sysinit basic shutdown; do
	printf '[Unit]\nDefaultDependencies=no\n' > /etc/systemd/system/$target.target
done
cp /demo/camera /bin/camera
unit camera size 1920x1080 request 5 hold
unit other device 1 size 1920x1080 request 2 hold
unit visitor device 1 size 320x180 request 2 hold
mkdir /etc/systemd/system/other.service.d
cp /etc/systemd/system/camera.service.d/dmem.conf /etc/systemd/system/other.service.d/
cd $CGROUPS || exit 1

echo "TAP version 13"
said=
attempt "systemd runs this, and leaves the controller alone" is_first
attempt "a drop-in limits a service and its slice before it allocates" started
attempt "the service has what its limit allows, and no more" limited
attempt "another one in the slice has what the limit of the slice leaves" limited_by_the_slice
attempt "a restart makes a new cgroup, with the limit" restarted
attempt "daemon-reload leaves limits alone" untouched systemctl daemon-reload
attempt "so does daemon-reexec" untouched systemctl daemon-reexec
attempt "so does a property of the service" untouched systemctl set-property --runtime camera MemoryMax=512M
attempt "so do other services that start and stop" untouched others_come_and_go
attempt "a slice has its limit before anything runs in it" slice_alone
attempt "stopped, all is gone" stopped
attempt "a service gets a subtree of its own" delegated
attempt "systemd leaves limits and controllers in it alone" untouched_below
attempt "crun writes the limit of a container, which works within it" within
attempt "and gets no more than that" beyond
attempt "or nothing, if not enough is left of it" refused
attempt "nor more than the subtree may have" refused_by_the_subtree
attempt "crun does not start a container if nobody has enabled the controller" not_enabled
echo "1..$number"
exit "$result"
