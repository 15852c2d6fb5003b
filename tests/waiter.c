// SPDX-License-Identifier: GPL-2.0-only
/*
 * waiter poll|inotify FILE - wait for the events in a file of a cgroup
 *
 * Says "listening" when it waits. At each event it says "woken", and what the
 * file says then; until it is killed.
 *
 * Exit status: 1 the file cannot be watched, 2 bad command line.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* An event is one that came after the file was read. */
static void read_file(int fd, char *buf, size_t size)
{
	ssize_t len = pread(fd, buf, size - 1, 0);

	if (len < 0)
		err(1, "read");
	buf[len] = '\0';
}

static void wait_by_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLPRI };

	while (poll(&p, 1, -1) != 1 || !(p.revents & POLLPRI))
		;
}

static void wait_by_inotify(int fd)
{
	struct inotify_event event;

	do {
		if (read(fd, &event, sizeof(event)) != sizeof(event))
			err(1, "inotify");
	} while (!(event.mask & IN_MODIFY));
}

int main(int argc, char **argv)
{
	char buf[4096];
	int fd, notify = -1;

	if (argc != 3 || (strcmp(argv[1], "poll") && strcmp(argv[1], "inotify"))) {
		fprintf(stderr, "usage: waiter poll|inotify FILE\n");
		return 2;
	}

	fd = open(argv[2], O_RDONLY);
	if (fd < 0)
		err(1, "%s", argv[2]);
	if (!strcmp(argv[1], "inotify")) {
		notify = inotify_init();
		if (notify < 0 || inotify_add_watch(notify, argv[2], IN_MODIFY) < 0)
			err(1, "%s", argv[2]);
	}

	setlinebuf(stdout);
	read_file(fd, buf, sizeof(buf));
	printf("listening\n%s", buf);
	for (;;) {
		if (notify < 0)
			wait_by_poll(fd);
		else
			wait_by_inotify(notify);
		read_file(fd, buf, sizeof(buf));
		printf("woken\n%s", buf);
	}
}
