#!/bin/sh
# make soak: every spec on every Lua with the collector always on, and under valgrind, sockets included.
cd "$(dirname "$0")/.." || exit 1
failed=0
for lua in ${LUAS:-lua5.4}; do
  echo "== $lua, collector always on"
  OGL_GC=always sh tests/spec.sh "$lua" --exclude-tags=slow spec || failed=1
  log=$(mktemp)
  echo "== $lua under valgrind"
  RUNNER="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --log-file=$log" \
    sh tests/spec.sh "$lua" --exclude-tags=slow spec || { failed=1; cat "$log"; }
  rm -f "$log"
done
exit $failed
