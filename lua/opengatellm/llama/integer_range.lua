--- Integer ranges: the decimal digits of the integers between two bounds, as a rule of a grammar.
--
-- @module opengatellm.llama.integer_range
local M = {}

local DIGITS = 15 -- the most digits of an integer without bounds: doubles hold all of these

local function digits_of(number) return ("%.0f"):format(number) end

local function any(count) return count == 0 and "" or count == 1 and " [0-9]" or (" [0-9]{%d}"):format(count) end

local function class(low, high) return low == high and ('"%s"'):format(low) or ("[%s-%s]"):format(low, high) end

local function literal(digits) return digits == "" and "" or (' "%s"'):format(digits) end

-- Alternatives for the numbers from `low` to `high`, which have the same count of digits.
local function same_length(low, high, prefix, out)
  if low == high then
    out[#out + 1] = (literal(prefix .. low)):sub(2)
    return
  end
  local a, b = low:sub(1, 1), high:sub(1, 1)
  if a == b then return same_length(low:sub(2), high:sub(2), prefix .. a, out) end
  local rest = #low - 1
  local from, to = tonumber(a), tonumber(b)
  if low:find "^.0*$" then from = from - 1 else same_length(low:sub(2), ("9"):rep(rest), prefix .. a, out) end
  local ends = high:find "^.9*$"
  if ends then to = to + 1 end
  if from + 1 <= to - 1 then
    out[#out + 1] = ((literal(prefix)) .. " " .. class(from + 1, to - 1) .. any(rest)):sub(2)
  end
  if not ends then same_length(("0"):rep(rest), high:sub(2), prefix .. b, out) end
end

-- Alternatives for the numbers from `low` to `high`, both at least 0: those as long as `low`, longer ones, those as long as `high`.
local function between(low, high)
  local out = {}
  low, high = digits_of(low), digits_of(high)
  if #low == #high then
    same_length(low, high, "", out)
    return out
  end
  same_length(low, ("9"):rep(#low), "", out)
  if #high - #low > 1 then out[#out + 1] = ("[1-9] [0-9]{%d,%d}"):format(#low, #high - 2) end
  same_length("1" .. ("0"):rep(#high - 1), high, "", out)
  return out
end

local MOST = 10 ^ DIGITS - 1

local function negatives(low, high, out)
  for _, alternative in ipairs(between(math.max(1, -high), -low)) do out[#out + 1] = '"-" ' .. alternative end
end

--- Writes the alternatives for the integers between two bounds.
---@param low? number the least; nil for no bound
---@param high? number the greatest
---@return string? alternatives nil where there is no such integer
function M.rule(low, high)
  if not low and not high then return ('"0" | "-"? [1-9] [0-9]{0,%d}'):format(DIGITS - 1) end
  low, high = math.max(low and math.ceil(low) or -MOST, -MOST), math.min(high and math.floor(high) or MOST, MOST)
  if low > high then return nil end
  local out = {}
  if low < 0 then negatives(low, math.min(high, -1), out) end
  if high >= 0 then
    for _, alternative in ipairs(between(math.max(low, 0), high)) do out[#out + 1] = alternative end
  end
  return table.concat(out, " | ")
end

return M
