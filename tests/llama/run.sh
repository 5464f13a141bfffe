#!/bin/sh
# usage: sh tests/llama/run.sh
# The C tests of csrc/llama over a scripted model: under ThreadSanitizer, under ASan and UBSan, and without. The last line is
# "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
if ! why=$(sh tests/llama/install.sh) || [ ! -f build/llama/scripted.gguf ]; then
  echo "${why:-FAILED: what the tests need does not build}"
  case $why in skipped:*) echo "0 passed, 0 failed, 1 skipped" ;; *) echo "0 passed, 1 failed, 0 skipped"; exit 1 ;; esac
  exit 0
fi
. tests/llama/env.sh
flags="-std=gnu11 -g -O1 -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror"
sources="tests/llama/test_*.c tests/llama/main.c tests/llama/asked.c tests/c/check.c csrc/llama/*.c
  csrc/core/buf.c csrc/core/utf8.c csrc/core/code.c csrc/core/json_write.c csrc/core/number.c"
passed=0 failed=0 skipped=0

# one NAME FLAGS [VOCABULARIES]: builds and runs the tests once.
one() {
  program=build/llama/test_$1
  # shellcheck disable=SC2046,SC2086
  if ${CC:-cc} $flags $2 $(pkg-config --cflags llama) -o "$program" $sources $(pkg-config --libs llama) -lpthread -ldl -lm; then
    timeout 600 "$program" build/llama/scripted.gguf $3 >"$program.log" 2>&1 || failed=$((failed + 1))
    counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$program.log" | tail -n 1)
    [ -n "$counts" ] && grep -q '^FAILED\|ERROR\|WARNING: ThreadSanitizer' "$program.log" && cat "$program.log"
    [ -n "$counts" ] || tail -n 40 "$program.log"
    # shellcheck disable=SC2086
    set -- "$1" ${counts:-0 0 0}
    passed=$((passed + $2)) skipped=$((skipped + $4))
    echo "$1: $2 passed, $3 failed, $4 skipped"
  else
    failed=$((failed + 1))
    echo "FAILED: $1 does not build"
  fi
}

one plain "" build/llama/vocabularies # in which no thread has a part, and which are slow to load under sanitizers
one thread "-fsanitize=thread" ""
one address "-fsanitize=address,undefined -fno-sanitize-recover=all" ""
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
