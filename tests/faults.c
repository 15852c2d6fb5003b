// SPDX-License-Identifier: GPL-2.0-only
/*
 * faults CALL... - system calls that allocate, with each allocation failing in turn
 * faults pin KIB CALL... - how much of what was mapped can be kept without being charged
 *
 * Each CALL is made again and again: its first allocation fails, then its second,
 * until none is left that could (/proc/self/fail-nth). Each time all that was got
 * is given back, and then the dmem.current of this process's cgroup, the free pages
 * of every CMA area, and the allocation handles that there are have to be what
 * they were. Calls:
 *
 *   heap       DMA_HEAP_IOCTL_ALLOC, from the default CMA area
 *   heap-map   mmap() of such a dma-buf
 *   request    VIDIOC_REQBUFS, of the camera /dev/video0
 *   noncoherent, planar	the same for non-coherent buffers, of three planes
 *              each (camera /dev/video1)
 *   add        VIDIOC_CREATE_BUFS
 *   export     VIDIOC_EXPBUF
 *   map        mmap() of a camera's buffer
 *   queue      VIDIOC_QBUF of a heap's dma-buf, which is imported then
 *   read       read() of a frame
 *   dumb       DRM_IOCTL_MODE_CREATE_DUMB, of the display /dev/dri/card0
 *   dumb-map   mmap() of such a buffer
 *   prime      DRM_IOCTL_PRIME_HANDLE_TO_FD
 *   import     DRM_IOCTL_PRIME_FD_TO_HANDLE of a heap's dma-buf
 *   sound      SNDRV_PCM_IOCTL_HW_PARAMS, of the card /dev/snd/pcmC0D0p
 *   sound-map  mmap() of what that has allocated
 *
 * With "pin" nothing fails. Each CALL, which is one that maps memory, is made ROUNDS
 * times; the pages are given to a pipe by vmsplice(), and then all that was got is
 * given back but the pipe. Says how much memory the pipes keep, for which nobody is
 * charged any more: it has to be KIB. Once they are closed, all has to be as it was.
 *
 * Prints TAP.
 *
 * Exit status: 0 nothing was lost, 1 something was, 2 bad command line.
 */
#define _GNU_SOURCE
#include <sys/uio.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <linux/dma-heap.h>

#include "calls.h"

#define HEAP		"/dev/dma_heap/default_cma_region"

#define WIDTH		320
#define HEIGHT		180
#define HEAP_SIZE	(WIDTH * HEIGHT * 4)
#define SOUND_SIZE	65536
#define ROUNDS		60
#define MANY		10000	/* No call has as many allocations */

/* What a call has got, and gives back at its end */
static int device = -1;
static int dmabuf = -1;
static void *map = MAP_FAILED;
static size_t map_size;
static off_t map_offset;
static unsigned int type;
static uint32_t handle;

static bool try_open(const char *path)
{
	device = open(path, O_RDWR | O_CLOEXEC);
	return device >= 0;
}

static void give_back(void)
{
	if (map != MAP_FAILED)
		munmap(map, map_size);
	if (dmabuf >= 0)
		close(dmabuf);
	if (device >= 0)
		close(device);
	map = MAP_FAILED;
	dmabuf = -1;
	device = -1;
}

static bool try_map(int fd)
{
	map = mmap(NULL, map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, map_offset);
	return map != MAP_FAILED;
}

/* Heap */

static bool heap_open(void)
{
	return try_open(HEAP);
}

static bool heap_alloc(void)
{
	struct dma_heap_allocation_data req = {
		.len = HEAP_SIZE, .fd_flags = O_RDWR | O_CLOEXEC,
	};

	if (ioctl(device, DMA_HEAP_IOCTL_ALLOC, &req))
		return false;
	dmabuf = req.fd;
	return true;
}

/* One dma-buf of the heap, and the heap closed */
static bool heap_one(void)
{
	bool ok = heap_open() && heap_alloc();

	close(device);
	device = -1;
	map_size = HEAP_SIZE;
	map_offset = 0;
	return ok;
}

static bool heap_map(void)
{
	return try_map(dmabuf);
}

/* Camera */

static bool camera_open_as(const char *path, uint32_t fourcc)
{
	struct v4l2_format fmt;

	if (!try_open(path))
		return false;
	type = camera_type(device);
	fmt = camera_format(type, WIDTH, HEIGHT, fourcc);
	return !ioctl(device, VIDIOC_S_FMT, &fmt);
}

static bool camera_open(void)
{
	return camera_open_as("/dev/video0", V4L2_PIX_FMT_XBGR32);
}

static bool planar_open(void)
{
	return camera_open_as("/dev/video1", V4L2_PIX_FMT_YUV444M);
}

static bool request(unsigned int count, unsigned int memory, unsigned int flags)
{
	struct v4l2_requestbuffers req = {
		.count = count, .type = type, .memory = memory, .flags = flags,
	};

	return !ioctl(device, VIDIOC_REQBUFS, &req);
}

static bool camera_request(void)
{
	return request(3, V4L2_MEMORY_MMAP, 0);
}

