// SPDX-License-Identifier: GPL-2.0-only
/*
 * share - allocate dma-bufs, hand them to others, and say who is to pay
 *
 * The command line is a list of commands, carried out from left to right:
 *
 *   heap N        allocate N dma-bufs of 1 MiB from the CMA heap
 *   camera N      request N buffers of 320x180 from the camera, and export them
 *   dumb N        create N dumb buffers of 256x256 pixels, and export them
 *   give N        wait for a "get", and hand it the N buffers after those that
 *                 were given already; they are kept, too
 *   get           take what a "give" hands out
 *   charge WHERE  charge that cgroup, by its path, for all buffers; "." is the
 *                 caller's own
 *   user UID      be that user from here on, without any rights of root
 *   close         close all buffers, and what they came from
 *   hold          say so, and wait for SIGTERM
 *
 * A command that fails says why, and the next one is carried out.
 *
 * Exit status: 0 all commands succeeded, 1 one failed, 2 bad command line.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/videodev2.h>

#include "../demo/commands.h"

#define HEAP		"/dev/dma_heap/default_cma_region"
#define HEAP_SIZE	(1 << 20)
#define CAMERA		"/dev/video0"
#define DISPLAY		"/dev/dri/card0"
#define CGROUPS		"/sys/fs/cgroup"
#define MAX_BUFFERS	32

static int bufs[MAX_BUFFERS];
static int nr_bufs, nr_given;
static int device = -1, listener = -1;

/* All in one directory, so one name is enough. */
static const struct sockaddr_un where = {
	.sun_family = AF_UNIX,
	.sun_path = "/tmp/share",
};

static bool is_count(const char *arg)
{
	char *end;
	long n = strtol(arg, &end, 10);

	return !*end && n > 0 && n <= MAX_BUFFERS;
}

static bool is_anything(const char *arg)
{
	return *arg;
}

static bool add(int fd)
{
	if (nr_bufs == MAX_BUFFERS) {
		close(fd);
		errno = ENOSPC;
		return false;
	}
	bufs[nr_bufs++] = fd;
	return true;
}

static bool cmd_heap(const char *arg)
{
	int heap = open(HEAP, O_RDWR | O_CLOEXEC);
	bool ok = heap >= 0;

	for (int i = 0; ok && i < atoi(arg); i++) {
		struct dma_heap_allocation_data req = {
			.len = HEAP_SIZE,
			.fd_flags = O_RDWR | O_CLOEXEC,
		};

		ok = !ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &req) && add(req.fd);
	}
	if (!ok)
		fail("heap");
	close(heap);
	return ok;
}

static bool cmd_camera(const char *arg)
{
	struct v4l2_format format = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.fmt.pix = {
			.width = 320,
			.height = 180,
			.pixelformat = V4L2_PIX_FMT_XBGR32,
		},
	};
	struct v4l2_requestbuffers req = {
		.count = atoi(arg),
		.type = format.type,
		.memory = V4L2_MEMORY_MMAP,
	};

	device = open(CAMERA, O_RDWR | O_CLOEXEC);
	if (device < 0 || ioctl(device, VIDIOC_S_FMT, &format) ||
	    ioctl(device, VIDIOC_REQBUFS, &req))
		return fail("camera");

	for (unsigned int i = 0; i < req.count; i++) {
		struct v4l2_exportbuffer exp = {
			.type = req.type,
			.index = i,
			.flags = O_RDWR | O_CLOEXEC,
		};

		if (ioctl(device, VIDIOC_EXPBUF, &exp) || !add(exp.fd))
			return fail("export");
	}
	return true;
}

static bool cmd_dumb(const char *arg)
{
	device = open(DISPLAY, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return fail("display");

	for (int i = 0; i < atoi(arg); i++) {
		struct drm_mode_create_dumb req = {
			.width = 256, .height = 256, .bpp = 32,
		};
		struct drm_prime_handle exp = { .flags = O_RDWR | O_CLOEXEC };

		if (ioctl(device, DRM_IOCTL_MODE_CREATE_DUMB, &req))
			return fail("dumb");
		exp.handle = req.handle;
		if (ioctl(device, DRM_IOCTL_PRIME_HANDLE_TO_FD, &exp) ||
		    !add(exp.fd))
			return fail("export");
	}
	return true;
}

/* A message with room for so many file descriptors */
struct parcel {
	struct msghdr msg;
	struct iovec iov;
	char byte;
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(MAX_BUFFERS * sizeof(int))];
	} control;
};

