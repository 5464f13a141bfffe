--- Keeps WebSockets for their next exchange.
--
--   pool:put(socket, route, last)    keeps one; `last` names the exchange that it has just had
--   pool:take(route, last)           the one whose last exchange that was, else the one that was used last; nil: none fits
--   pool:close()                     closes all that wait, and all that are put from now on
--
-- A route says what a socket is good for: {identity = function() -> text, scope = table}. Sockets are shared by routes whose identities are
-- equal (which hold secrets, hence functions: who prints a pool sees none) and whose scope is the same table: the host, whose way to wait a
-- socket has. Nobody reads from one that waits.
--
-- @module opengatellm.transport.websocket.pool
local M = {}

---@class opengatellm.SocketPool
local Pool = {}
Pool.__index = Pool

local LIFETIME = 55 * 60 -- seconds from the connect on: OpenAI and xAI end a socket after 60 minutes, and the last answer takes its time
local MOST = 16 -- that wait in a scope; the oldest goes for the next

--- Makes an empty pool.
---@return opengatellm.SocketPool
function M.new()
  local scopes = setmetatable({}, { __mode = "k" }) -- a host that is gone, or a request of nginx, takes its sockets with it
  return setmetatable({ scopes = function() return scopes end, closed = false }, Pool)
end

--- Keeps a socket for its next exchange; a closed pool closes the socket.
---@param socket opengatellm.WebSocket
---@param route {identity: fun(): string, scope: table}
---@param last? string names the response that the socket has just carried
function Pool:put(socket, route, last)
  if self.closed then return socket:close() end
  local scopes, identity = self.scopes(), route.identity()
  local list = scopes[route.scope] or {}
  scopes[route.scope] = list
  list[#list + 1] = { socket = socket, last = last, is_for = function(other) return other == identity end }
  if #list > MOST then table.remove(list, 1).socket:close() end
end

local function drop_old(list)
  for i = #list, 1, -1 do
    local socket = list[i].socket
    if socket.now() - socket.born > LIFETIME then
      table.remove(list, i)
      socket:close()
    end
  end
end

--- Takes a socket that fits a route: the one that carried the response `last`, else the one that was used last.
---@param route {identity: fun(): string, scope: table}
---@param last? string|false
---@return opengatellm.WebSocket?
function Pool:take(route, last)
  local list = self.scopes()[route.scope]
  if not list then return nil end
  drop_old(list)
  local identity, found = route.identity(), nil
  for i = #list, 1, -1 do
    if list[i].is_for(identity) then
      found = found or i
      if last and list[i].last == last then
        found = i
        break
      end
    end
  end
  return found and table.remove(list, found).socket
end

--- Closes all sockets that wait, and each one that is put from now on.
function Pool:close()
  self.closed = true
  local scopes = self.scopes()
  for scope, list in pairs(scopes) do
    for _, each in ipairs(list) do each.socket:close() end
    scopes[scope] = nil
  end
end

return M
