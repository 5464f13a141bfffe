--- Numbers: how reports for people write them.
--
-- @module opengatellm.bench.report.number
local M = {}

--- What stands in the place of a number that there is none of.
M.NONE = "–"

local function is_number(value) return type(value) == "number" and value == value and math.abs(value) ~= math.huge end

--- Writes a number with about three digits that count: 0.042, 1.23, 45.6, 789, 123456.
---@param value? number
---@return string
function M.text(value)
  if not is_number(value) then return M.NONE end
  local size = math.abs(value)
  if size >= 99.95 or size == math.floor(size) then return ("%.0f"):format(value) end
  if size >= 9.995 then return ("%.1f"):format(value) end
  if size >= 0.9995 then return ("%.2f"):format(value) end
  return ("%.3g"):format(value)
end

--- Writes a share of a whole in per cent.
---@param value? number from 0 to 1
---@return string
function M.share(value)
  if not is_number(value) then return M.NONE end
  return ("%.1f %%"):format(value * 100)
end

--- Writes a change in per cent, with its sign and how far it may be off: "−12.9 ±5.8 %".
---@param value? number 0.1 is ten per cent more
---@param error number
---@return string
function M.change(value, error)
  if not is_number(value) then return M.NONE end
  return (("%+.1f ±%.1f %%"):format(value * 100, error * 100):gsub("^%-", "−"))
end

--- Writes how many there are of something: "1 error", "3 errors".
---@param n number
---@param noun string
---@return string
function M.count(n, noun) return ("%.0f %s%s"):format(n, noun, n == 1 and "" or "s") end

--- Writes the code of a failure: a status of HTTP, or a word.
---@param code string|number
---@return string
function M.code(code) return type(code) == "number" and ("%.0f"):format(code) or tostring(code) end

return M
