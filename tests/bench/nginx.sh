#!/bin/sh
# A chat inside nginx against its own proxy_pass to the same server, as rows of the table of tests/bench/run.sh. Beside them what a
# bare cosocket handler gets (nginx_bare.lua): no client can be faster.
#
# usage: tests/bench/nginx.sh UPSTREAM TRICKLE BODY_FILE      the servers of the benchmark, and the request that one is sent
#
# One worker. wrk asks 64 at a time for requests a second, and one at a time for the median latency; in turn, three times each, for
# the machine's speed wanders, and the middle one counts.
set -eu
cd "$(dirname "$0")/../.."
upstream=$1 trickle=$2 body=$3 models= row="a chat inside nginx"
. tests/bench/nginx_start.sh
for way in chat bare; do
  until curl -s -o "$folder/answer" --data-binary @"$body" "http://127.0.0.1:$port/$way"; do sleep 0.05; done
  grep -q '"text"' "$folder/answer" || { cat "$folder/answer" "$folder/error.log" >&2; exit 1; }
done

# Requests a second, median latency in microseconds, and errors.
load() {
  wrk -t1 -c"$2" -d"${SECONDS_EACH:-3}s" -s tests/bench/post.lua "http://127.0.0.1:$port/$1" -- "$body" | awk '/^seen/ { print $2, $3, $5 }'
}
middle() { sort -n "$1" | sed -n 2p; }

load chat 64 >/dev/null
for _ in 1 2 3; do
  for count in 64 1; do
    for way in small/v1/chat/completions bare chat; do load $way $count; done | tr '\n' ' ' >"$folder/seen"
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
