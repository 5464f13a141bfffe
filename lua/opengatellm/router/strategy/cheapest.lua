--- Cheapest: the row that costs least for this request, by the tokens that its prompt has and its answer may have. A row's `cost` is what a
-- million tokens cost; rows without one come last.
--
-- @module opengatellm.router.strategy.cheapest
local estimate = require "opengatellm.chat.estimate"
local sorting = require "opengatellm.router.strategy.sorting"

local M = {}

local ANSWER = 1000 -- tokens of an answer without a limit

local function prices_of(row)
  local cost = row.cost
  if type(cost) == "number" then return cost, cost end
  if type(cost) == "table" then return cost.input or 0, cost.output or cost.input or 0 end
end

--- Makes the strategy.
---@return ogl.Strategy
function M.new()
  return function(request, rows)
    local read, written = estimate.prompt(request), request.max_tokens or ANSWER
    return sorting.by(rows, function(row)
      local input, output = prices_of(row)
      return input and input * read + output * written or math.huge
    end)
  end
end

return M
