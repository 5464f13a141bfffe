#!/bin/sh
# shellcheck disable=SC2154,SC2046,SC2034
# usage: . tests/bench/local.sh      rows of models in this process, read by run.sh, whose functions it uses; nothing where libllama cannot be had
# Each figure is taken in turn with that of a C program on libllama alone, three times, and the middle one counts.
if why=$(LUAS=lua5.4 sh tests/llama/install.sh) && [ -f build/llama/write_model ]; then
  . tests/llama/env.sh
  [ -f "$out/random.gguf" ] || build/llama/write_model random "$out/random.gguf"
  export OGL_LLAMA_LIBRARIES="$OGL_LLAMA/lib"
  # shellcheck disable=SC2046
  cc -O2 -std=gnu99 $(pkg-config --cflags llama) -o "$out/bare_llama" tests/bench/bare_llama.c $(pkg-config --libs llama)

  # usage: speed_row TITLE CHATS TOKENS
  speed_row() {
    for i in 1 2 3; do
      theirs=$("$out/bare_llama" "$out/random.gguf" "$2" 20 "$3")
      ours=$(run lua5.4 tests/bench/local.lua "$out/random.gguf" speed "$2" "$3")
      echo "$(calc %.2f "$ours / $theirs") $ours $theirs"
    done | sort -n >"$out/speeds"
    read -r ratio ours theirs <<EOF
$(sed -n 2p "$out/speeds")
EOF
    row "$1" "$ours, $theirs tokens/s" "$ratio"
  }
  speed_row "a model of 100 MB in this process, one thread, against libllama's own loop" 1 200
  speed_row "the same, 8 chats at once, against its own batch" 8 60
  row "the longest of a hundred delays of the main thread meanwhile" "$(run lua5.4 tests/bench/local.lua "$out/random.gguf" pauses) ms" "–"
  set -- $(run lua5.4 tests/bench/local.lua "$out/random.gguf" turns)
  row "time to the first token of a chat of 2,000 tokens, and of its next turn" "$1 s, $2 s" "$(calc %.3f "$2 / $1")"
else
  echo "$why" >&2
fi
