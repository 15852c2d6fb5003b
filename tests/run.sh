#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh COMMAND: by a shell; in base64, as words of the kernel command line have
# no blanks. scripts/run reads what is between the two lines.

echo "$1" | base64 -d > /tmp/run
echo run-begin
sh /tmp/run 2>&1
status=$?
echo
echo run-end
exit "$status"
