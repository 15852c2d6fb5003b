// SPDX-License-Identifier: GPL-2.0-only
/*
 * edu - memory for the DMA of QEMU's edu device, through demo/edu-driver
 *
 * The command line is a list of commands, carried out from left to right:
 *
 *   alloc N        allocate and map N MiB, each time through another open file
 *   copy           let the device copy from the start of the last memory to its
 *                  end, and see whether that is what has come
 *   look           see whether what has come is still there
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

#include "commands.h"
#include "edu-ioctl.h"

static uint8_t *memory;
static size_t memory_size;
static int device = -1;

static bool cmd_alloc(const char *arg)
{
	size_t size = atoi(arg) * 1048576ul;
	int fd = open("/dev/edu", O_RDWR | O_CLOEXEC);
	void *map;

	if (fd < 0)
		return fail("/dev/edu");
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		say("%s MiB: %s", arg, strerror(errno));
		close(fd);
		return false;
	}
	say("%s MiB: here", arg);
	memory = map;
	memory_size = size;
	device = fd;
	return true;
}

static bool cmd_copy(const char *arg)
{
	struct edu_copy copy = { .size = EDU_MAX_COPY };

	(void)arg;
	if (!memory) {
		say("copy: nothing is allocated");
		return false;
	}
	copy.to = memory_size - EDU_MAX_COPY;
	for (size_t i = 0; i < EDU_MAX_COPY; i++) {
		memory[i] = i * 7 + 1;
		memory[copy.to + i] = 0;
	}
	if (ioctl(device, EDU_COPY, &copy))
		return fail("copy");
	if (memcmp(memory, memory + copy.to, EDU_MAX_COPY)) {
		say("copy: wrong bytes");
		return false;
	}
	say("copied %u bytes by DMA", EDU_MAX_COPY);
	return true;
}

static bool cmd_look(const char *arg)
{
	size_t wrong = 0;

	(void)arg;
	if (!memory) {
		say("look: nothing is allocated");
		return false;
	}
	for (size_t i = 0; i < EDU_MAX_COPY; i++)
		wrong += memory[memory_size - EDU_MAX_COPY + i] != (uint8_t)(i * 7 + 1);
	say("look: %zu bytes are wrong", wrong);
	return !wrong;
}

static bool cmd_hold(const char *arg)
{
	(void)arg;
	return hold("holding");
}

static bool is_count(const char *arg)
{
	return *arg && strlen(arg) < 4 && strspn(arg, "0123456789") == strlen(arg);
}

static const struct command commands[] = {
	{ .name = "alloc",	.run = cmd_alloc, .valid = is_count, .takes = "a number" },
	{ .name = "copy",	.run = cmd_copy },
	{ .name = "look",	.run = cmd_look },
	{ .name = "hold",	.run = cmd_hold },
	{}
};

int main(int argc, char *argv[])
{
	(void)argc;
	return run_commands("edu", "alloc N [copy] [look] [hold]", commands, argv);
}
