#!/bin/sh
# usage: sh tests/llama/setup.sh PREFIX [VERSION]
# Lays what the tests need of llama.cpp under PREFIX, unless it is there: from the bundle of git in npm's node-llama-cpp its header, the
# vocabularies of some families of models, and the chat templates of many; from its package for Linux on x86-64 the libraries, with a
# llama.pc. No script of a package is run. Where something cannot be had it says why, in one line, and ends with 1.
set -u
mkdir -p "$1" || exit 1
prefix=$(cd "$1" && pwd) version=${2:-3.21.1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

give_up() {
  echo "$1"
  exit 1
}

# package NAME: unpacks a package of npm into a folder of that name.
package() {
  for program in npm git tar; do
    command -v $program >/dev/null || give_up "no $program here, which brings libllama for the tests"
  done
  mkdir -p "$work/$1" && cd "$work/$1" && timeout 300 npm pack --silent "$1@$version" >/dev/null 2>&1 && tar xzf ./*.tgz
}

sources() {
  [ -d "$prefix/templates" ] && return
  package node-llama-cpp || return 1
  git init -q --bare git && git -C git fetch -q "$PWD/package/llama/gitRelease.bundle" HEAD || return 1
  git -C git archive FETCH_HEAD include ggml/include models | tar xf - || return 1
  rm -rf "${prefix:?}/include" "${prefix:?}/vocabularies" || return 1
  mkdir -p "$prefix/include" "$prefix/vocabularies" || return 1
  cp include/llama.h ggml/include/*.h "$prefix/include/" && cp models/ggml-vocab-*.gguf "$prefix/vocabularies/" || return 1
  cp -R models/templates "$work/templates" && mv "$work/templates" "$prefix/templates"
}

# The libraries carry their version in their names; the linker asks for those without.
libraries() {
  [ -f "$prefix/lib/pkgconfig/llama.pc" ] && return
  [ "$(uname -sm)" = "Linux x86_64" ] || give_up "npm has libllama for the tests on Linux on x86-64 alone"
  package @node-llama-cpp/linux-x64 || return 1
  rm -rf "${prefix:?}/lib" && mkdir -p "$prefix/lib/pkgconfig" && cp package/bins/linux-x64/*.so "$prefix/lib/" || return 1
  for name in llama ggml; do
    for file in "$prefix/lib/lib$name".v*.so "$prefix/lib/lib$name".b*.so; do
      [ -e "$file" ] && ln -sf "${file##*/}" "$prefix/lib/lib$name.so"
    done
  done
  cat >"$prefix/lib/pkgconfig/llama.pc" <<PC
prefix=$prefix
Name: llama
Description: libllama of node-llama-cpp $version
Version: $version
Libs: -L\${prefix}/lib -Wl,-rpath,\${prefix}/lib -lllama -lggml -lggml-base
Cflags: -I\${prefix}/include
PC
}

{ sources && libraries; } || give_up "npm cannot bring libllama (no network?)"
