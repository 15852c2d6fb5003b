// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz SECONDS SEED INTERFACE... - random calls that get, map and give back memory
 *
 * Interfaces: heap (those of CMA areas), camera (/dev/video0 and 1), display, sound,
 * and dmem (files of this process's cgroup: limits come and go). What they give is also
 * mapped with wrong offsets and lengths, unmapped in part and moved. SEED 0 is a random
 * one, which is printed; with another one every call is printed before it is made.
 *
 * Fresh memory has to be 0. Then it is filled with a pattern that differs from page to
 * page, so that each mapping shows whose memory it is. No mapping goes past an end, an
 * error is one of those that are documented, and what is given back is not lost.
 *
 * Prints TAP. Exit status: 0 all is well, 1 something is not, 2 bad command line.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <signal.h>
#include <sys/random.h>
#include <time.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>

#include "calls.h"

#define PAGE		4096ul
#define PAGES(size)	(((uint64_t)(size) + PAGE - 1) / PAGE * PAGE)
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define LAST		40	/* calls that are printed when something is wrong */
#define ROUND		500	/* calls, then all is given back */
#define UNKNOWN		(1ull << 62)
#define ALL		UINT32_MAX

enum kind { GONE, DMABUF, GEM, CAMERA, SOUND_CARD };

/* What can be mapped: more than a camera has and can be held besides */
static struct object {
	enum kind kind;
	int fd;
	uint32_t handle;	/* GEM's, or a buffer's index * VIDEO_MAX_PLANES + its plane */
	uint64_t offset;	/* UNKNOWN: nobody tells where an imported one is */
	uint64_t size;
	uint64_t pattern;	/* of its first page; 0: it is fresh */
} objects[256];

static struct mapping {
	char *at;
	size_t size;
	uint64_t pattern;
} mappings[32];

static struct interface {
	const char *name;
	void (*call)(void);
	unsigned int served, refused, fresh;	/* how often */
} *current;

static char calls[LAST][120];
static unsigned int nr_calls;
static uint64_t state;
static bool loud;
static int camera = -1, display[2] = { -1, -1 }, sound = -1;
static unsigned int type;	/* of the camera's buffers */
static glob_t heaps;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t below(uint64_t n)
{
	return (rnd() >> 8) % n;
}

/* What sizes are computed from, wrongly perhaps */
static uint64_t hostile(void)
{
	static const uint64_t edges[] = {
		0, PAGE, 0x10000, 1u << 31, 1ull << 32, 1ull << 44, 1ull << 63,
	};

	return below(3) ? edges[below(COUNT(edges))] + below(4) - 2 : rnd() >> below(64);
}

static uint64_t size(void)
{
	return below(4) ? (1 + below(below(8) ? 64 : 2048)) * PAGE - below(2) : hostile();
}

__attribute__((format(printf, 1, 2)))
static void note(const char *fmt, ...)
{
	char *line = calls[nr_calls++ % LAST];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(calls[0]), fmt, ap);
	va_end(ap);
	for (char *c = line; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	if (loud)
		printf("# %s\n", line);
}

__attribute__((noreturn, format(printf, 1, 2)))
static void bad(const char *fmt, ...)
{
	va_list ap;

	for (unsigned int i = nr_calls > LAST ? nr_calls - LAST : 0; i < nr_calls; i++)
		printf("# %s\n", calls[i % LAST]);
	printf("not ok 1 - %s, call %u: ", current->name, nr_calls);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	puts("");
	exit(1);
}

/* Whether a call succeeded. A limit is ENOMEM, never EAGAIN. */
static bool done(long ret)
{
	static const int documented[] = {
		EINVAL, ENOMEM, EBUSY, EBADF, EACCES, ENOENT, ENOTTY, EFAULT, E2BIG, EBADFD,
		EOVERFLOW, ENOBUFS, ENXIO,
	};

	if (ret >= 0) {
		current->served++;
		return true;
	}
	current->refused++;
	if (ret < -1)
		bad("an error that is no number of one: %ld", ret);
	for (size_t i = 0; i < COUNT(documented); i++)
		if (errno == documented[i])
			return false;
	bad("error %d: %s", errno, strerror(errno));
}

/*
 * A request in which a few words are wrong, or none. Now and then one that is refused
 * is repeated, in case that the kernel says something each time.
 */
static bool ask(int fd, unsigned long request, const char *name, void *arg, size_t len)
{
	uint32_t *words = arg;
	char copy[1024];
	int ret;

	note("%s of %d", name, fd);
	while (!below(3)) {
		size_t i = below(len / 4);

		words[i] = hostile();
		note("... word %zu is %#x", i, words[i]);
	}
	memcpy(copy, arg, len);
	ret = ioctl(fd, request, arg);
	for (int left = below(8) ? 0 : 60; left && ret < 0; left--) {
		memcpy(arg, copy, len);
		ret = ioctl(fd, request, arg);
	}
	return done(ret);
}

#define ASK(fd, name, arg)	ask(fd, name, #name, arg, sizeof(*(arg)))

/* Memory */

static void on_fault(int sig)
{
	bad("what is mapped cannot be read: %s", strsignal(sig));
}

/* A few words of each page are written, or have to be what was written */
static void visit(const struct mapping *m, bool write)
{
	static const size_t places[] = { 0, PAGE / 2, PAGE - sizeof(uint64_t) };

	for (size_t at = 0; at < m->size; at += PAGE) {
		uint64_t pattern = m->pattern ? m->pattern + at : 0;

		for (size_t i = 0; i < COUNT(places); i++) {
			volatile uint64_t *word = (void *)(m->at + at + places[i]);

			if (write)
				*word = pattern;
			else if (*word != pattern)
				bad("%#llx at %#zx of %#zx, not %#llx", (long long)*word,
				    at + places[i], m->size, (long long)pattern);
		}
	}
}

static void unmap(struct mapping *m)
{
	if (!m->size)
		return;
	visit(m, false);
	munmap(m->at, m->size);
	m->size = 0;
}

static void unmap_all(void)
{
	for (size_t i = 0; i < COUNT(mappings); i++)
		unmap(&mappings[i]);
}

static void keep(struct mapping m)
{
	struct mapping *slot = &mappings[below(COUNT(mappings))];

	unmap(slot);
	*slot = m;
}

/* One of that kind, or of any that there is, if there is one */
static struct object *pick(enum kind kind)
{
	size_t from = below(COUNT(objects));

	for (size_t i = 0; i < COUNT(objects); i++) {
		struct object *o = &objects[(from + i) % COUNT(objects)];

		if (kind ? o->kind == kind : o->kind != GONE)
			return o;
	}
	return NULL;
}

static void drop(struct object *o)
{
	struct drm_gem_close req = { .handle = o->handle };

	if (o->kind == DMABUF)
		close(o->fd);
	else if (o->kind == GEM)
		ioctl(o->fd, DRM_IOCTL_GEM_CLOSE, &req);
	o->kind = GONE;
}

static struct object *known(int fd, uint32_t handle)
{
	for (struct object *o = objects; o < objects + COUNT(objects); o++)
		if (o->kind && o->fd == fd && o->handle == handle)
			return o;
	return NULL;
}

static void forget(int fd, uint32_t handle)
{
	for (struct object *o = objects; o < objects + COUNT(objects); o++)
		if (o->fd == fd && (handle == ALL || o->handle == handle))
			o->kind = GONE;
}

/* Fresh memory can be mapped, and is 0. What had its name is gone. */
static void add(struct object new)
{
	static uint64_t last = 0x5eed000000000000;
	struct object *slot = known(new.fd, new.handle);

	if (!new.pattern) {
		struct mapping m = { .size = new.size };

		m.at = mmap(NULL, m.size, PROT_READ | PROT_WRITE, MAP_SHARED, new.fd, new.offset);
		if (m.at == MAP_FAILED)
			bad("%#zx bytes cannot be mapped: %s", m.size, strerror(errno));
		visit(&m, false);
		new.pattern = m.pattern = last += 1ull << 32;
		visit(&m, true);
		keep(m);
		current->fresh++;
	}
	for (struct object *o = objects; !slot && o < objects + COUNT(objects); o++)
		if (!o->kind)
			slot = o;
	if (!slot) {
		slot = pick(DMABUF) ?: pick(GEM);
		drop(slot);
	}
	*slot = new;
}

/*
 * What maps so much at that offset of the file, and begins so. videobuf2 and GEM map
 * from an object's beginning on; the former looks at some bits of the offset only.
 */
static const struct object *find(int fd, uint64_t offset, size_t len, uint64_t first)
{
	for (const struct object *o = objects; o < objects + COUNT(objects); o++) {
		uint64_t into = o->offset == UNKNOWN || o->kind == CAMERA ? 0 : offset - o->offset;

		if (into && o->kind == GEM)
			continue;
		if (o->kind && o->fd == fd && into < o->size && len <= o->size - into &&
		    first == o->pattern + into)
			return o;
	}
	return NULL;
}

static void map_anything(const struct object *o)
{
	/* An imported one may be behind another */
	const struct object *near = o->offset == UNKNOWN ? pick(GEM) : o;
	uint64_t offset = near->offset;
	struct mapping m = { };

	switch (below(5)) {
	case 0:
		offset += near->size;
		break;
	case 1:
		offset += (below(2 * near->size / PAGE) - below(4)) * PAGE;
		break;
	case 2:
		offset = below(2) ? hostile() : PAGES(hostile());
		break;
	}
	m.size = below(3) ? PAGE * (1 + below(2 * o->size / PAGE)) : size();
	note("mmap %#zx of %d at %#llx", m.size, o->fd, (long long)offset);
	m.at = mmap(NULL, m.size, PROT_READ | (below(2) ? PROT_WRITE : 0),
		    below(8) ? MAP_SHARED : MAP_PRIVATE, o->fd, offset);
	if (!done(m.at == MAP_FAILED ? -1 : 0))
		return;
	m.size = PAGES(m.size);
	if (o->kind == SOUND_CARD && offset >= SNDRV_PCM_MMAP_OFFSET_STATUS && m.size == PAGE) {
		munmap(m.at, m.size);
		return;
	}
	m.pattern = *(volatile uint64_t *)m.at;
	if (!find(o->fd, offset, m.size, m.pattern))
		bad("nobody has that, it begins with %#llx", (long long)m.pattern);
	keep(m);
}

/* Smaller, elsewhere, but not larger, nor (0) a second time: no driver has that. */
static void remap(struct mapping *m)
{
	size_t old = below(4) ? m->size : 0, want = below(3) ? PAGE * (1 + below(64)) : size();
	char *at;

	note("mremap %#zx of %#zx to %#zx", old, m->size, want);
	at = mremap(m->at, old, want, below(4) ? MREMAP_MAYMOVE : 0);
	if (!done(at == MAP_FAILED ? -1 : 0))
		return;
	if (!old || want > m->size)
		bad("more is mapped than was");
	m->at = at;
	m->size = PAGES(want);
	visit(m, false);
}

static void punch(struct mapping *m)
{
	size_t from = below(m->size / PAGE) * PAGE, to = from + size() % (m->size - from + 1);
	struct mapping rest = *m;

	to = PAGES(to);
	note("munmap %#zx to %#zx of %#zx", from, to, m->size);
	if (!done(munmap(m->at + from, to - from)))
		return;
	rest.at += to;
	rest.size -= to;
	rest.pattern += to;
	m->size = from;
	if (rest.size)
		keep(rest);
}

static void call_memory(void)
{
	struct mapping *m = &mappings[below(COUNT(mappings))];
	struct object *o = pick(GONE);
	struct dma_buf_sync sync = { .flags = below(8) };

	switch (below(8)) {
	case 0 ... 3:
		if (o)
			map_anything(o);
		break;
	case 4:
		if (m->size)
			remap(m);
		break;
	case 5:
		if (m->size)
			punch(m);
		break;
	case 6:
		if (o && o->kind == DMABUF)
			ASK(o->fd, DMA_BUF_IOCTL_SYNC, &sync);
		break;
	case 7:
		unmap(m);
		if (o && o->kind == DMABUF) {
			note("close %d", o->fd);
			drop(o);
		}
	}
}

/* A new dma-buf: of fresh memory, or one that exports an object */
static void add_dmabuf(int fd, uint64_t size, const struct object *exported)
{
	int flags = fcntl(fd, F_GETFL);

	if (lseek(fd, 0, SEEK_END) != (off_t)size)
		bad("the size of a dma-buf is not %#llx", (long long)size);
	if (exported || (flags & O_ACCMODE) == O_RDWR)
		add((struct object){ DMABUF, fd, 0, 0, size, exported ? exported->pattern : 0 });
	else
		close(fd);
}

static int open_if_not(int *fd, const char *path)
{
	if (*fd < 0)
		*fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		bad("%s: %s", path, strerror(errno));
	return *fd;
}

/* What is mapped stays. */
static void close_device(int *fd)
{
	note("close %d", *fd);
	forget(*fd, ALL);
	close(*fd);
	*fd = -1;
}

static int any_dmabuf(void)
{
	const struct object *o = pick(DMABUF);

	return o && below(8) ? o->fd : (int)below(8) - 1;
}

static void call_heap(void)
{
	struct dma_heap_allocation_data req = { .len = size(), .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open(heaps.gl_pathv[below(heaps.gl_pathc)], O_RDWR | O_CLOEXEC);

	if (ASK(heap, DMA_HEAP_IOCTL_ALLOC, &req))
		add_dmabuf(req.fd, PAGES(req.len), NULL);
	close(heap);
}

/* One of the camera's, by an index and planes that may be wrong */
static bool ask_buffer(unsigned long request, const char *name, struct v4l2_buffer *buf,
		       struct v4l2_plane *planes)
{
	uint32_t *words = (uint32_t *)planes;

	buf->type = type;
	if (is_multiplanar(type)) {
		buf->m.planes = planes;
		buf->length = VIDEO_MAX_PLANES;
	}
	while (below(2))
		words[below(3 * sizeof(*planes) / 4)] = hostile();
	return ask(camera, request, name, buf, sizeof(*buf));
}

static void add_buffers(unsigned int from, unsigned int count)
{
	for (unsigned int i = from; i < from + count; i++) {
		struct v4l2_plane planes[VIDEO_MAX_PLANES] = { };
		struct v4l2_buffer buf = { .type = type, .index = i, .m.planes = planes };

		if (is_multiplanar(type))
			buf.length = VIDEO_MAX_PLANES;
		if (ioctl(camera, VIDIOC_QUERYBUF, &buf))
			bad("there is no buffer %u", i);
		if (!is_multiplanar(type)) {
			planes[0].length = buf.length;
			planes[0].m.mem_offset = buf.m.offset;
		}
		for (unsigned int p = 0; p < VIDEO_MAX_PLANES && planes[p].length; p++)
			add((struct object){ CAMERA, camera, i * VIDEO_MAX_PLANES + p,
					     planes[p].m.mem_offset,
					     PAGES(planes[p].length), 0 });
	}
}

static void call_camera(void)
{
	static const uint32_t fourccs[] = {
		V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV444M,
	};
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { };
	struct v4l2_requestbuffers req = {
		.count = below(5), .memory = below(4) ? V4L2_MEMORY_MMAP : V4L2_MEMORY_DMABUF,
		.flags = below(2) ? V4L2_MEMORY_FLAG_NON_COHERENT : 0,
	};
	struct v4l2_create_buffers more = {
		.count = req.count, .memory = req.memory, .flags = req.flags,
	};
	struct v4l2_buffer buf = {
		.index = below(4), .memory = below(4) ? req.memory : 1 + below(4),
	};
	struct v4l2_exportbuffer out = { .flags = O_RDWR | O_CLOEXEC };
	const struct object *o = pick(CAMERA);

	open_if_not(&camera, below(2) ? "/dev/video1" : "/dev/video0");
	type = camera_type(camera);
	req.type = out.type = type;
	more.format = camera_format(type, below(640), below(360), fourccs[below(COUNT(fourccs))]);
	switch (below(9)) {
	case 0:
		ASK(camera, VIDIOC_S_FMT, &more.format);
		break;
	case 1:
		if (!ASK(camera, VIDIOC_REQBUFS, &req) || req.type != type)
			break;
		forget(camera, ALL);
		if (req.memory == V4L2_MEMORY_MMAP)
			add_buffers(0, req.count);
		break;
	case 2 ... 3:
		ioctl(camera, VIDIOC_G_FMT, &more.format);
		if (!is_multiplanar(type) && below(2))
			more.format.fmt.pix.sizeimage += size();
		if (ASK(camera, VIDIOC_CREATE_BUFS, &more) && more.memory == V4L2_MEMORY_MMAP)
			add_buffers(more.index, more.count);
		break;
	case 4:
		out.index = o ? o->handle / VIDEO_MAX_PLANES : 0;
		out.plane = o ? o->handle % VIDEO_MAX_PLANES : 0;
		if (!ASK(camera, VIDIOC_EXPBUF, &out))
			break;
		o = known(camera, out.index * VIDEO_MAX_PLANES + out.plane);
		if (!o)
			bad("there is another buffer");
		add_dmabuf(out.fd, o->size, o);
		break;
	case 5 ... 6:
		buf.length = planes[0].length = below(2) ? 0 : size();
		buf.m.fd = planes[0].m.fd = planes[1].m.fd = planes[2].m.fd = any_dmabuf();
		if (below(2))
			ask_buffer(VIDIOC_QBUF, "QBUF", &buf, planes);
		else
			ask_buffer(VIDIOC_PREPARE_BUF, "PREPARE_BUF", &buf, planes);
		break;
	case 7:
		ask_buffer(VIDIOC_QUERYBUF, "QUERYBUF", &buf, planes);
		break;
	case 8:
		ASK(camera, VIDIOC_STREAMOFF, &type);
		if (!below(4))
			close_device(&camera);
		break;
	}
}

static void call_display(void)
{
	struct drm_mode_create_dumb req = {
		.width = 1 + below(1024), .height = 1 + below(512), .bpp = 8 << below(3),
	};
	int *device = &display[below(2)], fd = open_if_not(device, DISPLAY);
	const struct object *o = pick(GEM);
	uint32_t handle = o && o->fd == fd ? o->handle : below(8);
	struct drm_mode_map_dumb where = { .handle = handle };
	struct drm_prime_handle out = { .handle = handle, .flags = DRM_RDWR | DRM_CLOEXEC };
	struct drm_prime_handle in = { .fd = any_dmabuf() };
	struct drm_gem_close gone = { .handle = handle };

	switch (below(9)) {
	case 0 ... 2:
		if (!ASK(fd, DRM_IOCTL_MODE_CREATE_DUMB, &req))
			break;
		if (8ull * req.pitch < (uint64_t)req.width * req.bpp ||
		    req.size < (uint64_t)req.pitch * req.height)
			bad("its size is %#llx, its pitch %#x", (long long)req.size, req.pitch);
		where.handle = req.handle;
		if (ioctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &where))
			bad("no offset: %s", strerror(errno));
		add((struct object){ GEM, fd, req.handle, where.offset, PAGES(req.size), 0 });
		break;
	case 3:
		ASK(fd, DRM_IOCTL_MODE_MAP_DUMB, &where);
		break;
	case 4:
		if (!ASK(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &out))
			break;
		o = known(fd, out.handle);
		if (!o)
			bad("there is another object");
		add_dmabuf(out.fd, o->size, o);
		break;
	case 5 ... 6:
		if (!ASK(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &in))
			break;
		o = known(in.fd, 0);
		if (!o)
			bad("there is another dma-buf");
		if (!known(fd, in.handle))
			add((struct object){ GEM, fd, in.handle, UNKNOWN, o->size, o->pattern });
		break;
	case 7:
		if (ASK(fd, DRM_IOCTL_GEM_CLOSE, &gone))
			forget(fd, gone.handle);
		break;
	case 8:
		if (!below(4))
			close_device(device);
		break;
	}
}

static void call_sound(void)
{
	unsigned int access = SNDRV_PCM_ACCESS_MMAP_INTERLEAVED + 3 * !below(4);
	struct snd_pcm_hw_params params;
	const struct snd_interval *bytes = &params.intervals[SNDRV_PCM_HW_PARAM_BUFFER_BYTES -
							     SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];

	/* What is mapped keeps it from other parameters, and open. */
	if (sound < 0 || below(4))
		unmap_all();
	open_if_not(&sound, SOUND);
	if (!below(8)) {
		ASK(sound, SNDRV_PCM_IOCTL_HW_FREE, &access);
	} else if (!below(8)) {
		close_device(&sound);
	} else {
		sound_want(&params, access, size());
		while (!below(3)) {
			int n = SNDRV_PCM_HW_PARAM_SAMPLE_BITS + below(12);
			unsigned int value = size();

			note("interval %d is %u", n, value);
			set_interval(&params, n, value);
		}
		note("buffer of %u bytes", bytes->min);
		if (ASK(sound, SNDRV_PCM_IOCTL_HW_PARAMS, &params) &&
		    params.masks[0].bits[0] == 1 << SNDRV_PCM_ACCESS_MMAP_INTERLEAVED)
			add((struct object){ SOUND_CARD, sound, 0, 0, PAGES(bytes->min), 0 });
	}
}

/* Each line is "REGION VALUE", or "REGION max=VALUE". */
static void check_lines(const char *line)
{
	while (*line) {
		size_t n = strcspn(line, " ");

		n += strspn(line + n, " max=");
		n += strspn(line + n, "0123456789");
		if (strncmp(line, "dma/", 4) || line[n] != '\n')
			bad("a line is '%.40s'", line);
		line += n + 1;
	}
}

static void call_dmem(void)
{
	static const char *const files[] = {
		"max", "max", "max", "min", "low", "events", "current", "peak",
	};
	/* As a rule some that leave something to get */
	static const char *const values[] = {
		"max", "max", "max", "max", "max", "max", "4M", "8M", "16M", "", "0", "-1",
		"4095", "16E", "18446744073709551615", "18446744073709551616", "4M 4M", "1e9",
		"99999999999999999999999", "0x1000",
	};
	char path[300], text[2 * PAGE] = "", all[2 * PAGE] = "";
	const char *region = all;
	size_t len = below(2) ? below(64) : below(sizeof(text));
	size_t from = below(4) ? below(64) : hostile();
	int mode = below(4) ? O_RDWR : O_RDONLY, fd;
	ssize_t got;

	snprintf(path, sizeof(path), "%.*s%s", (int)strlen(current_path) - 7, current_path,
		 files[below(COUNT(files))]);
	fd = open(path, mode | (below(2) ? O_NONBLOCK : 0) | O_CLOEXEC);
	note("%s: open is %d; %zu bytes from %zu", path, fd, len, from);
	if (!done(fd))
		return;
	pread(fd, all, sizeof(all) - 1, 0);
	got = pread(fd, text, len, from);
	if (done(got) && len && from < strlen(all) && (!got || memcmp(text, all + from, got)))
		bad("another text than from the beginning of %s", path);
	check_lines(all);

	for (int i = below(3); i && strchr(region, '\n'); i--)
		region = strchr(region, '\n') + 1;
	got = snprintf(text, sizeof(text), "%.*s %s\n", below(8) ? (int)strcspn(region, " ") : 3,
		       region, values[below(COUNT(values))]);
	if (!below(4))
		text[below(got)] = rnd();
	len = below(4) ? (size_t)got : len;
	note("... write %zu of %s", len, text);
	if (mode == O_RDWR)
		done(pwrite(fd, text, len, below(4) ? 0 : hostile() >> 1));
	close(fd);
}

static struct interface memory = { .name = "memory", .call = call_memory };
static struct interface interfaces[] = {
	{ .name = "heap", .call = call_heap },
	{ .name = "camera", .call = call_camera },
	{ .name = "display", .call = call_display },
	{ .name = "sound", .call = call_sound },
	{ .name = "dmem", .call = call_dmem },
};

static void give_back(void)
{
	unmap_all();
	while (pick(DMABUF))
		drop(pick(DMABUF));
	close_device(&camera);
	close_device(&display[0]);
	close_device(&display[1]);
	close_device(&sound);
}

static void call(struct interface *interface)
{
	current = interface;
	current->call();
}

static void report(const struct interface *i)
{
	printf("# %s: %u calls served, %u refused, %u times fresh memory\n", i->name, i->served,
	       i->refused, i->fresh);
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

int main(int argc, char *argv[])
{
	struct interface *wanted[COUNT(interfaces)];
	struct state before, now;
	unsigned int n = 0;
	time_t end;

	for (int i = 3; i < argc; i++) {
		for (size_t k = 0; k < COUNT(interfaces) && n < COUNT(wanted); k++)
			if (!strcmp(argv[i], interfaces[k].name))
				wanted[n++] = &interfaces[k];
	}
	if (!n || n != (unsigned int)argc - 3)
		errx(2, "usage: fuzz SECONDS SEED INTERFACE...; more in fuzz.c");
	state = strtoull(argv[2], NULL, 10);
	loud = state;
	while (!state)
		if (getrandom(&state, sizeof(uint32_t), GRND_INSECURE) < 0)
			err(2, "getrandom");
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# seed %llu\n", (long long)state);
	signal(SIGBUS, on_fault);
	signal(SIGSEGV, on_fault);
	if (glob("/dev/dma_heap/*cma*", 0, NULL, &heaps))
		errx(2, "no heap of a CMA area");
	find_current_path();
	get_state(&before);
	end = seconds() + atoi(argv[1]);
	while (seconds() < end) {
		for (int i = 0; i < ROUND; i++)
			call(below(2) ? wanted[below(n)] : &memory);
		give_back();
		if (!as_before(&before, &now)) {
			print_comment(&before);
			print_comment(&now);
			bad("something is lost");
		}
	}
	for (unsigned int i = 0; i < n; i++) {
		report(wanted[i]);
		if (!wanted[i]->fresh && wanted[i]->call != call_dmem)
			bad("%s gave nothing", wanted[i]->name);
	}
	report(&memory);
	printf("ok 1 - %u calls\n", nr_calls);
	return 0;
}
