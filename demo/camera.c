// SPDX-License-Identifier: GPL-2.0-only
/*
 * camera - make, stream into, share and hold the buffers of a V4L2 camera
 *
 * The command line is a list of commands, carried out from left to right:
 *
 *   device N       use /dev/videoN from here on (0); what is open stays open
 *   size WxH       geometry of the frames from here on (640x480), XR24
 *   planar         YM24 from here on: three planes of equal size
 *   noncoherent    ask for non-coherent memory from here on
 *   open           open the device; the others do that when they need it
 *   request N      VIDIOC_REQBUFS; each buffer must come zeroed and is filled
 *   add N          VIDIOC_CREATE_BUFS, the same
 *   check          read every buffer, mapped or exported, back once more
 *   stream N       queue all buffers, stream N frames, stop
 *   start          queue all buffers, and stream
 *   read N         N frames by read()
 *   poll           wait for a frame by poll()
 *   export         make and map a dma-buf of every buffer
 *   heap N         allocate and map N dma-bufs for XR24 frames from the CMA
 *                  heap, of which the camera needs to know nothing
 *   import         queue all dma-bufs
 *   misfit         queue them with a length beyond their end, which is refused
 *   unmap          unmap the buffers; the dma-bufs stay
 *   free           VIDIOC_REQBUFS of 0
 *   close          close the device; mappings and dma-bufs stay
 *   hold           say so, and wait for SIGTERM
 *
 * A command that fails says why, and the next one is carried out.
 *
 * Exit status: 0 all commands succeeded, 1 one failed, 2 bad command line.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-heap.h>
#include <linux/videodev2.h>

#include "camera.h"
#include "commands.h"

#define HEAP		"/dev/dma_heap/default_cma_region"
#define MAX_BUFFERS	64
#define MAX_PLANES	3

struct memory {
	uint8_t *map;		/* NULL: not mapped */
	size_t size;
	uint8_t fill;		/* what every byte of it is */
};

struct dmabuf {
	int fd;
	struct memory mem;
};

static struct memory buffers[MAX_BUFFERS][MAX_PLANES];
static unsigned int nr_buffers;
static struct dmabuf dmabufs[MAX_BUFFERS];
static unsigned int nr_dmabufs;

static int device = -1;
static char path[] = "/dev/video0";
static unsigned int type;
static unsigned int memory = V4L2_MEMORY_MMAP;
static unsigned int width = 640, height = 480;
static unsigned int fourcc = V4L2_PIX_FMT_XBGR32;
static unsigned int nr_planes = 1;
static size_t plane_size;	/* 0: no format has been set yet */
static unsigned int flags;

static bool open_device(void)
{
	if (device >= 0)
		return true;
	device = open(path, O_RDWR | O_CLOEXEC);
	type = device < 0 ? 0 : camera_type(device);
	return type || fail(path);
}

static bool set_format(void)
{
	struct v4l2_format fmt;

	if (!open_device())
		return false;
	fmt = camera_format(type, width, height, fourcc);
	if (ioctl(device, VIDIOC_S_FMT, &fmt))
		return fail("format");
	nr_planes = is_multiplanar(type) ? fmt.fmt.pix_mp.num_planes : 1;
	plane_size = is_multiplanar(type) ? fmt.fmt.pix_mp.plane_fmt[0].sizeimage :
		fmt.fmt.pix.sizeimage;
	return true;
}

/* Whether all bytes are the same, fast: frames are large. */
static bool uniform(const struct memory *mem)
{
	return !memcmp(mem->map, mem->map + 1, mem->size - 1);
}

static bool all_bytes_are(const struct memory *mem, uint8_t value)
{
	if (mem->map[0] == value && uniform(mem))
		return true;
	for (size_t i = 0; i < mem->size; i++) {
		if (mem->map[i] != value) {
			say("byte %zu is %#x, not %#x", i, mem->map[i], value);
			return false;
		}
	}
	return true;
}

static bool map_memory(struct memory *mem, int fd, size_t size, off_t offset)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (map == MAP_FAILED)
		return fail("map");
	mem->map = map;
	mem->size = size;
	return true;
}

/* The whole of it: nothing of a former owner may be visible. */
static bool fill_memory(struct memory *mem, uint8_t fill)
{
	if (!all_bytes_are(mem, 0))
		return false;
	memset(mem->map, fill, mem->size);
	mem->fill = fill;
	return all_bytes_are(mem, fill);
}

