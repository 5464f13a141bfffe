#!/bin/sh
# usage: sh tests/hosts/requests.sh N      requests.lua: N requests to the gateway in nginx, by LuaJIT, whose modules nginx loads
cd "$(dirname "$0")/../.." || exit 1
export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/?.lua;$PWD/tests/?.lua;;" LUA_CPATH="$PWD/build/luajit/?.so;;"
exec luajit tests/hosts/requests.lua "$1"
