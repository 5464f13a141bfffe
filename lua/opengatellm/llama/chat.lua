--- A chat with a model in this process: the body of a request in, a job for the engine, the bytes of a Chat Completions answer out.
--
-- The template writes the prompt (template.lua); a schema, or tools that must be called, become a grammar (grammar.lua); what the model
-- writes is read (output.lua) and goes through the encoder that the gateway has, so that the answer is decoded as every other.
--
-- @module opengatellm.llama.chat
local core = require "opengatellm.core"
local grammar = require "opengatellm.llama.grammar"
local ordered_json = require "opengatellm.llama.ordered_json"
local output = require "opengatellm.llama.output"
local prompt = require "opengatellm.llama.prompt"
local random = require "opengatellm.base.random"
local refusal = require "opengatellm.llama.refusal"

local M = {}

---@class ogl.llama.Chat
---@field job table options for the engine
---@field streamed boolean
---@field warnings? table[] for the reply
local Chat = {}
Chat.__index = Chat

local function plain(value)
  if value == core.null then return nil end
  return value
end

-- Ids are told apart over all chats of a conversation, which may go on in another process.
local function new_id(prefix)
  local bytes = random.bytes(8) or tostring(os.clock())
  return prefix .. bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
end

-- Names of the body -> names of the job (csrc/lua/llama_options.c).
local SAMPLING = {
  temperature = "temperature", top_k = "top_k", top_p = "top_p", min_p = "min_p", repeat_penalty = "repeat_penalty", seed = "seed",
  frequency_penalty = "frequency_penalty", presence_penalty = "presence_penalty", logit_bias = "logit_bias", max_tokens = "max_tokens",
  max_completion_tokens = "max_tokens", logprobs = "logprobs", top_logprobs = "top_logprobs",
}

local function job_of(body, written)
  local job = { kind = "chat", pieces = written.pieces, grammar = plain(body.grammar), thought = written.thought }
  for name, option in pairs(SAMPLING) do
    local value = plain(body[name])
    if value ~= nil then job[option] = value end
  end
  local stop = plain(body.stop)
  job.stop = type(stop) == "string" and { stop } or stop
  return job
end

-- Whether a message has a part that is no text.
local function has_media(message)
  for _, part in ipairs(type(message) == "table" and type(message.content) == "table" and message.content or {}) do
    if type(part) == "table" and part.type ~= "text" and part.type ~= "refusal" then return true end
  end
  return false
end

-- What this cannot do, in a request that means it.
local function problem_of(body)
  if type(body.messages) ~= "table" then return "messages: expected a list" end
  for _, message in ipairs(body.messages) do
    if has_media(message) then return "messages: a model in this process reads text alone; images, sound and files are not supported" end
  end
  if (plain(body.n) or 1) ~= 1 then return "n: a model in this process gives one answer at a time" end
end

