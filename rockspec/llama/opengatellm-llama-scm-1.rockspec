rockspec_format = "3.0"
package = "opengatellm-llama"
version = "scm-1"

source = { url = "git+https://opengatellm.invalid/opengatellm.git" }

description = {
  summary = "Language models in the process, for opengatellm",
  detailed = [[
    The optional module of opengatellm that computes a model in the process itself, by libllama, which has to be installed with its header.
    Compile it again when libllama changes.
  ]],
  license = "MIT",
  labels = { "llm", "llama", "inference" },
}

supported_platforms = { "unix" }

dependencies = { "lua >= 5.1, < 5.6", "opengatellm" }

external_dependencies = { LLAMA = { header = "llama.h", library = "llama" } }

build = {
  type = "builtin",
  modules = {
    ["opengatellm.llama"] = {
      sources = {
        "csrc/core/buf.c", "csrc/core/code.c", "csrc/core/json_write.c", "csrc/core/number.c", "csrc/core/utf8.c", "csrc/llama/cores.c", "csrc/llama/devices.c", "csrc/llama/engine.c",
        "csrc/llama/guard.c", "csrc/llama/job.c", "csrc/llama/likelihood.c", "csrc/llama/log.c", "csrc/llama/model.c", "csrc/llama/news.c", "csrc/llama/prompt.c",
        "csrc/llama/rules.c", "csrc/llama/sampler.c", "csrc/llama/slots.c", "csrc/llama/text.c", "csrc/llama/tokens.c",
        "csrc/lua/class.c", "csrc/lua/llama_engine.c", "csrc/lua/llama_job.c", "csrc/lua/llama_module.c", "csrc/lua/llama_options.c",
        "csrc/lua/typed_field.c",
      },
      libraries = { "llama", "ggml", "ggml-base", "pthread", "dl", "m" }, incdirs = { "$(LLAMA_INCDIR)" }, libdirs = { "$(LLAMA_LIBDIR)" },
    },
  },
}
