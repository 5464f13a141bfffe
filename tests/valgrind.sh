#!/bin/sh
# The specs that need no network, under valgrind on Lua 5.4: an invalid access or a block that nobody can free any more is a failure.
cd "$(dirname "$0")/.." || exit 1
log=$(mktemp)
trap 'rm -f "$log" "$log".*' EXIT
RUNNER="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --log-file=$log.%p"
export RUNNER
GROUP=100 sh tests/spec.sh lua5.4 --exclude-tags=slow spec/core spec/stream_spec.lua spec/client_spec.lua >"$log"
status=$?
cat "$log".* 2>/dev/null # what valgrind says of each process, which is nothing where all is well
cat "$log"
exit $status
