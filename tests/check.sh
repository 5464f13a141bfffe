#!/bin/sh
# make check: what can be tested in seconds, on what was built for $LUA in $BUILD. The C units (no sanitizers) and half of the specs run
# beside the other half; the specs are those that start no server and no host. The reference material is left to `make test`, for its
# inputs are tried at every split. The last line is the sum, "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
export OGL_SHARED=/nowhere
log=$(mktemp)
trap 'rm -f "$log" "$log".*' EXIT

# Those of spec/net, spec/hosts and spec/transport need a server; of them only the last four do not. The longest are left to `make test`.
longest='docs|core/safety|schema/validator|schema/suite|conversation/interleavings|chat/recorded_outputs|middleware/coalesce|jinja/language|llama/grammar|bench/tally|bench/calibration|gateway/recorded'
{
  find spec -name '*_spec.lua' | grep -vE "^spec/(net|hosts|transport)/|^spec/(task|openapi_server|chat/preview|$longest)_spec"
  for one in route websocket/handshake websocket/pool websocket/socket; do echo spec/transport/${one}_spec.lua; done
} | sort >"$log.specs"

# Runs a part of the list; a part that ends badly without saying what failed has failed as a whole.
specs() {
  # shellcheck disable=SC2046
  GROUP=100 sh tests/spec.sh "$LUA" --exclude-tags=slow $(awk "NR % 2 == $1" "$log.specs") >"$log.$1" 2>&1
}

units() {
  "$BUILD/units" >"$log.units" 2>&1
  status=$?
  [ $status = 0 ] || grep -q '^FAILED' "$log.units" || echo "FAILED: the C units ended with status $status" >>"$log.units"
  return $status
}

specs 0 &
units
specs 1
wait
cat "$log.units" "$log.0" "$log.1" | grep -vE '^[0-9]+ passed, |^skipped: '
tallies=$(grep -hE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log.units" "$log.0" "$log.1")
echo "$tallies" | awk -v died="$(grep -c '^FAILED: the C units ended' "$log.units")" '
  { p += $1; f += $3; s += $5 }
  END { f += died + 3 - NR; print p " passed, " f " failed, " s " skipped"; exit f > 0 }'
