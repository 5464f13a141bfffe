--- Routes: one call of a router, from row to row until one answers.
--
-- A row that fails with what may pass elsewhere gives way to the next; some reasons have rows of their own (`fallback`). When every row
-- has failed, the router's budget of retries allows further tries. A hedge asks a second row where the first takes too long: the first
-- commitment wins. All tries share one budget and one deadline, and each has fresh state: a stream is given to the caller when it is
-- committed, and nothing is tried again after that.
--
-- @module opengatellm.router.route
local attempts = require "opengatellm.http.attempt"
local errors = require "opengatellm.errors"
local estimate = require "opengatellm.chat.estimate"
local host = require "opengatellm.host"
local retry = require "opengatellm.http.retry"
local stream = require "opengatellm.stream"
local strategies = require "opengatellm.router.strategy"
local task = require "opengatellm.task"

local M = {}

---@class ogl.Route
---@field router ogl.Router
---@field operation string
---@field request table
---@field attempts ogl.Attempt[]
---@field budget ogl.Budget
---@field untried ogl.Row[] rows that may still be asked, in order
---@field asked table<ogl.Row, true>
---@field errors table<ogl.Row, ogl.Error> the last of each row
---@field failed ogl.Row[] that may be asked again

-- What came of a try --------------------------------------------------------------------------------------------------

local PASSES = { network = true, timeout = true, tls = true, incomplete = true, rate_limit = true }
local NEUTRAL = { cancelled = true, closed = true }

-- Whether an error may be another one's elsewhere: the connection, a limit, a server's own trouble.
local function passes(err)
  if NEUTRAL[err.kind] then return false end
  if PASSES[err.kind] or err.reason == "overloaded" or err.reason == "quota" then return true end
  local status = err.status or 0
  return status == 408 or status == 429 or status >= 500 and status < 600
end

-- What an error says of the row's health.
local function outcome_of(err)
  if NEUTRAL[err.kind] or err.mistake or err.kind == "config" then return "neutral" end
  return passes(err) and "failure" or "alive"
end

-- A try -----------------------------------------------------------------------------------------------------------------

-- Begins a try: its attempt is in the list from the beginning, so that a hedge that loses is counted.
local function begin(self, row, permit, hedged)
  local attempt = attempts.of {
    provider = row.client.provider.name, client = row.name, model = row.own_model or self.request.model or row.model, seconds = 0,
  }
  attempt.hedged = hedged or nil
  table.insert(self.attempts, attempt)
  row.active = row.active + 1
  return { row = row, permit = permit, attempt = attempt, began = self.host.now(), open = true }
end

-- Ends a try, once: its attempt has its figures, and the breaker knows.
local function finish(self, try, status, err)
  if not try.open then return end
  try.open = false
  local row, attempt = try.row, try.attempt
  row.active = row.active - 1
  local seconds = self.host.now() - try.began
  attempt.milliseconds, attempt.status = math.floor(seconds * 1000 + 0.5), err and err.status or not err and status or nil
  if err then
    attempt.kind, attempt.code, attempt.reason = err.kind, err.code, err.reason
    attempts.used(attempt, err.usage)
  else
    row:took(seconds)
  end
  self.router.breaker:report(row.name, err and outcome_of(err) or "success", try.permit, err and err.retry_after)
end

-- Watches a stream that was given to the caller: what it cost, and whether its row failed after all.
local function watch(self, try, answer)
  try.row.active = try.row.active + 1
  answer.attempts = self.attempts
  answer:on_end(function(reply, err)
    try.row.active = try.row.active - 1
    attempts.used(try.attempt, reply and reply.usage or err and err.usage)
    if reply then self.router:remember(try.row, reply) end
    if not err or NEUTRAL[err.kind] then return end
    try.attempt.kind, try.attempt.code = err.kind, err.code
    self.router.breaker:report(try.row.name, outcome_of(err), "closed", err.retry_after)
  end)
end

