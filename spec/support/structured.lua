--- Structured output in specs: answers of all protocols that hold a value, as text or as the arguments of a call.
local encoding = require "spec.support.encoding"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local M = {}

M.SCHEMA = {
  type = "object", properties = { name = { type = "string" }, tags = { type = "array", items = { type = "string" } } },
  required = json.array { "name" }, additionalProperties = false,
}
M.LIST = { type = "array", items = { type = "object", properties = { n = { type = "integer" } }, required = json.array { "n" } } }

M.PROTOCOLS = { "openai_chat", "openai_responses", "anthropic", "gemini", "ollama" }
local PROVIDERS = {
  openai_chat = "openai_compatible", openai_responses = "openai", anthropic = "anthropic", gemini = "gemini", ollama = "ollama",
}

-- The events of an answer: its text in pieces, or the same as the arguments of a call.
function M.text_events(text, size)
  local events = { { type = "start", id = "r", model = "m" } }
  for i = 1, #text, size do events[#events + 1] = { type = "text", text = text:sub(i, i + size - 1), index = 1 } end
  events[#events + 1] = { type = "finish", reason = "stop" }
  return events
end

function M.call_events(name, text, size)
  local events = { { type = "start", id = "r", model = "m" }, { type = "tool_call", id = "c1", name = name, index = 1 } }
  for i = 1, #text, size do events[#events + 1] = { type = "tool_arguments", text = text:sub(i, i + size - 1), index = 1 } end
  events[#events + 1] = { type = "tool_call_end", id = "c1", name = name, arguments = text, index = 1 }
  events[#events + 1] = { type = "finish", reason = "tool_calls" }
  return events
end

function M.answer_of(protocol, form, events)
  local kind = form == "whole" and "application/json" or protocol == "ollama" and "application/x-ndjson" or "text/event-stream"
  return { headers = { ["content-type"] = kind }, body = encoding.encode(protocol, form, events) }
end

-- A client of a protocol, whose server gives these answers in turn; and its transport.
function M.client(protocol, answers, options)
  local all = { provider = PROVIDERS[protocol], base_url = "http://server", model = "m", api_key = "k" }
  if protocol == "openai_responses" then all.protocol = protocol end
  for name, value in pairs(options or {}) do all[name] = value end
  all.transport = replay.new(function(_, n) return answers[n] or answers[#answers] end)
  return ogl.client(all), all.transport
end

function M.body_of(transport, n) return json.decode(transport.requests[n or 1].body) end

function M.asked(output, more)
  local request = { messages = { ogl.user "x" }, output = output, max_tokens = 100 }
  for name, value in pairs(more or {}) do request[name] = value end
  return request
end

function M.has_warning(reply, code)
  for _, warning in ipairs(reply.warnings) do
    if warning.code == code then return true end
  end
  return false
end

M.TEXT = '{"name":"Ada","tags":["a","b"]}'

return M
