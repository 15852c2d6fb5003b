/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the clients share. Their command line is a list of commands, carried out
 * from left to right. All of it is read before any of it is done.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line on stdout, there at once: somebody may be waiting for it. */
__attribute__((format(printf, 1, 2)))
static inline void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static inline bool fail(const char *what)
{
	say("%s: %s", what, strerror(errno));
	return false;
}

/* Says so, and waits for SIGTERM. */
static inline bool hold(const char *what)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	say("%s", what);
	sigwait(&set, &sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return true;
}

struct command {
	const char *name;	/* NULL ends the list */
	bool (*run)(const char *arg);
	bool (*valid)(const char *arg);
	const char *takes;	/* NULL: nothing */
};

/* The command at *argv, which moves on behind it; a bad one ends the program. */
static const struct command *parse_command(const char *program,
					   const struct command *cmd,
					   char ***argv, const char **arg)
{
	const char *name = *(*argv)++;

	while (cmd->name && strcmp(cmd->name, name))
		cmd++;
	if (!cmd->name) {
		fprintf(stderr, "%s: no command is called '%s'\n", program, name);
		exit(2);
	}
	*arg = NULL;
	if (cmd->takes) {
		*arg = **argv;
		if (!*arg || !cmd->valid(*arg)) {
			fprintf(stderr, "%s: %s takes %s, not '%s'\n", program,
				name, cmd->takes, *arg ? *arg : "");
			exit(2);
		}
		(*argv)++;
	}
	return cmd;
}

/* What main() returns: 0 all commands succeeded, 1 one failed, 2 a bad line. */
static int run_commands(const char *program, const char *usage,
			const struct command *commands, char *argv[])
{
	const struct command *cmd;
	const char *arg;
	bool ok = true;

	if (!argv[0] || !argv[1]) {
		fprintf(stderr, "usage: %s %s; more in %s.c\n", program, usage,
			program);
		return 2;
	}
	for (char **p = argv + 1; *p;)
		parse_command(program, commands, &p, &arg);

	for (char **p = argv + 1; *p;) {
		cmd = parse_command(program, commands, &p, &arg);
		ok &= cmd->run(arg);
	}
	return !ok;
}

#endif
