--- Conversations in specs: models that are scripted, over any protocol, whole or as a stream.
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"
local requests = require "opengatellm.request"
local structured = require "spec.support.structured"

local M = {}

M.PROTOCOLS = structured.PROTOCOLS

local PROVIDERS = {
  openai_chat = "openai_compatible", openai_responses = "openai", anthropic = "anthropic", gemini = "gemini", ollama = "ollama",
}

--- A text of the model, and how it ends.
function M.says(text, reason, usage)
  local events = { { type = "start", id = "r", model = "m" } }
  if text ~= "" then events[2] = { type = "text", text = text, index = 1 } end
  if usage then events[#events + 1] = { type = "usage", usage = usage } end
  events[#events + 1] = { type = "finish", reason = reason or "stop" }
  return events
end

--- Calls of the model: { id, name, arguments }…
function M.calls(list, reason, usage)
  local events = { { type = "start", id = "r", model = "m" } }
  for i, call in ipairs(list) do
    local text = type(call[3]) == "table" and json.encode(call[3]) or call[3] or "{}"
    events[#events + 1] = { type = "tool_call", id = call[1], name = call[2], index = i }
    events[#events + 1] = { type = "tool_arguments", text = text, index = i }
    events[#events + 1] = { type = "tool_call_end", id = call[1], name = call[2], arguments = text, index = i }
  end
  if usage then events[#events + 1] = { type = "usage", usage = usage } end
  events[#events + 1] = { type = "finish", reason = reason or "tool_calls" }
  return events
end

local function is_streamed(request)
  return json.decode(request.body).stream == true or request.url:find("streamGenerateContent", 1, true) ~= nil
end

--- A client whose model says the items of a script in turn: events, an answer of the transport, or a function of the request that gives one.
function M.client(script, protocol, options)
  protocol = protocol or "openai_chat"
  local all = requests.merge({ provider = PROVIDERS[protocol], base_url = "http://server", model = "m", api_key = "k" }, options)
  if protocol == "openai_responses" then all.protocol = protocol end
  all.transport = replay.new(function(request, n)
    local item = script[n] or script[#script]
    if type(item) == "function" then item = item(request, n) end
    if item.body or item.err or item.status then return item end
    local body = json.decode(request.body)
    local form = (body.stream == true and protocol ~= "ollama" or is_streamed(request)) and "stream" or "whole"
    if protocol == "ollama" and body.stream == nil then form = "stream" end
    return structured.answer_of(protocol, form, item)
  end)
  return ogl.client(all), all.transport
end

--- A conversation with such a model; its client's transport, which keeps the requests.
function M.conversation(script, options, protocol)
  local client, transport = M.client(script, protocol)
  return ogl.conversation(requests.merge({ client = client }, options)), transport, client
end

--- The decoded body of the n-th request.
function M.body(transport, n) return json.decode(transport.requests[n].body) end

--- A tool that notes how often it ran, and gives what it was given.
function M.tool(name, run, more)
  local tool
  tool = requests.merge({
    name = name, description = "d", parameters = { type = "object", properties = { n = { type = "integer" } } },
  }, more)
  tool.run = run
  return tool
end

--- Says what is wrong with a history: each call has to be answered once, right behind its message, in the order of the calls.
function M.problem_of(messages)
  local i = 1
  while messages[i] do
    local message = messages[i]
    if message.role == "tool" then return ("messages[%d] is a result without a call"):format(i) end
    local calls = message.role == "assistant" and message.tool_calls or {}
    for k, call in ipairs(calls) do
      local result = messages[i + k]
      if not result or result.role ~= "tool" then return ("messages[%d]: the call %s has no result"):format(i, call.id) end
      if result.tool_call_id ~= call.id then return ("messages[%d]: the result of %s is at the wrong place"):format(i + k, call.id) end
    end
    i = i + #calls + 1
  end
end

return M
