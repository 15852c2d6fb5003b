// SPDX-License-Identifier: GPL-2.0-only
/*
 * dumb - make, share and hold the dumb buffers of a display driver
 *
 * The command line is a list of commands, carried out from left to right:
 *
 *   size WxHxBPP   geometry of the buffers made from here on (640x480x32)
 *   create N       make N buffers; each must come zeroed, is filled, read back
 *   check          read every buffer back once more
 *   destroy        give all buffers back
 *   loop N         N times: create 1, destroy
 *   close          close the device; mappings and dma-bufs stay
 *   send PATH      pass the last buffer, as a dma-buf, to a "recv PATH"
 *   recv PATH      get one dma-buf through this FIFO, and map it
 *   import         open the last buffer, a received one, on the device
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
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>

#include "commands.h"

#define DEVICE		"/dev/dri/card0"
#define MAX_BUFFERS	64

struct buffer {
	uint32_t handle;	/* 0: this process has no GEM handle for it */
	int dmabuf;		/* -1: not received from somebody else */
	size_t size;
	uint8_t *map;		/* NULL: not mapped */
	uint8_t fill;		/* what every byte of it is */
};

static struct buffer buffers[MAX_BUFFERS];
static unsigned int nr_buffers;
static unsigned int width = 640, height = 480, bpp = 32;
static int device = -1;

static bool open_device(void)
{
	if (device < 0)
		device = open(DEVICE, O_RDWR | O_CLOEXEC);
	return device >= 0;
}

static bool all_bytes_are(const struct buffer *buf, uint8_t value)
{
	/* memcmp() is faster, and buffers are large. */
	if (buf->map[0] == value && !memcmp(buf->map, buf->map + 1, buf->size - 1))
		return true;
	for (size_t i = 0; i < buf->size; i++) {
		if (buf->map[i] != value) {
			say("byte %zu is %#x, not %#x", i, buf->map[i], value);
			return false;
		}
	}
	return true;
}

static bool map_dumb(struct buffer *buf)
{
	struct drm_mode_map_dumb req = { .handle = buf->handle };
	void *map;

	if (ioctl(device, DRM_IOCTL_MODE_MAP_DUMB, &req))
		return false;
	map = mmap(NULL, buf->size, PROT_READ | PROT_WRITE, MAP_SHARED, device, req.offset);
	if (map == MAP_FAILED)
		return false;
	buf->map = map;
	return true;
}

static bool release(struct buffer *buf)
{
	struct drm_mode_destroy_dumb req = { .handle = buf->handle };
	bool ok = true;

	if (buf->map)
		ok &= !munmap(buf->map, buf->size);
	if (buf->handle && device >= 0)
		ok &= !ioctl(device, DRM_IOCTL_MODE_DESTROY_DUMB, &req);
	if (buf->dmabuf >= 0)
		ok &= !close(buf->dmabuf);
	return ok || fail("destroy");
}

/* The new buffer is buffers[nr_buffers], and counted only if all went well. */
static bool create_one(bool quiet)
{
	struct drm_mode_create_dumb req = { .width = width, .height = height, .bpp = bpp };
	struct buffer *buf = &buffers[nr_buffers];

	if (!open_device())
		return fail(DEVICE);
	if (nr_buffers == MAX_BUFFERS) {
		errno = ENOSPC;
		return fail("create");
	}
	if (ioctl(device, DRM_IOCTL_MODE_CREATE_DUMB, &req)) {
		say("buffer %u: %ux%ux%u: %s", nr_buffers + 1, width, height, bpp,
		    strerror(errno));
		return false;
	}
	*buf = (struct buffer){
		.handle = req.handle, .dmabuf = -1, .size = req.size,
		.fill = 0xa0 + nr_buffers % 16,
	};
	if (!map_dumb(buf)) {
		fail("map");
		goto release;
	}
	/* The whole mapping: nothing of a former owner may be visible. */
	if (!all_bytes_are(buf, 0))
		goto release;
	memset(buf->map, buf->fill, buf->size);
	if (!all_bytes_are(buf, buf->fill))
		goto release;

	nr_buffers++;
	if (!quiet)
		say("buffer %u: %ux%ux%u: handle %u, pitch %u, size %llu",
		    nr_buffers, width, height, bpp, req.handle, req.pitch,
		    (unsigned long long)req.size);
	return true;

release:
	release(buf);
	return false;
}

static bool cmd_size(const char *arg)
{
	return sscanf(arg, "%ux%ux%u", &width, &height, &bpp) == 3;
}

static bool cmd_create(const char *arg)
{
	for (unsigned long n = strtoul(arg, NULL, 10); n; n--)
		if (!create_one(false))
			return false;
	return true;
}

static bool cmd_check(const char *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < nr_buffers; i++)
		if (!all_bytes_are(&buffers[i], buffers[i].fill))
			return false;
	say("%u checked", nr_buffers);
	return true;
}

static bool cmd_destroy(const char *arg)
{
	bool ok = true;

	(void)arg;
	while (nr_buffers)
		ok &= release(&buffers[--nr_buffers]);
	return ok;
}

static bool cmd_loop(const char *arg)
{
	for (unsigned long n = strtoul(arg, NULL, 10); n; n--)
		if (!create_one(true) || !release(&buffers[--nr_buffers]))
			return false;
	say("looped %s times", arg);
	return true;
}

