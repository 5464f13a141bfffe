--- The log: one line for each call, when it has ended.
--
--   client:use(ogl.middleware.log())
--   time=2026-11-29T08:04:31Z op=chat provider=openai model=m status=200 finish=stop seconds=1.204 input=12 output=34 id=req_1
--   time=2026-11-29T08:04:35Z op=stream provider=openai model=m error=http status=503 reason=overloaded seconds=0.08
--
-- A line holds nothing that was said, neither a question nor an answer nor an error's message (servers quote requests there), unless
-- `content` asks for it. Values from servers are quoted where they hold more than plain characters, so that none can forge a line.
--
-- Fields, in this order, each only where it is known: time, op, provider, model (that answered), asked (the model that was asked, where it
-- is another), error (kind), code, status, reason, finish, seconds, first (seconds to the first part of a streamed answer), input, cached,
-- output, reasoning (tokens), estimated, cost, attempts (more than one), id (the request's, as the server named it).
--
-- @module opengatellm.middleware.log
local figures = require "opengatellm.middleware.figures"
local json = require "opengatellm.json"
local options = require "opengatellm.middleware.options"

local M = {}

---@class ogl.LogOptions
---@field write? fun(line: string, fields: table[]) default: to stderr, in nginx to its error log; `fields` are pairs of name and value
---@field format? "text"|"json" default "text": name=value
---@field content? boolean true: the request's messages, the answer's text and the error's message, too
---@field clock? fun(): number seconds since 1970; default: os.time

local FIELDS = { write = "function", format = "string", content = "boolean", clock = "function" }

-- Lines -----------------------------------------------------------------------------------------------------------

-- A number looks the same in every Lua and every locale.
local function number(value)
  local text = ("%.14g"):format(value)
  return text:find(",", 1, true) and text:gsub(",", ".") or text
end

local ENDS = { ["\226\128\168"] = "\\u2028", ["\226\128\169"] = "\\u2029", ["\194\133"] = "\\u0085", ["\127"] = "\\u007f" }

-- A value as JSON, with everything escaped that a reader of logs may take for the end of a line.
local function encoded(value)
  if type(value) == "number" then return number(value) end
  local text = json.encode(value)
  return (text:gsub("\226\128[\168\169]", ENDS):gsub("\194\133", ENDS):gsub("\127", ENDS))
end

local function quoted(value)
  if type(value) ~= "string" or value == "" or value:find "[^%w%.%-_:/@+]" then return encoded(value) end
  return value
end

local function as_text(list)
  local words = {}
  for i = 1, #list do words[i] = list[i][1] .. "=" .. quoted(list[i][2]) end
  return table.concat(words, " ")
end

-- JSON in the order of the fields, which a table would lose.
local function as_json(list)
  local members = {}
  for i, pair in ipairs(list) do members[i] = encoded(pair[1]) .. ":" .. encoded(pair[2]) end
  return "{" .. table.concat(members, ",") .. "}"
end

-- Milliseconds are enough.
local function rounded(seconds) return seconds and math.floor(seconds * 1000 + 0.5) / 1000 or nil end

local function add(list, name, value)
  if value ~= nil then list[#list + 1] = { name, value } end
end

local function add_content(list, answer, err, call)
  local asked = call.request.messages or call.request.input or call.request.query
  local fine, text = pcall(json.encode, asked)
  add(list, "request", fine and text or nil)
  add(list, "text", answer and answer.text or err and err.partial and err.partial.text)
  add(list, "message", err and err.message)
end

-- The time as a text, which is made once a second.
local function time_of(self)
  local now = math.floor(self.clock())
  if now ~= self.second then self.second, self.time = now, os.date("!%Y-%m-%dT%H:%M:%SZ", now) end
  return self.time
end

local function pairs_of(self, answer, err, call, state)
  local seen, list = figures.of(answer, err, call, state), {}
  local usage = seen.usage
  add(list, "time", time_of(self))
  add(list, "op", call.operation)
  add(list, "provider", seen.provider)
  add(list, "model", seen.model)
  if call.model ~= seen.model then add(list, "asked", call.model) end
  if err then
    add(list, "error", seen.kind)
    add(list, "code", seen.code)
  end
  add(list, "status", seen.status)
  add(list, "reason", seen.reason)
  add(list, "finish", seen.finish_reason)
  add(list, "seconds", rounded(seen.seconds))
  add(list, "first", rounded(seen.first_chunk))
  add(list, "input", usage.input_tokens)
  add(list, "cached", usage.cached_input_tokens or usage.cached or nil)
  add(list, "output", usage.output_tokens)
  add(list, "reasoning", usage.reasoning_tokens)
  add(list, "estimated", usage.estimated)
  add(list, "cost", usage.cost)
  if seen.attempts > 1 then add(list, "attempts", seen.attempts) end
  add(list, "id", seen.request_id)
  if self.content then add_content(list, answer, err, call) end
  return list
end

-- The middleware ----------------------------------------------------------------------------------------------------

local function default_write(line)
  local ngx = rawget(_G, "ngx")
  if ngx and ngx.log then return ngx.log(ngx.NOTICE, line) end
  io.stderr:write(line, "\n")
end

--- Makes a middleware that writes a line for each call. Raises mistakes in its options.
---@param given? ogl.LogOptions
---@return ogl.Middleware
function M.new(given)
  given = options.check("log", given, FIELDS)
  options.expect_word("log", "format", given.format, "text", "json")
  local self = { content = given.content or false, clock = given.clock or os.time, second = false, time = false }
  local write, form = given.write or default_write, given.format == "json" and as_json or as_text
  return {
    name = "log",
    request = function(_, call, state) figures.begin(call, state, true) end,
    event = function(event, call, state)
      figures.event(event, state, call.operation == "stream")
      return event
    end,
    done = function(answer, err, call, state)
      if not state.began then return end
      local list = pairs_of(self, answer, err, call, state)
      write(form(list), list)
    end,
  }
end

return M
