// SPDX-License-Identifier: GPL-2.0-only
/*
 * calls - how long system calls take: for buffers to be allocated and freed, and
 * for files to be read
 *
 * The command line is a list of commands, carried out from left to right:
 *
 *   samples N      how many times are taken from here on (1000)
 *   size WxH       geometry of the buffers from here on (640x480), 32 bits each
 *   dumb           create and destroy a dumb buffer
 *   camera         VIDIOC_REQBUFS of 4 buffers, and of 0
 *   heap           allocate and close a buffer of the CMA heap
 *   read FILE      read all of an open file of a cgroup
 *
 * The last four print the minimum and the median, in nanoseconds.
 *
 *   fill FILE      write 0 for each region to this file of a cgroup, dmem.low
 *                  for example; that makes the kernel keep counters for them
 *   protect FILE   the same with 1G
 *   behind COMMAND become this command of the shell, with the lowest priority
 *
 * Exit status: 0 all commands succeeded, 1 one failed, 2 bad command line.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <linux/dma-heap.h>
#include <linux/videodev2.h>

#include "../demo/commands.h"

#define MAX_SAMPLES	100000

static unsigned int samples = 1000;
static unsigned int width = 640, height = 480;
static int device;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool measure(const char *name, const char *path, int flags, bool (*pair)(void))
{
	static uint64_t times[MAX_SAMPLES];

	device = open(path, flags | O_CLOEXEC);
	if (device < 0)
		return fail(path);
	for (unsigned int i = 0; i < samples; i++) {
		uint64_t start = now();

		if (!pair()) {
			fail(name);
			close(device);
			return false;
		}
		times[i] = now() - start;
	}
	close(device);
	qsort(times, samples, sizeof(times[0]), compare);
	if (flags == O_RDWR)
		printf("%s %ux%u", name, width, height);
	else
		printf("%s", name);
	printf(": min %llu ns, median %llu ns\n", (unsigned long long)times[0],
	       (unsigned long long)times[samples / 2]);
	return true;
}

static bool dumb_pair(void)
{
	struct drm_mode_create_dumb create = { .width = width, .height = height, .bpp = 32 };
	struct drm_mode_destroy_dumb destroy = { };

	if (ioctl(device, DRM_IOCTL_MODE_CREATE_DUMB, &create))
		return false;
	destroy.handle = create.handle;
	return !ioctl(device, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
}

static bool request(unsigned int count)
{
	struct v4l2_requestbuffers req = {
		.count = count, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP,
	};

	return !ioctl(device, VIDIOC_REQBUFS, &req) && req.count == count;
}

static bool camera_pair(void)
{
	struct v4l2_format format = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	static bool done;

	if (!done) {
		format.fmt.pix.width = width;
		format.fmt.pix.height = height;
		format.fmt.pix.pixelformat = V4L2_PIX_FMT_XRGB32;
		if (ioctl(device, VIDIOC_S_FMT, &format))
			return false;
		done = true;
	}
	return request(4) && request(0);
}

static bool heap_pair(void)
{
	struct dma_heap_allocation_data data = {
		.len = (uint64_t)width * height * 4, .fd_flags = O_RDWR | O_CLOEXEC,
	};

	return !ioctl(device, DMA_HEAP_IOCTL_ALLOC, &data) && !close(data.fd);
}

static char contents[65536];

/* At once: the files of a cgroup are made when they are read from their start. */
static bool read_all(void)
{
	ssize_t n = pread(device, contents, sizeof(contents), 0);

	return n > 0 && (size_t)n < sizeof(contents);
}

static bool write_for_each_region(const char *path, const char *value)
{
	int fd = open("/sys/fs/cgroup/dmem.capacity", O_RDONLY | O_CLOEXEC);
	char line[256];
	ssize_t n;

	if (fd < 0)
		return fail("dmem.capacity");
	n = read(fd, contents, sizeof(contents) - 1);
	close(fd);
	if (n <= 0)
		return fail("dmem.capacity");
	contents[n] = '\0';

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(path);
	for (char *name = strtok(contents, " "); name && *name; name = strtok(NULL, " ")) {
		n = snprintf(line, sizeof(line), "%s %s", name, value);
		if (write(fd, line, n) != n) {
			fail(path);
			close(fd);
			return false;
		}
		strtok(NULL, "\n");
	}
	close(fd);
	return true;
}

static bool cmd_read(const char *arg)
{
	return measure("read", arg, O_RDONLY, read_all);
}

static bool cmd_fill(const char *arg)
{
	return write_for_each_region(arg, "0");
}

static bool cmd_protect(const char *arg)
{
	return write_for_each_region(arg, "1G");
}

static bool cmd_behind(const char *arg)
{
	if (nice(19) < 0)
		return fail("nice");
	execl("/bin/sh", "sh", "-c", arg, NULL);
	return fail("/bin/sh");
}

static bool is_path(const char *arg)
{
	return *arg;
}

static bool cmd_samples(const char *arg)
{
	samples = strtoul(arg, NULL, 10);
	return true;
}

static bool cmd_size(const char *arg)
{
	return sscanf(arg, "%ux%u", &width, &height) == 2;
}

static bool cmd_dumb(const char *arg)
{
	(void)arg;
	return measure("dumb", "/dev/dri/card0", O_RDWR, dumb_pair);
}

static bool cmd_camera(const char *arg)
{
	(void)arg;
	return measure("camera", "/dev/video0", O_RDWR, camera_pair);
}

static bool cmd_heap(const char *arg)
{
	(void)arg;
	return measure("heap", "/dev/dma_heap/default_cma_region", O_RDWR, heap_pair);
}

static bool is_samples(const char *arg)
{
	unsigned int n;
	char rest;

	return sscanf(arg, "%u%c", &n, &rest) == 1 && n && n <= MAX_SAMPLES;
}

static bool is_size(const char *arg)
{
	unsigned int w, h;
	char rest;

	return sscanf(arg, "%ux%u%c", &w, &h, &rest) == 2;
}

static const struct command commands[] = {
	{ .name = "samples",	.run = cmd_samples, .valid = is_samples, .takes = "a number" },
	{ .name = "size",	.run = cmd_size, .valid = is_size, .takes = "WxH" },
	{ .name = "dumb",	.run = cmd_dumb },
	{ .name = "camera",	.run = cmd_camera },
	{ .name = "heap",	.run = cmd_heap },
	{ .name = "read",	.run = cmd_read, .valid = is_path, .takes = "a file" },
	{ .name = "fill",	.run = cmd_fill, .valid = is_path, .takes = "a file" },
	{ .name = "protect",	.run = cmd_protect, .valid = is_path, .takes = "a file" },
	{ .name = "behind",	.run = cmd_behind, .valid = is_path, .takes = "a command" },
	{}
};

int main(int argc, char *argv[])
{
	(void)argc;
	return run_commands("calls", "[size WxH] dumb|camera|heap|read FILE", commands, argv);
}
