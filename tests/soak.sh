#!/bin/sh
# make soak: half an hour of streams of every kind whose memory has to stay flat ($SOAK_SECONDS for another time), 50,000 requests to the
# gateway in nginx, and every spec on every Lua with the collector always on, and under valgrind, sockets included.
cd "$(dirname "$0")/.." || exit 1
failed=0
echo "== streams for ${SOAK_SECONDS:-1800} seconds"
sh tests/hosts/streams.sh soak "${SOAK_SECONDS:-1800}" || failed=1
echo "== 50,000 requests to the gateway in nginx"
sh tests/hosts/requests.sh 50000 || failed=1
for lua in ${LUAS:-lua5.4}; do
  echo "== $lua, collector always on"
  OGL_GC=always sh tests/spec.sh "$lua" --exclude-tags=slow spec || failed=1
  log=$(mktemp)
  echo "== $lua under valgrind"
  RUNNER="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --log-file=$log.%p" \
    sh tests/spec.sh "$lua" --exclude-tags=slow spec || { failed=1; cat "$log".*; }
  rm -f "$log" "$log".*
done
exit $failed
