#!/bin/sh
# make bench: every row is a ratio, measured in one run. Needs a quiet machine; prints a Markdown table.
set -eu
cd "$(dirname "$0")/../.."
out=build/bench
mkdir -p "$out"
cc -std=gnu99 -O2 -pthread tests/bench/server.c -o "$out/server"
cc -std=gnu99 -O2 tests/bench/bare.c -o "$out/bare" -lcurl
cc -std=gnu99 -O2 tests/bench/trickle.c -o "$out/trickle"
cc -std=gnu99 -O2 tests/bench/bare_multi.c -o "$out/bare_multi" -lcurl

# The servers end when their standard input does. The second one stays on the first core: what a chat costs depends on whether
# its server wakes the same core or another one (an idle core is cold), so that both are measured and neither is left to chance.
pin=
command -v taskset >/dev/null && [ "$(nproc)" -gt 1 ] && pin="taskset -c"
pipe=$(mktemp -u) port_file=$(mktemp) pinned_file=$(mktemp) trickle_file=$(mktemp)
mkfifo "$pipe"
"$out/server" <"$pipe" >"$port_file" &
${pin:+$pin 0} "$out/server" <"$pipe" >"$pinned_file" &
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
"$out/trickle" <"$pipe" >"$trickle_file" &
exec 9>"$pipe"
trap 'exec 9>&-; rm -f "$pipe" "$port_file" "$pinned_file" "$trickle_file"' EXIT INT TERM
until grep -q port "$port_file" && grep -q port "$pinned_file" && grep -q port "$trickle_file"; do sleep 0.05; done
base="http://127.0.0.1:$(cut -d' ' -f2 "$port_file")"
pinned="http://127.0.0.1:$(cut -d' ' -f2 "$pinned_file")"
trickle="http://127.0.0.1:$(cut -d' ' -f2 "$trickle_file")"

