# shellcheck shell=sh
# Read by what builds or runs tests of models in this process: where their libllama is, if it was set up.
OGL_LLAMA="$PWD/build/llama"
if [ -f "$OGL_LLAMA/lib/pkgconfig/llama.pc" ]; then
  WITH_LLAMA=1
  PKG_CONFIG_PATH="$OGL_LLAMA/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
  export WITH_LLAMA PKG_CONFIG_PATH
fi
