#!/bin/sh
# usage: sh tests/spec.sh LUA SPEC…      runs busted on the modules that were built for that Lua
# RUNNER is put before the interpreter (valgrind), BUILD is where the modules are; OGL_GC=always keeps the collector at work. The last line is
# "N passed, N failed, N skipped".
cd "$(dirname "$0")/.." || exit 1
lua=$1; shift
export OGL_LUA="$lua" OGL_SHARED="${OGL_SHARED:-$(cd .. && pwd)/shared}"
export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/?.lua;$PWD/tests/?.lua;;" LUA_CPATH="$PWD/${BUILD:-build}/$lua/?.so;;"
# shellcheck disable=SC2086
exec ${RUNNER:-} "$lua" /usr/bin/busted --output=tests/tally.lua --helper=tests/collector.lua "$@"
