--- Requests: lists the fields that a chat takes, and checks them before any byte is sent.
--
-- @module opengatellm.request
local header = require "opengatellm.base.header"
local message = require "opengatellm.request.message"
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.Timeouts seconds each; false: no limit
---@field connect? number|false until the connection stands, TLS included; default 10
---@field first_byte? number|false from the request's last byte to the answer's first; default 600
---@field idle? number|false between two bytes; default 300
---@field total? number|false for the whole exchange; default: no limit

---@class ogl.Tool
---@field name string
---@field description? string
---@field parameters? table JSON Schema
---@field strict? boolean
---@field cache? boolean up to here the prompt may be read from the server's cache

---@class ogl.Request
---@field messages ogl.Message[]|string a text: one message of the user
---@field model? string default: the client's
---@field system? string put before the messages
---@field max_tokens? integer
---@field temperature? number
---@field top_p? number
---@field top_k? integer
---@field stop? string|string[]
---@field seed? integer
---@field presence_penalty? number
---@field frequency_penalty? number
---@field logit_bias? table<string, number>
---@field logprobs? boolean
---@field top_logprobs? integer
---@field n? integer
---@field user? string
---@field metadata? table<string, string>
---@field service_tier? string
---@field store? boolean
---@field previous_response_id? string
---@field include? string[]
---@field tools? (ogl.Tool|table)[]
---@field tool_choice? "auto"|"none"|"required"|table {name = …}: that tool
---@field parallel_tool_calls? boolean
---@field output? "json"|table "json": any JSON; a table: JSON that fits this schema, or {schema, name, description, strict}
---@field search? table OpenGateLLM up to 0.8 searches first: collection_ids, document_ids, metadata_filters, limit, method, …
---@field reasoning? "low"|"medium"|"high"|{effort?: string, budget?: integer, summary?: string}
---@field extra? table fields of the server that have no name here: they are merged into the body unchanged
---@field protocol? string the protocol by which the request came to us: `extra` and tools in a server's own form go out only by this one
---@field headers? table<string, string>
---@field timeouts? ogl.Timeouts
---@field strict? boolean a field that cannot be sent, or an answer that cannot be read, is an error and not only a warning
---@field keep? boolean false: the stream does not keep the reply
---@field no_streaming? boolean the server is asked for a whole answer; a stream gives the events of that one
---@field fetch? boolean|fun(url: string): boolean the client fetches media at addresses and sends bytes; a function allows each address

local FIELDS = {
  messages = "table", model = "string", system = "string", max_tokens = "integer", temperature = "number", top_p = "number",
  top_k = "integer", stop = "string or table", seed = "integer", presence_penalty = "number", frequency_penalty = "number",
  logit_bias = "table", logprobs = "boolean", top_logprobs = "integer", n = "integer", user = "string", metadata = "table",
  service_tier = "string", store = "boolean", previous_response_id = "string", include = "table", tools = "table",
  tool_choice = "string or table", parallel_tool_calls = "boolean", output = "string or table", reasoning = "string or table",
  search = "table", extra = "table", headers = "table", timeouts = "table", strict = "boolean", keep = "boolean", no_streaming = "boolean",
  protocol = "string", fetch = "boolean or function", output_retries = "integer",
}

local function is_type(value, expected)
  local t = type(value)
  if expected == "integer" then return t == "number" and value == math.floor(value) and value - value == 0 end
  if expected == "number" then return t == "number" and value - value == 0 end -- no NaN, not infinite
  if expected == "string or table" then return t == "string" or t == "table" end
  if expected == "boolean or function" then return t == "boolean" or t == "function" end
  return t == expected
end

local function problem_of(name, expected, value, where)
  if not expected then return where .. tostring(name) .. ": there is no such field" end
  local got = type(value) == "number" and tostring(value) or type(value)
  return where .. name .. ": expected " .. expected .. ", got " .. got
end

--- Says what is wrong with a table of options: an unknown field, or one of a wrong type; gives nil if nothing is.
---@param options table
---@param fields table<string, string>
---@param where? string stands before the field's name in the message
---@return string?
function M.check_fields(options, fields, where)
  local problem -- of several, the first by name: the same mistake gives the same message
  for name, value in next, options do
    local expected, kind = fields[name], type(value)
    local plain = kind == expected and kind ~= "number" or expected == "any"
      or kind == "number" and expected == "integer" and value % 1 == 0 -- not of NaN, nor of what is infinite
    if not plain and not (expected and is_type(value, expected)) then
      local found = problem_of(name, expected, value, where or "")
      if not problem or found < problem then problem = found end
    end
  end
  return problem
end

--- Checks a text that goes into a header or an address.
---@param text string
---@param where string its name, for the message
---@return string? problem
function M.check_line(text, where)
  if text:find "[%z\r\n]" then return where .. ": it holds a line end or a NUL" end
end

