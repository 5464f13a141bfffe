--- The chat of the played server: `POST /v1/chat/completions`, whole and streamed, well and failing.
--
-- An answer is a plan first (plan.lua), then written in the provider's frames (script.lua), and passed on as the
-- version does it (gateway.lua). A word with an exclamation mark in the user's last message makes it fail: see
-- `FAILURES` below and README.md. In 0.4.x a chat can search the collections (library.lua) before it answers.

local check = require "server.check"
local gate = require "server.gate"
local Gateway = require "server.gateway"
local json = require "server.json"
local loop = require "server.loop"
local plan = require "server.plan"
local refusal = require "server.refusal"
local script = require "server.script"
local search = require "server.search"

local STREAM_TYPE = "text/event-stream; charset=utf-8"
local KINDS = { "text-generation", "image-text-to-text" }
local FAILS_AFTER = 3 -- frames, the first with the role among them

local REQUEST = {
  { "messages", "list", of = { nil, "object" }, required = true },
  { "model", "string", required = true },
  { "stream", "boolean", null = true, default = false },
}

-- The provider's words for a bad request, printed as some of them do.
local PROVIDER_ERROR = '{\n  "error": {\n    "message": "This model\'s maximum context length is 8192 tokens.",\n'
  .. '    "type": "invalid_request_error",\n    "code": 400\n  }\n}'

-- Writing the answer ------------------------------------------------------------------------------------------------

-- A model's rhythm, in units of the pace: mean 1, never quite regular.
local RHYTHM = { 0.8, 1.1, 0.7, 1.6, 0.9, 1.0, 0.6, 1.3 }

