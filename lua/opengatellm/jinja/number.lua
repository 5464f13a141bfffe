--- Numbers: Python's integers and floats, which Lua 5.1 cannot tell apart.
--
-- An integer is a number of Lua. A float is a table around one, so that 2.0 prints as "2.0" on every Lua. A result that needs an integer
-- which no double holds is refused.
--
-- @module opengatellm.jinja.number
local mistake = require "opengatellm.jinja.mistake"

local M = {}

---@class ogl.jinja.Float
---@field value number
local Float = { kind = "float" }

local EXACT = 2 ^ 53

--- Makes a float.
---@param value number
---@return ogl.jinja.Float
function M.float(value) return setmetatable({ value = value }, Float) end

--- Makes an integer of a number without a fraction.
---@param value number
---@return number
function M.integer(value)
  if value ~= value or value >= EXACT or value <= -EXACT then mistake.raise "a number is too large" end
  return value
end

--- Gives the number behind a value that Python calculates with.
---@param value any
---@return number? number nil for what is no number
---@return boolean is_float
function M.of(value)
  if type(value) == "number" then return value, false end
  if type(value) == "boolean" then return value and 1 or 0, false end
  if getmetatable(value) == Float then return value.value, true end
  return nil, false
end

--- Makes a value of JSON or of Lua a number of ours.
---@param value number
---@return number|ogl.jinja.Float
function M.from_lua(value)
  local whole = value % 1 == 0 and (math.type == nil or math.type(value) == "integer")
  return whole and value or M.float(value)
end

--- Rounds towards zero, as Python's int() does.
---@param value number
---@return number
function M.truncate(value)
  if value ~= value or value - value ~= 0 then mistake.raise "cannot convert an infinite number to an integer" end
  return M.integer(value < 0 and math.ceil(value) or math.floor(value))
end

-- The shortest digits that read back as the number, and the exponent of the first.
local function shortest(value)
  for precision = 0, 16 do
    local text = ("%." .. precision .. "e"):format(value)
    if tonumber(text) == value then
      local first, rest, exponent = text:match "^(%d)[.,]?(%d*)e([-+]%d+)$"
      return first .. rest, tonumber(exponent)
    end
  end
end

local function fixed(digits, exponent)
  if exponent < 0 then return "0." .. ("0"):rep(-exponent - 1) .. digits end
  local missing = exponent + 1 - #digits
  if missing >= 0 then return digits .. ("0"):rep(missing) .. ".0" end
  return digits:sub(1, exponent + 1) .. "." .. digits:sub(exponent + 2)
end

local function float_text(value)
  if value ~= value then return "nan" end
  if value - value ~= 0 then return value > 0 and "inf" or "-inf" end
  local sign = (value < 0 or 1 / value < 0) and "-" or ""
  local digits, exponent = shortest(math.abs(value))
  if exponent >= -4 and exponent < 16 then return sign .. fixed(digits, exponent) end
  local mantissa = #digits > 1 and digits:sub(1, 1) .. "." .. digits:sub(2) or digits
  return ("%s%se%s%02d"):format(sign, mantissa, exponent < 0 and "-" or "+", math.abs(exponent))
end

--- Writes a number as Python does.
---@param value number|ogl.jinja.Float
---@return string
function M.text(value)
  if type(value) ~= "number" then return float_text(value.value) end
  return (math.type and math.type(value) == "integer" and "%d" or "%.0f"):format(value)
end

-- Operators ---------------------------------------------------------------------------------------------------------

local function divisor(b)
  if b == 0 then mistake.raise "division by zero" end
  return b
end

local OPERATORS = {
  ["+"] = function(a, b) return a + b end,
  ["-"] = function(a, b) return a - b end,
  ["*"] = function(a, b) return a * b end,
  ["//"] = function(a, b) return math.floor(a / divisor(b)) end,
  ["%"] = function(a, b) return a % divisor(b) end,
  ["**"] = function(a, b) return a ^ b end,
  ["/"] = function(a, b) return a / divisor(b) end,
}

--- Calculates.
---@param operator "+"|"-"|"*"|"/"|"//"|"%"|"**"
---@param a any
---@param b any
---@return number|ogl.jinja.Float|nil # nil where one of them is no number
function M.calculate(operator, a, b)
  local x, x_is_float = M.of(a)
  local y, y_is_float = M.of(b)
  if not x or not y then return nil end
  local result = OPERATORS[operator](x, y)
  local is_float = x_is_float or y_is_float or operator == "/" or operator == "**" and y < 0
  return is_float and M.float(result) or M.integer(result)
end

return M
