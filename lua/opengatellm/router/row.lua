--- Rows: the clients of a router, with their names, and what the router has seen of each.
--
-- @module opengatellm.router.row
local names = require "opengatellm.base.names"
local request = require "opengatellm.request"

local M = {}

---@class ogl.RouterRow
---@field client ogl.Client
---@field name? string default: the provider's name, with the model where there is one
---@field model? string goes before the request's
---@field weight? number default 1
---@field cost? number|{input: number, output: number} of a million tokens; default: what is known of the model
---@field capabilities? {context?: integer, tools?: boolean, vision?: boolean, output?: boolean} goes before what is known of the model
---@field metadata? table for strategies of your own

---@class ogl.Row
---@field name string
---@field client ogl.Client without retries of its own
---@field model? string
---@field weight number
---@field cost? number|table
---@field capabilities table
---@field metadata table
---@field active integer calls that are on their way
---@field latency? number seconds to the commitment, decayed
local Row = {}
Row.__index = Row

local FIELDS = {
  client = "table", name = "string", model = "string", weight = "number", cost = "any", capabilities = "table", metadata = "table",
}

local SAMPLES = 64 -- times of commitment that are kept for percentiles
local DECAY = 0.2 -- weight of the newest time in the decayed one

local function is_client(value) return type(value) == "table" and type(value.provider) == "table" and value.with ~= nil end

local function problem_of(given)
  if is_client(given) then return nil end
  if type(given) ~= "table" then return "expected a client or a table, got " .. type(given) end
  local problem = request.check_fields(given, FIELDS)
  if problem then return problem end
  if not is_client(given.client) then return "client: expected a client, got " .. type(given.client) end
  if given.weight and given.weight < 0 then return "weight: expected a number from 0 on" end
  if given.cost ~= nil and type(given.cost) ~= "number" and type(given.cost) ~= "table" then
    return "cost: expected number or table, got " .. type(given.cost)
  end
end

local function name_of(given, client)
  if given.name then return given.name end
  local model = given.model or client.model_name
  return client.provider.name .. (model and "/" .. model or "")
end

-- A name that no row before has.
local function unique(name, taken)
  local found = names.free(name, taken, "#")
  taken[found] = true
  return found
end

--- Makes the rows of a router.
---@param list (ogl.Client|ogl.RouterRow)[]
---@return ogl.Row[]?
---@return string? problem
function M.all(list)
  local rows, taken = {}, {}
  for i, given in ipairs(list) do
    local problem = problem_of(given)
    if problem then return nil, ("clients[%d]: %s"):format(i, problem) end
    if is_client(given) then given = { client = given } end
    if given.name and taken[given.name] then return nil, ("clients[%d]: name: another row has the name '%s'"):format(i, given.name) end
    rows[i] = setmetatable({
      name = unique(name_of(given, given.client), taken), client = given.client:with { retries = { max = 0 } },
      model = given.model or given.client.model_name or nil, own_model = given.model, weight = given.weight or 1, cost = given.cost,
      capabilities = given.capabilities or {}, metadata = given.metadata or {}, active = 0, latency = nil, times = {}, n_times = 0,
    }, Row)
  end
  return rows
end

--- The request as this row is asked: its model, and the time that is left.
---@param asked table
---@param seconds? number until the deadline
---@return table
function Row:request(asked, seconds)
  if not (seconds or self.own_model or asked.route) then return asked end
  local changed = request.merge(asked)
  changed.route = nil
  if self.own_model then changed.model = self.own_model end
  if seconds then
    local own = asked.timeouts or self.client.timeouts
    changed.timeouts = request.merge(asked.timeouts, { total = math.min(own.total or math.huge, math.max(seconds, 0.001)) })
  end
  return changed
end

--- Keeps how long a commitment took.
---@param seconds number
function Row:took(seconds)
  self.latency = self.latency and self.latency + DECAY * (seconds - self.latency) or seconds
  self.times[self.n_times % SAMPLES + 1] = seconds
  self.n_times = self.n_times + 1
end

local FEWEST = 10 -- times before a percentile says something

--- The time within which 95 of 100 calls were committed.
---@return number? seconds nil while too few calls were made
function Row:p95()
  if self.n_times < FEWEST then return nil end
  local sorted = {}
  for i, seconds in ipairs(self.times) do sorted[i] = seconds end
  table.sort(sorted)
  return sorted[math.ceil(#sorted * 0.95)]
end

function Row:__tostring() return "opengatellm.router.row: " .. self.name end

return M
