#!/bin/sh
# usage: LUAS="lua5.4 luajit …" sh tests/run.sh
# Every test of the project, in parts that run side by side, one more at once than there are processors (LANES), for specs wait for much of
# their time: the C core under sanitizers, a short run of the fuzzers, the specs on each Lua, and on Lua 5.4 once more with the collector
# always on, under valgrind and under ASan. Then, with nothing beside them, thousands of streams in one process. What a part says is shown when it has ended; what a failed part said is shown
# once more at the end. With TIMES=1 the slowest spec files are listed. The last line is the sum, "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
LUAS=${LUAS:-lua5.4}
export LUAS
LANES=${LANES:-$(($(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1))}
OGL_SHARED=${OGL_SHARED:-$(cd .. && pwd)/shared}
work=$(mktemp -d)
OGL_RUN=$work TMPDIR=$work # what every program of this run carries in its environment, and where it writes
OGL_TIMES=$work/times
export OGL_SHARED OGL_RUN TMPDIR OGL_TIMES
: >"$OGL_TIMES"

# Parts --------------------------------------------------------------------------------------------------------------

count=0

# part TITLE COMMAND: adds a part to the list.
part() {
  count=$((count + 1))
  echo "$1" >"$work/$count.title"
  echo "$2" >"$work/$count.command"
}

# The last tally that a part printed; a part without one has failed, and so has one that ends badly after a tally without failures.
tally_of() {
  tally=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$work/$1.log" | tail -n 1)
  [ -n "$tally" ] || tally="0 passed, 0 failed, 0 skipped"
  case $tally in
    *" 0 failed,"*) [ "$2" = 0 ] && grep -qx "$tally" "$work/$1.log" || tally="${tally%% passed*} passed, 1 failed, ${tally##*, }" ;;
  esac
  echo "$tally"
}

# Shows a part: what it is, its time and its tally; of a good one why tests were skipped, of a failed one all that it said.
show() {
  printf '\n== %s (%s s)\n' "$(cat "$work/$1.title")" "$(cat "$work/$1.seconds")"
  if [ -f "$work/$1.bad" ]; then cat "$work/$1.log"; else grep -i '^skipped:' "$work/$1.log" | sort -u; fi
  cat "$work/$1.tally"
}

run_part() {
  began=$(date +%s)
  sh -c "$(cat "$work/$1.command")" >"$work/$1.log" 2>&1 </dev/null
  status=$?
  echo $(($(date +%s) - began)) >"$work/$1.seconds"
  tally_of "$1" $status >"$work/$1.tally"
  grep -q ' 0 failed,' "$work/$1.tally" || : >"$work/$1.bad"
  show "$1" >"$work/$1.shown"
  until mkdir "$work/printing" 2>/dev/null; do sleep 0.1; done # one part at a time
  cat "$work/$1.shown"
  rmdir "$work/printing"
}

# Runs the parts from $1 to $2 that no other lane has taken.
lane() {
  one=$1
  while [ "$one" -le "$2" ]; do
    mkdir "$work/$one.taken" 2>/dev/null && run_part "$one"
    one=$((one + 1))
  done
}

# The list -----------------------------------------------------------------------------------------------------------

# What runs on Lua 5.4 and LuaJIT alone: these specs ask what the library says to servers, row by row, and what the scripted servers are. No
# line that they reach touches what differs between Luas but numbers, and of those one of the two has whole ones and the other has none.
# docs/testing.md says more.
ONCE='net/(surface(_[a-z]+)?|conformance|aimock|clients|ogl_server|bench|compat)|hosts/serve|openapi_server|layout|gateway/recorded'

# What computes for long, in Lua alone: these run there only, too, and not with the collector always on, which would find nothing in them.
LONG='schema/validator|jinja/init|llama/template|bench/compare|bench/noise|bench/tally|bench/report/html'

has() { case " $LUAS " in *" $1 "*) true ;; *) false ;; esac; }

specs_but() { find spec -name '*_spec.lua' | grep -vE "^spec/($1)_spec" | sort | tr '\n' ' '; }

specs_of() {
  case $1 in lua5.4 | luajit) echo spec; return ;; esac
  if has lua5.4 && has luajit; then specs_but "$ONCE|$LONG"; else echo spec; fi
}

VALGRIND="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite"

# Long parts come first, so that no lane is left alone with one at the end; what only computes stands back for specs, which wait for answers.
part "C core: units, wire cases, recordings, failing allocations (ASan, UBSan)" "nice -n 5 sh tests/c/run.sh"
has lua5.4 && part "Specs on lua5.4, collector always on" "OGL_GC=always sh tests/spec.sh lua5.4 $(specs_but "$LONG")"
for lua in $LUAS; do
  part "Specs on $lua" "sh tests/spec.sh $lua $(specs_of "$lua")"
done
if has lua5.4; then
  part "Specs on lua5.4, modules under ASan and UBSan" "sh tests/asan.sh"
  part "Specs on lua5.4 under valgrind" "nice -n 5 sh tests/valgrind.sh"
  part "300 streams with faults under valgrind" "RUNNER='$VALGRIND' sh tests/hosts/streams.sh faults 300 20 100"
fi
has luajit && part "5,000 requests to the gateway in nginx" "sh tests/hosts/requests.sh 5000"
part "Models in this process: the engine (TSan, ASan, UBSan)" "nice -n 5 sh tests/llama/run.sh"
part "Fuzzing, a few seconds a target" "nice -n 5 sh tests/fuzz/run.sh ${FUZZ_SECONDS:-5}"
beside=$count
if has lua5.4; then
  part "10,000 streams at once" "sh tests/hosts/streams.sh all 10000 250 100"
  part "10,000 streams at once, of each hundred one reset, one stalled, one cancelled" "sh tests/hosts/streams.sh faults 10000 250 100"
fi

# The run ------------------------------------------------------------------------------------------------------------

# The processes of this run that are still there, of those that it started: Linux alone says.
marked() {
  for file in $(env -u OGL_RUN grep -ls "OGL_RUN=$work" /proc/[0-9]*/environ 2>/dev/null); do
    file=${file#/proc/}
    echo "${file%/environ}"
  done
}

left_over() {
  for process in $(marked); do tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null && echo; done
}

# Ends what still runs, where the run itself is ended.
end() {
  trap '' INT TERM
  # shellcheck disable=SC2046
  kill $(cat "$work/lanes" 2>/dev/null) $(marked) 2>/dev/null
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

sh tests/clients/install.sh
sh tests/llama/install.sh
lane_number=0
while [ $lane_number -lt "$LANES" ]; do
  lane 1 "$beside" &
  echo $! >>"$work/lanes"
  lane_number=$((lane_number + 1))
done
wait
rm -f "$work/lanes"
lane $((beside + 1)) "$count"

passed=0 failed=0 skipped=0
one=0
while [ $one -lt $count ]; do
  one=$((one + 1))
  # shellcheck disable=SC2046
  set -- $(tr -d , <"$work/$one.tally")
  passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
  [ -f "$work/$one.bad" ] && { printf '\n(again)'; cat "$work/$one.shown"; }
done

tries=0
while left=$(left_over) && [ -n "$left" ] && [ $tries -lt 50 ]; do sleep 0.2; tries=$((tries + 1)); done
if [ -n "$left" ]; then
  printf '\nFAILED: programs of the tests are still there:\n%s\n' "$left"
  failed=$((failed + 1))
fi
if [ -n "${TIMES:-}" ]; then
  printf '\nThe slowest spec files, in seconds:\n'
  sort -rn "$work/times" | head -n 25
fi

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
