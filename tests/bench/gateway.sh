#!/bin/sh
# The gateway inside nginx, one worker, with routing, metrics and request ids, as rows of the table of tests/bench/run.sh. Beside it
# nginx's own proxy_pass, and a bare cosocket handler that decodes and encodes both bodies (nginx_bare.lua), to the same upstream.
#
# usage: tests/bench/gateway.sh UPSTREAM TRICKLE      the servers of the benchmark
#
# All ways take turns, five times, for the machine's speed wanders; the middle of each counts. "Same" is a chat of OpenAI's face, whose
# bytes pass through; "made" one of Ollama's face, which becomes Chat Completions and back.
set -eu
cd "$(dirname "$0")/../.."
upstream=$1 trickle=$2 out=build/bench
delayed=trickle/30/100/100 flowing=trickle/41/100/1000
models="$delayed $flowing" row="the gateway"
. tests/bench/nginx_start.sh
times=$(seq "${TIMES:-5}") seconds=${SECONDS_EACH:-3}

# usage: body MODEL STREAM        the name of a file with a request for that model
body() {
  file=$folder/$(echo "$1" | tr / _).$2.json
  printf '{"model":"%s","stream":%s,"messages":[{"role":"system","content":"%s"},{"role":"user","content":"%s"}]}' \
    "$1" "$2" "Réponds en une phrase." "Quelle est la capitale de la France ?" >"$file"
  echo "$file"
}

# The address at which a way reaches a path of an upstream server.
address() {
  case $1 in
    direct) echo "$2/$3/v1/chat/completions" ;;
    same) echo "http://127.0.0.1:$port/v1/chat/completions" ;;
    made) echo "http://127.0.0.1:$port/api/chat" ;;
    proxy) echo "http://127.0.0.1:$port/$3/v1/chat/completions" ;;
    bare) echo "http://127.0.0.1:$port/bare" ;;
  esac
}

worker() { pgrep -P $nginx | tail -n 1; }

# A new worker: what one has kept is no other's.
renew() {
  old=$(worker)
  kill -HUP $nginx
  until new=$(worker) && [ "$new" != "$old" ] && [ "$(pgrep -P $nginx | wc -l)" = 1 ]; do sleep 0.05; done
}

# Nanoseconds of the worker's CPU time.
cpu() { cut -d' ' -f1 "/proc/$(worker)/schedstat"; }

note() { echo "$2" >>"$folder/$1"; }
middle() { cut -d' ' -f"$2" "$folder/$1" | sort -n | awk '{ seen[NR] = $1 } END { print seen[int((NR + 1) / 2)] }'; }
row() { printf '| %s | %s | %s |\n' "$1" "$2" "$3"; }
calc() { awk "BEGIN { printf \"$1\", $2 }"; }
ratios() { calc '%.2f; %.2f' "$2 / $1, $3 / $1"; } # of the second and third to the first

# Counts what the worker does while a command runs, where the machine can: its instructions do not depend on who else runs.
event=${EVENT:-instructions:u}
counted() {
  if ! perf stat -x, -e "$event" true 2>&1 | grep -q '^[0-9]'; then
    "$@"
    return
  fi
  perf stat -x, -e "$event" -p "$(worker)" -o "$folder/events" -- "$@"
}

# usage: load NAME URL BODY [HEADER VALUE]...        notes, as small.NAME, for the worker: requests a second, microseconds and
#                                                    instructions a request
load() {
  name=$1 url=$2 file=$3 before=$(cpu)
  shift 3
  counted wrk --timeout 10s -t1 -c64 -d"${seconds}s" -s tests/bench/post.lua "$url" -- "$file" "$@" >"$folder/wrk"
  after=$(cpu)
  set -- $(sed -n 's/^seen //p' "$folder/wrk")
  [ "${4:-1}" = 0 ] || { tail -n 5 "$folder/wrk" "$folder/error.log" >&2; exit 1; }
  did=$(sed -n 's/^\([0-9.]*\),.*/\1/p' "$folder/events" 2>/dev/null || true)
  note "small.$name" "$1 $(calc %.1f "($after - $before) / $3 / 1000") $(calc %.0f "${did:-0} / $3")"
}

small() {
  for way in proxy bare same made; do load $way "$(address $way "$upstream" small)" "$(body small false)"; done
}

# ---- small chats ----------------------------------------------------------------------------------------------------------------

small # warms the worker, and its figures do not count
rm "$folder"/small.*
for _ in $times; do small; done
for way in proxy bare same made; do
  eval "cpu_$way=$(middle small.$way 2) rate_$way=$(middle small.$way 1) did_$way=$(middle small.$way 3)"
