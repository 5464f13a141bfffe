--- Wire protocols: the request side of each. Registry: one line a protocol.
--
--   encode_request(request, provider, stream, model) -> wire | nil, err
--     wire = { method, path, headers = nil | list of {name, value}, body = table, warnings = list of {code, field, message} }
--   decode_error(status, headers, body) -> err
--
-- The answer side is C: csrc/protocol/<name>_decode.c.
--
-- @module opengatellm.protocol
return {
  anthropic = "opengatellm.protocol.anthropic",
  gemini = "opengatellm.protocol.gemini",
  openai_chat = "opengatellm.protocol.openai_chat",
}
