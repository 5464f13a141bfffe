#!/bin/sh
# make demo: starts the scripted OpenGateLLM on a free port of this machine, and lets the `ogl` command ask it.
set -eu
cd "$(dirname "$0")/../.."
port_file=$(mktemp)
trap 'kill "$server" 2>/dev/null || true; rm -f "$port_file"' EXIT INT TERM

# the server needs the demo's Lua path for itself alone
lua5.4 tests/server/ogl.lua >"$port_file" &
server=$!
until grep -q port "$port_file"; do
  kill -0 "$server" 2>/dev/null || { echo "the demonstration server did not start" >&2; exit 1; }
  sleep 0.05
done

export OGL_URL="http://127.0.0.1:$(cut -d' ' -f2 "$port_file")" OGL_TOKEN=sk-demo
question="Quelle est la capitale de la France ?"
echo "\$ ogl chat \"$question\""
"$LUA" bin/ogl chat --model gpt-oss-120b "$question"