run() {
  lua=$1; shift
  LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/tests/?.lua;;" LUA_CPATH="$PWD/build/$lua/?.so;;" ${on:-} "$lua" "$@" 9>&-
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

# Each protocol: the public client on both Luas, the decoder alone, and that against openai_chat's.
for lua in lua5.4 luajit; do run $lua tests/bench/decoders.lua >"$out/decoders.$lua"; done
while read -r protocol events alone part; do
  jit=$(sed -n "s/^$protocol \([0-9.]*\) .*/\1/p" "$out/decoders.luajit")
  row "$protocol from memory: events on lua5.4, on luajit; the decoder alone" "$events M/s, $jit M/s; $alone GB/s" "$part of openai_chat's"
done <"$out/decoders.lua5.4"

# Transcoders: a row a source; of each target the MB/s, and how many times what Lua does.
run lua5.4 tests/bench/transcoders.lua >"$out/transcoders"
for from in $(cut -d' ' -f1 "$out/transcoders" | uniq); do
  set -- "$(awk -v from="$from" '$1 == from { printf "%s%s", n++ ? ", " : "", $2 }' "$out/transcoders")" \
    "$(awk -v from="$from" '$1 == from { printf "%s%.0f", n++ ? ", " : "", $3 }' "$out/transcoders")" \
    "$(awk -v from="$from" '$1 == from { printf "%s%.0f", n++ ? ", " : "", $3 / $4 }' "$out/transcoders")"
  row "$from to $1, against lua-cjson and tables" "$2 MB/s" "$3"
done

set -- $(run lua5.4 tests/bench/http.lua "$base" 200000)
ours=$1 cpu=$2
if command -v npm >/dev/null && { [ -d "$out/node_modules/openai" ] || npm install --silent --no-fund --no-audit --prefix "$out" openai@7.55.0 >/dev/null 2>&1; }; then
  cp tests/bench/openai.mjs "$out/openai.mjs"
  theirs=$(node "$out/openai.mjs" "$base" 200000 9>&-)
  row "events over loopback HTTP, lua5.4, against npm openai 7.55.0" "$ours M/s (CPU: $cpu s for 0.2 M), $theirs M/s" "$(calc %.1f "$ours / $theirs")"
else
  row "events over loopback HTTP, lua5.4 (no npm here to compare)" "$ours M/s (CPU: $cpu s for 0.2 M)" "–"
fi

# The visible text alone: what a program that prints wants.
for lua in lua5.4 luajit; do
  set -- $(run $lua tests/bench/texts.lua 400000)
  row "texts from memory, $lua: joined (one by one), against events" "$2 M/s ($3 M/s), $1 M/s" "$4"
  set -- $(run $lua tests/bench/texts.lua 200000 "$base")
  row "the same over loopback HTTP" "$2 M/s ($3 M/s), $1 M/s" "$4"
  [ -z "${theirs:-}" ] || row "the same against the text deltas of npm openai 7.55.0" "$2 M/s, $theirs M/s" "$(calc %.1f "$2 / $theirs")"
done

# usage: chat_row TITLE PREFIX        in turn, three times, for the machine's speed wanders; the middle difference counts
chat_row() {
  on=$2
  for i in 1 2 3; do
    chat=$(run lua5.4 tests/bench/chats.lua "$pinned" 1000 "$out/body.json" | cut -d' ' -f1)
    bare=$($on "$out/bare" post "$pinned/small/v1/chat/completions" "$out/body.json" 1000 9>&- | sed 's/.*cpu_us \([0-9.]*\).*/\1/')
    echo "$(calc %.1f "$chat - $bare") $chat $bare"
  done | sort -n >"$out/chats"
  on=
  read -r more chat bare <<EOF
$(sed -n 2p "$out/chats")
EOF
  row "$1" "$chat µs, $bare µs" "+$more µs"
}
if [ -n "$pin" ]; then
  chat_row "CPU of a small chat over bare libcurl, client and server on one core" "$pin 0"
  chat_row "the same on two cores" "$pin 1"
else
  chat_row "CPU of a small chat over bare libcurl" ""
fi

set -- $(run lua5.4 tests/bench/require.lua)
row 'CPU and memory of require "opengatellm"' "$1 ms, $2 KiB" "–"

# The command line: the processor time of a whole process, until the help is written, and until a chat is sent.
for what in help chat; do
  for i in 1 2 3 4 5; do run lua5.4 tests/bench/command.lua $what >>"$out/command.$what" 2>/dev/null; done
done
row 'CPU of `ogl --help`; of `ogl chat` to its request' "$(sort -n "$out/command.help" | sed -n 3p) ms; $(sort -n "$out/command.chat" | sed -n 3p) ms" "–"
rm -f "$out"/command.*

# Routers and middleware: what they add, in small chats and plain events of the same run.
for lua in lua5.4 luajit; do
  run $lua tests/bench/middleware.lua | while IFS='|' read -r name more ratio; do row "$name, $lua" "$more" "$ratio"; done
done

# JSON values of texts that are coming: what a value behind each delta costs, in plain events of the same run.
for lua in lua5.4 luajit; do
  run $lua tests/bench/partial.lua | while IFS='|' read -r name seen ratio; do row "$name, $lua" "$seen" "$ratio"; done
done

# Conversations: a turn with a tool over its chats, and whether turns cost more as they become many.
for lua in lua5.4 luajit; do
  run $lua tests/bench/conversation.lua | while IFS='|' read -r name figures ratio; do row "$name, $lua" "$figures" "$ratio"; done
done

set -- $(run lua5.4 tests/bench/embeddings.lua)
row "64 embeddings of 1,024 floats as tables, against lua-cjson" "$1 ms, $3 ms" "$4"
row "the same, packed" "$2 ms, $3 ms" "$5"

for lua in lua5.4 luajit; do
  set -- $(run $lua tests/bench/schema.lua)
  row "validating 1 MB of records of 20 fields, $lua, against lua-cjson's decoding of them" "$1 ms, $2 ms" "$3"
done

set -- $(run lua5.4 tests/bench/memory.lua "$base" 1024 keep)
row "memory above the start while 1 GiB streams, reply kept" "$1 MiB, of it $2 MiB of text" "$(calc '%.1f MiB beyond' "$1 - $2")"
set -- $(run lua5.4 tests/bench/memory.lua "$base" 1024 drop)
row "the same with keep = false" "$1 MiB" "–"

. tests/bench/local.sh

# Many at once, against libcurl's multi interface with epoll and nothing done with what comes (bare_multi.c).
bare=$("$out/bare_multi" streams "$trickle/trickle/250/110/10000" 10000 1024 9>&-)
for lua in lua5.4 luajit; do
  for keep in keep drop; do
    set -- $bare $(run $lua tests/bench/many.lua streams "$trickle/trickle/250/110/10000" 10000 $keep)
    if [ $keep = keep ]; then
      row "CPU of 10,000 streams of 250 events at once, $lua" "$6 s ($7 s in the kernel), $1 s ($2 s)" "$(calc %.2f "$6 / $1")"
      row "resident memory a stream, when all are open, $lua" "$8 KiB, $3 KiB" "$(calc %.2f "$8 / $3")"
      row "the process at its peak while they flow, a stream, replies kept, $lua" "$9 KiB, $4 KiB" "$(calc %.2f "$9 / $4")"
    else
      row "the same with keep = false, $lua" "$9 KiB, $4 KiB" "$(calc %.2f "$9 / $4")"
    fi
  done
done

# What ogl bench adds to the library where it reads many streams.
for lua in lua5.4 luajit; do
  set -- $(run $lua tests/bench/load.lua "$trickle/trickle/250/10/1000" 1000)
  row "CPU of 1,000 streams of 250 events read by ogl bench, against the library alone, $lua" "$1 s, $2 s" "$3"
done

# In turn, five times; the middle of each counts.
for i in 1 2 3 4 5; do
  "$out/bare_multi" requests "$pinned/small/v1/chat/completions" "$out/body.json" 20000 256 9>&- >>"$out/rate.bare"
  for lua in lua5.4 luajit; do run $lua tests/bench/many.lua requests "$pinned/small" 20000 256 >>"$out/rate.$lua"; done
  "$out/bare_multi" delays "$trickle/trickle/60/100/1000" 1000 9>&- >>"$out/delay.bare"
  for lua in lua5.4 luajit; do run $lua tests/bench/many.lua delays "$trickle/trickle/60/100/1000" 1000 >>"$out/delay.$lua"; done
done
middle() { sort -n -k "$2" "$1" | sed -n 3p | cut -d' ' -f"$2"; }
for lua in lua5.4 luajit; do
  set -- "$(middle "$out/rate.$lua" 1)" "$(middle "$out/rate.bare" 1)"
  row "small chats a second, 256 at a time, $lua" "$1, $2" "$(calc %.2f "$1 / $2")"
done
for lua in lua5.4 luajit; do
  set -- "$(middle "$out/delay.$lua" 2)" "$(middle "$out/delay.bare" 2)" "$(middle "$out/delay.$lua" 1)"
  row "99th percentile (median) of the delay from send to event, 1,000 streams, 10,000 events a second, $lua" "$1 ($3) µs, $2 µs" "$(calc %.2f "$1 / $2")"
done
rm -f "$out"/rate.* "$out"/delay.*

sh tests/bench/nginx.sh "$base" "$trickle" "$out/body.json" 9>&-
sh tests/bench/gateway.sh "$base" "$trickle" 9>&-