done
row "gateway, worker CPU of a small chat, 64 at a time: same, made; a bare handler, proxy_pass" \
  "$cpu_same µs, $cpu_made µs; $cpu_bare µs, $cpu_proxy µs" "$(ratios $cpu_bare $cpu_same $cpu_made)"
[ "$did_bare" = 0 ] || row "gateway, the worker's instructions of it: the same" "$did_same, $did_made; $did_bare, $did_proxy" \
  "$(ratios $did_bare $did_same $did_made)"
row "gateway, requests/s: the same" "$rate_same, $rate_made; $rate_bare, $rate_proxy" "$(ratios $rate_bare $rate_same $rate_made)"
[ "${ONLY:-}" != small ] || exit 0

# ---- streams ---------------------------------------------------------------------------------------------------------------------

for _ in $times; do
  for way in direct proxy same made; do
    note "delay.$way" "$("$out/bare_multi" delays "$(address $way "$trickle" $delayed)" 100 0 "$(body $delayed true)")"
  done
done
for way in direct proxy same made; do eval "delay_$way=$(middle delay.$way 1) last_$way=$(middle delay.$way 2)"; done
row "gateway, median delay of an event, 100 streams: same, made; proxy_pass, direct" \
  "$delay_same µs, $delay_made µs; $delay_proxy µs, $delay_direct µs" \
  "+$(calc '%d; +%d µs' "$delay_same - $delay_proxy, $delay_made - $delay_proxy")"
row "gateway, 99th percentile of it: the same" "$last_same µs, $last_made µs; $last_proxy µs, $last_direct µs" "–"

for _ in $times; do
  for way in proxy same made; do
    renew
    load warm "$(address $way "$upstream" small)" "$(body small false)"
    set -- $("$out/bare_multi" watch "$(address $way "$trickle" $flowing)" 1000 "$(body $flowing true)" "$(worker)")
    note "flow.$way" "$(calc %.2f "$1 / 40000") $2"
  done
done
for way in proxy same made; do eval "event_$way=$(middle flow.$way 1) size_$way=$(middle flow.$way 2)"; done
row "gateway, worker CPU an event, 1,000 streams: same, made; proxy_pass" \
  "$event_same µs, $event_made µs; $event_proxy µs" "$(ratios $event_proxy $event_same $event_made)"
row "gateway, memory of an open stream: same, made; proxy_pass" "$size_same KiB, $size_made KiB; $size_proxy KiB" \
  "$(calc '+%.1f; +%.1f KiB' "$size_same - $size_proxy, $size_made - $size_proxy")"

for _ in $times; do
  for way in proxy same made; do
    note "large.$way" "$(curl -sS -o /dev/null -w '%{time_total}' -H 'content-type: application/json' \
      --data-binary "@$(body gib/256 true)" "$(address $way "$upstream" gib/256)")"
  done
done
for way in proxy same made; do eval "large_$way=$(calc %.0f "256 / $(middle large.$way 1)")"; done
row "gateway, one large stream, bytes of input: same, made; proxy_pass" "$large_same MiB/s, $large_made MiB/s; $large_proxy MiB/s" \
  "$(ratios $large_proxy $large_same $large_made)"

# ---- Portkey ---------------------------------------------------------------------------------------------------------------------

portkey=$out/portkey
if ! command -v npm >/dev/null || ! { [ -d "$portkey/node_modules" ] ||
  npm install --silent --no-fund --no-audit --prefix "$portkey" @portkey-ai/gateway@1.15.2 >/dev/null 2>&1; }; then
  row "gateway, requests/s against Portkey's (no npm here)" – –
  exit 0
fi
its_port=$(lua5.4 -e 'local s = require "socket".bind("127.0.0.1", 0) print((select(2, s:getsockname())))')
NODE_ENV=production node "$portkey/node_modules/@portkey-ai/gateway/build/start-server.js" --headless --port="$its_port" >/dev/null 2>&1 &
its=$!
trap 'kill $nginx $its; rm -rf "$folder"' EXIT INT TERM
until curl -s -o /dev/null "http://127.0.0.1:$its_port/"; do sleep 0.1; done
for _ in 0 $times; do # its first runs are slow, and do not count in the middle
  load portkey "http://127.0.0.1:$its_port/v1/chat/completions" "$(body small false)" x-portkey-provider openai \
    x-portkey-custom-host "$upstream/small/v1" authorization "Bearer sk-bench"
done
rate_portkey=$(middle small.portkey 1)
row "gateway, requests/s: same, made; Portkey's 1.15.2" "$rate_same, $rate_made; $rate_portkey" "$(ratios $rate_portkey $rate_same $rate_made)"
