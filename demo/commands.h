/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of the clients: a list of commands, carried out from left to
 * right. All of it is read before any of it is done.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
