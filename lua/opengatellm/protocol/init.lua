--- Wire protocols: the request side of each. Registry: one line a protocol.
--
--   encode_request(request, provider, stream, model) -> wire | nil, err
--     wire = { method, path, headers = nil | list of {name, value}, body = table, warnings = list of {code, field, message} },
--     and where they are needed `root` and `accept` (call.lua)
--   decode_request(body, options) -> request, wants | nil, err     for the gateway: what a client of the protocol asks (<name>_decode.lua)
--     body is text or a table; options.path the path that it came to. request.protocol and the protocol of its messages say where
--     their extra, signatures and opaque parts go back to; no part of it names a file. wants = { stream, include_usage, model,
--     warnings, … }: what only the caller needs. err is of kind invalid, and names the field.
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
