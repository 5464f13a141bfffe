--- A server that does everything that the cases of `ogl compat` ask for, in every protocol, from memory; and the same server with one flaw.
local core = require "opengatellm.core"
local gateway = require "spec.support.gateway"
local json = require "opengatellm.json"
local picture = require "opengatellm.compat.picture"
local url = require "opengatellm.base.url"

local M = {}

--- The key that the server takes.
M.KEY = "sk-compat-4f1b9c"
--- The models that it has.
M.MODELS = { text = "m", vision = "m", embeddings = "m-embed", rerank = "m-rank", images = "m-draw" }

-- What a model would say ---------------------------------------------------------------------------------------------------

local function text_of(message)
  if type(message.content) == "string" then return message.content end
  local texts = {}
  for _, part in ipairs(message.content or {}) do
    texts[#texts + 1] = type(part) == "string" and part or type(part) == "table" and part.type == "text" and part.text or nil
  end
  return table.concat(texts, " ")
end

local function has_picture(request)
  local content = request.messages[#request.messages].content
  for _, part in ipairs(type(content) == "table" and content or {}) do
    if type(part) == "table" and part.type == "image" then return true end
  end
  return false
end

-- All that the user said before the last message.
local function said_before(request)
  local texts = {}
  for i = 1, #request.messages - 1 do texts[i] = text_of(request.messages[i]) end
  return table.concat(texts, " ")
end

local function count_to(last)
  local numbers = {}
  for i = 1, tonumber(last) do numbers[i] = tostring(i) end
  return table.concat(numbers, " ")
end

local function weather_calls(question)
  local calls = {}
  for _, town in ipairs { "Lyon", "Lille" } do
    if question:find(town, 1, true) then calls[#calls + 1] = { name = "get_weather", arguments = { town = town } } end
  end
  return calls
end

local function results_of(request)
  local texts = {}
  for _, message in ipairs(request.messages) do
    if message.role == "tool" then texts[#texts + 1] = text_of(message):match "%d+" end
  end
  return "There are " .. table.concat(texts, " and ") .. " degrees."
end

-- The plan of an answer: { text?, reasoning?, calls?, reason }.
local function plan_of(request)
  local last = request.messages[#request.messages]
  local question = text_of(last)
  if type(request.tool_choice) == "table" then
    return { calls = { { name = request.tool_choice.name, arguments = { topic = "weather" } } }, reason = "tool_calls" }
  end
  if last.role == "tool" then return { text = results_of(request), reason = "stop" } end
  if request.tools then return { calls = weather_calls(question), reason = "tool_calls" } end
  if request.output then return { text = '{"town": "Lyon", "river": "Rhône", "people": 520000}', reason = "stop" } end
  if has_picture(request) then return { text = "Purple.", reason = "stop" } end
  local said = question:match "nothing else: (%S+)" or question:find "Remember" and "OK"
    or question:find "^Which number" and said_before(request):match "%d+" or question:match "to (%d+) in digits"
  if question:find "to %d+ in digits" then said = count_to(said) end
  return { text = said or "Ten.", reasoning = request.reasoning and "2, 3, 5, 7, 11, 13, 17, 19, 23, 29." or nil, reason = "stop" }
end

-- The pieces of a text, as a model's tokens.
local function pieces_of(text)
  local pieces = {}
  for piece in text:gmatch "%s*%S+" do pieces[#pieces + 1] = piece end
  return pieces
end

-- Keeps a plan to the limits of its request, and cuts its text into tokens.
local function limit(plan, request)
  local stop = type(request.stop) == "table" and request.stop[1] or request.stop
  local at = stop and plan.text and plan.text:find(stop, 1, true)
  if at then plan.text = plan.text:sub(1, at - 1) end
  plan.pieces = pieces_of(plan.text or "")
  if request.max_tokens and #plan.pieces > request.max_tokens then
    for i = #plan.pieces, request.max_tokens + 1, -1 do plan.pieces[i] = nil end
    plan.reason = "length"
  end
  plan.usage = { input_tokens = 9, output_tokens = math.max(1, #plan.pieces) }
  plan.usage.total_tokens = 9 + plan.usage.output_tokens
end

local function events_of(plan)
  local events, index = { { type = "start", id = "a1", model = "m" } }, 0
  local function add(event)
    event.index = index
    events[#events + 1] = event
  end
  if plan.reasoning then
    index = index + 1
    add { type = "reasoning", text = plan.reasoning }
  end
  if plan.pieces[1] then index = index + 1 end
  for _, piece in ipairs(plan.pieces) do add { type = "text", text = piece } end
  for i, call in ipairs(plan.calls or {}) do
    index = index + 1
    local id, arguments = call.id or "call_" .. i, call.json or json.encode(call.arguments)
    add { type = "tool_call", id = id, name = call.name }
    add { type = "tool_arguments", text = arguments }
    add { type = "tool_call_end", id = id, name = call.name, arguments = arguments }
  end
  if plan.usage then events[#events + 1] = { type = "usage", usage = plan.usage } end
  events[#events + 1] = { type = "finish", reason = plan.reason }
  return events
end

-- The routes ---------------------------------------------------------------------------------------------------------------

local function answer_of(value, status)
  return { status = status or 200, headers = { ["content-type"] = "application/json" }, body = json.encode(value) }
end

local function refusal(status, message) return answer_of({ error = { message = message, type = "error" } }, status) end

-- Numbers that say little, but are those of the text.
local function vector_of(text)
  local vector = { 1, 0, 0, 0 }
  for i = 1, #text do vector[i % 4 + 1] = vector[i % 4 + 1] + text:byte(i) ^ 2 % 97 end
  return vector
end

local ROUTES = {}

function ROUTES.models() return answer_of { object = "list", data = { { id = "m", object = "model" } } } end

function ROUTES.embeddings(body)
  local rows = {}
  for i, text in ipairs(type(body.input) == "table" and body.input or { body.input }) do
    rows[i] = { object = "embedding", index = i - 1, embedding = vector_of(text) }
  end
  return answer_of { object = "list", data = rows, model = body.model, usage = { prompt_tokens = 9, total_tokens = 9 } }
end

-- Gemini's and Ollama's.
function ROUTES.batchEmbedContents(body)
  local rows = {}
  for i, one in ipairs(body.requests) do rows[i] = { values = vector_of(one.content.parts[1].text) } end
  return answer_of { embeddings = rows }
end

function ROUTES.embed(body)
  local rows = {}
  for i, text in ipairs(body.input) do rows[i] = vector_of(text) end
  return answer_of { model = body.model, embeddings = rows }
end

function ROUTES.rerank(body)
  local results = {}
  for i, text in ipairs(body.documents) do results[i] = { index = i - 1, relevance_score = text:find "Rhône" and 0.9 or 0.1 * i } end
  return answer_of { id = "r1", results = results, model = body.model }
end

function ROUTES.generations() return answer_of { created = 1, data = { { b64_json = core.base64_encode(picture.bytes()) } } } end
ROUTES.edits = ROUTES.generations

local function has_key(headers)
  for _, pair in ipairs(headers) do
    if pair[2]:find(M.KEY, 1, true) then return true end
  end
  return false
end

local function chat(protocol, request, flaw)
  local asked, wants = require("opengatellm.protocol." .. protocol).decode_request(request.body, { path = url.unescape(request.url:match "^%a+://[^/]+(.*)$") })
  if not asked then return refusal(400, wants.message) end
  local model = asked.model or wants.model
  if model ~= "m" and not flaw.any_model then return refusal(404, ("the model '%s' does not exist"):format(tostring(model))) end
  if flaw.asked then flaw.asked(asked) end
  local plan = plan_of(asked)
  if flaw.plan then flaw.plan(plan, asked, wants) end
  limit(plan, asked)
  if flaw.limited then flaw.limited(plan, asked, wants) end
  return gateway.answer(protocol, events_of(plan), wants.stream and not flaw.whole)
end

--- Answers a request, as a transport that answers from memory asks (transport/replay.lua).
---@param protocol string of the server
---@param flaw? table what it does wrong: asked(request), plan(plan, request, wants), limited(plan, request, wants) change what is said;
---  route(name, value) changes the decoded answer of a route; http(request, name) gives another answer; any_key, any_model, whole
---@return fun(request: table): table
function M.new(protocol, flaw)
  flaw = flaw or {}
  return function(request)
    local name = request.url:match "(%a+)[?%w=]*$"
    local other = flaw.http and flaw.http(request, name)
    if other then return other end
    if not has_key(request.headers) and not flaw.any_key then return refusal(401, "the key is wrong") end
    if not ROUTES[name] then return chat(protocol, request, flaw) end
    local body = type(request.body) == "string" and json.decode(request.body) or {} -- a form is none
    local answer = ROUTES[name](body)
    if not flaw.route then return answer end
    local value = json.decode(answer.body)
    return flaw.route(name, value, body) or answer_of(value)
  end
end

M.refusal = refusal

return M
