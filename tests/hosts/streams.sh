#!/bin/sh
# usage: sh tests/hosts/streams.sh all|faults|soak ARGUMENTS…      streams.lua on Lua 5.4, with its server; $RUNNER goes before it
set -eu
cd "$(dirname "$0")/../.."
mode=$1; shift
mkdir -p build/bench
cc -std=gnu99 -O2 tests/bench/trickle.c -o build/bench/trickle
# Descriptors for each stream at either end; where the system allows fewer, there are fewer streams.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
pipe=$(mktemp -u) port=$(mktemp)
mkfifo "$pipe"
build/bench/trickle <"$pipe" >"$port" &
exec 9>"$pipe"
trap 'exec 9>&-; rm -f "$pipe" "$port"' EXIT INT TERM
until grep -q port "$port"; do sleep 0.05; done
export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;;" LUA_CPATH="$PWD/build/lua5.4/?.so;;"
base="http://127.0.0.1:$(cut -d' ' -f2 "$port")"
if [ "$mode" != soak ]; then
  most=$(ulimit -n)
  if [ "$most" != unlimited ] && [ "$most" -lt $(($1 + 200)) ]; then
    echo "skipped: $((most - 200)) streams in place of $1: no more descriptors are allowed here"
    n=$((most - 200)); shift; set -- "$n" "$@"
  fi
fi
${RUNNER:-} lua5.4 tests/hosts/streams.lua "$mode" "$base" "$@" 9>&-
