#!/bin/sh
# A handler in shell: the handler `exec` runs it, a process per job. No protocol: arguments come as arguments (or --stdin), what it
# prints is the result, its exit status the outcome, and the last line of stderr the failure's message.
#
#   joinery submit --wait exec -- ./count_lines.sh FILE
set -eu
[ $# -eq 1 ] || { echo "expected one argument, FILE" >&2; exit 64; }
echo "job $JOINERY_JOB_ID, attempt $JOINERY_ATTEMPT: counting $1" >&2
wc -l <"$1"
