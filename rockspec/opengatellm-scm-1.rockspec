rockspec_format = "3.0"
package = "opengatellm"
version = "scm-1"

source = { url = "git+https://opengatellm.invalid/opengatellm.git" }

description = {
  summary = "Scripts OpenGateLLM servers, and every other LLM server",
  detailed = [[
    A client for large language models with a C core: HTTP by libcurl, stream parsing in C, events to Lua through iterators that work in
    plain Lua 5.1 to 5.4 and LuaJIT. OpenGateLLM (Albert) first, every OpenAI-compatible server as well.
  ]],
  license = "MIT",
  labels = { "llm", "openai", "http", "streaming" },
}

supported_platforms = { "unix" }

dependencies = { "lua >= 5.1, < 5.6", "argparse >= 0.7" }
test_dependencies = { "busted >= 2.0", "lua-cjson >= 2.1", "luasocket >= 3.0", "luasec >= 1.0" }

-- The library alone: the header lies in a multiarch folder on Debian, where only the compiler finds it.
external_dependencies = { CURL = { library = "curl" } }

build = {
  type = "builtin",
  modules = {
    ["opengatellm.core"] = {
      sources = {
        "csrc/core/base64.c", "csrc/core/buf.c", "csrc/core/calls.c", "csrc/core/citation.c",
        "csrc/core/code.c", "csrc/core/decoder.c", "csrc/core/encoder.c", "csrc/core/event.c",
        "csrc/core/fault.c", "csrc/core/fold.c", "csrc/core/frame.c", "csrc/core/json.c",
        "csrc/core/json_array.c", "csrc/core/json_write.c", "csrc/core/ndjson.c", "csrc/core/number.c",
        "csrc/core/out.c", "csrc/core/repeat.c", "csrc/core/sse.c", "csrc/core/transcoder.c",
        "csrc/core/utf8.c", "csrc/protocol/anthropic_block.c", "csrc/protocol/anthropic_decode.c",
        "csrc/protocol/gemini_answer.c", "csrc/protocol/gemini_args.c", "csrc/protocol/gemini_decode.c",
        "csrc/protocol/gemini_encode.c", "csrc/protocol/gemini_part.c", "csrc/protocol/gemini_usage.c",
        "csrc/protocol/ollama_decode.c", "csrc/protocol/openai_chat_decode.c",
        "csrc/protocol/openai_chat_delta.c", "csrc/protocol/openai_chat_encode.c",
        "csrc/protocol/openai_chat_usage.c", "csrc/protocol/openai_responses_answer.c",
        "csrc/protocol/openai_responses_decode.c", "csrc/protocol/openai_responses_encode.c",
        "csrc/protocol/openai_responses_event.c", "csrc/protocol/openai_responses_item.c",
        "csrc/protocol/openai_responses_output.c", "csrc/protocol/openai_responses_response.c",
        "csrc/protocol/openai_responses_text.c", "csrc/protocol/registry.c", "csrc/lua/class.c",
        "csrc/lua/lua_bytes.c", "csrc/lua/lua_core.c", "csrc/lua/lua_decoder.c", "csrc/lua/lua_encoder.c",
        "csrc/lua/lua_event.c", "csrc/lua/lua_json_decode.c", "csrc/lua/lua_json_encode.c",
        "csrc/lua/lua_reply.c",
      },
      libraries = { "m" },
    },
    ["opengatellm.curl"] = {
      sources = {
        "csrc/core/buf.c", "csrc/core/code.c", "csrc/curl/clock.c", "csrc/curl/failure.c", "csrc/curl/head.c",
        "csrc/curl/headers.c", "csrc/curl/multi.c", "csrc/curl/options.c", "csrc/curl/poller.c",
        "csrc/curl/transfer.c", "csrc/lua/class.c", "csrc/lua/curl_module.c", "csrc/lua/curl_multi.c",
        "csrc/lua/curl_options.c", "csrc/lua/curl_transfer.c",
      },
      libraries = { "curl" }, incdirs = { "$(CURL_INCDIR)" }, libdirs = { "$(CURL_LIBDIR)" },
    },
    ["opengatellm.call"] = "lua/opengatellm/call.lua",
    ["opengatellm.cli.chat"] = "lua/opengatellm/cli/chat.lua",
    ["opengatellm.cli.common"] = "lua/opengatellm/cli/common.lua",
    ["opengatellm.cli"] = "lua/opengatellm/cli/init.lua",
    ["opengatellm.cli.models"] = "lua/opengatellm/cli/models.lua",
    ["opengatellm.client"] = "lua/opengatellm/client.lua",
    ["opengatellm.embeddings"] = "lua/opengatellm/embeddings.lua",
    ["opengatellm.errors"] = "lua/opengatellm/errors.lua",
    ["opengatellm.filter"] = "lua/opengatellm/filter.lua",
    ["opengatellm.host"] = "lua/opengatellm/host/init.lua",
    ["opengatellm.host.plain"] = "lua/opengatellm/host/plain.lua",
    opengatellm = "lua/opengatellm/init.lua",
    ["opengatellm.json"] = "lua/opengatellm/json.lua",
    ["opengatellm.media"] = "lua/opengatellm/media.lua",
    ["opengatellm.message"] = "lua/opengatellm/message.lua",
    ["opengatellm.multipart"] = "lua/opengatellm/multipart.lua",
    ["opengatellm.operations.account"] = "lua/opengatellm/operations/account.lua",
    ["opengatellm.operations.admin"] = "lua/opengatellm/operations/admin.lua",
    ["opengatellm.operations.catalogue"] = "lua/opengatellm/operations/catalogue.lua",
    ["opengatellm.operations.changes"] = "lua/opengatellm/operations/changes.lua",
    ["opengatellm.operations.chat_search"] = "lua/opengatellm/operations/chat_search.lua",
    ["opengatellm.operations.enums"] = "lua/opengatellm/operations/enums.lua",
    ["opengatellm.operations.indexing"] = "lua/opengatellm/operations/indexing.lua",
    ["opengatellm.operations.inference"] = "lua/opengatellm/operations/inference.lua",
    ["opengatellm.operations"] = "lua/opengatellm/operations/init.lua",
    ["opengatellm.operations.metrics"] = "lua/opengatellm/operations/metrics.lua",
    ["opengatellm.operations.monitoring"] = "lua/opengatellm/operations/monitoring.lua",
    ["opengatellm.operations.ocr"] = "lua/opengatellm/operations/ocr.lua",
    ["opengatellm.operations.page"] = "lua/opengatellm/operations/page.lua",
    ["opengatellm.operations.parameter"] = "lua/opengatellm/operations/parameter.lua",
    ["opengatellm.operations.perform"] = "lua/opengatellm/operations/perform.lua",
    ["opengatellm.operations.rag"] = "lua/opengatellm/operations/rag.lua",
    ["opengatellm.operations.rerank"] = "lua/opengatellm/operations/rerank.lua",
    ["opengatellm.operations.rows"] = "lua/opengatellm/operations/rows.lua",
    ["opengatellm.operations.searching"] = "lua/opengatellm/operations/searching.lua",
    ["opengatellm.operations.server"] = "lua/opengatellm/operations/server.lua",
    ["opengatellm.operations.shape"] = "lua/opengatellm/operations/shape.lua",
    ["opengatellm.operations.transcribe"] = "lua/opengatellm/operations/transcribe.lua",
    ["opengatellm.operations.usage"] = "lua/opengatellm/operations/usage.lua",
    ["opengatellm.preview"] = "lua/opengatellm/preview.lua",
    ["opengatellm.protocol.anthropic"] = "lua/opengatellm/protocol/anthropic.lua",
    ["opengatellm.protocol.gemini"] = "lua/opengatellm/protocol/gemini.lua",
    ["opengatellm.protocol"] = "lua/opengatellm/protocol/init.lua",
    ["opengatellm.protocol.openai_chat"] = "lua/opengatellm/protocol/openai_chat.lua",
    ["opengatellm.providers.anthropic"] = "lua/opengatellm/providers/anthropic.lua",
    ["opengatellm.providers.anthropic_compatible"] = "lua/opengatellm/providers/anthropic_compatible.lua",
    ["opengatellm.providers.gemini"] = "lua/opengatellm/providers/gemini.lua",
    ["opengatellm.providers"] = "lua/opengatellm/providers/init.lua",
    ["opengatellm.providers.openai_compatible"] = "lua/opengatellm/providers/openai_compatible.lua",
    ["opengatellm.providers.opengatellm"] = "lua/opengatellm/providers/opengatellm.lua",
    ["opengatellm.rate_limit"] = "lua/opengatellm/rate_limit.lua",
    ["opengatellm.request"] = "lua/opengatellm/request.lua",
    ["opengatellm.retry"] = "lua/opengatellm/retry.lua",
    ["opengatellm.schema"] = "lua/opengatellm/schema.lua",
    ["opengatellm.schema_dialects"] = "lua/opengatellm/schema_dialects.lua",
    ["opengatellm.stream"] = "lua/opengatellm/stream.lua",
    ["opengatellm.transport.curl"] = "lua/opengatellm/transport/curl.lua",
    ["opengatellm.transport"] = "lua/opengatellm/transport/init.lua",
    ["opengatellm.transport.replay"] = "lua/opengatellm/transport/replay.lua",
    ["opengatellm.types"] = "lua/opengatellm/types.lua",
    ["opengatellm.upload"] = "lua/opengatellm/upload.lua",
    ["opengatellm.url"] = "lua/opengatellm/url.lua",
    ["opengatellm.version"] = "lua/opengatellm/version.lua",
  },
  install = { bin = { ogl = "bin/ogl" } },
}

test = { type = "command", command = "make test" }
