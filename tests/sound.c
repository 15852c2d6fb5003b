// SPDX-License-Identifier: GPL-2.0-only
/*
 * sound - make, play from, map and hold the buffer of an ALSA sound card
 *
 * The command line is a list of commands, carried out from left to right:
 *
 *   capture        use the capture device from here on, not the playback one;
 *                  what is open stays open
 *   mappable       ask for a buffer to map from here on, not one to read or write
 *   open           open the device; the others do that when they need it
 *   buffer N       SNDRV_PCM_IOCTL_HW_PARAMS for a buffer of N bytes
 *   shrink N       the same, with half of it as often as it takes
 *   run N          write or read N bytes, by turns of an eighth of the buffer
 *   map            map the buffer, which must come zeroed, and fill it
 *   check          read it back
 *   unmap          unmap it
 *   free           SNDRV_PCM_IOCTL_HW_FREE
 *   close          close the device; a mapping stays
 *   hold           say so, and wait for SIGTERM
 *
 * A command that fails says why, and the next one is carried out.
 *
 * Exit status: 0 all commands succeeded, 1 one failed, 2 bad command line.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sound/asound.h>

#include "../demo/commands.h"

#define PLAYBACK	"/dev/snd/pcmC0D0p"
#define CAPTURE		"/dev/snd/pcmC0D0c"
#define CHANNELS	2
#define FRAME		(CHANNELS * 2)	/* bytes, of 16 bits each */
#define PERIODS		8
#define FILL		0xa5

static const char *path = PLAYBACK;
static bool capturing;
static int device = -1;
static int access_mode = SNDRV_PCM_ACCESS_RW_INTERLEAVED;
static size_t size;		/* of the buffer, 0: there is none */
static uint8_t *map;
static size_t map_size;

static bool open_device(void)
{
	if (device >= 0)
		return true;
	device = open(path, O_RDWR | O_CLOEXEC);
	return device >= 0 || fail(path);
}

static void set_mask(struct snd_pcm_hw_params *params, int n, unsigned int value)
{
	struct snd_mask *mask = &params->masks[n - SNDRV_PCM_HW_PARAM_FIRST_MASK];

	memset(mask, 0, sizeof(*mask));
	mask->bits[value / 32] = 1u << value % 32;
}

static void set_interval(struct snd_pcm_hw_params *params, int n, unsigned int value)
{
	struct snd_interval *i =
		&params->intervals[n - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];

	*i = (struct snd_interval){ .min = value, .max = value, .integer = 1 };
}

static bool set_params(size_t bytes)
{
	struct snd_pcm_hw_params params;

	memset(&params, 0, sizeof(params));
	memset(params.masks, 0xff, sizeof(params.masks));
	for (unsigned int i = 0; i < sizeof(params.intervals) / sizeof(params.intervals[0]); i++)
		params.intervals[i].max = UINT32_MAX;
	params.rmask = ~0u;
	set_mask(&params, SNDRV_PCM_HW_PARAM_ACCESS, access_mode);
	set_mask(&params, SNDRV_PCM_HW_PARAM_FORMAT, SNDRV_PCM_FORMAT_S16_LE);
	set_interval(&params, SNDRV_PCM_HW_PARAM_CHANNELS, CHANNELS);
	set_interval(&params, SNDRV_PCM_HW_PARAM_RATE, 48000);
	set_interval(&params, SNDRV_PCM_HW_PARAM_PERIODS, PERIODS);
	set_interval(&params, SNDRV_PCM_HW_PARAM_BUFFER_BYTES, bytes);
	if (ioctl(device, SNDRV_PCM_IOCTL_HW_PARAMS, &params))
		return false;
	size = bytes;
	return true;
}

static bool cmd_capture(const char *arg)
{
	(void)arg;
	device = -1;
	size = 0;
	path = CAPTURE;
	capturing = true;
	return true;
}

static bool cmd_mappable(const char *arg)
{
	(void)arg;
	access_mode = SNDRV_PCM_ACCESS_MMAP_INTERLEAVED;
	return true;
}

static bool cmd_open(const char *arg)
{
	(void)arg;
	return open_device();
}

