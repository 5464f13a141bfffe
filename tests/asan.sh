#!/bin/sh
# usage: sh tests/asan.sh [SPEC…]      specs on Lua 5.4 with all modules under AddressSanitizer, LeakSanitizer and UBSan; of none given
#                                      those of what is made in C
cd "$(dirname "$0")/.." || exit 1
[ $# -gt 0 ] || set -- spec/core spec/stream_spec.lua spec/client_spec.lua spec/transport spec/task_spec.lua spec/hosts \
  spec/net/process_spec.lua spec/system_spec.lua spec/store/folder_spec.lua
export BUILD=build/asan
. tests/llama/env.sh
make --no-print-directory -s -j "${JOBS:-2}" modules LUA=lua5.4 BUILD=$BUILD \
  CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined" || exit 1
export ASAN_OPTIONS=detect_leaks=1
preload=$(cc -print-file-name=libasan.so)
# ASan looks for the exceptions of C++, which libllama throws and catches, when it starts.
[ "${WITH_LLAMA:-}" = 1 ] && preload="$preload:$(cc -print-file-name=libstdc++.so.6)"
RUNNER="env LD_PRELOAD=$preload"
export RUNNER
sh tests/spec.sh lua5.4 "$@"
