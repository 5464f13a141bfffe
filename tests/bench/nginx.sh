#!/bin/sh
# A chat inside nginx against its own proxy_pass to the same server, as rows of the table of tests/bench/run.sh. Beside them what a
# bare cosocket handler gets (nginx_bare.lua): no client can be faster.
#
# usage: tests/bench/nginx.sh UPSTREAM BODY_FILE      the server of the benchmark, and the request that it is sent
#
# One worker. wrk asks 64 at a time for requests a second, and one at a time for the median latency; in turn, three times each, for
# the machine's speed wanders, and the middle one counts.
set -eu
cd "$(dirname "$0")/../.."
upstream=$1 body=$2
modules=${NGINX_MODULES:-/usr/lib/nginx/modules}
if ! command -v nginx >/dev/null || ! command -v wrk >/dev/null || [ ! -f "$modules/ngx_http_lua_module.so" ]; then
  echo "| a chat inside nginx (no nginx, no Lua module or no wrk here) | – | – |"
  exit 0
fi

folder=$(mktemp -d) address=${upstream#http://}
port=$(lua5.4 -e 'local s = require "socket".bind("127.0.0.1", 0) print((select(2, s:getsockname())))')
sed -e "s|@ROOT@|$PWD|g; s|@MODULES@|$modules|; s|@PORT@|$port|; s|@UPSTREAM@|$upstream|; s|@HOST@|$address|" \
  -e "s|@BARE_HOST@|${address%:*}|; s|@BARE_PORT@|${address##*:}|" tests/bench/nginx.conf >"$folder/nginx.conf"
nginx -e error.log -p "$folder" -c nginx.conf &
nginx=$!
trap 'kill $nginx; rm -rf "$folder"' EXIT INT TERM
for way in chat bare; do
  until curl -s -o "$folder/answer" --data-binary @"$body" "http://127.0.0.1:$port/$way"; do sleep 0.05; done
  grep -q '"text"' "$folder/answer" || { cat "$folder/answer" "$folder/error.log" >&2; exit 1; }
done

cat >"$folder/post.lua" <<END
local file = io.open("$body", "rb")
wrk.method, wrk.body, wrk.headers["content-type"] = "POST", file:read "*a", "application/json"
function done(summary, latency)
  local errors = summary.errors
  local bad = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(("seen %.0f %.1f %d\n"):format(summary.requests / summary.duration * 1e6, latency:percentile(50), bad))
end
END

# Requests a second, median latency in microseconds, and errors.
load() { wrk -t1 -c"$2" -d"${SECONDS_EACH:-3}s" -s "$folder/post.lua" "http://127.0.0.1:$port/$1" | sed -n 's/^seen //p'; }
middle() { sort -n "$1" | sed -n 2p; }

load chat 64 >/dev/null
for _ in 1 2 3; do
  for count in 64 1; do
    for way in proxy bare chat; do load $way $count; done | tr '\n' ' ' >"$folder/seen"
    awk '$3 + $6 + $9 > 0 { exit 1 }' "$folder/seen" || { echo "nginx answered with errors" >&2; exit 1; }
    awk '{ printf "%.2f %.2f %d %d %d\n", $7 / $1, $4 / $1, $7, $4, $1 }' "$folder/seen" >>"$folder/rates.$count"
    awk '{ printf "%.0f %.0f %.0f %.0f %.0f\n", $8 - $2, $5 - $2, $8, $5, $2 }' "$folder/seen" >>"$folder/latencies.$count"
  done
done
middle "$folder/rates.64" | {
  read -r ratio least chat bare proxy
  echo "| nginx, requests/s 64 at a time: a chat, against proxy_pass; a bare handler | $chat, $proxy; $bare | $ratio; $least |"
}
middle "$folder/latencies.1" | {
  read -r more least chat bare proxy
  echo "| nginx, median latency 1 at a time: the same | $chat µs, $proxy µs; $bare µs | +$more µs; +$least µs |"
}