static bool camera_request_noncoherent(void)
{
	return request(3, V4L2_MEMORY_MMAP, V4L2_MEMORY_FLAG_NON_COHERENT);
}

static bool camera_add(void)
{
	struct v4l2_create_buffers req = { .count = 2, .memory = V4L2_MEMORY_MMAP };

	req.format.type = type;
	return !ioctl(device, VIDIOC_G_FMT, &req.format) &&
	       !ioctl(device, VIDIOC_CREATE_BUFS, &req);
}

static bool camera_with_buffers(void)
{
	struct v4l2_buffer buf = { .memory = V4L2_MEMORY_MMAP };

	if (!camera_open() || !camera_request())
		return false;
	buf.type = type;
	if (ioctl(device, VIDIOC_QUERYBUF, &buf))
		return false;
	map_size = buf.length;
	map_offset = buf.m.offset;
	return true;
}

static bool camera_export(void)
{
	struct v4l2_exportbuffer req = { .type = type, .flags = O_RDWR | O_CLOEXEC };

	if (ioctl(device, VIDIOC_EXPBUF, &req))
		return false;
	dmabuf = req.fd;
	return true;
}

static bool device_map(void)
{
	return try_map(device);
}

static bool camera_with_heap(void)
{
	return heap_one() && camera_open() && request(2, V4L2_MEMORY_DMABUF, 0);
}

static bool camera_queue(void)
{
	struct v4l2_buffer buf = { .type = type, .memory = V4L2_MEMORY_DMABUF };

	buf.m.fd = dmabuf;
	return !ioctl(device, VIDIOC_QBUF, &buf);
}

static bool camera_read(void)
{
	static uint8_t frame[WIDTH * HEIGHT * 4];

	return read(device, frame, sizeof(frame)) > 0;
}

/* Display */

static bool display_open(void)
{
	return try_open(DISPLAY);
}

static bool display_create(void)
{
	struct drm_mode_create_dumb req = { .width = WIDTH, .height = HEIGHT, .bpp = 32 };

	if (ioctl(device, DRM_IOCTL_MODE_CREATE_DUMB, &req))
		return false;
	handle = req.handle;
	map_size = req.size;
	return true;
}

static bool display_with_buffer(void)
{
	struct drm_mode_map_dumb req = { };

	if (!display_open() || !display_create())
		return false;
	req.handle = handle;
	if (ioctl(device, DRM_IOCTL_MODE_MAP_DUMB, &req))
		return false;
	map_offset = req.offset;
	return true;
}

static bool display_export(void)
{
	struct drm_prime_handle req = { .handle = handle, .flags = DRM_RDWR | DRM_CLOEXEC };

	if (ioctl(device, DRM_IOCTL_PRIME_HANDLE_TO_FD, &req))
		return false;
	dmabuf = req.fd;
	return true;
}

static bool display_with_heap(void)
{
	return heap_one() && display_open();
}

static bool display_import(void)
{
	struct drm_prime_handle req = { .fd = dmabuf };

	return !ioctl(device, DRM_IOCTL_PRIME_FD_TO_HANDLE, &req);
}

/* Sound card */

static bool sound_open(void)
{
	return try_open(SOUND);
}

static bool sound_params_for(unsigned int access)
{
	struct snd_pcm_hw_params params;

	sound_want(&params, access, SOUND_SIZE);
	set_interval(&params, SNDRV_PCM_HW_PARAM_PERIODS, 8);
	return !ioctl(device, SNDRV_PCM_IOCTL_HW_PARAMS, &params);
}

static bool sound_params(void)
{
	return sound_params_for(SNDRV_PCM_ACCESS_RW_INTERLEAVED);
}

static bool sound_with_buffer(void)
{
	map_size = SOUND_SIZE;
	map_offset = SNDRV_PCM_MMAP_OFFSET_DATA;
	return sound_open() && sound_params_for(SNDRV_PCM_ACCESS_MMAP_INTERLEAVED);
}

static const struct call {
	const char *name;
	bool (*prepare)(void);	/* without faults */
	bool (*make)(void);	/* with one; false: errno */
} calls[] = {
	{ "heap", heap_open, heap_alloc },
	{ "heap-map", heap_one, heap_map },
	{ "request", camera_open, camera_request },
	{ "noncoherent", camera_open, camera_request_noncoherent },
	{ "planar", planar_open, camera_request },
	{ "add", camera_open, camera_add },
	{ "export", camera_with_buffers, camera_export },
	{ "map", camera_with_buffers, device_map },
	{ "queue", camera_with_heap, camera_queue },
	{ "read", camera_open, camera_read },
	{ "dumb", display_open, display_create },
	{ "dumb-map", display_with_buffer, device_map },
	{ "prime", display_with_buffer, display_export },
	{ "import", display_with_heap, display_import },
	{ "sound", sound_open, sound_params },
	{ "sound-map", sound_with_buffer, device_map },
	{}
};

