#!/bin/sh
# usage: sh tests/hosts/programs.sh [NAME…]      programs.lua: real programs that speak to Ollama, at the gateway in nginx
#
# By hand alone: npm installs the programs into build/programs (500 MB).
cd "$(dirname "$0")/../.." || exit 1
export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/?.lua;$PWD/tests/?.lua;;" LUA_CPATH="$PWD/build/luajit/?.so;;"
exec luajit tests/hosts/programs.lua "$@"
