--- Shapes: the objects that a server sends, with the field names of its newest version.
--
-- A field that the server leaves empty (null) is absent. A field that an older version names differently gets its new name, unless the
-- object has a field of that name already.
--
-- @module opengatellm.operations.shape
local core = require "opengatellm.core"
local json = require "opengatellm.json"
local usage = require "opengatellm.operations.usage"

local M = {}

--- Removes the nulls from a decoded value, at every depth; lists keep theirs, so that the places of their items do not change.
---@param value any
---@return any # the same value; nil for null
function M.strip(value)
  if value == json.null then return nil end
  if type(value) ~= "table" then return value end
  local list = value[1] ~= nil
  for key, field in pairs(value) do
    if type(field) == "table" then M.strip(field)
    elseif field == json.null and not list then value[key] = nil end
  end
  return value
end

local function rename(names)
  return function(thing)
    for old, new in pairs(names) do
      local value = thing[old]
      if value ~= nil then
        thing[old] = nil
        if thing[new] == nil then thing[new] = value end
      end
    end
    return thing
  end
end

local router = rename { router = "router_id" }

local function with_limits(shape)
  return function(thing)
    for _, limit in ipairs(type(thing.limits) == "table" and thing.limits or {}) do
      if type(limit) == "table" then router(limit) end
    end
    return shape(thing)
  end
end

local function same(thing) return thing end

-- OpenAI's newer endpoints have other names for the tokens that are read and written.
local NEW_NAMES = { input_tokens = "prompt_tokens", output_tokens = "completion_tokens" }

--- Reads the usage of an answer in one form; gives nil if it has no known field.
---@param told any
---@return ogl.Usage?
function M.usage(told)
  if type(told) ~= "table" then return nil end
  for new, old in pairs(NEW_NAMES) do
    if told[old] == nil then told[old] = told[new] end
  end
  return core.usage(json.encode(told))
end

-- Gives the usage the same form in every object that has one.
local function with_usage(thing)
  thing.usage = M.usage(thing.usage)
  return thing
end

---@class ogl.Key
---@field id integer
---@field name? string absent in the answer of servers up to 0.6 that made it
---@field value string the secret when it was just made, masked else
---@field user_id? integer
---@field expires? integer seconds since 1970; absent: never
---@field created? integer
---@field revoked? boolean from 0.9 on

---@class ogl.User
---@field id integer
---@field email string
---@field name? string
---@field role_id? integer of users that an administrator sees
---@field organization_id? integer
---@field budget? number absent: no limit
---@field permissions? string[] of oneself
---@field limits? {router_id: integer, type: "tpm"|"tpd"|"rpm"|"rpd", value?: integer}[] of oneself; value absent: no limit, 0: forbidden
---@field expires? integer seconds since 1970; absent: never

---@class ogl.Role
---@field id integer
---@field name string
---@field permissions string[]
---@field limits {router_id: integer, type: "tpm"|"tpd"|"rpm"|"rpd", value?: integer}[]
---@field users integer how many have it

---@class ogl.Organization
---@field id integer
---@field name? string
---@field users? integer how many belong to it

---@class ogl.Router
---@field id integer
---@field name string
---@field type string
---@field aliases string[]
---@field load_balancing_strategy "shuffle"|"least_busy"
---@field cost_prompt_tokens number of a million
---@field cost_completion_tokens number of a million
---@field providers? integer how many are behind it

---@class ogl.Provider
---@field id integer
---@field router_id integer
---@field type string
---@field url? string
---@field model_name string
---@field timeout integer seconds

local SHAPES = {
  object = with_usage, organization = same, router = same, provider = router, role = with_limits(same), usage = usage.entry,
  user = with_limits(rename { role = "role_id", organization = "organization_id" }),
  key = rename { token = "value", key = "value", user = "user_id" },
}

---@class ogl.Page a list; its fields come from its metatable, so that the page itself is a JSON array
---@field total? integer items of the whole list; not every server says it
---@field offset integer items before this page
---@field limit? integer items of a page
---@field has_more? boolean of lists that go on after an id
---@field after? string the word after which the next page begins, if it is not an id

-- The page of an answer: {data: […], total, …}, or the list alone (the models' health in 0.4.5).
local function page_of(answer, shape, options)
  local bare = answer[1] ~= nil or getmetatable(answer) == json.array_mt
  local data = bare and answer or answer.data
  if type(data) ~= "table" then return nil, "a list" end
  local whole = { total = answer.total, offset = answer.offset or options.offset or 0, limit = answer.limit or options.limit, has_more = answer.has_more }
  local page = setmetatable({}, { __index = whole })
  for i, item in ipairs(data) do
    if type(item) ~= "table" then return nil, "a list of objects" end
    page[i] = shape(item)
  end
  return page
end

--- Makes the result of an operation; gives nil, and what was expected, if the answer has another form.
---@param kind string a shape's name, or "list of …"
---@param answer any decoded
---@param options table of the call
---@return any result
---@return string? expected
function M.of(kind, answer, options)
  if type(answer) ~= "table" then return nil, "an object" end
  M.strip(answer)
  local item = kind:match "^list of (%a+)$"
  if item then
    local page, expected = page_of(answer, SHAPES[item], options)
    return page, expected
  end
  return SHAPES[kind](answer)
end

return M