-- Asks a row, and waits for its commitment.
local function ask(self, row, permit, hedged)
  local try = begin(self, row, permit, hedged)
  self.tries[#self.tries + 1] = try
  local answer, err = self.perform(row, row:request(self.request, self.budget:remaining()))
  if answer and stream.is(answer) then
    local settled
    settled, err = answer:settle()
    if not settled then answer = nil end
  end
  if not try.open then -- a hedge that was faster has ended this try
    if stream.is(answer) then answer:close() end
    return nil, err or errors.new { kind = "cancelled", code = "hedge", message = "another row answered first" }
  end
  finish(self, try, answer and answer.status, err)
  if answer == nil then
    self.errors[row] = err
    return nil, err
  end
  if not stream.is(answer) then
    attempts.used(try.attempt, answer.usage)
    self.router:remember(row, answer)
  end
  return { answer = answer, try = try }
end

-- Hedges -----------------------------------------------------------------------------------------------------------------

-- Ends the tries that another one was faster than; what they cost is an estimate, since their prompt was sent.
local function lose(self, winner)
  for _, try in ipairs(self.tries) do
    if try.open and try ~= winner then
      try.attempt.cancelled = true
      finish(self, try, nil, errors.new {
        kind = "cancelled", code = "hedge", message = "another row answered first",
        usage = { total_tokens = estimate.prompt(self.request), estimated = true },
      })
    end
  end
end

-- The seconds after which a second row is asked; nil: none is.
local function patience(self, row)
  local hedge = self.router.hedge
  if not hedge then return nil end
  if hedge.delay ~= "p95" then return hedge.delay end
  return row:p95() or hedge.initial
end

local function race(self, first, second, delay)
  local won, err = task.first {
    delay = delay,
    function() return ask(self, first.row, first.permit, false) end,
    function()
      local failed = self.errors[first.row]
      if failed and not passes(failed) then return nil, failed end
      self.asked[second.row] = true
      return ask(self, second.row, second.permit, not failed)
    end,
  }
  lose(self, won and won.try)
  if won then return won end
  local failed = self.errors[first.row]
  return nil, failed and not passes(failed) and failed or err
end

-- The order of rows ------------------------------------------------------------------------------------------------------

local function by_name(rows, names)
  local found = {}
  for _, name in ipairs(names) do
    for _, row in ipairs(rows) do
      if row.name == name then found[#found + 1] = row end
    end
  end
  return found
end

-- The row that alone can answer: it is named, or it made what the request refers to.
local function pinned(self)
  local asked, router = self.request, self.router
  if asked.route then return by_name(router.rows, { asked.route }) end
  if not asked.previous_response_id then return nil end
  local name = router:maker(asked.previous_response_id)
  if name then return by_name(router.rows, { name }) end
  if #router.rows == 1 then return router.rows end
  return nil, errors.new {
    kind = "invalid", code = "route",
    message = "router: previous_response_id: no row of this router is known to have made it; name the row: route = …",
  }
end

-- The rows in the order of the strategy.
local function ordered(self)
  local rows, err = pinned(self)
  if rows or err then return rows, err end
  return strategies.order(self.router.strategy, self.request, self.router.rows, self)
end

-- The next row that the breaker lets through; `untried` holds those that were not asked yet.
local function next_row(self)
  for i, row in ipairs(self.untried) do
    local permit = self.router.breaker:permit(row.name)
    if permit then
      table.remove(self.untried, i)
      return { row = row, permit = permit }
    end
  end
end

-- When no row may be asked, the one that recovers first takes the request all the same, before anything else was tried.
local function forced(self)
  local best, soonest
  for i, row in ipairs(self.untried) do
    local permit, seconds = self.router.breaker:permit(row.name)
    if permit then return { row = table.remove(self.untried, i), permit = permit } end
    if not soonest or seconds < soonest then best, soonest = i, seconds end
  end
  return best and { row = table.remove(self.untried, best), permit = "forced" }
end

-- The second row of a hedge: the next that is healthy. A row that recovers is no hedge: its probe would be a race.
local function second_row(self)
  for i, row in ipairs(self.untried) do
    if self.router.breaker:state(row.name) == "closed" then return { row = table.remove(self.untried, i), permit = "closed" } end
  end
end

-- Rows that are asked again, where the budget allows: those whose error may pass. The shortest wait that one of them asks for counts.
local function again(self)
  local shortest
  for _, row in ipairs(self.failed) do
    local err = self.errors[row]
    if err.retryable and (not shortest or (err.retry_after or 0) < (shortest.retry_after or 0)) then shortest = err end
  end
  if not shortest then return false end
  local fine, problem = self.budget:wait(shortest, self)
  if not fine then return false, problem end
  for _, row in ipairs(self.failed) do
    if self.errors[row].retryable then self.untried[#self.untried + 1] = row end
  end
  self.failed = {}
  return true
end

-- What follows an error: true where another row is there to be asked.
local function fall_back(self, err)
  local list = err.reason and self.router.fallback[err.reason]
  if list then
    self.untried = {}
    for _, row in ipairs(by_name(self.router.rows, list)) do
      if not self.asked[row] then self.untried[#self.untried + 1] = row end
    end
    self.failed = {}
    return self.untried[1] ~= nil
  end
  return passes(err)
end

-- The loop ---------------------------------------------------------------------------------------------------------------

local function take(self, first)
  self.asked[first.row] = true
  local delay = self.hedging and patience(self, first.row)
  local second = delay and second_row(self)
  if not second then return ask(self, first.row, first.permit, false) end
  local won, err = race(self, first, second, delay)
  if not self.asked[second.row] then table.insert(self.untried, 1, second.row)
  elseif not won then self.failed[#self.failed + 1] = second.row end
  return won, err
end

local function nothing_left(self, err)
  err = err or errors.new { kind = "config", code = "route", message = "router: the strategy left no row for this request" }
  err.attempts = self.attempts
  return nil, err
end

local function run(self)
  local err
  self.untried, err = ordered(self)
  if not self.untried then return nothing_left(self, err) end
  while true do
    local first = next_row(self) or not self.attempts[1] and forced(self) or nil
    if not first then
      local more, problem = again(self)
      if not more then return nothing_left(self, problem or err) end
      first = next_row(self) or forced(self)
      if not first then return nothing_left(self, err) end
    end
    local won
    won, err = take(self, first)
    if won then return won end
    self.failed[#self.failed + 1] = first.row
    if err.mistake or not fall_back(self, err) then return nothing_left(self, err) end
    local left = self.budget:remaining()
    if left and left <= 0 then return nothing_left(self, err) end
  end
end

-- Warns, once, of a store that failed: the router goes on with what this process knows.
local function tell_of_store(router, answer)
  local problem = router.store.problem and router.store:problem()
  if not problem then return end
  local warning = { code = "store", message = "router: the store failed, and this process goes on with its own memory: " .. problem }
  local function warn(reply)
    if reply and reply.warnings then table.insert(reply.warnings, warning) end
  end
  if stream.is(answer) then answer:on_end(warn) else warn(answer) end
end

--- Answers a request.
---@param router ogl.Router
---@param operation string
---@param asked table
---@param perform fun(row: ogl.Row, request: table): any, ogl.Error? asks one row
---@return any answer a stream is committed
---@return ogl.Error? err with `attempts`
function M.run(router, operation, asked, perform)
  local here = host.current(router.host)
  local self = {
    router = router, operation = operation, request = asked, perform = perform, host = here,
    attempts = {}, tries = {}, failed = {}, asked = {}, errors = {},
    budget = retry.budget(router.retries, here, nil, router.deadline), hedging = router.hedge and router.rows[2] ~= nil,
  }
  local won, err = run(self)
  if not won then return nil, err end
  local answer = won.answer
  if stream.is(answer) then watch(self, won.try, answer) else answer.attempts = self.attempts end
  tell_of_store(router, answer)
  return answer
end

return M
