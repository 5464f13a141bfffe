--- Sticky: calls with the same key go to the same row, whose server has read their prompt before.
--
--   strategy = { "sticky", key = function(request) return request.user end }
--
-- Each row has a rank for a key (rendezvous hashing with weights), so that only the keys of a row move when it goes or comes. The key of a
-- request is its `user`, else the front of its first messages, which is what a server's prompt cache keeps.
--
-- @module opengatellm.router.strategy.sticky
local core = require "opengatellm.core"
local sorting = require "opengatellm.router.strategy.sorting"

local M = {}

local FRONT = 1024 -- bytes of a prompt that make its key
local KEYS = 256 -- whose orders are kept

-- A number in (0, 1) that depends on all bytes of a key and of a row's name.
local function rank(row, key) return (tonumber(core.sha256(row.name .. "\n" .. key):sub(1, 12), 16) + 0.5) / 2 ^ 48 end

local function arrival(row, key) return row.weight > 0 and -math.log(rank(row, key)) / row.weight or math.huge end

local function front_of(request)
  local pieces, size, messages = { request.system or "" }, 0, request.messages
  for i = 1, messages and #messages or 0 do
    local message = messages[i]
    if type(message.content) == "string" then pieces[#pieces + 1] = message.content end
    size = size + #pieces[#pieces]
    if size >= FRONT or message.role == "user" then break end
  end
  return table.concat(pieces, "\n"):sub(1, FRONT)
end

--- Makes the strategy.
---@param options {key?: fun(request: table): string?}
---@return ogl.Strategy?
---@return string? problem
function M.new(options)
  local key_of = options.key
  if key_of ~= nil and type(key_of) ~= "function" then return nil, "key: expected function, got " .. type(key_of) end
  local orders, n = {}, 0 -- of the keys that were there before: most come again, which is why they stick
  local function order_of(rows, key)
    local order = orders[key]
    if order then return order end
    if n >= KEYS then orders, n = {}, 0 end
    order = sorting.by(rows, arrival, key)
    orders[key], n = order, n + 1
    return order
  end
  return function(request, rows)
    local key = key_of and key_of(request) or not key_of and request.user or nil
    if key == nil then key = front_of(request) end
    if type(key) ~= "string" and type(key) ~= "number" then error("key returned a " .. type(key) .. "; expected a text", 0) end
    return order_of(rows, tostring(key))
  end
end

return M
