--- Results: what a model gets to see of what a tool returned.
--
--   local result, problem = M.of({ temperature = 21 }, limit)         result.content is '{"temperature":21}'
--   local result = M.failure "there is no such town"                  is_error: marked on the wire
--
-- A text goes as it is, parts as parts, any other value as JSON. No result is longer than its limit: one large answer would take the
-- place of the whole conversation.
--
-- @module opengatellm.conversation.tool_result
local core = require "opengatellm.core"
local excerpt = require "opengatellm.conversation.excerpt"
local failure = require "opengatellm.schema.failure"
local json = require "opengatellm.json"

local M = {}

--- Bytes of text that a result has at most where nothing else is said: about 8,000 tokens.
M.LIMIT = 32 * 1024

---@class ogl.ToolOutcome
---@field content string|table[] of the message with the result
---@field is_error boolean
---@field metadata? any for the program

-- Parts -----------------------------------------------------------------------------------------------------------------

local parts_mt = { __name = "opengatellm.parts" }

local function part_problem(part)
  if type(part) == "string" then return nil end
  if type(part) ~= "table" then return "expected string or table, got " .. type(part) end
  if type(part.type) ~= "string" then return "type: expected string, got " .. type(part.type) end
  if part.type == "text" and type(part.text) ~= "string" then return "text: expected string, got " .. type(part.text) end
end

--- Marks a tool's result as parts of a message: texts, and what `ogl.image`, `ogl.audio` and `ogl.file` make. Raises what is no part.
---@param parts (string|table)[]
---@param n integer how many there are
---@param level integer for error()
---@return table parts the same table
function M.parts(parts, n, level)
  for i = 1, n do
    local problem = part_problem(parts[i])
    if problem then error(("ogl.parts: [%d]: %s"):format(i, problem), level + 1) end
  end
  return setmetatable(parts, parts_mt)
end

local function text_of(part) return type(part) == "string" and part or part.type == "text" and part.text end

-- Each text may take an equal share of the limit, where all together are longer.
local function share_of(parts, limit)
  local bytes, count = 0, 0
  for _, part in ipairs(parts) do
    local text = text_of(part)
    if text then bytes, count = bytes + #text, count + 1 end
  end
  return bytes > limit and math.floor(limit / count) or limit
end

local function content_of(parts, limit)
  local content, share = {}, share_of(parts, limit)
  for i, part in ipairs(parts) do
    local text = text_of(part)
    content[i] = text and { type = "text", text = excerpt.of(core.utf8_repair(text), share) } or part
  end
  return content
end

-- Values ----------------------------------------------------------------------------------------------------------------

local DEEPEST, MOST = 100, 1000000 -- levels and values of a result

local function refuse(state, problem)
  local keys = {}
  for i = #state.keys, 1, -1 do keys[#keys + 1] = state.keys[i] end
  local path = failure.path(keys)
  state.problem = (path ~= "" and path .. ": " or "") .. problem
end

local function scalar_problem(value)
  local name = type(value)
  if name == "number" and value - value ~= 0 then return "JSON has neither NaN nor infinity" end
  if name == "function" or name == "thread" then return "a " .. name .. " cannot be in JSON" end
end

-- Counts the values below a value; a table that stands in several places counts in each. Notes in `state` what the encoder would not end
-- with, or could not name: tables that hold themselves, functions.
local function count(value, state)
  local problem = type(value) ~= "table" and scalar_problem(value) or #state.keys > DEEPEST and "it is nested too deeply"
    or state.open[value] and "the table holds itself"
  if problem then return refuse(state, problem) or 0 end
  if type(value) ~= "table" then return 1 end
  if state.counts[value] then return state.counts[value] end
  local total = 1
  state.open[value] = true
  for key, inner in next, value do
    state.keys[#state.keys + 1] = key
    total = total + count(inner, state)
    if state.problem then return total end
    state.keys[#state.keys] = nil
  end
  state.open[value], state.counts[value] = nil, total
  return total
end

local FEW = 100

-- Whether a table has so few and simple values that they need no counting: most results do.
local function is_simple(value)
  if type(value) ~= "table" then return false end
  local left = FEW
  for _, inner in next, value do
    left = left - 1
    if left == 0 or type(inner) == "table" or scalar_problem(inner) then return false end
  end
  return true
end

local function counted(value)
  local state = { keys = {}, open = {}, counts = {} }
  local total = count(value, state)
  if state.problem then return nil, state.problem end
  if total > MOST then return nil, ("it has more than %d values"):format(MOST) end
  return true
end

local function encoded(value)
  if not is_simple(value) then
    local fine, problem = counted(value)
    if not fine then return nil, problem end
  end
  local fine, text = pcall(json.encode, value)
  if not fine then return nil, tostring(text) end
  return text
end

-- Results ---------------------------------------------------------------------------------------------------------------

local DONE = "Done."

local function content(value, limit)
  if value == nil then return DONE end
  if type(value) == "string" then return excerpt.of(core.utf8_repair(value), limit) end
  if getmetatable(value) == parts_mt then return value[1] and content_of(value, limit) or DONE end
  local text, problem = encoded(value)
  if not text then return nil, problem end
  return excerpt.of(text, limit)
end

--- Makes the result of a tool that succeeded.
---@param value any nil: it has nothing to say but that it is done
---@param limit? integer bytes of text
---@param metadata? any for the program
---@return ogl.ToolOutcome? result
---@return string? problem what of the value cannot be JSON, and where
function M.of(value, limit, metadata)
  local made, problem = content(value, limit or M.LIMIT)
  if not made then return nil, "the result cannot be JSON: " .. problem end
  return { content = made, is_error = false, metadata = metadata }
end

--- Makes the result of a tool that failed.
---@param message any what the model is told
---@param limit? integer bytes of text
---@return ogl.ToolOutcome
function M.failure(message, limit)
  local text = message ~= nil and tostring(message) or ""
  if text == "" then text = "The tool failed." end
  return { content = excerpt.of(core.utf8_repair(text), limit or M.LIMIT), is_error = true }
end

return M