/* One line for a buffer, and one for each that was refused */
static bool request(const char *what, size_t bytes)
{
	if (!set_params(bytes)) {
		say("%s %zu: %s", what, bytes, strerror(errno));
		return false;
	}
	say("%s: got %zu", what, bytes);
	return true;
}

static bool cmd_buffer(const char *arg)
{
	return open_device() && request("buffer", strtoul(arg, NULL, 0));
}

static bool cmd_shrink(const char *arg)
{
	if (!open_device())
		return false;
	for (size_t bytes = strtoul(arg, NULL, 0); bytes >= 4096; bytes /= 2)
		if (request("shrink", bytes))
			return true;
	return false;
}

static bool cmd_run(const char *arg)
{
	size_t left = strtoul(arg, NULL, 0), turn = size / PERIODS;
	uint8_t *data = malloc(turn);
	bool ok = true;

	if (!size || !data)
		return false;
	memset(data, 0x11, turn);
	if (ioctl(device, SNDRV_PCM_IOCTL_PREPARE))
		return fail("prepare");
	for (; ok && left >= turn; left -= turn) {
		struct snd_xferi xfer = { .buf = data, .frames = turn / FRAME };
		unsigned long op = capturing ? SNDRV_PCM_IOCTL_READI_FRAMES :
			SNDRV_PCM_IOCTL_WRITEI_FRAMES;

		/* A slow guest may be late, which is not what is tested. */
		while (ioctl(device, op, &xfer)) {
			if (errno == EPIPE && !ioctl(device, SNDRV_PCM_IOCTL_PREPARE))
				continue;
			ok = fail("run");
			break;
		}
	}
	free(data);
	if (ok)
		say("ran %s", arg);
	return ok;
}

static bool uniform(uint8_t value)
{
	for (size_t i = 0; i < map_size; i++) {
		if (map[i] != value) {
			say("byte %zu is %#x, not %#x", i, map[i], value);
			return false;
		}
	}
	return true;
}

static bool cmd_map(const char *arg)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
		       SNDRV_PCM_MMAP_OFFSET_DATA);

	(void)arg;
	if (p == MAP_FAILED)
		return fail("map");
	map = p;
	map_size = size;
	if (!uniform(0))
		return false;
	memset(map, FILL, map_size);
	say("mapped %zu", map_size);
	return true;
}

static bool cmd_check(const char *arg)
{
	(void)arg;
	if (!map || !uniform(FILL))
		return false;
	say("checked %zu", map_size);
	return true;
}

static bool cmd_unmap(const char *arg)
{
	(void)arg;
	return !munmap(map, map_size) || fail("unmap");
}

static bool cmd_free(const char *arg)
{
	(void)arg;
	size = 0;
	return !ioctl(device, SNDRV_PCM_IOCTL_HW_FREE) || fail("free");
}

static bool cmd_close(const char *arg)
{
	int fd = device;

	(void)arg;
	device = -1;
	return !close(fd) || fail("close");
}

static bool cmd_hold(const char *arg)
{
	(void)arg;
	return hold("holding");
}

static bool is_size(const char *arg)
{
	return *arg && strlen(arg) < 10 && strspn(arg, "0123456789") == strlen(arg);
}

static const struct command commands[] = {
	{ .name = "capture",	.run = cmd_capture },
	{ .name = "mappable",	.run = cmd_mappable },
	{ .name = "open",	.run = cmd_open },
	{ .name = "buffer",	.run = cmd_buffer, .valid = is_size, .takes = "a size" },
	{ .name = "shrink",	.run = cmd_shrink, .valid = is_size, .takes = "a size" },
	{ .name = "run",	.run = cmd_run, .valid = is_size, .takes = "a size" },
	{ .name = "map",	.run = cmd_map },
	{ .name = "check",	.run = cmd_check },
	{ .name = "unmap",	.run = cmd_unmap },
	{ .name = "free",	.run = cmd_free },
	{ .name = "close",	.run = cmd_close },
	{ .name = "hold",	.run = cmd_hold },
	{}
};

int main(int argc, char *argv[])
{
	(void)argc;
	return run_commands("sound", "buffer N [hold]", commands, argv);
}