-- The functions of the tools that the model may call.
local function tools_of(body)
  local list = {}
  for _, tool in ipairs(body.tool_choice ~= "none" and plain(body.tools) or list) do
    if type(tool) == "table" and type(tool["function"]) == "table" then list[#list + 1] = tool["function"] end
  end
  return list
end

-- Those that it has to call: all, or the one that is named.
local function forced_tools(choice, tools)
  if choice == "required" then return tools end
  local name = type(choice) == "table" and type(choice["function"]) == "table" and choice["function"].name
  if not name then return nil end
  for _, tool in ipairs(tools) do
    if tool.name == name then return { tool } end
  end
  return {}
end

-- The schema of an output, whose properties the model writes in this order.
local function schema_of(text)
  local raw = core.member(text, "response_format", "json_schema", "schema")
  if raw then return ordered_json.read(raw) end
  return { type = "object" }
end

-- The grammar that a request asks for and its warnings; nothing, or nil and an error.
local function grammar_of(body, text, tools, form)
  local forced, format = forced_tools(plain(body.tool_choice), tools), plain(body.response_format)
  if forced then return grammar.of_tools(forced, { form = form, parallel = body.parallel_tool_calls ~= false }) end
  if type(format) ~= "table" or format.type == "text" then return nil end
  return grammar.of_schema(schema_of(text))
end

local function names_of(tools)
  local names = {}
  for _, tool in ipairs(tools) do names[tool.name] = tool end
  return next(names) ~= nil and names or nil
end

local function joined(list, others)
  for _, each in ipairs(others or {}) do list[#list + 1] = each end
  return list
end

--- Begins an answer.
---@param engine ogl.llama.Engine whose model is loaded
---@param body table a request of POST /chat/completions
---@param text string the same as JSON, whose objects have an order
---@param own_template? function the user's, instead of the model's
---@return ogl.llama.Chat? chat
---@return ogl.llama.Refusal|ogl.Error|nil problem
function M.new(engine, body, text, own_template)
  local problem = problem_of(body)
  if problem then return nil, refusal.field(problem) end
  local written, err = prompt.of(engine, body, text, own_template)
  if not written then return nil, err end
  local tools, job = tools_of(body), job_of(body, written)
  local rules, warnings
  rules, err, warnings = grammar_of(body, text, tools, written.form)
  if err then return nil, err end
  job.grammar = job.grammar or rules
  local self = setmetatable({
    job = job, streamed = plain(body.stream) == true, model = body.model, room = engine:facts().context,
    index = 0, kind = nil, called = false, -- of the last part; whether a tool was called
    reader = output.new { thinking = written.is_open, tools = names_of(tools) },
    warnings = joined(joined({}, written.warnings), warnings),
  }, Chat)
  self:open_encoder(body)
  return self
end

--- Makes the encoder; for M.new.
---@param body table
function Chat:open_encoder(body)
  local options = plain(body.stream_options) or {}
  local id = new_id "chatcmpl-"
  self.encoder = core.encoder("openai_chat", self.streamed and "stream" or "whole", {
    id = id, model = self.model, created = os.time(), include_usage = options.include_usage == true,
  })
  self.encoder:put { type = "start", id = id, model = self.model }
end

-- A part of another kind than the last begins at another place.
local function put_text(self, kind, text)
  if self.kind ~= kind then self.index, self.kind = self.index + 1, kind end
  self.encoder:put { type = kind, index = self.index, text = text }
end

local function put_call(self, item)
  self.index, self.kind, self.called = self.index + 1, nil, true
  local id, index = new_id "call_", self.index
  self.encoder:put { type = "tool_call", index = index, id = id, name = item.name }
  self.encoder:put { type = "tool_arguments", index = index, text = item.arguments }
  self.encoder:put { type = "tool_call_end", index = index, id = id, name = item.name, arguments = item.arguments }
end

local function put_items(self, items)
  for _, item in ipairs(items) do
    if item.kind == "tool_call" then put_call(self, item) else put_text(self, item.kind, item.text) end
  end
end

--- Takes text of the model; gives what may be sent of the answer.
---@param text string
---@param logprobs? string items of JSON, of the tokens since the last time
---@return string? bytes
function Chat:feed(text, logprobs)
  if logprobs then self.encoder:put { type = "logprobs", json = '{"content":[' .. logprobs .. "]}" } end
  put_items(self, self.reader:feed(text))
  if self.streamed then return self.encoder:take() end
end

--- Ends the answer.
---@param ending string of the job
---@param tokens integer of the prompt
---@param cached integer those of them that the engine had already
---@param written integer tokens of the answer
---@return string? bytes
---@return ogl.llama.Refusal|ogl.Error|nil problem
function Chat:finish(ending, tokens, cached, written)
  if ending ~= "stop" and ending ~= "length" then return nil, refusal.of(ending, tokens, self.room) end
  put_items(self, self.reader:finish())
  self.encoder:put {
    type = "usage",
    usage = { input_tokens = tokens, cached_input_tokens = cached, output_tokens = written, total_tokens = tokens + written },
  }
  self.encoder:put { type = "finish", reason = ending == "length" and "length" or self.called and "tool_calls" or "stop" }
  self.encoder:finish()
  local bytes = self.encoder:take()
  self.encoder:close()
  return bytes
end

return M
