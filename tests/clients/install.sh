#!/bin/sh
# Installs the npm clients of the specs, as package-lock.json says, unless they are there. Without npm or a network it says so and is no
# failure: the specs that need them are skipped. No script of a package is run.
cd "$(dirname "$0")" || exit 1
installed=node_modules/.package-lock.json
[ -f $installed ] && [ $installed -nt package-lock.json ] && exit 0
command -v npm >/dev/null || { echo "no npm here: the specs of the npm clients are skipped"; exit 0; }
timeout 300 npm ci --ignore-scripts --no-fund --no-audit --silent >/dev/null 2>&1 && touch $installed && exit 0
rm -rf node_modules
echo "npm cannot install the clients (no network?): their specs are skipped"
