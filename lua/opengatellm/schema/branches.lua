--- Branches: the keywords that put other schemas on the same value.
--
-- @module opengatellm.schema.branches
local failure = require "opengatellm.schema.failure"
local json = require "opengatellm.json"
local kind = require "opengatellm.schema.kind"

local M = {}

local function checks_of(schemas, job)
  local checks = {}
  for i, each in ipairs(schemas) do checks[i] = job:check(each) or false end
  return checks
end

--- Makes the check of `allOf`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_all(schema, job)
  local all
  for _, check in ipairs(checks_of(schema.allOf or {}, job)) do all = job.both(all, check) end
  return all
end

-- Whether a branch may be the one that was meant: it takes the value itself, and refuses something inside of it, but no property that has
-- only one value there (`kind = "circle"`).
local function is_meant(failures)
  for _, each in ipairs(failures) do
    if each[1] == nil or each.only and each[2] == nil then return false end
  end
  return true
end

local FEW = 4 -- alternatives whose failures a message tells
local LONGEST = 150 -- bytes of each: alternatives in alternatives would double the message with each level

-- The first failure of each branch.
local function told(refused)
  local texts = {}
  for i = 1, math.min(#refused, FEW) do
    local first = refused[i][1]
    local message = kind.front(failure.message(first), LONGEST)
    texts[i] = first[1] and failure.path(first) .. ": " .. message or message
  end
  if refused[FEW + 1] then texts[FEW + 1] = "…" end
  return failure.plain(("fits none of %d alternatives: %s"):format(#refused, table.concat(texts, "; ")))
end

-- The values that the branches expected, each once; nil where one of them expected something inside of the value, or they are many.
local function expectations(refused)
  local list, seen = {}, {}
  for _, failures in ipairs(refused) do
    local first = failures[1]
    if first[1] ~= nil or not first.expected then return nil end
    if not seen[first.expected] then list[#list + 1] = first.expected end
    seen[first.expected] = true
  end
  local text = not list[FEW + 1] and table.concat(list, " or ")
  return text and #text <= LONGEST and text or nil
end

-- What the failures of all branches come to: those of the only branch that may have been meant; the expected values of all, where each
-- refuses the value itself; else the first failure of each.
local function refusal(refused, value)
  local meant, count = nil, 0
  for _, failures in ipairs(refused) do
    if is_meant(failures) then meant, count = failures, count + 1 end
  end
  if count == 1 then return meant end
  local expected = expectations(refused)
  return expected and failure.unexpected(expected, value) or told(refused)
end

--- Makes the check of `anyOf`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_any(schema, job)
  if not schema.anyOf then return nil end
  local checks = checks_of(schema.anyOf, job)
  return function(value)
    local refused = {}
    for i, check in ipairs(checks) do
      refused[i] = check and check(value)
      if not refused[i] then return nil end
    end
    return checks[1] ~= nil and refusal(refused, value) or nil
  end
end

--- Makes the check of `oneOf`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_one(schema, job)
  if not schema.oneOf then return nil end
  local checks = checks_of(schema.oneOf, job)
  return function(value)
    local refused, fit = {}, {}
    for i, check in ipairs(checks) do
      local found = check and check(value)
      if found then refused[#refused + 1] = found else fit[#fit + 1] = i end
    end
    if #fit == 1 then return nil end
    if #fit == 0 then return checks[1] ~= nil and refusal(refused, value) or nil end
    return failure.plain(("fits the alternatives %s, and may fit only one"):format(table.concat(fit, " and ")))
  end
end

--- Makes the check of `not`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_not(schema, job)
  if schema["not"] == nil then return nil end
  local check = job:check(schema["not"])
  return function(value)
    if not check or not check(value) then return failure.plain "fits what `not` forbids" end
  end
end

--- Makes the check of `if`, `then` and `else`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_condition(schema, job)
  if schema["if"] == nil then return nil end
  local condition = job:check(schema["if"])
  local yes = schema["then"] ~= nil and job:check(schema["then"])
  local no = schema["else"] ~= nil and job:check(schema["else"])
  if not yes and not no then return nil end
  return function(value)
    local check = yes
    if condition and condition(value) then check = no end
    return check and check(value) or nil
  end
end

--- Gives the schemas that hold where an object has a property; `dependencies` had them until 2019.
---@param schema table
---@return table<string, table|boolean>
function M.dependent(schema)
  local schemas = {}
  for name, each in pairs(schema.dependentSchemas or {}) do schemas[name] = each end
  for name, each in pairs(schema.dependencies or {}) do
    if type(each) == "boolean" or type(each) == "table" and not kind.is_list(each) then schemas[name] = each end
  end
  return schemas
end

--- Makes the check of `dependentSchemas`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_dependent(schema, job)
  local checks = {}
  for name, each in pairs(M.dependent(schema)) do checks[name] = job:check(each) end
  if next(checks) == nil then return nil end
  local names = json.keys(checks)
  return function(value)
    if type(value) ~= "table" or kind.is_list(value) then return nil end
    local failures
    for _, name in ipairs(names) do
      if value[name] ~= nil then failures = failure.join(failures, checks[name](value)) end
    end
    return failures
  end
end

return M
