--- The conformance server (tests/server/openapi.lua) for a spec: its start, what it recorded, and values that a document forbids.
local cjson = require "cjson"
local contract = require "server.contract"
local helper = require "spec.helper"
local http = require "socket.http"
local schema = require "server.schema"

local M = {}

-- The server ----------------------------------------------------------------------------------------------------------

local Server = {}
Server.__index = Server

---@param document string path
---@param mode string "" or "--minimal"
function M.start(document, mode)
  local arguments = ("openapi.lua --document %s %s"):format(document, mode)
  return setmetatable({ arguments = arguments, url = helper.serve(arguments) }, Server)
end

--- What was asked since the last reset, in order.
function Server:records() return cjson.decode((assert(http.request(self.url .. "/stats/operations")))) end

function Server:reset() assert(http.request(self.url .. "/stats/reset")) end

function Server:stop() helper.stop(self.arguments) end

-- Values ----------------------------------------------------------------------------------------------------------------

--- A value without its nulls, at every depth.
function M.strip(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for key, field in pairs(value) do
    if field ~= cjson.null then out[key] = M.strip(field) end
  end
  return out
end

-- What a schema's rules forbid, a value each; `good` is one that they allow.
local BEYOND = {
  minimum = function(bound) return bound - 1 end,
  exclusiveMinimum = function(bound) return bound end,
  maximum = function(bound) return bound >= 1e16 and bound * 2 or bound + 1 end, -- beyond 2^53 a step of one is lost
  exclusiveMaximum = function(bound) return bound end,
  minLength = function(bound) return ("x"):rep(bound - 1) end,
  maxLength = function(bound) return ("x"):rep(bound + 1) end,
  enum = function(values) return type(values[1]) == "string" and "no such value" or nil end,
  minItems = function(bound, good)
    local out = {}
    for i = 1, bound - 1 do out[i] = good[1] end
    return bound > 0 and out or nil
  end,
  maxItems = function(bound, good)
    local out = {}
    for i = 1, bound + 1 do out[i] = good[1] end
    return out
  end,
  minProperties = function(bound) return bound == 1 and {} or nil end,
  maxProperties = function(bound)
    local out = {}
    for i = 1, bound + 1 do out["key" .. i] = i end
    return out
  end,
}

local function with(value, key, field)
  local out = {}
  for name, each in pairs(value) do out[name] = each end
  out[key] = field
  return out
end

-- The schema that a value fits, of those that are allowed.
local function branch_of(root, rules, good)
  rules = contract.resolve(root, rules)
  for _, branch in ipairs(rules.anyOf or rules.oneOf or {}) do
    if #schema.validate(root, branch, good) == 0 then return branch_of(root, branch, good) end
  end
  return rules
end

--- All values that break one rule of a schema: { at = "filters[1].key", rule = "maxLength", value = … }, made of one that is good.
---@return table[]
function M.forbidden(root, rules, good, at, found)
  found = found or {}
  rules = branch_of(root, rules, good)
  for _, rule in ipairs(contract.names(BEYOND)) do
    local value
    if rules[rule] ~= nil then value = BEYOND[rule](rules[rule], good) end
    if value ~= nil then found[#found + 1] = { at = at, rule = rule, value = value } end
  end
  if type(good) ~= "table" then return found end
  for _, key in ipairs(good[1] ~= nil and { 1 } or contract.names(good)) do
    local inner = rules.items or (rules.properties or {})[key] or rules.additionalProperties
    local place = type(key) == "number" and ("%s[%d]"):format(at, key) or at .. "." .. key
    for _, each in ipairs(type(inner) == "table" and M.forbidden(root, inner, good[key], place) or {}) do
      found[#found + 1] = { at = each.at, rule = each.rule, value = with(good, key, each.value) }
    end
  end
  return found
end

return M