static bool cmd_close(const char *arg)
{
	(void)arg;
	if (close(device))
		return fail("close");
	device = -1;
	for (unsigned int i = 0; i < nr_buffers; i++)
		buffers[i].handle = 0;
	return true;
}

static struct buffer *last_buffer(void)
{
	errno = ENOENT;
	return nr_buffers ? &buffers[nr_buffers - 1] : NULL;
}

/*
 * What is passed on through a FIFO. The receiver takes the descriptor out of the
 * sender with pidfd_getfd(2), which needs no network in the kernel, and then closes
 * the FIFO.
 */
struct message {
	pid_t pid;
	int fd;
	uint8_t fill;
};

static bool cmd_send(const char *path)
{
	struct buffer *buf = last_buffer();
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct pollfd fifo = { .events = 0 };
	struct message msg;
	bool ok = false;

	if (!buf || !buf->handle)
		return fail("send");
	prime.handle = buf->handle;
	if (ioctl(device, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime))
		return fail("export");

	msg = (struct message){ .pid = getpid(), .fd = prime.fd, .fill = buf->fill };
	/* Not without a receiver; then until it has closed its end */
	fifo.fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fifo.fd >= 0 && write(fifo.fd, &msg, sizeof(msg)) == sizeof(msg) &&
	    poll(&fifo, 1, -1) == 1) {
		say("sent buffer %u", nr_buffers);
		ok = true;
	} else {
		fail(path);
	}
	close(fifo.fd);
	close(prime.fd);
	return ok;
}

static int receive(const char *path, struct message *msg)
{
	int fifo = -1, sender = -1, fd = -1;

	unlink(path);
	/* To read only it would wait here for somebody who writes. */
	if (!mkfifo(path, 0600))
		fifo = open(path, O_RDWR | O_CLOEXEC);
	if (fifo < 0)
		goto out;
	say("listening");
	if (read(fifo, msg, sizeof(*msg)) == sizeof(*msg))
		sender = pidfd_open(msg->pid, 0);
	if (sender >= 0)
		fd = pidfd_getfd(sender, msg->fd, 0);
out:
	if (fd < 0)
		fail(path);
	close(sender);
	close(fifo);
	return fd;
}

static bool cmd_recv(const char *path)
{
	struct buffer *buf = &buffers[nr_buffers];
	struct message msg;
	void *map;
	off_t size;
	int fd;

	if (nr_buffers == MAX_BUFFERS) {
		errno = ENOSPC;
		return fail("recv");
	}
	fd = receive(path, &msg);
	if (fd < 0)
		return false;
	size = lseek(fd, 0, SEEK_END);
	map = size > 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (map == MAP_FAILED) {
		fail("map the dma-buf");
		close(fd);
		return false;
	}
	*buf = (struct buffer){
		.dmabuf = fd, .size = size, .map = map, .fill = msg.fill,
	};
	nr_buffers++;
	say("buffer %u: received, size %lld", nr_buffers, (long long)size);
	return all_bytes_are(buf, buf->fill);
}

/* From here on the GEM handle alone holds it: no descriptor, no mapping. */
static bool cmd_import(const char *arg)
{
	struct buffer *buf = last_buffer();
	struct drm_prime_handle prime = { };

	(void)arg;
	if (!buf || buf->dmabuf < 0)
		return fail("import");
	if (!open_device())
		return fail(DEVICE);
	prime.fd = buf->dmabuf;
	if (ioctl(device, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime))
		return fail("import");
	munmap(buf->map, buf->size);
	close(buf->dmabuf);
	buf->dmabuf = -1;
	buf->map = NULL;
	buf->handle = prime.handle;
	if (!map_dumb(buf))
		return fail("map");
	say("buffer %u: imported, handle %u", nr_buffers, buf->handle);
	return all_bytes_are(buf, buf->fill);
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
	unsigned int w, h, b;
	char rest;

	return sscanf(arg, "%ux%ux%u%c", &w, &h, &b, &rest) == 3;
}

static bool is_count(const char *arg)
{
	return *arg && strlen(arg) < 6 && strspn(arg, "0123456789") == strlen(arg);
}

static bool is_path(const char *arg)
{
	return *arg;
}

static const struct command commands[] = {
	{ .name = "size",	.run = cmd_size, .valid = is_size, .takes = "WxHxBPP" },
	{ .name = "create",	.run = cmd_create, .valid = is_count, .takes = "a number" },
	{ .name = "check",	.run = cmd_check },
	{ .name = "destroy",	.run = cmd_destroy },
	{ .name = "loop",	.run = cmd_loop, .valid = is_count, .takes = "a number" },
	{ .name = "close",	.run = cmd_close },
	{ .name = "send",	.run = cmd_send, .valid = is_path, .takes = "a FIFO's path" },
	{ .name = "recv",	.run = cmd_recv, .valid = is_path, .takes = "a FIFO's path" },
	{ .name = "import",	.run = cmd_import },
	{ .name = "hold",	.run = cmd_hold },
	{}
};

int main(int argc, char *argv[])
{
	(void)argc;
	return run_commands("dumb", "[size WxHxBPP] create N [hold]", commands, argv);
}