static void init_buf(struct v4l2_buffer *buf, struct v4l2_plane *planes, unsigned int index)
{
	memset(buf, 0, sizeof(*buf));
	buf->type = type;
	buf->memory = memory;
	buf->index = index;
	if (is_multiplanar(type)) {
		memset(planes, 0, MAX_PLANES * sizeof(*planes));
		buf->m.planes = planes;
		buf->length = nr_planes;
	}
}

static bool map_buffer(unsigned int index)
{
	struct v4l2_plane planes[MAX_PLANES];
	struct v4l2_buffer buf;

	init_buf(&buf, planes, index);
	if (ioctl(device, VIDIOC_QUERYBUF, &buf))
		return fail("query");
	for (unsigned int p = 0; p < nr_planes; p++) {
		size_t size = is_multiplanar(type) ? planes[p].length : buf.length;
		off_t offset = is_multiplanar(type) ? planes[p].m.mem_offset : buf.m.offset;
		struct memory *mem = &buffers[index][p];

		if (!map_memory(mem, device, size, offset) ||
		    !fill_memory(mem, 0xa0 + (index * MAX_PLANES + p) % 64))
			return false;
	}
	return true;
}

static bool map_buffers(unsigned int first, unsigned int count)
{
	nr_buffers = first + count;
	for (unsigned int i = first; i < nr_buffers; i++)
		if (!map_buffer(i))
			return false;
	return true;
}

static bool cmd_unmap(const char *arg)
{
	bool ok = true;

	(void)arg;
	for (unsigned int i = 0; i < nr_buffers; i++) {
		for (unsigned int p = 0; p < MAX_PLANES; p++) {
			struct memory *mem = &buffers[i][p];

			if (mem->map)
				ok &= !munmap(mem->map, mem->size);
			mem->map = NULL;
		}
	}
	return ok || fail("unmap");
}

static bool cmd_device(const char *arg)
{
	device = -1;
	nr_buffers = 0;
	plane_size = 0;
	path[sizeof(path) - 2] = *arg;
	return true;
}

static bool cmd_size(const char *arg)
{
	plane_size = 0;
	return sscanf(arg, "%ux%u", &width, &height) == 2;
}

static bool cmd_planar(const char *arg)
{
	(void)arg;
	plane_size = 0;
	fourcc = V4L2_PIX_FMT_YUV444M;
	return true;
}

static bool cmd_noncoherent(const char *arg)
{
	(void)arg;
	flags = V4L2_MEMORY_FLAG_NON_COHERENT;
	return true;
}

static bool cmd_open(const char *arg)
{
	(void)arg;
	return open_device();
}

static bool cmd_request(const char *arg)
{
	struct v4l2_requestbuffers req = { .count = atoi(arg), .flags = flags };

	memory = V4L2_MEMORY_MMAP;
	if (!cmd_unmap(NULL) || !set_format())
		return false;
	nr_buffers = 0;
	req.type = type;
	req.memory = memory;
	if (ioctl(device, VIDIOC_REQBUFS, &req)) {
		say("request %s: %s", arg, strerror(errno));
		return false;
	}
	/* What was not asked for, or not granted, would show in the flags. */
	say("request %s: got %u of %zu%s", arg, req.count, plane_size,
	    req.flags & V4L2_MEMORY_FLAG_NON_COHERENT ? ", non-coherent" : "");
	return map_buffers(0, req.count);
}

static bool cmd_add(const char *arg)
{
	struct v4l2_create_buffers req = { .count = atoi(arg), .flags = flags };

	memory = V4L2_MEMORY_MMAP;
	if (!nr_buffers && !set_format())
		return false;
	req.memory = memory;
	req.format.type = type;
	if (ioctl(device, VIDIOC_G_FMT, &req.format))
		return fail("format");
	if (ioctl(device, VIDIOC_CREATE_BUFS, &req)) {
		say("add %s: %s", arg, strerror(errno));
		return false;
	}
	say("add %s: got %u of %zu%s", arg, req.count, plane_size,
	    req.flags & V4L2_MEMORY_FLAG_NON_COHERENT ? ", non-coherent" : "");
	return map_buffers(req.index, req.count);
}

static bool cmd_free(const char *arg)
{
	struct v4l2_requestbuffers req = { .type = type, .memory = memory };

	(void)arg;
	return !ioctl(device, VIDIOC_REQBUFS, &req) || fail("free");
}

