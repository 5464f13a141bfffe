--- Encoders in specs: events in, bytes out, and what a decoder reads of them again.
local core = require "opengatellm.core"

local M = {}

--- What a protocol is written as: the bytes of all events, and the encoder.
function M.encode(protocol, mode, events, context)
  local all = { id = "id1", model = "m1", created = 1700000000, include_usage = true }
  for name, value in pairs(context or {}) do all[name] = value end
  local encoder = assert(core.encoder(protocol, mode, all))
  local ended = false
  for _, event in ipairs(events) do
    assert(encoder:put(event))
    ended = ended or event.type == "error"
  end
  if not ended then assert(encoder:finish()) end
  return encoder:take(), encoder
end

--- The reply that a decoder of the protocol makes of bytes, the code of what ended it, and the decoder.
function M.decode(protocol, bytes, content_type)
  local decoder = core.decoder(protocol, content_type)
  assert(decoder:feed(bytes))
  decoder:finish()
  local failed, code = decoder:skip()
  return decoder:reply(), failed == nil and code or nil, decoder
end

--- A turn with a bit of everything that all protocols have.
M.TURN = {
  { type = "start", id = "src", model = "source-model" },
  { type = "reasoning", text = "Let me see.", index = 1 },
  { type = "text", text = "Bon", index = 2 },
  { type = "text", text = "jour « 😀 »\n", index = 2 },
  { type = "tool_call", id = "c1", name = "f", index = 3 },
  { type = "tool_arguments", text = '{"a":', index = 3 },
  { type = "tool_arguments", text = "1}", index = 3 },
  { type = "tool_call", id = "c2", name = "g", index = 4 },
  { type = "tool_call_end", id = "c1", name = "f", arguments = '{"a":1}', index = 3 },
  { type = "tool_call_end", id = "c2", name = "g", arguments = "{}", index = 4 },
  { type = "usage", usage = { input_tokens = 10, cached_input_tokens = 4, output_tokens = 7, reasoning_tokens = 3, total_tokens = 17 } },
  { type = "finish", reason = "tool_calls", raw_reason = "tool_use" },
}

return M
