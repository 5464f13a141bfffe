--- Cost: what calls cost, and a bound on it.
--
--   local cost = ogl.middleware.cost { prices = { ["my-model"] = { input = 0.5, output = 1.5 } }, caps = { call = 0.10, day = 5 } }
--   local careful = client:use(cost)
--   print(careful:chat("…").usage.cost, cost.spent().day)
--
-- Where the server says what a call cost (`usage.cost`), that counts; else the tokens at the prices that the program gave, else at those
-- of providers/prices.lua, in dollars. It is written into the reply's `usage.cost`; the rest of a reply stays as it is.
--
-- Before a call is sent, its cost is estimated, and what would exceed a cap is not sent: kind `limit`, code `cost_cap`. The estimate
-- counts as spent until the call has ended; then what it cost does. An answer may be longer than it was estimated, so a cap can be
-- exceeded by the last calls before it. A model without a price is told of once, in the `warnings` of its reply (or to `warn`), and its
-- `usage.cost` stays nil: it is not counted as free.
--
-- What was spent is of this Lua state: in nginx, of each worker.
--
-- @module opengatellm.middleware.cost
local errors = require "opengatellm.errors"
local estimates = require "opengatellm.chat.estimate"
local figures = require "opengatellm.middleware.figures"
local options = require "opengatellm.middleware.options"
local prices = require "opengatellm.providers.prices"
local request = require "opengatellm.request"

local M = {}

---@class ogl.CostCaps in the currency of the prices
---@field call? number of one call
---@field day? number of all calls of a day (UTC)
---@field key? number of all calls of a key
---@field key_day? number of all calls of a key in a day

---@class ogl.CostOptions
---@field prices? table<string, ogl.Price> by "provider/model" or by "model"; they win over the library's own
---@field caps? ogl.CostCaps
---@field key? fun(request: table, call: ogl.MiddlewareCall): string who pays; needed for the caps of a key
---@field output? integer tokens that an answer is expected to have before any has come, where the request has no max_tokens; default 500
---@field unknown? "warn"|"refuse" what becomes of a call whose model has no price; default "warn"
---@field warn? fun(message: string) is told of each such model, once
---@field clock? fun(): number seconds since 1970; default: os.time

local FIELDS = {
  prices = "table", caps = "table", key = "function", output = "integer", unknown = "string", warn = "function", clock = "function",
}
local CAPS = { call = "number", day = "number", key = "number", key_day = "number" }
local PRICE = { input = "number", cached_input = "number", cache_write = "number", output = "number", above = "integer", long = "table" }

local DAY = 86400

-- Prices ----------------------------------------------------------------------------------------------------------

-- The price of a model; nil where it is not known.
local function price_of(self, provider, model)
  if not model then return nil end
  local known = self.found[provider] or {}
  self.found[provider] = known
  if known[model] == nil then known[model] = prices.find(provider, model, self.prices) or false end
  return known[model] or nil
end

local function tell_unknown(self, provider, model, reply)
  local name = provider .. "/" .. tostring(model)
  if self.told[name] then return end
  self.told[name] = true
  local message = "the price of " .. name .. " is not known: its calls are not counted; give it in ogl.middleware.cost { prices = … }"
  if self.warn then return self.warn(message) end
  if reply and reply.warnings then table.insert(reply.warnings, { code = "unknown_price", message = message }) end
end

-- What was spent --------------------------------------------------------------------------------------------------

-- The sums of a key, or of all calls. Those of the day begin anew with each day.
local function account(self, key)
  local one = self.accounts[key]
  local today = math.floor(self.clock() / DAY)
  if not one then
    one = { all = 0, day = 0, today = today }
    self.accounts[key] = one
  end
  if one.today ~= today then one.day, one.today = 0, today end
  return one
end

local function add(one, amount, today)
  one.all = one.all + amount
  if one.today == today then one.day = one.day + amount end
end

local ALL = {} -- the key of the account of all calls

local function spend(self, state, amount)
  add(account(self, ALL), amount, state.today)
  if state.key then add(account(self, state.key), amount, state.today) end
end

local function exceeds(cap, spent, estimate) return cap and spent + estimate > cap end

-- The cap that a call would exceed: its name, its amount and what has been spent of it.
local function exceeded(self, state, estimate)
  local caps, all = self.caps, account(self, ALL)
  if exceeds(caps.call, 0, estimate) then return "a call", caps.call, 0 end
  if exceeds(caps.day, all.day, estimate) then return "a day", caps.day, all.day end
  local mine = state.key and account(self, state.key)
  if mine and exceeds(caps.key, mine.all, estimate) then return "the key", caps.key, mine.all end
  if mine and exceeds(caps.key_day, mine.day, estimate) then return "the key and a day", caps.key_day, mine.day end
end

-- Calls -----------------------------------------------------------------------------------------------------------

local function limit(code, message)
  return errors.new { kind = "limit", code = code, message = "the cost: " .. message, sent = false, attempts = {} }
end