--- All frames of the provider, in order.
local function frames_of(completion, answer)
  local frames = { completion:start() }
  for _, token in ipairs(answer.reasoning) do frames[#frames + 1] = completion:reasoning(token) end
  for _, token in ipairs(answer.text) do frames[#frames + 1] = completion:text(token) end
  local call = answer.call
  if call then
    frames[#frames + 1] = completion:tool_call(call.id, call.name)
    for _, token in ipairs(script.tokens(call.arguments)) do frames[#frames + 1] = completion:tool_arguments(token) end
  end
  frames[#frames + 1] = completion:finish(answer.finish)
  return frames
end

--- Sends the first `count` frames at the pace. The first token takes longer than the others.
local function send(call, gateway, frames, count)
  for position = 1, count do
    call.response:chunk(gateway:relay(frames[position]))
    local beats = position == 1 and 10 or RHYTHM[position % #RHYTHM + 1]
    if call.play.pace > 0 and position < #frames then loop.sleep(call.play.pace * beats) end
  end
end

--- OGL's count of the answer: before 0.9 it did not see what providers call `reasoning`.
local function count_of(dialect, answer)
  return #answer.text + (dialect.counts_reasoning and #answer.reasoning or 0)
end

local function wants_usage(body)
  return type(body.stream_options) == "table" and body.stream_options.include_usage == true
end

local function stream(call, chat)
  local frames = frames_of(chat.gateway.completion, chat.answer)
  call.response:stream(STREAM_TYPE)
  send(call, chat.gateway, frames, #frames)
  if wants_usage(chat.body) then
    local count = #chat.answer.reasoning + #chat.answer.text + 2
    call.response:chunk(chat.gateway:relay(chat.gateway.completion:provider_usage(count)))
  end
  local count = count_of(call.dialect, chat.answer)
  call.response:chunk(chat.gateway:tail(count, chat.found, chat.trigger ~= "no-done"))
  call.response:finish()
end

local function whole(call, chat)
  local answer = chat.answer
  if call.play.pace > 0 then loop.sleep(call.play.pace * (#answer.reasoning + #answer.text)) end
  local tool = answer.call
  call.response:whole(200, chat.gateway.completion:whole {
    text = #answer.text > 0 and table.concat(answer.text) or nil,
    reasoning = #answer.reasoning > 0 and table.concat(answer.reasoning) or nil,
    tool_calls = tool and script.tool_calls_json(tool.id, tool.name, tool.arguments),
    finish = answer.finish, completion = count_of(call.dialect, answer),
    more = chat.found and ',"search_results":' .. json.encode(chat.found),
  })
end

-- What goes wrong ---------------------------------------------------------------------------------------------------

local FAILURES = {}

--- !busy: there is no provider that could take the call.
function FAILURES.busy(call)
  if call.dialect.retry_after then call.response:add_header("retry-after", call.dialect.retry_after) end
  refusal.refuse(503, call.dialect.texts.too_busy)
end

--- !timeout: the provider does not answer.
function FAILURES.timeout(call, chat)
  local body = '{"detail":"Model is too busy (ReadTimeout), please try again later."}'
  call.response:whole(503, body, chat.body.stream and STREAM_TYPE or nil)
end

--- !fail-before: the provider refuses. A streamed request gets the provider's own body, which is no event stream
--- but is called one.
FAILURES["fail-before"] = function(call, chat)
  if not chat.body.stream then refusal.detail(400, json.raw(PROVIDER_ERROR)) end
  call.response:whole(400, chat.gateway:refused_body(PROVIDER_ERROR), STREAM_TYPE)
end

--- !empty: the provider's answer has no body.
function FAILURES.empty(call, chat)
  if not call.dialect.done_always then return call.response:whole(500, Gateway.INTERNAL, STREAM_TYPE) end
  call.response:stream(STREAM_TYPE)
  call.response:chunk(chat.gateway:tail(0, nil, false))
  call.response:finish()
end

--- A stream that begins well and ends with `last`.
local function break_off(call, chat, last)
  if not chat.body.stream then refusal.refuse(500, "RemoteProtocolError") end
  call.response:stream(STREAM_TYPE)
  send(call, chat.gateway, frames_of(chat.gateway.completion, chat.answer), FAILS_AFTER)
  call.response:chunk(last)
  call.response:finish()
end

--- !fail-midstream: the provider breaks off.
FAILURES["fail-midstream"] = function(call, chat)
  break_off(call, chat,
    chat.gateway:failure("Model is too busy (RemoteProtocolError), please try again later."))
end

--- !fail-internal: OGL itself fails in the middle.
FAILURES["fail-internal"] = function(call, chat)
  break_off(call, chat, Gateway.INTERNAL)
end

--- !cut: the connection is reset in the middle of a stream, or instead of an answer.
function FAILURES.cut(call, chat)
  if not chat.body.stream then return call.request.conn:reset() end
  call.response:stream(STREAM_TYPE)
  send(call, chat.gateway, frames_of(chat.gateway.completion, chat.answer), FAILS_AFTER)
  call.request.conn:reset()
end

--- !comments: well, but the provider sends lines that are no data, which lose their neighbours on the way.
function FAILURES.comments(call, chat)
  if not chat.body.stream then return whole(call, chat) end
  call.response:stream(STREAM_TYPE)
  for _, line in ipairs { ": ping", "event: message" } do call.response:chunk(chat.gateway.relay_line(line)) end
  local frames = frames_of(chat.gateway.completion, chat.answer)
  send(call, chat.gateway, frames, #frames)
  call.response:chunk(chat.gateway:tail(count_of(call.dialect, chat.answer), nil, true))
  call.response:finish()
end

-- The search of 0.4.x -----------------------------------------------------------------------------------------------

--- Takes the first search tool out of the tools; gives its arguments.
local function take_search_tool(tools)
  for position, tool in ipairs(type(tools) == "table" and tools or {}) do
    if type(tool) == "table" and tool.type == "search" then return table.remove(tools, position) end
  end
end

--- What the chat finds in the collections before it answers, if it is to search and the version can.
local function search_results(call, body)
  local ability = call.dialect.chat_search
  if not ability then return nil end
  local args = take_search_tool(body.tools)
  if body.search == true and not args then
    if type(body.search_args) ~= "table" then
      check.fail("value_error", { "body" }, "Value error, search_args must be provided when search is true", json.null)
    end
    args = body.search_args
  end
  if not args then return nil end
  if ability == "refuses" then
    refusal.refuse(403, "Search build-in tool is not enabled, please contact an administrator.")
  end
  args.query = plan.question(body)
  return search.run(call, check.values(args, search.FIELDS))
end

-- The route ---------------------------------------------------------------------------------------------------------

--- The body as the provider will see it: without nulls, or with OGL's own tool_choice, as the version has it.
local function prepare(dialect, body)
  for name, value in pairs(body) do
    if value == json.null and dialect.drops_nulls then body[name] = nil end
  end
  if body.tool_choice == nil then body.tool_choice = dialect.tool_choice or nil end
  if #body.messages == 0 then
    refusal.detail(400, json.record("error", json.record("message", "Conversation roles must alternate",
      "type", "BadRequestError", "param", nil, "code", 400)))
  end
  return body
end

local function chat(call)
  local body = check.body(call.request, REQUEST)
  local router = gate.model(call, body.model, KINDS, "chat_")
  prepare(call.dialect, body)
  local prompt = plan.prompt_tokens(body.messages)
  gate.admit(call, router, prompt, call.dialect.limits_chat)
  local this = {
    body = body, answer = plan.answer(body), found = search_results(call, body),
    trigger = plan.question(body):match("!([%l%-]+)"),
    gateway = Gateway.new(call, router, { model = body.model, prompt = prompt, stream = body.stream }),
  }
  if FAILURES[this.trigger] then return FAILURES[this.trigger](call, this) end
  call.play.ledger:enter(call, router, { prompt, count_of(call.dialect, this.answer) })
  return (body.stream and stream or whole)(call, this)
end

return function()
  return { { "POST", "/v1/chat/completions", chat } }
end