--- Checks a table of headers.
---@param headers table<string, string>
---@return string? problem
function M.check_headers(headers)
  for name, value in pairs(headers) do
    if type(name) ~= "string" or type(value) ~= "string" then return "headers: expected names and values that are strings" end
    local problem = M.check_line(value, "headers['" .. name:gsub("[%c]", "?") .. "']")
    if problem then return problem end
    if not header.is_token(name) then return "headers: '" .. name:gsub("[%c]", "?") .. "' is no header name" end
  end
end

local TIMEOUTS = { connect = true, first_byte = true, idle = true, total = true }

--- Checks a table of timeouts.
---@param timeouts ogl.Timeouts
---@return string? problem
function M.check_timeouts(timeouts)
  for name, value in pairs(timeouts) do
    if not TIMEOUTS[name] then return "timeouts." .. tostring(name) .. ": there is no such field" end
    if value ~= false and not (type(value) == "number" and value > 0) then
      return "timeouts." .. name .. ": expected seconds above 0, or false"
    end
  end
end

--- Checks the settings that clients and all kinds of calls share: model, headers, timeouts.
---@param options table
---@return string? problem
function M.check_shared(options)
  return options.model and M.check_line(options.model, "model")
    or options.headers and M.check_headers(options.headers)
    or options.timeouts and M.check_timeouts(options.timeouts)
    or nil
end

-- Fields that say how a program runs a tool. No server is told them.
local OF_PROGRAM = words.set "run validate approval timeout sequential repeats retries metadata"

--- Gives what a model is told of a tool: the tool itself, where it has nothing else.
---@param tool table
---@return table
function M.declared(tool)
  local out
  for name in pairs((tool.type == nil or tool.type == "function") and OF_PROGRAM or {}) do
    if tool[name] ~= nil then
      out = out or M.merge(tool)
      out[name] = nil
    end
  end
  return out or tool
end

local function check_tools(tools)
  for i, tool in ipairs(tools) do
    local where = "tools[" .. i .. "]"
    if type(tool) ~= "table" then return where .. ": expected table, got " .. type(tool) end
    if not tool.type and type(tool.name) ~= "string" then return where .. ".name: expected string, got " .. type(tool.name) end
    if tool.parameters ~= nil and type(tool.parameters) ~= "table" then
      return where .. ".parameters: expected table (a JSON Schema), got " .. type(tool.parameters)
    end
  end
end

--- The words for an effort of reasoning.
M.EFFORTS = { none = true, minimal = true, low = true, medium = true, high = true, xhigh = true }

local function check_reasoning(reasoning)
  if type(reasoning) == "string" then
    return not M.EFFORTS[reasoning] and "reasoning: expected none, minimal, low, medium, high or xhigh, got " .. reasoning or nil
  end
  return M.check_fields(reasoning, { effort = "string", budget = "integer", summary = "string" }, "reasoning.")
end

--- Says what is wrong with a chat request; gives nil if nothing is.
---@param request any
---@return string?
function M.check(request)
  local problem = M.check_fields(request, FIELDS)
  if problem then return problem end
  problem = message.check(request.messages)
    or M.check_shared(request)
    or request.tools and check_tools(request.tools)
    or request.reasoning and check_reasoning(request.reasoning)
  if problem then return problem end
  if type(request.output) == "string" and request.output ~= "json" then
    return 'output: expected "json" or a JSON Schema, got "' .. request.output .. '"'
  end
end

--- What is wrong with some fields of a chat request, without messages; nil when nothing is.
---@param fields table
---@return string?
function M.check_some(fields) return M.check_fields(fields, FIELDS) end

--- Gives a request whose messages are a list: a text, as the whole request or as its `messages`, is short for one message of the user.
---@param request string|ogl.Request
---@return ogl.Request
function M.of(request)
  if type(request) == "string" then return { messages = { message.user(request) } } end
  if type(request.messages) == "string" then return M.merge(request, { messages = { message.user(request.messages) } }) end
  return request
end

--- Merges tables, one level deep, into a new one. Later tables win, also with `json.null` and false.
---@param ... table?
---@return table
function M.merge(...)
  local out = {}
  for i = 1, select("#", ...) do
    for key, value in pairs((select(i, ...)) or {}) do out[key] = value end
  end
  return out
end

local LEVELS = 5 -- a request, its messages, a message, its content, a part

-- Copies the tables that a request is made of. Tables with a metatable (arrays, files, schemas) are values, so the copy shares them.
local function copied(value, levels)
  if levels == 0 or getmetatable(value) then return value end
  local out = {}
  for key, inner in next, value do out[key] = type(inner) == "table" and copied(inner, levels - 1) or inner end
  return out
end

--- Copies a request so that the copy may be changed: its messages and their parts are copies too.
---@param request table
---@return table
function M.copy(request) return copied(request, LEVELS) end

--- Merges timeouts as `merge` does, and leaves out those that are false.
---@param ... ogl.Timeouts?
---@return table<string, number>
function M.timeouts(...)
  local out = M.merge(...)
  for name, seconds in pairs(out) do out[name] = seconds or nil end
  return out
end

return M