static bool cmd_check(const char *arg)
{
	unsigned int checked = 0;

	(void)arg;
	for (unsigned int i = 0; i < nr_buffers; i++) {
		for (unsigned int p = 0; p < nr_planes; p++) {
			if (!buffers[i][p].map)
				continue;
			if (!all_bytes_are(&buffers[i][p], buffers[i][p].fill))
				return false;
			checked++;
		}
	}
	for (unsigned int i = 0; i < nr_dmabufs; i++) {
		if (!all_bytes_are(&dmabufs[i].mem, dmabufs[i].mem.fill))
			return false;
		checked++;
	}
	say("%u checked", checked);
	return true;
}

static bool queue(unsigned int index)
{
	struct v4l2_plane planes[MAX_PLANES];
	struct v4l2_buffer buf;

	init_buf(&buf, planes, index);
	if (memory == V4L2_MEMORY_DMABUF) {
		if (is_multiplanar(type))
			planes[0].m.fd = dmabufs[index].fd;
		else
			buf.m.fd = dmabufs[index].fd;
	}
	return !ioctl(device, VIDIOC_QBUF, &buf) || fail("queue");
}

/* The first plane of the buffer; if that was not mapped, nothing is known. */
static const struct memory *first_plane(unsigned int index)
{
	const struct memory *mem = memory == V4L2_MEMORY_DMABUF ?
		&dmabufs[index].mem : &buffers[index][0];

	return mem->map ? mem : NULL;
}

/* A frame came if the buffer is not what it was filled with. */
static bool dequeue(unsigned int *index)
{
	struct v4l2_plane planes[MAX_PLANES];
	const struct memory *mem;
	struct v4l2_buffer buf;

	init_buf(&buf, planes, 0);
	if (ioctl(device, VIDIOC_DQBUF, &buf))
		return fail("dequeue");
	*index = buf.index;
	mem = first_plane(buf.index);
	if (mem && mem->map[0] == mem->fill && uniform(mem)) {
		say("no frame in buffer %u", buf.index);
		return false;
	}
	return true;
}

static bool cmd_start(const char *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < nr_buffers; i++)
		if (!queue(i))
			return false;
	return !ioctl(device, VIDIOC_STREAMON, &type) || fail("start");
}

static bool cmd_stream(const char *arg)
{
	unsigned int index;

	if (!cmd_start(NULL))
		return false;
	for (long n = atol(arg); n; n--)
		if (!dequeue(&index) || !queue(index))
			return false;
	if (ioctl(device, VIDIOC_STREAMOFF, &type))
		return fail("stop");
	say("streamed %s", arg);
	return true;
}

static bool cmd_read(const char *arg)
{
	uint8_t *frame;
	bool ok = true;

	if (!plane_size && !set_format())
		return false;
	frame = malloc(plane_size);
	for (long n = atol(arg); ok && n; n--)
		ok = read(device, frame, plane_size) == (ssize_t)plane_size || fail("read");
	free(frame);
	if (ok)
		say("read %s of %zu", arg, plane_size);
	return ok;
}

static bool cmd_poll(const char *arg)
{
	struct pollfd pfd = { .events = POLLIN };

	(void)arg;
	if (!plane_size && !set_format())
		return false;
	pfd.fd = device;
	if (poll(&pfd, 1, 10000) != 1)
		return fail("poll");
	say("poll: %s", pfd.revents & POLLERR ? "error" : "frame");
	return !(pfd.revents & POLLERR);
}

static bool add_dmabuf(int fd, size_t size, uint8_t fill)
{
	struct dmabuf *dmabuf = &dmabufs[nr_dmabufs];

	dmabuf->fd = fd;
	dmabuf->mem.fill = fill;
	if (!map_memory(&dmabuf->mem, fd, size, 0))
		return false;
	nr_dmabufs++;
	return true;
}

static bool cmd_export(const char *arg)
{
	unsigned int n = 0;

	(void)arg;
	for (unsigned int i = 0; i < nr_buffers && nr_dmabufs < MAX_BUFFERS; i++) {
		struct v4l2_exportbuffer req = {
			.type = type, .index = i, .flags = O_RDWR | O_CLOEXEC,
		};

		if (ioctl(device, VIDIOC_EXPBUF, &req))
			return fail("export");
		if (!add_dmabuf(req.fd, buffers[i][0].size, buffers[i][0].fill))
			return false;
		n++;
	}
	say("exported %u", n);
	return true;
}

