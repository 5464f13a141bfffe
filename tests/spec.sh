#!/bin/sh
# usage: sh tests/spec.sh LUA SPEC…      runs busted on the modules that were built for that Lua
# RUNNER is put before the interpreter (valgrind), BUILD is where the modules are; OGL_GC=always keeps the collector at work; GROUP is how many
# files one process runs; BUSTED names another busted than the one in PATH; OGL_TIMES is a file to which each spec file adds the seconds
# that it took. The last line is "N passed, N failed, N skipped".
cd "$(dirname "$0")/.." || exit 1
lua=$1; shift
export OGL_LUA="$lua" OGL_SHARED="${OGL_SHARED:-$(cd .. && pwd)/shared}"

# What cannot begin has failed, in the words that a sum is made of.
give_up() {
  echo "FAILED: $1"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}

command -v "$lua" >/dev/null || give_up "$lua is not installed"
busted=$(command -v "${BUSTED:-busted}") ||
  give_up "busted is not in PATH; install it (Debian: apt-get install lua-busted, else: luarocks install busted)"

# Debian's busted is a Lua program. That of LuaRocks is a shell script which names the interpreter that busted was installed with, the
# folders of its modules and, last, the Lua program; here the program runs with the wanted Lua, which looks in the folders for its version.
rocks_path="" rocks_cpath="" version=$("$lua" -e 'print((_VERSION:gsub("Lua ", "")))')
if head -n 1 "$busted" | grep -q 'sh$'; then
  wrapper=$busted
  busted=$(sed -n "s|.*'\([^']*/bin/busted\)'.*|\1|p" "$wrapper" | tail -n 1)
  [ -f "$busted" ] || give_up "$wrapper does not name the Lua program that it runs"
  folders() { sed -n "s|.*package\.$1=\"\([^\"]*\)\".*|\1|p" "$wrapper" | head -n 1 | sed "s|/lua/5\.[1-4]/|/lua/$version/|g"; }
  rocks_path=$(folders path) rocks_cpath=$(folders cpath)
fi

export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/?.lua;$PWD/tests/?.lua;$rocks_path;;"
export LUA_CPATH="$PWD/${BUILD:-build}/$lua/?.so;$rocks_cpath;;"
"$lua" -e 'require "busted.runner"' 2>/dev/null ||
  give_up "busted is not installed for $lua (luarocks --lua-version $version install busted)"

# busted, with whatever runs the interpreter.
run() {
  # shellcheck disable=SC2086
  ${RUNNER:-} "$lua" "$busted" --output=tests/tally.lua --helper=tests/collector.lua $options "$@"
}

# The files of what was asked for, and busted's own options.
options=""
for one in "$@"; do
  case $one in
    -*) options="$options $one" ;;
    *) [ -e "$one" ] || give_up "there is no $one" ;;
  esac
done
files=$(for one in "$@"; do
  case $one in -*) ;; *) if [ -d "$one" ]; then find "$one" -name '*_spec.lua'; else echo "$one"; fi ;; esac
done | sort -u)
# shellcheck disable=SC2086
set -- $files
if [ $# -le "${GROUP:-8}" ]; then
  run "$@"
  exit
fi

# busted keeps what each file has loaded until it ends, and every full collection walks through it: a run of all files in one process takes
# three times as long as a run of $GROUP files a process.
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
while [ $# -gt 0 ]; do
  group=""
  while [ $# -gt 0 ] && [ "$(echo "$group" | wc -w)" -lt "${GROUP:-8}" ]; do group="$group $1"; shift; done
  # shellcheck disable=SC2086
  run $group >"$log" 2>&1
  status=$?
  # LeakSanitizer's tracer itself crashes on a busy machine while it stops the process that ends ("Tracer caught signal 11"): it has then
  # looked at nothing, and is asked again; at last the group runs without it, and says so. What it finds is another message, and counts.
  sanitizer=${ASAN_OPTIONS:-}
  for try in 1 2 3; do
    [ $status -ne 0 ] && grep -q "LeakSanitizer has encountered a fatal error" "$log" || break
    [ $try -lt 3 ] || export ASAN_OPTIONS=detect_leaks=0
    # shellcheck disable=SC2086
    run $group >"$log" 2>&1
    status=$?
    [ $try -lt 3 ] || echo "leaks were not looked for: the tracer crashed three times:$group"
  done
  [ -z "$sanitizer" ] || export ASAN_OPTIONS="$sanitizer"
  grep -vE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log"
  counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$log" | tail -n 1)
  rest=$*
  # shellcheck disable=SC2086
  set -- ${counts:-0 0 0}
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
  if [ -z "$counts" ] || { [ $status -ne 0 ] && [ "$2" -eq 0 ]; }; then # it died, or what runs it saw a fault
    echo "FAILED: status $status of$group"
    failed=$((failed + 1))
  fi
  # shellcheck disable=SC2086
  set -- $rest
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
