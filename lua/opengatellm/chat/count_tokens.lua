--- Counting tokens: how many a chat request would have the model read, before it is sent.
--
-- The request is the same table as for a chat, and goes through the protocol's own encoding, so that the server counts what a chat would
-- send. A form says which part of it a server counts, where, and under which name the count comes back.
--
-- Sources. anthropic: anthropic-sdk-python, types/message_count_tokens_params.py, and a recorded answer. gemini: ai.google.dev/api/tokens
-- (models.countTokens with generateContentRequest). vertex: cloud.google.com/vertex-ai, publishers.models.countTokens (the request's own
-- fields). responses: openai-python, types/responses/input_token_count_params.py. llama_server:
-- llama.cpp, tools/server/README.md (POST /apply-template gives the prompt, POST /tokenize its tokens).
--
-- @module opengatellm.chat.count_tokens
local calls = require "opengatellm.http.call"
local core = require "opengatellm.core"
local server_dialects = require "opengatellm.operations.server_dialects"
local errors = require "opengatellm.errors"
local number = require "opengatellm.operations.number"
local requests = require "opengatellm.request"
local steps = require "opengatellm.chat.steps"
local words = require "opengatellm.base.words"

local M = {}

local WHERE = "client:count_tokens"

---@class ogl.TokenCount
---@field input_tokens integer
---@field cached_input_tokens? integer how many of them come from a cache
---@field warnings? {code: string, field?: string, message: string}[] of the request's encoding

-- Picks the fields that a server takes for a count, and those that the user added with `extra`.
local function picked(body, fields, extra)
  local out = {}
  for name, value in pairs(body) do
    if fields[name] or extra and extra[name] ~= nil then out[name] = value end
  end
  return out
end

local set_of = words.set

local ANTHROPIC = set_of "messages model system thinking tool_choice tools output_config cache_control"
local VERTEX = set_of "contents systemInstruction tools generationConfig"
local RESPONSES = set_of [[
  conversation input instructions model parallel_tool_calls previous_response_id reasoning text tool_choice tools truncation
]]

-- A form is function(ask, wire, request, model) -> count | nil, err; `ask(path, body, root)` gives the decoded answer.
M.FORMS = {}

function M.FORMS.anthropic(ask, wire, asked)
  local answer, err = ask(wire.path .. "/count_tokens", picked(wire.body, ANTHROPIC, asked.extra))
  if not answer then return nil, err end
  return { input_tokens = answer.input_tokens }
end

function M.FORMS.responses(ask, wire, asked)
  local answer, err = ask(wire.path .. "/input_tokens", picked(wire.body, RESPONSES, asked.extra))
  if not answer then return nil, err end
  return { input_tokens = answer.input_tokens }
end

-- Takes the whole body of a chat.
function M.FORMS.input_tokens(ask, wire)
  local answer, err = ask(wire.path .. "/input_tokens", wire.body)
  if not answer then return nil, err end
  return { input_tokens = answer.input_tokens }
end

-- Asks at the chat's path …/models/NAME:generateContent, with countTokens in place of the last word.
local function ask_gemini(ask, wire, body)
  local answer, err = ask(wire.path:gsub(":%a+[^/:]*$", "") .. ":countTokens", body)
  if not answer then return nil, err end
  return { input_tokens = answer.totalTokens, cached_input_tokens = number.of(answer.cachedContentTokenCount) }
end

function M.FORMS.gemini(ask, wire, _, model)
  local name = model:find("/", 1, true) and model or "models/" .. model
  return ask_gemini(ask, wire, { generateContentRequest = requests.merge(wire.body, { model = name }) })
end

function M.FORMS.vertex(ask, wire, asked) return ask_gemini(ask, wire, picked(wire.body, VERTEX, asked.extra)) end

-- Counts as the server does for a chat: each special token that the template writes counts as one, and so does that of a text's beginning.
function M.FORMS.llama_server(ask, wire)
  local written, err = ask("/apply-template", wire.body, true)
  if not written then return nil, err end
  if type(written.prompt) ~= "string" then return {} end
  local answer
  answer, err = ask("/tokenize", { content = written.prompt, add_special = true, parse_special = true }, true)
  if not answer then return nil, err end
  return { input_tokens = type(answer.tokens) == "table" and #answer.tokens or nil }
end

local function encoded(body)
  local fine, text = pcall(core.encode, body)
  if not fine then return nil, (text:gsub("^.-:%d+: ", "")) end
  return text
end

-- Makes the function that asks the server; it keeps the last answer in `asker.head` and `asker.text`.
local function asker_of(client, wire)
  local asker = {}
  function asker.ask(path, body, root)
    local text, mistake = encoded(body)
    if not text then return nil, mistake end
    local sent = {
      method = "POST", path = path, root = root, headers = wire.headers, body = text, options = wire.options,
      repeatable = "inference",
      api = server_dialects.address(client, "count_tokens"),
    }
    local value, head, answer = calls.json(client, sent)
    if value == nil then return nil, head end
    asker.head, asker.text = head, answer
    if type(value) ~= "table" then return {} end
    return value
  end
  return asker
end

local function unsupported(code, message)
  return errors.unsupported(WHERE .. ": " .. message, code)
end

-- The call of a request, ready to be sent, and its form; or nil and an error, or the caller's mistake.
local function prepared(client, question)
  local counted, problem = steps.begin(client, question, "count_tokens", false)
  if not counted then return nil, problem end
  local model = counted.request.model or client.model_name
  local own = client:for_model(model)
  local form = M.FORMS[server_dialects.of(own.provider, "count_tokens")]
  if not form then return nil, unsupported("provider", "the provider " .. own.provider.name .. " has no such call") end
  local done
  done, problem = steps.walk(counted)
  if not done then return nil, problem end
  return counted, form, model
end

--- Counts the tokens of a request.
---@param client ogl.Client
---@param question string|ogl.Request
---@return ogl.TokenCount?
---@return ogl.Error|string|nil problem an error (kind `unsupported` where the provider counts none), or the caller's mistake
function M.count(client, question)
  local counted, form, model = prepared(client, question)
  if not counted then return nil, form end
  local wire, warnings = counted.wire, counted.wire.warnings
  local asker = asker_of(counted.client, wire)
  local count, err = form(asker.ask, wire, counted.request, model)
  if not count then return nil, err end
  if type(count.input_tokens) ~= "number" then
    return nil, calls.unexpected(counted.client, asker.head, "the server's answer is not a count of tokens", asker.text)
  end
  count.warnings = warnings[1] and warnings or nil
  return count
end

return M