static bool cmd_heap(const char *arg)
{
	long wanted = atol(arg), n;
	bool ok = true;
	int heap;

	heap = open(HEAP, O_RDWR | O_CLOEXEC);
	if (heap < 0)
		return fail(HEAP);
	for (n = 0; ok && n < wanted; n++) {
		struct dma_heap_allocation_data req = {
			.len = width * height * 4, .fd_flags = O_RDWR | O_CLOEXEC,
		};

		if (nr_dmabufs == MAX_BUFFERS || ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &req)) {
			ok = fail("heap");
			break;
		}
		ok = add_dmabuf(req.fd, req.len, 0);
	}
	say("heap %s: got %ld", arg, n);
	return !close(heap) && ok;
}

static bool cmd_import(const char *arg)
{
	struct v4l2_requestbuffers req = {
		.count = nr_dmabufs, .memory = V4L2_MEMORY_DMABUF,
	};

	(void)arg;
	if (!set_format())
		return false;
	req.type = type;
	if (ioctl(device, VIDIOC_REQBUFS, &req))
		return fail("import");
	memory = V4L2_MEMORY_DMABUF;
	nr_buffers = nr_dmabufs;
	say("imported %u", nr_dmabufs);
	return true;
}

/* Of one plane only */
static bool cmd_misfit(const char *arg)
{
	unsigned int refused = 0;

	if (!cmd_import(arg))
		return false;
	for (unsigned int i = 0; i < nr_buffers; i++) {
		struct v4l2_plane planes[MAX_PLANES];
		struct v4l2_buffer buf;

		init_buf(&buf, planes, i);
		buf.m.fd = dmabufs[i].fd;
		buf.length = 2 * dmabufs[i].mem.size;
		refused += !!ioctl(device, VIDIOC_QBUF, &buf);
	}
	say("refused %u", refused);
	return refused == nr_buffers;
}

static bool cmd_close(const char *arg)
{
	(void)arg;
	if (close(device))
		return fail("close");
	device = -1;
	return true;
}

static bool cmd_hold(const char *arg)
{
	char what[32];

	(void)arg;
	snprintf(what, sizeof(what), "holding %u", nr_buffers);
	return hold(what);
}

static bool is_size(const char *arg)
{
	unsigned int w, h;
	char rest;

	return sscanf(arg, "%ux%u%c", &w, &h, &rest) == 2;
}

static bool is_digit(const char *arg)
{
	return *arg >= '0' && *arg <= '9' && !arg[1];
}

static bool is_count(const char *arg)
{
	return *arg && strlen(arg) < 6 && strspn(arg, "0123456789") == strlen(arg) &&
		atoi(arg) <= MAX_BUFFERS;
}

static const struct command commands[] = {
	{ .name = "device",	.run = cmd_device, .valid = is_digit, .takes = "a digit" },
	{ .name = "size",	.run = cmd_size, .valid = is_size, .takes = "WxH" },
	{ .name = "planar",	.run = cmd_planar },
	{ .name = "noncoherent", .run = cmd_noncoherent },
	{ .name = "open",	.run = cmd_open },
	{ .name = "request",	.run = cmd_request, .valid = is_count, .takes = "a number" },
	{ .name = "add",	.run = cmd_add, .valid = is_count, .takes = "a number" },
	{ .name = "check",	.run = cmd_check },
	{ .name = "stream",	.run = cmd_stream, .valid = is_count, .takes = "a number" },
	{ .name = "start",	.run = cmd_start },
	{ .name = "read",	.run = cmd_read, .valid = is_count, .takes = "a number" },
	{ .name = "poll",	.run = cmd_poll },
	{ .name = "export",	.run = cmd_export },
	{ .name = "heap",	.run = cmd_heap, .valid = is_count, .takes = "a number" },
	{ .name = "import",	.run = cmd_import },
	{ .name = "misfit",	.run = cmd_misfit },
	{ .name = "unmap",	.run = cmd_unmap },
	{ .name = "free",	.run = cmd_free },
	{ .name = "close",	.run = cmd_close },
	{ .name = "hold",	.run = cmd_hold },
	{}
};

int main(int argc, char *argv[])
{
	(void)argc;
	return run_commands("camera", "[size WxH] request N [hold]", commands, argv);
}
