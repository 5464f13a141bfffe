--- Answers the official clients of each protocol with what our encoders write: scripted turns (turns.lua), streamed and whole.
--
--   lua5.4 tests/server/encoded.lua [--port N] [--until-eof]
--
-- Life: prints `port N` and serves until the end, or (`--until-eof`) until standard input ends. The model that a request names is the
-- turn that it gets. A streamed answer is sent as it is made, an HTTP chunk an event. A turn that fails before it says anything has its
-- status; one that fails later is 200 if it is streamed, else 503.
--
-- GET /turns: their names, as a list.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../?.lua;" .. package.path
package.cpath = here .. "/../../build/lua5.4/?.so;" .. package.cpath -- whatever Lua the parent is

local cjson = require "cjson"
local core = require "opengatellm.core"
local http = require "server.http"
local loop = require "server.loop"
local program = require "server.program"
local turns = require "server.turns"

local CREATED = 1764000000

-- The members of a request that a Responses object repeats, and that its clients read without asking.
local ECHO = '"instructions":null,"metadata":{},"parallel_tool_calls":true,"temperature":1,"tool_choice":"auto","tools":[],"top_p":1'

-- Protocols ---------------------------------------------------------------------------------------------------------

-- A protocol: from a request and its body the name of the turn, and whether it is streamed.
local function by_body(_, body) return body.model, body.stream == true end

local function by_path(request)
  local model, method = request.path:match "/models/([^:/]+):(%w+)$"
  return model, method == "streamGenerateContent"
end

local PROTOCOLS = {
  openai_chat = { read = by_body, stream = "text/event-stream" },
  openai_responses = { read = by_body, stream = "text/event-stream" },
  anthropic = { read = by_body, stream = "text/event-stream" },
  gemini = { read = by_path, stream = "text/event-stream" },
  ollama = { read = by_body, stream = "application/x-ndjson" },
}

local ROUTES = {
  { "^/v1/chat/completions$", "openai_chat" }, { "^/v1/responses$", "openai_responses" }, { "^/v1/messages$", "anthropic" },
  { "^/v1beta/models/[^/]+$", "gemini" }, { "^/v1/models/[^/]+:%a+$", "gemini" }, -- @google/genai 3 asks for v1
  { "^/api/chat$", "ollama" },
}

local function protocol_of(path)
  for _, row in ipairs(ROUTES) do
    if path:match(row[1]) then return row[2] end
  end
  error { status = 404, body = '{"detail":"Not Found"}' }
end

local function encoder_of(protocol, mode, turn, body)
  local context = { id = "turn-" .. turn.name, model = turn.name, created = CREATED, echo = ECHO }
  context.include_usage = type(body.stream_options) == "table" and body.stream_options.include_usage == true
  return assert(core.encoder(protocol, mode, context))
end

-- Answers -----------------------------------------------------------------------------------------------------------

--- Puts the events of a turn; after each, `sent` may take what was written. Whether it ended well.
local function play(encoder, turn, sent)
  for _, event in ipairs(turn.events) do
    assert(encoder:put(event))
    sent(encoder)
    if event.type == "error" then return false end
  end
  assert(encoder:finish())
  sent(encoder)
  return true
end

local function stream(encoder, turn, response, content_type)
  response:stream(content_type)
  play(encoder, turn, function(e) response:chunk(e:take()) end)
  response:finish()
end

local function whole(encoder, turn, response)
  local well = play(encoder, turn, function() end)
  response:whole(well and 200 or turn.status or 503, encoder:take())
end

local function chat(request, response)
  local protocol = protocol_of(request.path)
  local body = cjson.decode(request.body)
  local name, streamed = PROTOCOLS[protocol].read(request, body)
  local turn = turns[name] or error { status = 404, body = '{"detail":"Model not found"}' }
  if turn.status then streamed = false end
  local encoder = encoder_of(protocol, streamed and "stream" or "whole", turn, body)
  if streamed then stream(encoder, turn, response, PROTOCOLS[protocol].stream)
  else whole(encoder, turn, response) end
  encoder:close()
end

local function list(response)
  local names = {}
  for i, turn in ipairs(turns) do names[i] = turn.name end
  response:whole(200, cjson.encode(names))
end

-- The program -------------------------------------------------------------------------------------------------------

local options = program.options(arg, { port = 1, ["until-eof"] = 0 })
local server = http.listen {
  port = tonumber(options.port),
  handler = function(request, response)
    if request.path == "/turns" then list(response) else chat(request, response) end
  end,
}
if options["until-eof"] then program.exit_at_eof() end
program.announce(server)
loop.run()
