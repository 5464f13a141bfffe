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
---@field budget ogl.Budget|false made with the first failure, where there is no deadline
---@field rows ogl.Row[] that may be asked, in order; never changed: it may be the router's own list
---@field asked table<ogl.Row, true> those of them that were asked already
---@field tries table[] of a hedge, each with its row, its permit, its attempt, when it `began`, whether it is `open`, and `release`
---@field errors table<ogl.Row, ogl.Error> the last of each row
---@field failed ogl.Row[] that may be asked again

-- What came of a try --------------------------------------------------------------------------------------------------

local PASSES = { network = true, timeout = true, tls = true, incomplete = true, rate_limit = true }
local NEUTRAL = { cancelled = true, closed = true }

-- Whether the row's own middleware refused the call (its limiter is full, its cap is reached) before anything was sent.
local function is_own_limit(err) return err.kind == "limit" and err.sent == false end

-- Whether an error may be another one's elsewhere: the connection, a limit, a server's own trouble.
local function passes(err)
  if NEUTRAL[err.kind] then return false end
  if is_own_limit(err) then return true end
  if PASSES[err.kind] or err.reason == "overloaded" or err.reason == "quota" then return true end
  local status = err.status or 0
  return status == 408 or status == 429 or status >= 500 and status < 600
end

-- What an error says of the row's health: nothing, where its server was not asked.
local function outcome_of(err)
  if NEUTRAL[err.kind] or err.mistake or is_own_limit(err) then return "neutral" end
  if passes(err) then return "failure" end
  return err.status and "alive" or "neutral"
end

-- A try -----------------------------------------------------------------------------------------------------------------

local finish

