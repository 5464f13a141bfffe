#!/bin/sh
# Builds the fuzz targets (libFuzzer, ASan, UBSan) and runs each for SECONDS (default 10), all at once.
#   tests/fuzz/run.sh [SECONDS]
# One decoder target for each protocol of tests/wire. Seeds: the inputs there; those of the transcoder have a byte in front. What is
# found lies in build/fuzz; the last line says `N passed, N failed, N skipped`.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-10}
protocols=$(cd tests/wire && echo */ | tr -d /)
targets="sse ndjson json_array json json_finder http1 transcoder websocket $protocols" # a protocol: fuzz_decoder.c compiled for it
clang=${CLANG:-$(command -v clang-14 || echo clang)}
out=build/fuzz
flags="-std=gnu99 -g -O2 -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror
  -fno-sanitize-recover=all"
core="csrc/core/*.c csrc/protocol/*.c"

unbuilt() {
  echo "FAILED: the fuzz targets do not build"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}

mkdir -p $out/json_seeds
if ! echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n); int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return !p && n; }' |
  "$clang" -fsanitize=fuzzer -x c - -o $out/probe 2>/dev/null; then
  echo "skipped: the fuzz targets ($clang with libFuzzer is not there)"
  echo "0 passed, 0 failed, $(echo "$targets" | wc -w) skipped"
  exit 0
fi

# shellcheck disable=SC2086 # the lists are meant to be split
"$clang" $flags -o $out/replay tests/c/replay.c tests/c/check.c tests/c/files.c tests/c/journal.c tests/c/wire_case.c \
  tests/c/long_way.c $core -lm || unbuilt
for protocol in $protocols; do
  mkdir -p "$out/seeds_$protocol"
  $out/replay "tests/wire/$protocol" --inputs "$out/seeds_$protocol" >/dev/null || unbuilt
done
sed -n 's/^data: *\({.*\)/\1/p' $out/seeds_*/*.md | sort -u | split -a 4 -l 1 - $out/json_seeds/

# fuzz_http1.c: recorded bodies behind a head, by length and in one chunk
mkdir -p $out/seeds_http1
for seed in $out/seeds_*/*.md; do
  n=$(wc -c <"$seed") name=${seed##*/}
  { printf 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n' "$n" && cat "$seed"; } >"$out/seeds_http1/length_$name"
  { printf 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n' "$n" && cat "$seed" && printf '\r\n0\r\n\r\n'; } >"$out/seeds_http1/chunk_$name"
done

# fuzz_transcoder.c: the byte is source + 5 * target + 25 * whole; each input goes to one target, in turn
mkdir -p $out/seeds_transcoder
from=0 to=0
for protocol in openai_chat openai_responses anthropic gemini ollama; do
  for seed in "$out/seeds_$protocol"/*; do
    to=$(((to + 1) % 10))
    # shellcheck disable=SC2059 # the format is the byte
    { printf "\\$(printf %o $((from + 5 * to)))" && cat "$seed"; } >"$out/seeds_transcoder/${protocol}_${seed##*/}"
  done
  from=$((from + 1))
done

# fuzz_websocket.c: the examples of RFC 6455, section 5.7, and a close
mkdir -p $out/seeds_websocket
printf '\201\005Hello\202\003abc\212\000' >$out/seeds_websocket/whole
printf '\001\003Hel\211\005Hello\200\002lo\210\005\003\350bye' >$out/seeds_websocket/fragments

# What all targets are made of is compiled once, a dozen files a process.
rm -rf $out/objects
mkdir -p $out/objects
# shellcheck disable=SC2086
printf '%s\n' tests/c/frames.c tests/c/growth.c tests/c/answers.c tests/c/journal.c tests/c/long_way.c tests/c/messages.c tests/c/walk.c $core |
  sed "s|^|$PWD/|" | (cd $out/objects && xargs -n 12 -P "$(nproc)" "$clang" $flags -fsanitize=fuzzer-no-link,address,undefined -c) || unbuilt
for t in $targets; do
  source=fuzz_$t define=
  case " $protocols " in *" $t "*) source=fuzz_decoder define=-DPROTOCOL=ogl_$t ;; esac
  # shellcheck disable=SC2086
  "$clang" $flags $define -fsanitize=fuzzer,address,undefined -o $out/fuzz_$t tests/fuzz/$source.c $out/objects/*.o -lm || unbuilt
done
for t in $targets; do
  seeds=$out/seeds_$t dictionary=tests/fuzz/$t.dict
  [ -d "$seeds" ] || seeds=$out/seeds_openai_chat
  [ -f "$dictionary" ] || dictionary=tests/fuzz/openai_chat.dict
  case $t in json | json_finder) seeds=$out/json_seeds ;; esac
  [ "$t" = json_array ] && seeds=$out/seeds_gemini
  mkdir -p "$out/corpus_$t"
  (
    "$out/fuzz_$t" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=64 -max_len=4096 \
      -dict=$dictionary -artifact_prefix="$out/found_$t-" -print_final_stats=1 \
      "$out/corpus_$t" "$seeds" >"$out/$t.log" 2>&1
    echo $? >"$out/$t.status"
  ) &
done
wait

passed=0 failed=0
for t in $targets; do
  if [ "$(cat "$out/$t.status")" = 0 ]; then
    passed=$((passed + 1))
    echo "fuzz_$t: $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$t.log") inputs"
  else
    failed=$((failed + 1))
    echo "FAILED fuzz_$t:"
    tail -n 40 "$out/$t.log"
  fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
