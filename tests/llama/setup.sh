#!/bin/sh
# usage: sh tests/llama/setup.sh PREFIX [VERSION]
# Lays libllama, its header and a llama.pc under PREFIX, unless they are there: the libraries that npm's node-llama-cpp ships for Linux on
# x86-64, and from a bundle of git the header of the same release and the vocabularies of some families of models. No script of a package is
# run. Where that cannot be had it says why, in one line, and ends with 1.
set -u
mkdir -p "$1" || exit 1
prefix=$(cd "$1" && pwd) version=${2:-3.21.1}
[ -f "$prefix/lib/pkgconfig/llama.pc" ] && exit 0
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "npm has libllama for the tests on Linux on x86-64 alone"; exit 1; }
for program in npm git tar; do
  command -v $program >/dev/null || { echo "no $program here, which brings libllama for the tests"; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() {
  cd "$work" || return 1
  mkdir -p whole/include whole/lib/pkgconfig
  timeout 300 npm pack --silent "@node-llama-cpp/linux-x64@$version" "node-llama-cpp@$version" >/dev/null 2>&1 || return 1
  tar xzf "node-llama-cpp-linux-x64-$version.tgz" && cp package/bins/linux-x64/*.so whole/lib/ || return 1
  tar xzf "node-llama-cpp-$version.tgz" package/llama/gitRelease.bundle || return 1
  git init -q --bare headers && git -C headers fetch -q "$work/package/llama/gitRelease.bundle" HEAD || return 1
  git -C headers archive FETCH_HEAD include ggml/include models | tar xf - || return 1
  mkdir -p whole/vocabularies && cp models/ggml-vocab-*.gguf whole/vocabularies/ || return 1
  cp include/llama.h ggml/include/*.h whole/include/
}
fetch || { echo "npm cannot bring libllama (no network?)"; exit 1; }

# The libraries carry their version in their names; the linker asks for those without.
for name in llama ggml; do
  for file in "whole/lib/lib$name".v*.so "whole/lib/lib$name".b*.so; do
    [ -e "$file" ] && ln -sf "${file##*/}" "whole/lib/lib$name.so"
  done
done
cat >whole/lib/pkgconfig/llama.pc <<PC
prefix=$prefix
Name: llama
Description: libllama of node-llama-cpp $version
Version: $version
Libs: -L\${prefix}/lib -Wl,-rpath,\${prefix}/lib -lllama -lggml -lggml-base
Cflags: -I\${prefix}/include
PC
rm -rf "${prefix:?}/include" "${prefix:?}/lib" "${prefix:?}/vocabularies"
cp -R whole/include whole/vocabularies "$prefix/" && cp -R whole/lib "$prefix/"
