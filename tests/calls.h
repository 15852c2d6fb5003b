/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What faults.c and fuzz.c share: how to ask a sound card, and what
 * has to be as it was when all is given back.
 */
#ifndef CALLS_H
#define CALLS_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/videodev2.h>
#include <sound/asound.h>

#include "../demo/camera.h"

#define DISPLAY		"/dev/dri/card0"
#define SOUND		"/dev/snd/pcmC0D0p"
#define HANDLES		"/sys/kernel/debug/dma-api/dma_handles"
#define AREAS		"/sys/kernel/mm/cma/*/available_pages"

static inline void set_mask(struct snd_pcm_hw_params *params, int n, unsigned int value)
{
	struct snd_mask *mask = &params->masks[n - SNDRV_PCM_HW_PARAM_FIRST_MASK];

	memset(mask, 0, sizeof(*mask));
	mask->bits[value / 32] = 1u << value % 32;
}

static inline void set_interval(struct snd_pcm_hw_params *params, int n, unsigned int value)
{
	params->intervals[n - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL] =
		(struct snd_interval){ .min = value, .max = value, .integer = 1 };
}

/* A buffer of so many bytes, and all else as is usual */
static inline void sound_want(struct snd_pcm_hw_params *params, unsigned int access,
			      unsigned int bytes)
{
	memset(params, 0, sizeof(*params));
	memset(params->masks, 0xff, sizeof(params->masks));
	for (size_t i = 0; i < sizeof(params->intervals) / sizeof(params->intervals[0]); i++)
		params->intervals[i].max = UINT32_MAX;
	params->rmask = ~0u;
	set_mask(params, SNDRV_PCM_HW_PARAM_ACCESS, access);
	set_mask(params, SNDRV_PCM_HW_PARAM_FORMAT, SNDRV_PCM_FORMAT_S16_LE);
	set_interval(params, SNDRV_PCM_HW_PARAM_CHANNELS, 2);
	set_interval(params, SNDRV_PCM_HW_PARAM_RATE, 48000);
	set_interval(params, SNDRV_PCM_HW_PARAM_BUFFER_BYTES, bytes);
}

/* What has to be as it was: the text of some files, and the lines of one */

static char current_path[256];

struct state {
	char text[4096];
	size_t len;
};

__attribute__((format(printf, 2, 3)))
static inline void add_text(struct state *state, const char *fmt, ...)
{
	size_t left = sizeof(state->text) - state->len;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(state->text + state->len, left, fmt, ap);
	va_end(ap);
	if ((size_t)len >= left)
		errx(2, "too much to look at");
	state->len += len;
}

static inline void add_file(struct state *state, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];

	if (!f)
		err(2, "%s", path);
	while (fgets(line, sizeof(line), f))
		add_text(state, "%s: %s", path, line);
	fclose(f);
}

static inline void add_handles(struct state *state)
{
	FILE *f = fopen(HANDLES, "re");
	unsigned int lines = 0;
	int c;

	if (!f)
		err(2, "%s", HANDLES);
	while ((c = getc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	add_text(state, "%s: %u lines\n", HANDLES, lines);
}

static inline void get_state(struct state *state)
{
	static glob_t areas;

	if (!areas.gl_pathc && glob(AREAS, 0, NULL, &areas))
		errx(2, "no CMA area");
	state->len = 0;
	add_file(state, current_path);
	for (size_t i = 0; i < areas.gl_pathc; i++)
		add_file(state, areas.gl_pathv[i]);
	add_handles(state);
}

/* The last reference to a file may be dropped a moment after its close. */
static inline bool as_before(const struct state *before, struct state *now)
{
	for (int i = 0; i < 100; i++) {
		get_state(now);
		if (!strcmp(before->text, now->text))
			return true;
		usleep(50000);
	}
	return false;
}

static inline void print_comment(const struct state *state)
{
	char text[sizeof(state->text)], *rest = text, *line;

	strcpy(text, state->text);
	while ((line = strsep(&rest, "\n")) && *line)
		printf("# %s\n", line);
}

static inline void find_current_path(void)
{
	char line[200] = "";
	FILE *f = fopen("/proc/self/cgroup", "re");

	if (!f || !fgets(line, sizeof(line), f) || strncmp(line, "0::", 3))
		errx(2, "not in a cgroup");
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	snprintf(current_path, sizeof(current_path), "/sys/fs/cgroup%s/dmem.current", line + 3);
}

#endif
