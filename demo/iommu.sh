#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A PCI device behind an IOMMU: its memory comes from the page allocator. Booted
# with dma.system_region=1 there is a region for that, dma/system, and dmem.max
# limits how much of it a cgroup may have for DMA. The driver is demo/edu-driver,
# a model of one that gives its users DMA memory.

# shellcheck source=demo/lib.sh
. /demo/lib.sh

REGION=dma/system

demo_begin

step "13. A PCI device behind an IOMMU"
run 'insmod /demo/edu-driver.ko && ls /dev/edu'
check "the driver of QEMU's edu device is there" [ -c /dev/edu ]
run 'cd /sys/bus/pci/drivers/edu/0*'
run 'pwd -P && cat iommu_group/type'
check "the device is behind the IOMMU" grep -q '^DMA' /tmp/output
device=$(pwd -P)
run 'cd /sys/fs/cgroup'
run 'echo +dmem > cgroup.subtree_control'
run 'cat /sys/module/dma/parameters/system_region'
check "RAM as a region was asked for at boot" grep -qx Y /tmp/output
run 'grep dma/system dmem.capacity'
check "what the page allocator has is a region" [ "$(value dmem.capacity)" -gt $((512 * MIB)) ]

step "14. A user of the device may have 6 MiB"
run 'mkdir first second'
run "echo '$REGION 6M' > first/dmem.max"
run 'echo 1 > /sys/kernel/tracing/events/dma/dma_alloc_charge/enable'
run '(echo 0 > first/cgroup.procs; exec edu alloc 4 copy alloc 4 hold) > /tmp/first.log &'
first=$!
await grep holding /tmp/first.log
run 'cat /tmp/first.log'
check "it gets 4 MiB" grep -qx '4 MiB: here' /tmp/first.log
check "and the device copies in it, by DMA" \
	grep -q '^copied 2048 bytes by DMA$' /tmp/first.log
check "a second 4 MiB are refused with ENOMEM" grep -qx '4 MiB: Cannot allocate memory' /tmp/first.log
run 'grep dma/system first/dmem.current'
check "charged are 4 MiB" reads first/dmem.current $((4 * MIB))
run 'grep dma_alloc_charge: /sys/kernel/tracing/trace'
check "the trace has both requests, with device, region and cgroup" \
	[ "$(lines 'region=dma/system size=4194304 .* ret=0' /tmp/output)$(lines 'region=dma/system size=4194304 .* ret=-11' /tmp/output)" = 11 ]

step "15. Others are not affected, and everything comes back"
run '(echo 0 > second/cgroup.procs; exec edu alloc 4 alloc 4 copy)'
check "another cgroup gets 8 MiB" [ "$(lines '^4 MiB: here$' /tmp/output)" = 2 ]
run "kill -9 $first"
await reads first/dmem.current 0
run 'grep dma/system first/dmem.current first/dmem.peak second/dmem.current second/dmem.peak'
check "kill -9 returns the first one's" reads first/dmem.current 0
check "dmem.peak remembers" [ "$(value first/dmem.peak) $(value second/dmem.peak)" = "$((4 * MIB)) $((8 * MIB))" ]
await reads dmem.current 0
run 'grep dma/system dmem.current'
check "nothing is left charged" reads dmem.current 0

step "16. The device is taken away while a client has memory of it"
run '(echo 0 > first/cgroup.procs; exec edu alloc 4 copy hold look copy alloc 1 hold) > /tmp/first.log &'
first=$!
await grep holding /tmp/first.log
run 'grep dma/system first/dmem.current'
run "echo 1 > $device/remove && ls /dev/edu"
check "there is no device any more" [ "$([ ! -e "$device" ] && cat /tmp/output)" = "ls: /dev/edu: No such file or directory" ]
run "kill $first"
await sh -c '[ "$(grep -c holding /tmp/first.log)" = 2 ]'
run 'cat /tmp/first.log'
check "the client still has its memory, with what is in it" grep -qx 'look: 0 bytes are wrong' /tmp/first.log
check "but nothing else" \
	[ "$(lines '^copy: No such device$' /tmp/first.log)$(lines '^/dev/edu: No such file' /tmp/first.log)" = 11 ]
run 'grep dma/system first/dmem.current'
check "and it is still charged for it" reads first/dmem.current $((4 * MIB))
run "kill $first"
await reads dmem.current 0
run 'grep dma/system dmem.current'
check "nothing is left charged when it has closed it" reads dmem.current 0

demo_end
