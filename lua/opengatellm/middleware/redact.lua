--- Redact: keeps what fits a pattern from leaving the program, and puts it back into replies where asked.
--
--   client:use(ogl.middleware.redact { patterns = { email = "[%w._%-]+@[%w._%-]+%.%a+" }, restore = true })
--
-- In the texts of a request (messages, system prompt, results of tools, arguments of calls, inputs, queries and documents), what fits a
-- pattern becomes a name: "[EMAIL_1]", or the next that stands nowhere in the request. The same text has the same name in a call. With
-- `restore`, names in the reply's text, thoughts and arguments become what they stand for, over any split of the pieces. Nothing of it is
-- kept after the call.
--
-- @module opengatellm.middleware.redact
local json = require "opengatellm.json"
local options = require "opengatellm.middleware.options"
local recording = require "opengatellm.middleware.recording"
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.RedactOptions
---@field patterns table<string, string|string[]> name -> Lua patterns; names have letters, digits and underscores
---@field restore? boolean

local RESTORED = { text = true, reasoning = true, refusal = true, tool_arguments = true }
local SKIPPED = words.set "role type id tool_call_id name data json signature provider" -- members that are no text

local HIDDEN = { "messages", "system", "input", "query", "documents" } -- fields of a request that have texts of people
local SEEN = { "messages", "system", "input", "query", "documents", "tools", "output" } -- fields that a model reads
local NAME = "%[[%u%d_]+_%d+%]" -- a name, and what the caller's own text may have that looks like one

-- The patterns in a fixed order: the same request gives the same names.
local function listed(patterns)
  local list = {}
  for name, given in pairs(patterns) do
    for _, pattern in ipairs(type(given) == "table" and given or { given }) do
      list[#list + 1] = { name = name:upper(), pattern = pattern }
    end
  end
  table.sort(list, function(a, b) return a.name < b.name or a.name == b.name and a.pattern < b.pattern end)
  return list
end

-- Notes what looks like a name in a value's texts. It is the caller's own, and no secret may be put in its place later.
local function note_names(value, taken)
  if type(value) == "string" then
    for name in value:gmatch(NAME) do taken[name] = true end
  elseif type(value) == "table" and not getmetatable(value) then
    for key, inner in next, value do
      if key ~= "data" then note_names(inner, taken) end -- bytes have no names
    end
  end
end

-- The names that stand in a request. The first secret asks for them, when nothing has been changed yet: most requests have none.
local function taken_names(state)
  if not state.taken then
    state.taken = {}
    for _, field in ipairs(SEEN) do note_names(state.request[field], state.taken) end
  end
  return state.taken
end

local function name_for(state, kind, secret)
  local name = state.names[secret]
  if name then return name end
  local taken = taken_names(state)
  repeat
    state.counts[kind] = (state.counts[kind] or 0) + 1
    name = ("[%s_%d]"):format(kind, state.counts[kind])
  until not taken[name]
  state.names[secret], state.secrets[name] = name, secret
  state.longest = math.max(state.longest, #name)
  return name
end

-- Splits a text where a pattern fits: into `pieces`, which has texts at its odd places and names at its even ones.
local function split(state, row, text, pieces)
  local from, at = 1, 1
  while at <= #text do
    local first, last = text:find(row.pattern, at)
    if not first then break end
    local found = text:sub(first, last)
    if found == "" or state.secrets[found] then
      at = math.max(first, last) + 1
    else
      pieces[#pieces + 1] = text:sub(from, first - 1)
      pieces[#pieces + 1] = name_for(state, row.name, found)
      from, at = last + 1, last + 1
    end
  end
  pieces[#pieces + 1] = text:sub(from)
end

-- A text with names in it. What has a name is no text for the patterns that follow: digits would be found in [EMAIL_1].
local function hidden(state, list, text)
  local pieces = { text }
  for _, row in ipairs(list) do
    local before = pieces
    pieces = {}
    for i, piece in ipairs(before) do
      if i % 2 == 0 then pieces[#pieces + 1] = piece else split(state, row, piece, pieces) end
    end
  end
  return table.concat(pieces)
end

-- The keys of a table in a fixed order, for the same reason.
local function keys_of(value)
  local keys = {}
  for key in next, value do
    if not SKIPPED[key] then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b)
    if type(a) == type(b) then return a < b end
    return type(a) == "number"
  end)
  return keys
end

local function hide_all(state, list, value)
  if type(value) == "string" then return hidden(state, list, value) end
  if type(value) ~= "table" or getmetatable(value) then return value end
  for _, key in ipairs(keys_of(value)) do value[key] = hide_all(state, list, value[key]) end
  return value
end

-- Where the last name in a text may have begun that is not complete yet.
local function held_from(state, text)
  local from = text:match ".*()%["
  if not from or text:find("]", from, true) or #text - from + 1 >= state.longest then return #text + 1 end
  return from
end

-- Puts secrets in the place of names; in JSON, as JSON writes them.
local function restored(state, text, in_json)
  return (text:gsub(NAME, function(name)
    local secret = state.secrets[name]
    return secret and in_json and json.encode(secret):sub(2, -2) or secret
  end))
end

local function give_rest(state, list)
  local held = state.held
  state.held = nil
  if held and held.text ~= "" then list[#list + 1] = held end
end

-- The event function of a call with secrets.
local function restore(event, state)
  local list = {}
  local held = state.held
  local follows = held and event and event.type == held.type and event.index == held.index and event.choice == held.choice
  if held and not follows then give_rest(state, list) end
  if not event then return list end
  if not RESTORED[event.type] then
    if event.type == "tool_call_end" then event = recording.with(event, "arguments", restored(state, event.arguments, true)) end
    list[#list + 1] = event
    return list
  end
  local text = (state.held and state.held.text or "") .. event.text
  local from = held_from(state, text)
  state.held = recording.with(event, "text", text:sub(from))
  local certain = restored(state, text:sub(1, from - 1), event.type == "tool_arguments")
  if certain ~= "" then list[#list + 1] = recording.with(event, "text", certain) end
  return list
end

local function problem_of(patterns)
  if type(patterns) ~= "table" or next(patterns) == nil then return "patterns: expected a table of names and patterns" end
  for name, given in pairs(patterns) do
    if type(name) ~= "string" or not name:find "^[%w_]+$" then return "patterns: a name has letters, digits and underscores" end
    for _, pattern in ipairs(type(given) == "table" and given or { given }) do
      local fine = type(pattern) == "string" and pcall(string.find, "", pattern)
      if not fine then return ("patterns.%s: expected a Lua pattern"):format(name) end
    end
  end
end

--- Makes the middleware.
---@param given ogl.RedactOptions
---@return ogl.Middleware
function M.new(given)
  given = options.check("redact", given, { patterns = "table", restore = "boolean" })
  local problem = problem_of(given.patterns)
  options.expect(not problem, "redact", problem)
  local list = listed(given.patterns)
  return {
    name = "redact",
    request = function(asked, _, state)
      state.names, state.secrets, state.counts, state.longest, state.request = {}, {}, {}, 0, asked
      for _, field in ipairs(HIDDEN) do
        if asked[field] ~= nil then asked[field] = hide_all(state, list, asked[field]) end
      end
      state.deaf = state.longest == 0 or nil -- nothing to put back
    end,
    event = given.restore and function(event, _, state) return restore(event, state) end or nil,
  }
end

return M
