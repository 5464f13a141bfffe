#!/bin/sh
# usage: LUAS="lua5.4 luajit …" sh tests/run.sh
# Every test of the project: the C core under sanitizers, a short run of the fuzzers, the specs on each Lua, and on Lua 5.4 once more
# with the collector always on, under valgrind and under ASan; and thousands of streams in one process. The last line is the sum,
# "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
VALGRIND="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite"
LUAS=${LUAS:-lua5.4}
OGL_SHARED=${OGL_SHARED:-$(cd .. && pwd)/shared}
export OGL_SHARED
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs a part, shows what it says, and adds its last line to the sum. A part without such a line has failed.
part() {
  title=$1; shift
  printf '\n== %s\n' "$title"
  "$@" >"$log" 2>&1
  status=$?
  tally=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
  if [ -n "$tally" ] && [ $status -eq 0 ]; then
    echo "$tally"
    grep -i '^skipped:' "$log" | sort -u
  else
    cat "$log"
    [ -n "$tally" ] || tally="0 passed, 1 failed, 0 skipped"
    case $tally in *" 0 failed,"*) tally="${tally%% passed*} passed, 1 failed, ${tally##*, }" ;; esac
    tally=${tally% skipped}; tally="$tally skipped"
  fi
  # shellcheck disable=SC2086
  set -- $tally
  passed=$((passed + $1)); failed=$((failed + $3)); skipped=$((skipped + $5))
}

part "C core: units, wire cases, recordings, failing allocations (ASan, UBSan)" sh tests/c/run.sh
part "Fuzzing, a few seconds a target" sh tests/fuzz/run.sh "${FUZZ_SECONDS:-5}"
sh tests/clients/install.sh
for lua in $LUAS; do
  part "Specs on $lua" sh tests/spec.sh "$lua" spec
done
case " $LUAS " in *" lua5.4 "*)
  part "Specs on lua5.4, collector always on" env OGL_GC=always sh tests/spec.sh lua5.4 spec
  part "Specs on lua5.4 under valgrind" sh tests/valgrind.sh
  part "Specs on lua5.4, modules under ASan and UBSan" sh tests/asan.sh
  part "10,000 streams at once" sh tests/hosts/streams.sh all 10000 250 100
  part "10,000 streams at once, of each hundred one reset, one stalled, one cancelled" sh tests/hosts/streams.sh faults 10000 250 100
  part "300 such streams under valgrind" env RUNNER="$VALGRIND" sh tests/hosts/streams.sh faults 300 20 100
esac

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
