--- Gateways for specs: clients whose servers answer from memory, and requests to a gateway in front of them.
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local M = {}

--- Providers that speak each protocol and have no quirks.
M.PROVIDERS = {
  openai_chat = "openai_compatible", openai_responses = "responses_compatible", anthropic = "anthropic_compatible", gemini = "gemini",
  ollama = "ollama",
}

M.TEXT = {
  { type = "start", id = "a1", model = "m" }, { type = "text", index = 1, text = "C'est " }, { type = "text", index = 1, text = "Paris." },
  { type = "usage", usage = { input_tokens = 20, output_tokens = 4, total_tokens = 24 } }, { type = "finish", reason = "stop" },
}

M.CALL = {
  { type = "start", id = "a1", model = "m" }, { type = "tool_call", index = 1, id = "call_1", name = "get_weather" },
  { type = "tool_arguments", index = 1, text = '{"city":"Paris"}' },
  { type = "tool_call_end", index = 1, id = "call_1", name = "get_weather", arguments = '{"city":"Paris"}' },
  { type = "usage", usage = { input_tokens = 20, output_tokens = 4, total_tokens = 24 } }, { type = "finish", reason = "tool_calls" },
}

--- What a server of that protocol answers with these events. `cut`: it breaks off behind the last of them.
function M.answer(protocol, events, streamed, cut)
  local encoder = assert(core.encoder(protocol, streamed and "stream" or "whole", { id = "a1", model = "m", created = 1, include_usage = true }))
  for _, event in ipairs(events) do assert(encoder:put(event)) end
  if not cut then assert(encoder:finish()) end
  local kind = not streamed and "application/json" or protocol == "ollama" and "application/x-ndjson" or "text/event-stream"
  local bytes = encoder:take()
  if cut then
    return { headers = { ["content-type"] = kind }, body = { bytes, errors.new { kind = "network", message = "reset by 10.0.0.7" } } }
  end
  return { headers = { ["content-type"] = kind }, body = bytes, chunk = 40 }
end

--- A server of that protocol that gives these events, as a stream where it is asked for one.
function M.server(protocol, events, cut)
  return function(request)
    local body = json.decode(request.body or "{}")
    local streamed = body.stream == true or request.url:find("streamGenerateContent", 1, true) ~= nil
    return M.answer(protocol, events, streamed, cut)
  end
end

--- A client of a server that answers from memory; and its transport, which has the requests.
function M.client(protocol, answer, options)
  local all = {
    provider = M.PROVIDERS[protocol], base_url = "http://server", api_key = "sk-upstream", model = "m", transport = replay.new(answer),
    retries = { max = 0 },
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), all.transport
end

--- The bytes of an answer's body, read to the end.
function M.read(body)
  if type(body) == "string" then return body end
  local pieces = {}
  for bytes in body do pieces[#pieces + 1] = bytes end
  return table.concat(pieces)
end

--- Asks a gateway; a table is sent as JSON. Gives status, body and headers.
function M.ask(gateway, method, path, body, headers)
  local status, answered, out = gateway:handle {
    method = method, path = path, headers = headers or {}, body = type(body) == "table" and json.encode(body) or body,
  }
  return status, M.read(out), answered
end

--- What a decoder of ours reads in a face's answer: its events joined into a reply; where it is none, the code of its error and what it says.
function M.decode(protocol, bytes, content_type)
  local decoder = core.decoder(protocol, content_type)
  decoder:feed(bytes)
  decoder:finish()
  local event, code, message = core.next(decoder)
  while event do event, code, message = core.next(decoder) end
  return decoder:reply(), code or nil, code and (decoder:problem() or message)
end

return M
