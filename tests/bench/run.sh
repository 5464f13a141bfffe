#!/bin/sh
# make bench: every row is a ratio, measured in one run. Needs a quiet machine; prints a Markdown table.
set -eu
cd "$(dirname "$0")/../.."
out=build/bench
mkdir -p "$out"
cc -std=gnu99 -O2 -pthread tests/bench/server.c -o "$out/server"
cc -std=gnu99 -O2 tests/bench/bare.c -o "$out/bare" -lcurl

# The server ends when its standard input does.
pipe=$(mktemp -u) port_file=$(mktemp)
mkfifo "$pipe"
"$out/server" <"$pipe" >"$port_file" &
exec 9>"$pipe"
trap 'exec 9>&-; rm -f "$pipe" "$port_file"' EXIT INT TERM
until grep -q port "$port_file"; do sleep 0.05; done
base="http://127.0.0.1:$(cut -d' ' -f2 "$port_file")"

run() {
  lua=$1; shift
  LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/tests/?.lua;;" LUA_CPATH="$PWD/build/$lua/?.so;;" "$lua" "$@" 9>&-
}
row() { printf '| %s | %s | %s |\n' "$1" "$2" "$3"; }
calc() { awk "BEGIN { printf \"$1\", $2 }"; }

echo "$(uname -sm), $(nproc) cores: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo "$(lua5.4 -v | cut -d' ' -f1,2), $(luajit -v | cut -d' ' -f1,2), $(run lua5.4 -e 'print((require"opengatellm.curl".version():match"^%S+"))')"
echo
echo "| measure | seen | ratio |"
echo "|---|---|---|"

for lua in lua5.4 luajit; do
  set -- $(run $lua tests/bench/decode.lua)
  row "events from memory, $lua, against a lua-cjson loop" "$1 M/s, $2 M/s" "$3"
done

set -- $(run lua5.4 tests/bench/http.lua "$base" 200000)
ours=$1 cpu=$2
if command -v npm >/dev/null && { [ -d "$out/node_modules/openai" ] || npm install --silent --no-fund --no-audit --prefix "$out" openai@7.55.0 >/dev/null 2>&1; }; then
  cp tests/bench/openai.mjs "$out/openai.mjs"
  theirs=$(node "$out/openai.mjs" "$base" 200000 9>&-)
  row "events over loopback HTTP, lua5.4, against npm openai" "$ours M/s (CPU: $cpu s for 0.2 M), $theirs M/s" "$(calc %.1f "$ours / $theirs")"
else
  row "events over loopback HTTP, lua5.4 (no npm here to compare)" "$ours M/s (CPU: $cpu s for 0.2 M)" "–"
fi

# in turn, three times, for the machine's speed wanders
for i in 1 2 3; do
  chat=$(run lua5.4 tests/bench/chats.lua "$base" 1000 "$out/body.json" | cut -d' ' -f1)
  bare=$("$out/bare" post "$base/small/v1/chat/completions" "$out/body.json" 1000 9>&- | sed 's/.*cpu_us \([0-9.]*\).*/\1/')
  echo "$(calc %.1f "$chat - $bare") $chat $bare"
done | sort -n >"$out/chats"
set -- $(sed -n 2p "$out/chats")
row "CPU of a small chat over bare libcurl" "$2 µs, $3 µs" "+$1 µs"

set -- $(run lua5.4 tests/bench/require.lua)
row 'CPU and memory of require "opengatellm"' "$1 ms, $2 KiB" "–"

set -- $(run lua5.4 tests/bench/embeddings.lua)
row "64 embeddings of 1,024 floats as tables, against lua-cjson" "$1 ms, $3 ms" "$4"
row "the same, packed" "$2 ms, $3 ms" "$5"

set -- $(run lua5.4 tests/bench/memory.lua "$base" 1024 keep)
row "memory above the start while 1 GiB streams, reply kept" "$1 MiB, of it $2 MiB of text" "$(calc '%.1f MiB beyond' "$1 - $2")"
set -- $(run lua5.4 tests/bench/memory.lua "$base" 1024 drop)
row "the same with keep = false" "$1 MiB" "–"
