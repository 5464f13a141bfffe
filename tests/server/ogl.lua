--- The scripted OpenGateLLM: a server that plays OGL 0.8 well enough for a demonstration, without a model.
--
--   lua5.4 tests/server/ogl.lua [--port N] [--unix PATH] [--pace MS] [--until-eof]
--
-- Life: prints `port N` and serves until a signal ends it, or (`--until-eof`) until standard input ends. `--pace`
-- is the mean time between two tokens in milliseconds; the default of 22 reads like a model, 0 is for tests.
--
-- An answer is a plan first (plan.lua), then written by `stream` or `whole` in the bytes that script.lua knows. A
-- refusal is raised as a table, which the HTTP server takes for the answer. Traits of OGL that clients stumble over
-- are played too: the gateway puts "none" where `tool_choice` is missing, chunks carry the provider's name of the
-- model, and the gateway's usage follows the provider's, with other numbers.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../?.lua;" .. package.path

local cjson = require "cjson.safe"
local http = require "server.http"
local loop = require "server.loop"
local plan = require "server.plan"
local program = require "server.program"
local script = require "server.script"
local vectors = require "server.vectors"

local DIMENSIONS = 1024
local MOST_INPUTS = 64

local options = program.options(arg, { port = 1, unix = 1, pace = 1, ["until-eof"] = 0 })
local pace = (tonumber(options.pace) or 22) / 1000

-- Refusals ----------------------------------------------------------------------------------------------------------

local function refuse(status, detail, ...)
  error({
    status = status, body = '{"detail":' .. script.quote(detail:format(...)) .. "}",
    headers = status == 401 and { { "www-authenticate", "Bearer" } },
  }, 0)
end

local function refuse_missing(field)
  error({ status = 422, body = '{"detail":[{"type":"missing","loc":["body","' .. field
    .. '"],"msg":"Field required","input":{}}]}' }, 0)
end

local function authenticate(request)
  local given = request.headers["authorization"]
  if not given then refuse(401, "Not authenticated") end
  local scheme, key = given:match("^(%S+)%s+(.*)$")
  if scheme ~= "Bearer" then refuse(401, "Invalid authentication scheme.") end
  if key:sub(1, 3) ~= "sk-" then refuse(401, "Invalid API key.") end
end

--- The decoded body, with the fields that the route cannot do without.
local function decode(request, ...)
  local json = cjson.decode(request.body)
  if type(json) ~= "table" then refuse(422, "Invalid JSON format.") end
  for _, field in ipairs { ... } do
    if json[field] == nil or json[field] == cjson.null then refuse_missing(field) end
  end
  return json
end

--- The model that a request names, if it is of one of the types; the first is the one that the refusal names.
local function model_for(name, ...)
  local model = script.find_model(name) or refuse(404, "Model %s not found.", tostring(name))
  for _, kind in ipairs { ... } do
    if model.type == kind then return model end
  end
  refuse(422, "Model has wrong type. Expected: %s. Actual: %s.", (...), model.type)
end

-- Writing the answer ------------------------------------------------------------------------------------------------

-- A model's rhythm, in units of the pace: mean 1, never quite regular.
local RHYTHM = { 0.8, 1.1, 0.7, 1.6, 0.9, 1.0, 0.6, 1.3 }

