--- Answers: what the fault server says when nothing is wrong, for every route that the client knows.
--
-- `answers.any(request, response)` answers like a healthy OGL, whole or streamed; most scenarios end in it. The
-- parts are there for those that spoil them: `frames` is a good stream as a list of SSE frames, `body` the good
-- bytes with their content type. `request.route` is the path after the scenario; the JSON of the body is decoded
-- here, and a body that is no JSON counts as `{}`.

local cjson = require "cjson.safe"
local http = require "server.http"
local script = require "server.script"
local vectors = require "server.vectors"

local answers = {}

local DIMENSIONS = 8

--- The text of every good answer, and its tokens. They hold characters of two, three and four bytes.
answers.TEXT = "Bonjour ! Ça coûte 3 €, c'est « donné » 😀. Voilà."
answers.TOKENS = script.tokens(answers.TEXT)

--- The decoded body of a request, always a table.
function answers.json(request)
  local decoded = cjson.decode(request.body)
  return type(decoded) == "table" and decoded or {}
end

function answers.wants_stream(request)
  return answers.json(request).stream == true
end

local function wants_usage(json)
  return type(json.stream_options) == "table" and json.stream_options.include_usage == true
end

--- A maker for the model that the request names.
function answers.completion(request)
  return script.completion { model = answers.json(request).model }
end

--- The tail of a good stream of `count` text chunks, as a list of frames.
function answers.tail(request, completion, count)
  local frames = { completion:finish() }
  if wants_usage(answers.json(request)) then frames[2] = completion:provider_usage(count + 2) end
  frames[#frames + 1] = completion:usage(count)
  frames[#frames + 1] = script.DONE
  return frames
end

--- The n-th text chunk of an answer as long as needed: the tokens, again and again.
function answers.text_frame(completion, n)
  return completion:text(answers.TOKENS[(n - 1) % #answers.TOKENS + 1])
end

--- A good stream, frame by frame.
function answers.frames(request)
  local completion = answers.completion(request)
  local frames = { completion:start() }
  for n = 1, #answers.TOKENS do frames[#frames + 1] = answers.text_frame(completion, n) end
  return table.move(answers.tail(request, completion, #answers.TOKENS), 1, 4, #frames + 1, frames)
end

--- The whole answer of a chat with `text` as content.
function answers.whole(request, text)
  return answers.completion(request):whole { text = text or answers.TEXT, completion = #answers.TOKENS }
end

--- The good answer to a chat as bytes and their content type, streamed or whole as the request wants it.
function answers.body(request)
  if answers.wants_stream(request) then
    return table.concat(answers.frames(request)), "text/event-stream; charset=utf-8"
  end
  return answers.whole(request), "application/json"
end

-- The routes --------------------------------------------------------------------------------------------------------

local function chat(request, response)
  if not answers.wants_stream(request) then return response:whole(200, answers.whole(request)) end
  response:stream()
  for _, frame in ipairs(answers.frames(request)) do response:chunk(frame) end
  response:finish()
end

local function embeddings(request, response, dimensions)
  response:whole(200, vectors.answer(answers.json(request), tonumber(dimensions) or DIMENSIONS))
end

local function models(_, response)
  response:whole(200, script.models_json())
end

--- A model by its id, whose slashes may come plain or as %2F.
local function model(request, response)
  local name = http.unescape(request.route:match("^/v1/models/(.+)$"))
  local found = script.find_model(name)
  if found then return response:whole(200, script.model_json(found)) end
  response:whole(404, '{"detail":' .. script.quote(("Model %s not found."):format(name)) .. "}")
end

local function health(_, response)
  response:whole(200, '{"status":"ok"}')
end

local ROUTES = {
  { "^/v1/chat/completions$", chat },
  { "^/v1/embeddings$", embeddings },
  { "^/v1/models$", models },
  { "^/v1/models/.", model },
  { "^/health$", health },
}

--- Answers any route well. `dimensions` is the length of the vectors.
function answers.any(request, response, dimensions)
  for _, route in ipairs(ROUTES) do
    if request.route:find(route[1]) then return route[2](request, response, dimensions) end
  end
  response:whole(404, '{"detail":"Not Found"}')
end

return answers