-- Estimates what a call will cost, at the most where the request has max_tokens; nil where the price is not known.
local function estimated(self, call)
  local price = price_of(self, call.provider, call.model)
  if not price then return nil end
  local chat = call.operation == "chat" or call.operation == "stream"
  local output = chat and (call.request.max_tokens or self.outputs:expected(nil, self.output)) or 0
  return prices.cost(price, { input_tokens = estimates.prompt(call.request), output_tokens = output })
end

local function key_of(self, call)
  if not self.key then return nil end
  local key = self.key(call.request, call)
  if key == nil or type(key) == "string" then return key end
  error("ogl.middleware.cost: key returned a " .. type(key) .. "; expected a string or nil", 0)
end

local function enter(self, call, proceed, state)
  figures.begin(call, state)
  state.key, state.today = key_of(self, call), math.floor(self.clock() / DAY)
  local estimate = estimated(self, call)
  if not estimate and self.unknown == "refuse" then
    return nil, limit("unknown_price", ("the price of %s/%s is not known"):format(call.provider, tostring(call.model)))
  end
  local what, cap, spent = exceeded(self, state, estimate or 0)
  if what then
    local message = "this call would take about %.4g, and the cap of %s is %.4g, of which %.4g is spent"
    return nil, limit("cost_cap", message:format(estimate or 0, what, cap, spent))
  end
  state.estimate = estimate or 0
  spend(self, state, state.estimate)
  return proceed(call)
end

-- What a call cost: as the server said, else by its tokens; nil where the price is not known.
local function cost_of(self, usage, answer, call, state)
  if usage.cost then return usage.cost end
  if usage.cached or not (usage.input_tokens or usage.output_tokens) then return 0 end
  local provider = answer and answer.provider or call.provider
  local model = answer and answer.model or state.model or call.model
  local price = price_of(self, provider, model) or price_of(self, provider, call.model)
  if price then return prices.cost(price, usage) end
  tell_unknown(self, provider, model, answer)
end

-- What the losers of a hedge cost, by the estimate of their prompts. It stands in each one's attempt: the reply's usage is the winner's.
local function cost_of_losers(self, answer, err)
  local sum = 0
  for _, attempt in ipairs(figures.losers(answer, err)) do
    local price = not attempt.cost and price_of(self, attempt.provider, attempt.model)
    if price then attempt.cost = prices.cost(price, { input_tokens = attempt.tokens }) end
    sum = sum + (attempt.cost or 0)
  end
  return sum
end

local function finish(self, answer, err, call, state)
  if not state.estimate then return end
  local usage = figures.usage(answer, err, call, state)
  local cost = cost_of(self, usage, answer, call, state)
  spend(self, state, (cost or 0) + cost_of_losers(self, answer, err) - state.estimate)
  state.estimate = nil
  local said = answer and answer.usage or err and err.usage
  if said and cost and not said.cost and not usage.cached then said.cost = cost end
  if answer and usage.output_tokens and not usage.estimated then self.outputs:add(usage.output_tokens) end
end

-- Options ---------------------------------------------------------------------------------------------------------

local function price_problem(name, price, where)
  if type(price) ~= "table" then return ("%s['%s']: expected table, got %s"):format(where, tostring(name), type(price)) end
  local place = ("%s['%s']."):format(where, tostring(name))
  local problem = request.check_fields(price, PRICE, place)
  for field, value in pairs(not problem and price or {}) do
    if type(value) == "number" and value < 0 then problem = ("%s%s: expected a number from 0 on, got %g"):format(place, field, value) end
  end
  return problem or price.long and price_problem("long", price.long, place:sub(1, -2))
end

-- What is wrong inside of the options' tables, and between them.
local function problem_of(given)
  local caps = given.caps or {}
  local problem = request.check_fields(caps, CAPS, "caps.")
  for name, price in pairs(given.prices or {}) do problem = problem or price_problem(name, price, "prices") end
  if not problem and (caps.key or caps.key_day) and not given.key then
    problem = "key: the caps of a key need a function that says whose call it is"
  end
  return problem
end

--- Makes a middleware that counts what calls cost. Raises mistakes in its options.
---@param given? ogl.CostOptions
---@return ogl.Middleware cost with `spent(key)`, which gives what was spent as `{ all, day }`, of a key or of all calls
function M.new(given)
  given = options.check("cost", given, FIELDS)
  local problem = problem_of(given)
  options.expect(not problem, "cost", problem)
  options.expect_word("cost", "unknown", given.unknown, "warn", "refuse")
  options.expect_from("cost", given, { output = 0 })
  local self = {
    prices = request.merge(given.prices), caps = request.merge(given.caps), key = given.key, output = given.output or 500,
    unknown = given.unknown or "warn", warn = given.warn, clock = given.clock or os.time,
    accounts = {}, found = {}, told = {}, outputs = figures.outputs(),
  }
  return {
    name = "cost",
    wrap = function(call, proceed, state) return enter(self, call, proceed, state) end,
    event = function(event, _, state)
      figures.event(event, state)
      return event
    end,
    done = function(answer, err, call, state) finish(self, answer, err, call, state) end,
    spent = function(key)
      local one = account(self, key or ALL)
      return { all = one.all, day = one.day }
    end,
  }
end

return M
