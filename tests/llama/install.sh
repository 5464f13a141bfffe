#!/bin/sh
# usage: LUAS="lua5.4 …" sh tests/llama/install.sh
# Sets up libllama for the tests, builds opengatellm.llama for each Lua, and writes the scripted model. Where libllama cannot be had it says
# so and is no failure: the specs of models in this process are skipped.
cd "$(dirname "$0")/../.." || exit 1
why=$(sh tests/llama/setup.sh build/llama) || { echo "skipped: the tests of models in this process: $why"; exit 0; }
. tests/llama/env.sh
${CC:-cc} -std=gnu99 -O2 -o build/llama/write_model tests/llama/write_model.c tests/llama/gguf.c csrc/core/buf.c -lm || exit 1
build/llama/write_model scripted tests/llama/template.jinja build/llama/scripted.gguf || exit 1
for lua in ${LUAS:-lua5.4}; do
  make --no-print-directory -s -j "${JOBS:-2}" modules LUA="$lua" || exit 1
done
