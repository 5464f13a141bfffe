--- A transport that gives recorded bytes from memory, for specs, examples and measurements.
--
--   local transport = replay.new { body = bytes }                      one answer, for every request
--   local transport = replay.new(function(request, n) return { … } end)  an answer for the n-th request
--
-- An answer: {status = 200, headers = {…}, body = string | list of strings and errors, chunk = 16384}. A string is given in reads of
-- `chunk` bytes; an item of a list is one read, and an error in it ends the exchange there. An answer with only `err`
-- fails before its head. The requests are kept in `transport.requests`.
--
-- @module opengatellm.transport.replay
local errors = require "opengatellm.errors"

local M = {}

local Transport = {}
Transport.__index = Transport

local Exchange = {}
Exchange.__index = Exchange

local CHUNK = 16 * 1024 -- what a socket usually gives at once

--- Makes a transport that answers from memory.
---@param answer table|fun(request: table, n: integer): table
---@return table transport
function M.new(answer)
  local answers = type(answer) == "function" and answer or function() return answer end
  return setmetatable({ answers = answers, requests = {}, opened = 0, closed = 0 }, Transport)
end

--- Keeps a copy of the request, and opens the exchange that answers it.
---@param request table of transport/init.lua
---@return table exchange
function Transport:open(request)
  local copy = {}
  for field, value in pairs(request) do copy[field] = value end
  self.requests[#self.requests + 1] = copy
  local answer = self.answers(copy, #self.requests)
  self.opened = self.opened + 1
  return setmetatable({ transport = self, answer = answer, at = 1, chunk = answer.chunk or CHUNK, err = answer.err }, Exchange)
end

--- Gives the head of the answer.
---@return integer? status
---@return table headers_or_err
function Exchange:head()
  if self.err then return nil, self.err end
  local headers = {}
  for name, value in pairs(self.answer.headers or {}) do headers[name:lower()] = value end
  return self.answer.status or 200, headers
end

local function next_item(self, list)
  local item = list[self.at]
  if item == nil then return nil end
  self.at = self.at + 1
  if errors.is(item) then
    self.err = item
    return nil, item
  end
  return item
end

--- Gives the next piece of the body; nil at the end.
---@return string? bytes
---@return ogl.Error? err
function Exchange:read()
  if self.err then return nil, self.err end
  local body = self.answer.body or ""
  if type(body) == "table" then return next_item(self, body) end
  local from = self.at
  if from > #body then return nil end
  self.at = from + self.chunk
  return body:sub(from, self.at - 1)
end

--- Reads the rest of the body.
---@param decoder? userdata takes the bytes, which are dropped otherwise
function Exchange:drain(_, decoder)
  local bytes = self:read()
  while bytes do
    if decoder then decoder:feed(bytes) end
    bytes = self:read()
  end
end

--- Ends the exchange. It may be called any number of times.
function Exchange:close()
  if self.shut then return end
  self.shut = true
  self.transport.closed = self.transport.closed + 1
  self.err = self.err or errors.new { kind = "closed", message = "the exchange is closed" }
end

Exchange.__close = Exchange.close

return M
