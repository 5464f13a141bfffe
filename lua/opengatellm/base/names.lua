--- Names among others: one that differs from them all, the one that was meant, and those of a kind.
--
-- @module opengatellm.base.names
local M = {}

--- Gives a name that is not taken: the wanted one, else that with the first number from 2 on behind it. The caller notes that it is taken.
---@param wanted string
---@param taken table<string, any> the names that are
---@param separator string between the name and the number
---@return string
function M.free(wanted, taken, separator)
  local n, name = 1, wanted
  while taken[name] do
    n = n + 1
    name = wanted .. separator .. n
  end
  return name
end

-- How many letters have to be added, left out, changed or swapped with their neighbour to make one word of the other.
local function distance(a, b)
  local before, row = nil, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local above = row
    row = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost)
      local swapped = before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j)
      if swapped then row[j] = math.min(row[j], before[j - 2] + 1) end
    end
    before = above
  end
  return row[#b]
end

local LONGEST = 64 -- bytes of a word that is compared: the time grows by their square

--- Finds the name that a misspelt word may have meant: one letter in three may differ, and upper case never does.
---@param word string
---@param names string[]
---@return string? # the nearest; of several, the first
function M.nearest(word, names)
  if #word > LONGEST then return nil end
  local best, least = nil, math.max(1, math.floor(#word / 3)) + 1
  for _, name in ipairs(names) do
    local found = distance(word:lower(), name:lower())
    if found < least then best, least = name, found end
  end
  return best
end

--- Says whether a name fits one of some patterns.
---@param name string
---@param patterns string[] Lua's
---@return boolean
function M.fits(name, patterns)
  for _, pattern in ipairs(patterns) do
    if name:find(pattern) then return true end
  end
  return false
end

return M