local function breathe(position)
  if pace > 0 then loop.sleep(pace * RHYTHM[position % #RHYTHM + 1]) end
end

--- Sends each token as a frame of its kind, at the pace.
local function send_tokens(response, tokens, make)
  for position, token in ipairs(tokens) do
    breathe(position)
    response:chunk(make(token))
  end
end

local function send_call(response, completion, call)
  response:chunk(completion:tool_call(call.id, call.name))
  send_tokens(response, script.tokens(call.arguments), function(token) return completion:tool_arguments(token) end)
end

local function wants_usage(json)
  return type(json.stream_options) == "table" and json.stream_options.include_usage == true
end

local function stream(response, completion, answer, json)
  response:stream()
  response:chunk(completion:start())
  if pace > 0 then loop.sleep(pace * 10) end -- the time to the first token
  send_tokens(response, answer.reasoning, function(token) return completion:reasoning(token) end)
  send_tokens(response, answer.text, function(token) return completion:text(token) end)
  if answer.call then send_call(response, completion, answer.call) end
  response:chunk(completion:finish(answer.finish))
  if wants_usage(json) then response:chunk(completion:provider_usage(#answer.reasoning + #answer.text + 2)) end
  response:chunk(completion:usage(#answer.text)) -- up to 0.8 OGL does not count `reasoning`
  response:chunk(script.DONE)
  response:finish()
end

local function whole(response, completion, answer)
  local call = answer.call
  if pace > 0 then loop.sleep(pace * (#answer.reasoning + #answer.text)) end
  response:whole(200, completion:whole {
    text = #answer.text > 0 and table.concat(answer.text) or nil,
    reasoning = #answer.reasoning > 0 and table.concat(answer.reasoning) or nil,
    tool_calls = call and script.tool_calls_json(call.id, call.name, call.arguments),
    finish = answer.finish, completion = #answer.text,
  })
end

-- The routes --------------------------------------------------------------------------------------------------------

local function health(_, response)
  response:whole(200, '{"status":"ok"}')
end

local function models(_, response)
  response:whole(200, script.models_json())
end

local function model(_, response, name)
  name = http.unescape(name)
  response:whole(200, script.model_json(script.find_model(name) or refuse(404, "Model %s not found.", name)))
end

--- At least one message, and all of them objects.
local function check_messages(messages)
  if type(messages) ~= "table" or #messages == 0 then refuse_missing("messages") end
  for _, message in ipairs(messages) do
    if type(message) ~= "table" then refuse(422, "Input should be a valid dictionary") end
  end
end

local function chat(request, response)
  local json = decode(request, "messages", "model")
  model_for(json.model, "text-generation", "image-text-to-text")
  check_messages(json.messages)
  local completion = script.completion { model = json.model, prompt = plan.prompt_tokens(json.messages) }
  local answer = plan.answer(json)
  if json.stream == true then return stream(response, completion, answer, json) end
  whole(response, completion, answer)
end

local function unlimited(response)
  for _, of in ipairs { "token", "request" } do
    response:add_header("x-ratelimit-limit-" .. of, "None")
    response:add_header("x-ratelimit-remaining-" .. of, "0")
    response:add_header(of == "token" and "x-ratelimit-reset-token" or "x-ratelimit-reset-requests", "0s")
  end
end

local function embeddings(request, response)
  local json = decode(request, "input", "model")
  model_for(json.model, "text-embeddings-inference")
  local inputs = vectors.inputs(json.input)
  if #inputs > MOST_INPUTS then
    refuse(413, "batch size %d > maximum allowed batch size %d", #inputs, MOST_INPUTS)
  end
  for _, text in ipairs(inputs) do
    if text == "" then refuse(400, "Input validation error: `inputs` cannot be empty") end
  end
  unlimited(response)
  response:whole(200, vectors.answer(json, tonumber(json.dimensions) or DIMENSIONS))
end

-- Method, path, who answers; captures of the path are passed on.
local ROUTES = {
  { "GET", "^/health$", health },
  { "GET", "^/v1/models$", models },
  { "GET", "^/v1/models/(.+)$", model },
  { "POST", "^/v1/chat/completions$", chat },
  { "POST", "^/v1/embeddings$", embeddings },
}

local function route(request, response)
  if request.path:find("^/v1/") then authenticate(request) end
  local known = false
  for _, each in ipairs(ROUTES) do
    local captures = { request.path:match(each[2]) }
    if captures[1] and each[1] == request.method then return each[3](request, response, table.unpack(captures)) end
    known = known or captures[1]
  end
  refuse(known and 405 or 404, known and "Method Not Allowed" or "Not Found")
end


local server = http.listen { port = tonumber(options.port), unix = options.unix, handler = route }
if options["until-eof"] then program.exit_at_eof() end
program.announce(server)
loop.run()
server:stop()
