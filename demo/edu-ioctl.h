/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/edu of the demonstration: each mmap() of offset 0 allocates the memory of
 * an open file, once.
 */
#ifndef EDU_IOCTL_H
#define EDU_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* By the device's own DMA engine, from one offset in this memory to another */
struct edu_copy {
	__u32 from;
	__u32 to;
	__u32 size;	/* at most EDU_MAX_COPY */
};

#define EDU_MAX_COPY	2048
#define EDU_COPY	_IOW('E', 1, struct edu_copy)

#endif
