--- Asking again: a chat whose output does not fit its schema is asked once more in the same mode, with what was wrong, and once in the next
--- mode that the model knows.
--
-- A server that refuses the mode itself is asked in the next one. A reply that was cut, and a model's refusal, are not asked again: the
-- same request would end the same way.
--
-- @module opengatellm.chat.output_retries
local requests = require "opengatellm.request"
local schemas = require "opengatellm.request.schema"
local usages = require "opengatellm.chat.usage"

local M = {}

local TRIES = 2 -- after the first

-- What servers call the fields that the modes need, in what they say when they refuse one: OpenAI, DeepSeek, Groq, Alibaba, Anthropic,
-- Google and vLLM.
local FIELDS = {
  "response[_ ]format", "json[_ ]schema", "json mode", "text%.format", "output[_ ]format", "output_config", "structured output",
  "response_?schema", "response_?json_?schema", "response[_ ]?mime", "tool[_ ]choice", "function calling",
}

local function names_field(text)
  for _, pattern in ipairs(FIELDS) do
    if text:find(pattern) then return true end
  end
  return false
end

-- Whether the server refused what the mode needs.
local function is_refused(err)
  if err.code == "output" then return false end
  if err.reason == "unsupported_parameter" or err.status == 422 then return true end
  return (err.status == 400 or err.status == 501) and names_field(tostring(err.message):lower())
end

local function repairable(err)
  if not err.output_modes then return false end
  if is_refused(err) then return true end
  return err.code == "output" and err.kind == "invalid" and err.partial ~= nil and not err.partial.refusal
end

local function told(err)
  return "That answer cannot be used: " .. err.message .. ". Give the whole answer again, corrected."
end

local function with_mode(output, mode)
  local is_detailed = type(output.schema) == "table" and not (output.type or output.properties)
  return requests.merge(is_detailed and output or { schema = output }, { mode = mode })
end

-- The same request, with the answer that was wrong and what was wrong in it.
local function corrected(asked, err)
  local messages = {}
  for i, message in ipairs(asked.messages) do messages[i] = message end
  if err.partial.text ~= "" then table.insert(messages, err.partial) end
  table.insert(messages, { role = "user", content = told(err) })
  return requests.merge(asked, { messages = messages })
end

local function following(modes, mode)
  for i, each in ipairs(modes) do
    if each == mode then return modes[i + 1] end
  end
end

-- The requests that follow a failure: by the number of the try.
local function next_request(asked, err, try)
  if try == 1 and not is_refused(err) then return corrected(asked, err) end
  local mode = following(err.output_modes, err.output_mode)
  return mode and requests.merge(asked, { output = with_mode(asked.output, mode) })
end

-- Whether the program wants a value that fits, or an error: it built the schema, gave details beside it, or said how often to ask. A plain
-- JSON Schema asks for as good an answer as can be had.
local function is_firm(asked)
  local output = asked.output
  if asked.strict or asked.output_retries or schemas.output(output) ~= output then return true end
  return tostring((getmetatable(output) or {}).__name):find("opengatellm.schema", 1, true) ~= nil
end

-- The first answer to a plain JSON Schema, with a warning of what is wrong with its output.
local function unfit(err, usage)
  local reply = err.partial
  reply.output, reply.output_error, reply.usage = err.value, err, usage
  local code = #err.problems > 0 and "output_invalid" or "output_not_json"
  table.insert(reply.warnings, { code = code, field = "output", message = err.message })
  return reply
end

--- Asks a chat again, as often as its `output_retries` allow, until its output fits.
---@param question string|ogl.Request
---@param err ogl.Error of the first answer
---@param ask fun(request: ogl.Request): ogl.Reply?, ogl.Error?
---@return ogl.Reply? reply its `usage` is that of all answers; with `output_error` where none fits, and a plain JSON Schema was given
---@return ogl.Error? err the last one; its `usage` is that of all answers
function M.run(question, err, ask)
  local asked, usage, first = requests.of(question), {}, err
  for try = 1, math.min(asked.output_retries or TRIES, TRIES) do
    local following_request = repairable(err) and next_request(asked, err, try)
    if not following_request then break end
    usages.add(usage, err.usage)
    local reply
    reply, err = ask(requests.merge(following_request, { output_retries = 0 }))
    if reply then
      usages.add(usage, reply.usage)
      reply.usage = usage
      table.insert(reply.warnings, { code = "output_retried", field = "output", message = "the output fitted at try " .. try + 1 })
      return reply
    end
  end
  usages.add(usage, err.usage)
  if first.code == "output" and not is_firm(asked) then return unfit(first, usage) end
  if next(usage) ~= nil then err.usage = usage end
  return nil, err
end

return M
