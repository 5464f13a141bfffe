--- Wire protocols: the registry of the request side of each, one line a protocol.
--
--   encode_request(request, provider, stream, model) -> wire | nil, err
--     wire = { method, path, headers = nil | list of {name, value}, body = table, warnings = list of {code, field, message} },
--     and, if the protocol needs them, `root` and `accept` (call.lua)
--   decode_request(body, options) -> request, wants | nil, err     reads a request of a client of the protocol (<name>_decode.lua)
--     body is text or a table; options.path the path that it came to. request.protocol, and `protocol` of its messages, name the only
--     protocol that gets their extra, signatures and opaque parts back; no part names a file. wants = { stream, include_usage, model,
--     warnings, … } is for the caller, who answers the client. err is of kind invalid, and names the field.
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