static const struct call *find_call(const char *name)
{
	const struct call *call = calls;

	while (call->name && strcmp(call->name, name))
		call++;
	if (!call->name)
		errx(2, "no call is called '%s'", name);
	return call;
}

/* /proc/self/fail-nth: the nth allocation of this thread from here on fails. */
static int fail_nth = -1;

static void set_fail_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fail_nth, text, len, 0) != len)
		err(2, "fail-nth");
}

/* How many allocations are left until one fails, and no fault any more */
static unsigned int stop_fail_nth(void)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0)
		err(2, "fail-nth");
	set_fail_nth(0);
	return atoi(text);
}

static bool say_broken(unsigned int number, const struct call *call, unsigned int n,
		       const char *what)
{
	printf("not ok %u - %s: with allocation %u failing: %s\n", number, call->name, n, what);
	return false;
}

/* What has to be again, after a first call: what that makes for good is no loss. */
static bool begin(unsigned int number, const struct call *call, struct state *before)
{
	if (!call->prepare() || !call->make())
		return say_broken(number, call, 0, strerror(errno));
	give_back();
	usleep(200000);
	get_state(before);
	return true;
}

static bool sweep(unsigned int number, const struct call *call)
{
	unsigned int n, left, refused = 0, served = 0;
	struct state before, now;
	int error;
	bool ok;

	if (!begin(number, call, &before))
		return false;
	for (n = 1; n < MANY; n++) {
		if (!call->prepare())
			return say_broken(number, call, n - 1, "and the next call cannot be prepared");
		set_fail_nth(n);
		ok = call->make();
		error = errno;
		left = stop_fail_nth();
		give_back();
		if (!as_before(&before, &now)) {
			printf("# before\n");
			print_comment(&before);
			printf("# now\n");
			print_comment(&now);
			return say_broken(number, call, n, "something is lost");
		}
		if (left)
			break;
		/* Memory for a mapping, a handle of a file: each has its own error. */
		if (!ok && error != ENOMEM)
			printf("# %s: allocation %u: %s\n", call->name, n, strerror(error));
		refused += !ok;
		served += ok;
	}
	if (n == MANY || !ok)
		return say_broken(number, call, n, "there is no end");
	if (n == 1)
		return say_broken(number, call, n, "nothing can fail");
	printf("ok %u - %s: %u allocations, without %u of them it is refused, without %u served\n",
	       number, call->name, n - 1, refused, served);
	return true;
}

/* Whether dmem.current, the first thing that is looked at, is what it was */
static bool is_uncharged(const struct state *before)
{
	struct state now = { };

	add_file(&now, current_path);
	return !strncmp(before->text, now.text, now.len);
}

/* What a pipe took of the mapping, 0 if its pages cannot be had */
static size_t pin(int pipe)
{
	struct iovec all = { .iov_base = map, .iov_len = map_size };
	ssize_t len = vmsplice(pipe, &all, 1, SPLICE_F_NONBLOCK);

	return len < 0 ? 0 : len;
}

static bool keep(unsigned int number, const struct call *call, size_t expected)
{
	struct state before, now;
	int pipes[ROUNDS][2];
	size_t kept = 0;
	bool charged;

	if (!begin(number, call, &before))
		return false;
	for (int i = 0; i < ROUNDS; i++) {
		if (pipe2(pipes[i], O_CLOEXEC) || fcntl(pipes[i][1], F_SETPIPE_SZ, 1 << 20) < 0)
			err(2, "pipe");
		if (!call->prepare() || !call->make())
			return say_broken(number, call, 0, "a limit is in the way");
		if (map == MAP_FAILED)
			errx(2, "%s maps nothing", call->name);
		kept += pin(pipes[i][1]);
		give_back();
	}
	usleep(200000);
	charged = !is_uncharged(&before);
	for (int i = 0; i < ROUNDS; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	if (charged)
		return say_broken(number, call, 0, "the charge is not back");
	if (!as_before(&before, &now)) {
		print_comment(&before);
		print_comment(&now);
		return say_broken(number, call, 0, "something is lost when the pipes are closed");
	}
	printf("%sok %u - %s: %zu KiB kept, of %zu KiB mapped in turn\n",
	       kept / 1024 == expected ? "" : "not ", number, call->name, kept / 1024,
	       ROUNDS * map_size / 1024);
	return kept / 1024 == expected;
}

int main(int argc, char *argv[])
{
	bool pinning = argc > 1 && !strcmp(argv[1], "pin");
	size_t expected = pinning && argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	bool ok = true;

	argc -= 2 * pinning;
	argv += 2 * pinning;
	if (argc < 2)
		errx(2, "usage: faults [pin KIB] CALL...; more in faults.c");
	for (int i = 1; i < argc; i++)
		find_call(argv[i]);
	find_current_path();
	fail_nth = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		err(2, "fail-nth");
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		/* For those who read the kernel's log: whose faults follow */
		printf("# faults of %s\n", argv[i]);
		ok &= pinning ? keep(i, find_call(argv[i]), expected) : sweep(i, find_call(argv[i]));
		give_back();
	}
	return !ok;
}