static struct cmsghdr *parcel(struct parcel *p, int count)
{
	memset(p, 0, sizeof(*p));
	p->iov.iov_base = &p->byte;
	p->iov.iov_len = 1;
	p->msg.msg_iov = &p->iov;
	p->msg.msg_iovlen = 1;
	p->msg.msg_control = p->control.buf;
	p->msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
	p->control.align.cmsg_level = SOL_SOCKET;
	p->control.align.cmsg_type = SCM_RIGHTS;
	p->control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
	return CMSG_FIRSTHDR(&p->msg);
}

static bool cmd_give(const char *arg)
{
	int count = atoi(arg), client;
	struct parcel p;
	bool ok;

	if (nr_given + count > nr_bufs) {
		errno = ENOENT;
		return fail("give");
	}
	if (listener < 0) {
		unlink(where.sun_path);
		listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(listener, (const void *)&where, sizeof(where)) ||
		    chmod(where.sun_path, 0666) || listen(listener, 8))
			return fail("listen");
	}
	say("listening");
	client = accept(listener, NULL, NULL);
	if (client < 0)
		return fail("accept");

	memcpy(CMSG_DATA(parcel(&p, count)), bufs + nr_given,
	       count * sizeof(int));
	ok = sendmsg(client, &p.msg, 0) == 1;
	if (ok)
		nr_given += count;
	else
		fail("give");
	close(client);
	return ok;
}

static bool cmd_get(const char *arg)
{
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct cmsghdr *cmsg;
	struct parcel p;
	bool ok = true;
	int count;

	(void)arg;
	parcel(&p, MAX_BUFFERS);
	if (connect(server, (const void *)&where, sizeof(where)) ||
	    recvmsg(server, &p.msg, MSG_CMSG_CLOEXEC) != 1) {
		close(server);
		return fail("get");
	}
	close(server);

	cmsg = CMSG_FIRSTHDR(&p.msg);
	count = cmsg ? (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	for (int i = 0; i < count; i++)
		ok &= add(((int *)CMSG_DATA(cmsg))[i]);
	say("got %d", count);
	return ok;
}

/* The path of this process's own cgroup */
static bool own_cgroup(char *path, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "r");
	char line[PATH_MAX];
	bool ok = false;

	while (f && !ok && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		ok = !strncmp(line, "0::", 3) &&
		     snprintf(path, size, CGROUPS "%s", line + 3) < (int)size;
	}
	if (f)
		fclose(f);
	return ok;
}

static bool cmd_charge(const char *arg)
{
	struct dma_buf_recharge req = {};
	char own[PATH_MAX + 32];
	int moved = 0;
	bool ok;

	if (!strcmp(arg, ".")) {
		if (!own_cgroup(own, sizeof(own)))
			return fail("own cgroup");
		arg = own;
	}
	req.cgroup_fd = open(arg, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (req.cgroup_fd < 0)
		return fail(arg);

	while (moved < nr_bufs &&
	       !ioctl(bufs[moved], DMA_BUF_IOCTL_RECHARGE, &req))
		moved++;
	ok = moved == nr_bufs;
	if (!ok)
		fail("charge");
	say("charged %d", moved);
	close(req.cgroup_fd);
	return ok;
}

static bool cmd_user(const char *arg)
{
	return !setuid(atoi(arg)) || fail("user");
}

static bool cmd_close(const char *arg)
{
	(void)arg;
	while (nr_bufs)
		close(bufs[--nr_bufs]);
	close(device);
	device = -1;
	nr_given = 0;
	return true;
}

static bool cmd_hold(const char *arg)
{
	(void)arg;
	return hold("holding");
}

static const struct command commands[] = {
	{ .name = "heap",	.run = cmd_heap, .valid = is_count, .takes = "a number" },
	{ .name = "camera",	.run = cmd_camera, .valid = is_count, .takes = "a number" },
	{ .name = "dumb",	.run = cmd_dumb, .valid = is_count, .takes = "a number" },
	{ .name = "give",	.run = cmd_give, .valid = is_count, .takes = "a number" },
	{ .name = "get",	.run = cmd_get },
	{ .name = "charge",	.run = cmd_charge, .valid = is_anything, .takes = "a path" },
	{ .name = "user",	.run = cmd_user, .valid = is_anything, .takes = "a number" },
	{ .name = "close",	.run = cmd_close },
	{ .name = "hold",	.run = cmd_hold },
	{}
};

int main(int argc, char *argv[])
{
	(void)argc;
	return run_commands("share", "heap N give N [hold]", commands, argv);
}
