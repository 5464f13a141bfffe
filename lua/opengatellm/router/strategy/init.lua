--- Strategies: in which order a router asks its rows.
--
-- A strategy is a function (request, rows, call) -> rows in order. A row that it leaves out is not asked. Those that ship with the library
-- are a file each, named below; a file has `new(options, rows) -> function | nil, problem`.
--
-- @module opengatellm.router.strategy
local coroutines = require "opengatellm.host.coroutines"
local errors = require "opengatellm.errors"
local words = require "opengatellm.base.words"

local M = {}

---@alias ogl.Strategy fun(request: table, rows: ogl.Row[], call: table): ogl.Row[]

local NAMES = words.set "order weighted round_robin least_busy least_latency cheapest capability keyword similarity sticky"

--- Makes a strategy of what a program gave: a name, a table { name, …options }, or a function.
---@param given? string|table|ogl.Strategy default: "order"
---@param rows ogl.Row[]
---@return {name: string, order: ogl.Strategy, shipped: boolean}?
---@return string? problem
function M.of(given, rows)
  if type(given) == "function" then return { name = "of the program", order = given, shipped = false } end
  local options = type(given) == "table" and given or { given or "order" }
  local name = options[1] or options.name
  if type(name) ~= "string" or not NAMES[name] then
    return nil, ("strategy: there is no strategy '%s'"):format((tostring(name):gsub("%c", "?")))
  end
  local order, problem = require("opengatellm.router.strategy." .. name).new(options, rows)
  if not order then return nil, ("strategy: %s: %s"):format(name, problem) end
  return { name = name, order = order, shipped = true }
end

local function fault(strategy, text)
  return errors.new { kind = "config", code = "strategy", message = ("router: the strategy %s %s"):format(strategy.name, text) }
end

-- Copies the rows of a strategy's answer, which has to be a list of the router's own.
local function checked(strategy, given, rows)
  if type(given) ~= "table" then return nil, fault(strategy, "returned a " .. type(given) .. "; expected a list of rows") end
  local known, list, seen = {}, {}, {}
  for _, row in ipairs(rows) do known[row] = true end
  for i, row in ipairs(given) do
    if not known[row] then return nil, fault(strategy, ("returned a list whose item %d is no row of this router"):format(i)) end
    if not seen[row] then list[#list + 1] = row end
    seen[row] = true
  end
  return list
end

--- Asks a strategy for the order of the rows of a call.
---@param strategy {name: string, order: ogl.Strategy}
---@param request table
---@param rows ogl.Row[]
---@param call table
---@return ogl.Row[]? rows may be the router's own list: not to be changed
---@return ogl.Error? err kind `config`, code `strategy`: it raised, or returned no rows
function M.order(strategy, request, rows, call)
  if coroutines.NARROW then return checked(strategy, strategy.order(request, rows, call), rows) end
  local fine, given = pcall(strategy.order, request, rows, call)
  if not fine then return nil, errors.is(given) and given or fault(strategy, "raised: " .. tostring(given)) end
  if strategy.shipped then return given end
  return checked(strategy, given, rows)
end

return M
