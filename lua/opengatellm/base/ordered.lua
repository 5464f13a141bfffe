--- Objects with an order of their own: which keys JSON has first (see json.ordered).
--
-- @module opengatellm.base.ordered
local M = {}

--- Gives an object an order. Raises, at the line that called json.ordered, where it gets no table.
---@generic T: table
---@param object T
---@param keys string[]
---@return T object the same table
function M.set(object, keys)
  if type(object) ~= "table" then error("json.ordered: expected a table, got " .. type(object), 3) end
  if type(keys) ~= "table" then error("json.ordered: expected a list of keys, got " .. type(keys), 3) end
  return setmetatable(object, { __jsonorder = keys })
end

--- Lists the keys of an object as `encode` writes them. Keys that are not strings are left out.
---@param object table
---@return string[]
function M.keys(object)
  local mt = getmetatable(object)
  local order = type(mt) == "table" and rawget(mt, "__jsonorder") or {}
  local list, listed = {}, {}
  for _, key in ipairs(order) do
    if object[key] ~= nil and not listed[key] then list[#list + 1], listed[key] = key, true end
  end
  local rest = {}
  for key in pairs(object) do
    if type(key) == "string" and not listed[key] then rest[#rest + 1] = key end
  end
  table.sort(rest)
  for _, key in ipairs(rest) do list[#list + 1] = key end
  return list
end

return M