-- Begins a try: its attempt is in the list from the beginning, so that a hedge that loses is counted. Where the host kills it, it ends.
local function begin(self, row, permit, hedged)
  local attempt = {
    provider = row.client.provider.name, client = row.name, model = row.own_model or self.request.model or row.model, milliseconds = 0,
    status = nil, tokens = nil, hedged = hedged or nil, -- makes room for those that follow
  }
  self.attempts[#self.attempts + 1] = attempt
  row.active = row.active + 1
  local try = { row = row, permit = permit, attempt = attempt, began = self.host.now(), open = true, release = nil }
  try.release = task.on_kill(function(err) finish(self, try, nil, err) end)
  if self.hedging then table.insert(self.tries, try) end
  return try
end

-- Ends a try, once: its attempt has its figures, and the breaker knows.
function finish(self, try, status, err)
  if not try.open then return end
  try.open = false
  if try.release then try.release() end
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

-- Keeps the error of a row.
local function note(self, row, err)
  self.errors = self.errors or {}
  self.errors[row] = err
end

-- Asks a row, and waits for its commitment. Gives the answer and its try; nil and the error.
local function ask(self, row, permit, hedged)
  local try = begin(self, row, permit, hedged)
  local answer, err = self.perform(row, self.operation, row:request(self.request, self.budget and self.budget:remaining()))
  local is_stream = self.operation == "stream" and answer and stream.is(answer)
  if is_stream then
    local settled
    settled, err = answer:settle()
    if not settled then answer = nil end
  end
  if not try.open then -- a hedge that was faster has ended this try
    if is_stream and answer then answer:close() end
    return nil, err or errors.new { kind = "cancelled", code = "hedge", message = "another row answered first" }
  end
  finish(self, try, answer and answer.status, err)
  if answer == nil then
    note(self, row, err)
    return nil, err
  end
  if is_stream then return answer, try end
  attempts.used(try.attempt, answer.usage)
  self.router:remember(row, answer)
  return answer, try
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

-- The error of a row, of a call in which any has failed.
local function error_of(self, row) return self.errors and self.errors[row] end

local function race(self, first, permit, second, delay)
  local answer, try = task.first {
    delay = delay,
    function() return ask(self, first, permit, false) end,
    function()
      local failed = error_of(self, first)
      if failed and not passes(failed) then return nil, failed end
      self.asked[second] = true
      return ask(self, second, "closed", not failed)
    end,
  }
  lose(self, answer ~= nil and try)
  if answer ~= nil then return answer, try end
  local failed = error_of(self, first)
  return nil, failed and not passes(failed) and failed or try
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

-- The next row that the breaker lets through, of those that were not asked yet.
local function next_row(self)
  local breaker, asked = self.router.breaker, self.asked
  for i = 1, #self.rows do
    local row = self.rows[i]
    local permit = not asked[row] and breaker:permit(row.name)
    if permit then return row, permit end
  end
end

-- When no row may be asked, the one that recovers first takes the request all the same.
local function forced(self)
  local best, soonest
  for _, row in ipairs(self.rows) do
    if not self.asked[row] then
      local permit, seconds = self.router.breaker:permit(row.name)
      if permit then return row, permit end
      if not soonest or seconds < soonest then best, soonest = row, seconds end
    end
  end
  return best, "forced"
end

-- The second row of a hedge: the next that is healthy. A row that recovers is no hedge: its probe would be a race.
local function second_row(self)
  for _, row in ipairs(self.rows) do
    if not self.asked[row] and self.router.breaker:state(row.name) == "closed" then return row end
  end
end

-- The budget of the call's tries; most calls need none.
local function budget_of(self)
  self.budget = self.budget or retry.budget(self.router.retries, self.host, nil, self.router.deadline)
  return self.budget
end

-- Lets rows be asked again, where the budget allows: those whose error may pass. The shortest wait that one of them asks for counts.
local function again(self)
  local shortest
  for _, row in ipairs(self.failed or {}) do
    local err = error_of(self, row)
    if err.retryable and (not shortest or (err.retry_after or 0) < (shortest.retry_after or 0)) then shortest = err end
  end
  if not shortest then return false end
  local fine, problem = budget_of(self):wait(shortest, self)
  if not fine then return false, problem end
  local rows = {}
  for _, row in ipairs(self.rows) do
    if not self.asked[row] then rows[#rows + 1] = row end
  end
  for _, row in ipairs(self.failed) do
    if error_of(self, row).retryable then rows[#rows + 1], self.asked[row] = row, nil end
  end
  self.rows, self.failed = rows, nil
  return true
end

-- What follows an error: true where another row is there to be asked.
local function fall_back(self, err)
  local list = err.reason and self.router.fallback[err.reason]
  if not list then return passes(err) end
  self.rows, self.failed = by_name(self.router.rows, list), nil
  for _, row in ipairs(self.rows) do
    if not self.asked[row] then return true end
  end
  return false
end

-- The loop ---------------------------------------------------------------------------------------------------------------

local function add_failed(self, row)
  self.failed = self.failed or {}
  table.insert(self.failed, row)
end

local function take(self, row, permit)
  self.asked[row] = true
  local delay = self.hedging and patience(self, row)
  local second = delay and second_row(self)
  if not second then return ask(self, row, permit, false) end
  local answer, try = race(self, row, permit, second, delay)
  if answer == nil and self.asked[second] then add_failed(self, second) end
  return answer, try
end

local function nothing_left(self, err)
  err = err or errors.new { kind = "config", code = "route", message = "router: the strategy left no row for this request" }
  err.attempts = self.attempts
  return nil, err
end

-- The row to ask now; nil and the error when none is left. Before anything was tried, or after a wait, one is asked although none may be.
local function choose(self, err)
  local row, permit = next_row(self)
  if row then return row, permit end
  if self.attempts[1] then
    local more, problem = again(self)
    if not more then return nothing_left(self, problem or err) end
    row, permit = next_row(self)
    if row then return row, permit end
  end
  row, permit = forced(self)
  if row then return row, permit end
  return nothing_left(self, err)
end

local function run(self)
  local err
  self.rows, err = ordered(self)
  if not self.rows then return nothing_left(self, err) end
  while true do
    local row, permit = choose(self, err)
    if not row then return nil, permit end
    local answer, try = take(self, row, permit)
    if answer ~= nil then return answer, try end
    err = try
    add_failed(self, row)
    if err.mistake or not fall_back(self, err) then return nothing_left(self, err) end
    local left = budget_of(self):remaining()
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
---@param perform fun(row: ogl.Row, operation: string, request: table): any, ogl.Error? asks one row
---@return any answer a stream is committed
---@return ogl.Error? err with `attempts`
function M.run(router, operation, asked, perform)
  local here = host.current(router.host)
  local self = {
    router = router, operation = operation, request = asked, perform = perform, host = here, rows = nil, attempts = {}, asked = {},
    hedging = router.hedge and router.rows[2] ~= nil, budget = router.deadline and retry.budget(router.retries, here, nil, router.deadline),
  }
  if self.hedging then self.tries = {} end
  local answer, try = run(self)
  if answer == nil then return nil, try end
  if operation == "stream" and stream.is(answer) then watch(self, try, answer) else answer.attempts = self.attempts end
  tell_of_store(router, answer)
  return answer
end

return M
