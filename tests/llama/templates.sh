#!/bin/sh
# usage: sh tests/llama/templates.sh FOLDER      lays the chat templates of many models into a folder (from llama.cpp, by way of npm)
# A folder that has them is left alone. Without npm or git it says so, and fails.
set -eu
folder=$1 version=3.21.1
if [ -d "$folder" ]; then exit 0; fi
for one in npm git tar; do
  command -v $one >/dev/null || { echo "$one is missing: no chat templates" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "node-llama-cpp@$version" >/dev/null && tar xzf ./*.tgz package/llama/gitRelease.bundle)
git init -q --bare "$work/git"
git -C "$work/git" fetch -q "$work/package/llama/gitRelease.bundle" HEAD
git -C "$work/git" archive FETCH_HEAD models/templates | tar xf - -C "$work"
mkdir -p "$(dirname "$folder")"
mv "$work/models/templates" "$folder"
