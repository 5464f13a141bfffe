--- Wire protocols: the request side of each. Registry: one line a protocol.
--
--   encode_request(request, provider, stream, model) -> wire | nil, err
--     wire = { method, path, headers = nil | list of {name, value}, body = table, warnings = list of {code, field, message} },
--     and where they are needed `root` and `accept` (call.lua)
--   decode_error(status, headers, body) -> err
--
-- The answer side is C: csrc/protocol/<name>_decode.c.
--
-- @module opengatellm.protocol
return {
  anthropic = "opengatellm.protocol.anthropic",
  gemini = "opengatellm.protocol.gemini",
  ollama = "opengatellm.protocol.ollama",
  openai_chat = "opengatellm.protocol.openai_chat",
  openai_responses = "opengatellm.protocol.openai_responses",
}
