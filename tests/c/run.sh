#!/bin/sh
# Builds and runs the C tests of csrc/core and csrc/protocol under ASan and UBSan, in build/c.
#   tests/c/run.sh          all; the last line says `N passed, N failed, N skipped`
# CC chooses the compiler (default: clang, clang-14 or gcc); OGL_SHARED where the shared fixtures are (default ../shared).
#
#   units      the suites, test_<noun>.c
#   replay     the cases of tests/wire
#   fixtures   the recorded exchanges of $OGL_SHARED
#   roundtrip  the same, transcoded to every protocol that can be written, and back
#   oom        the cases of tests/wire, messages of a WebSocket, answers of HTTP and values that grow, without memory
#   portable   units and replay once more, without SSE2 and 128-bit integers: the code of other machines
#   layering   the core stands alone: it needs no header of Lua or libcurl, and names none
set -u
cd "$(dirname "$0")/../.." || exit 1
out=build/c
mkdir -p $out

cc=${CC:-}
if [ -z "$cc" ]; then
  for cc in clang clang-14 gcc; do command -v "$cc" >/dev/null 2>&1 && break; done
fi
warnings="-Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror"
flags="-std=gnu99 -g -O2 $warnings -fsanitize=address,undefined -fno-sanitize-recover=all"
core="csrc/core/*.c csrc/protocol/*.c"
common="tests/c/check.c tests/c/exchange.c tests/c/files.c tests/c/journal.c tests/c/long_way.c tests/c/pick.c tests/c/wire_case.c"
units="tests/c/main.c tests/c/answers.c tests/c/frames.c tests/c/growth.c tests/c/messages.c tests/c/walk.c tests/c/test_[!o]*.c" # all but test_oom.c
portable="-U__SSE2__ -U__SIZEOF_INT128__"

# What most programs are made of, compiled once, a dozen files a process.
objects() {
  rm -rf $out/objects
  mkdir -p $out/objects
  # shellcheck disable=SC2086 # the lists are meant to be split
  printf '%s\n' $common $core | sed "s|^|$PWD/|" | (cd $out/objects && xargs -n 12 -P "$(nproc)" $cc $flags -c)
}

# build NAME FLAGS SOURCES      with other flags all is compiled anew
build() {
  name=$1 more=$2 sources=$3 rest="$out/objects/*.o"
  [ -z "$more" ] || rest="$common $core"
  # shellcheck disable=SC2086
  $cc $flags $more -o "$out/$name" $sources $rest -lm
}

unbuilt() {
  echo "FAILED: the tests do not build"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}

both_built() {
  if ! { wait "$1" && wait "$2"; }; then unbuilt; fi
}

# run NAME COMMAND...: its output goes to a file, for the programs run at once
run() {
  name=$1
  shift
  "$@" >"$out/$name.log" 2>&1
  echo $? >"$out/$name.status"
}

# Every replayed protocol in one log, whose counts are added up below.
replays() {
  program=$1 bad=0
  for protocol in tests/wire/*/; do "$out/$program" "${protocol%/}" || bad=1; done
  return $bad
}

ooms() {
  bad=0
  replays oom || bad=1
  $out/oom http1 || bad=1
  $out/oom websocket || bad=1
  $out/oom json || bad=1
  return $bad
}

layering() {
  bad=0
  # shellcheck disable=SC2086
  for one in clang clang-14 gcc; do
    command -v $one >/dev/null 2>&1 || continue
    if env -u CPATH -u C_INCLUDE_PATH $one -std=c99 -O2 $warnings -Wno-unknown-pragmas -fsyntax-only $core; then
      echo "1 passed, 0 failed, 0 skipped"
    else
      echo "FAILED: the core does not compile alone with $one"
      echo "0 passed, 1 failed, 0 skipped"
      bad=1
    fi
  done
  # what each folder may include: the system, itself, and the core
  found=$(grep -nE '#include *[<"][^>"]*(lua|lauxlib|lualib|curl)' csrc/core/*.[ch] csrc/protocol/*.[ch]
    grep -n '#include "\.\.' csrc/core/*.[ch]
    grep -n '#include "\.\.' csrc/protocol/*.[ch] | grep -v '"\.\./core/')
  if [ -z "$found" ]; then
    echo "1 passed, 0 failed, 0 skipped"
  else
    echo "FAILED: an include against the layers"
    echo "$found"
    echo "0 passed, 1 failed, 0 skipped"
    bad=1
  fi
  return $bad
}

rm -f $out/*.log $out/*.status
objects || unbuilt
build units "" "$units" &
a=$!
build replay "" tests/c/replay.c &
b=$!
both_built $a $b
build fixtures "" tests/c/fixtures.c &
a=$!
build oom -DOGL_TEST_ALLOC "tests/c/test_oom.c tests/c/answers.c tests/c/growth.c" &
b=$!
both_built $a $b
build roundtrip "" tests/c/roundtrip.c &
a=$!
build portable_units "$portable" "$units" &
b=$!
both_built $a $b
build portable_replay "$portable" tests/c/replay.c &
a=$!
both_built $a $a

# a small quarantine: the tests of the limits free hundreds of MiB
ASAN_OPTIONS="quarantine_size_mb=16:detect_leaks=1:${ASAN_OPTIONS:-}"
export ASAN_OPTIONS
run units $out/units &
run replay replays replay &
run fixtures $out/fixtures &
run roundtrip $out/roundtrip &
run oom ooms &
wait
run portable_units $out/portable_units json json_finder json_write number repeat utf8 &
run portable_replay replays portable_replay &
run layering layering &
wait

passed=0 failed=0 skipped=0
for name in units replay fixtures roundtrip oom portable_units portable_replay layering; do
  counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' $out/$name.log |
    awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
  # shellcheck disable=SC2086
  set -- $counts
  # a program that dies before it can count has failed, whatever it had counted
  [ "$(cat $out/$name.status)" != 0 ] && [ "$2" = 0 ] && set -- "$1" 1 "$3"
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
  echo "$name: $1 passed, $2 failed, $3 skipped"
  grep -v ' passed, ' $out/$name.log
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
