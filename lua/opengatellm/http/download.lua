--- Downloads: answers that are bytes, as a string, into a file, or to a function. A file or a function gets them piece by piece, so that
-- they are never whole in memory.
--
-- An answer that begins like an error or a page is held back until its kind is known (error_gate.lua), so that an error does not end up
-- in the file.
--
-- A file is written as NAME.part and renamed when it is complete, so that NAME never holds half of an answer. After an error that may
-- pass, the file is begun again. A function is called by one try only, because it cannot give bytes back.
--
-- @module opengatellm.http.download
local call = require "opengatellm.http.call"
local errors = require "opengatellm.errors"
local error_gate = require "opengatellm.http.error_gate"
local media = require "opengatellm.request.media"

local M = {}

---@class ogl.Download
---@field data? string the bytes, if neither a file nor a function took them
---@field path? string the file that has them
---@field mime string from the server's header, else from the first bytes
---@field length integer bytes

local ACCEPT = "*/*" -- servers send a JSON error whatever is accepted
local HEAD = 16 -- bytes that media.sniff looks at

local function failure(name, why)
  return errors.new { kind = "file", message = name .. ": " .. (tostring(why):gsub("^.-: ", "")) }
end

-- Targets: begin(), put(bytes), finish() -> true | nil, err; give_up(). Each try calls `begin` before it sends anything.

local function file_target(path)
  local part, file = path .. ".part", nil
  local target = { again = true }
  function target.begin()
    local why
    file, why = io.open(part, "wb")
    if not file then return nil, failure(part, why or "cannot be opened") end
    return true
  end
  function target.put(bytes)
    local written, why = file:write(bytes)
    if not written then return nil, failure(part, why) end
    return true
  end
  function target.give_up()
    if not file then return end
    file:close()
    file = nil
    os.remove(part)
  end
  function target.finish()
    local closed, why = file:close()
    file = nil
    local moved = closed
    if closed then moved, why = os.rename(part, path) end
    if moved then return true end
    os.remove(part)
    return nil, failure(path, why)
  end
  return target
end

local function function_target(write)
  local function nothing() return true end
  return {
    again = false, begin = nothing, finish = nothing, give_up = nothing,
    put = function(bytes)
      local more, why = write(bytes)
      if more ~= false then return true end
      if errors.is(why) then return nil, why end
      return nil, errors.new { kind = "cancelled", message = why and tostring(why) or "the function that takes the bytes wants no more" }
    end,
  }
end

-- Reads an answer to its end, and gives: how many bytes came, their front, the error of the exchange, the error of the gate or target.
local function pour(exchange, target, guard)
  local length, front = 0, ""
  while true do
    local bytes, err = exchange:read()
    if err then return length, front, err, nil end
    local own
    if bytes then bytes, own = guard:take(bytes) else bytes, own = guard:finish() end
    if own then return length, front, nil, own end
    if not bytes then return length, front, nil, nil end
    if bytes ~= "" then
      length = length + #bytes
      if #front < HEAD then front = (front .. bytes):sub(1, HEAD) end
      local fine
      fine, own = target.put(bytes)
      if not fine then return length, front, nil, own end
    end
  end
end

local function mime_of(headers, front)
  local kind = headers["content-type"]
  kind = type(kind) == "string" and kind:match "^%s*([^;%s]+)" or nil
  if kind and kind ~= "application/octet-stream" then return kind end
  return media.sniff(front) or kind or "application/octet-stream"
end

-- Makes one try: gives the result; or nil, the error, and whether another try may follow.
local function try(asked, target, expected)
  local fine, own = target.begin()
  if not fine then return nil, own end
  local exchange, status, headers = asked:send()
  if not exchange then return nil, status end
  local length, front, err
  length, front, err, own = pour(exchange, target, error_gate.new({ status = status, headers = headers }, expected))
  exchange:close()
  if not err and not own then own = select(2, target.finish()) end
  if err then return nil, asked:finish(err), (target.again or length == 0) and asked:again(err) end
  if own then return nil, asked:finish(own) end
  return { mime = mime_of(headers, front), length = length }
end

local function stream(client, wire, target, expected)
  wire.stream = true -- the exchange gives bytes as they come, and keeps no whole answer
  local asked = call.new(client, wire)
  local result, err, again
  repeat
    result, err, again = try(asked, target, expected)
    if not result then target.give_up() end
  until not again
  return result, err
end

--- Downloads an answer into a file (`path`), to a function (`write`), or into the result's `data`, at most `limits.body` bytes. Errors:
--- `file` if the file cannot be written, `cancelled` if the function wants no more, `protocol` if text came in place of a medium.
---@param client ogl.Client
---@param wire ogl.Wire
---@param target {path?: string, write?: fun(bytes: string): boolean?, any} `write` ends the download with false and the reason
---@param expected? string the medium that the bytes are ("audio"); nil: anything, also the text of a page
---@return ogl.Download?
---@return ogl.Error?
function M.fetch(client, wire, target, expected)
  wire.accept = wire.accept or ACCEPT
  if target.path or target.write then
    local result, err = stream(client, wire, target.path and file_target(target.path) or function_target(target.write), expected)
    if result then result.path = target.path end
    return result, err
  end
  local data, head = call.fetch(client, wire)
  if not data then return nil, head end
  local err = error_gate.check(head, expected, data)
  if err then return nil, call.finish(client, err, head) end
  return { data = data, mime = mime_of(head.headers, data:sub(1, HEAD)), length = #data }
end

--- The lines of an answer, read one by one: `for line in download.lines(client, wire) do`. The first read sends the request; a failure
--- raises its error. `lines:close()` ends the download early.
---@class ogl.Lines
---@overload fun(): string?
local Lines = {}
Lines.__index = Lines
Lines.__name = "opengatellm.lines"

--- Makes a reader of an answer's lines; the request is sent at the first read.
---@param client table
---@param wire ogl.Wire
---@return ogl.Lines
function M.lines(client, wire)
  wire.accept, wire.stream = wire.accept or ACCEPT, true
  return setmetatable({ call = call.new(client, wire), pieces = {}, size = 0, rest = "", at = 1, over = false, exchange = false }, Lines)
end

local function fail(self, err)
  self:close()
  error(self.call:finish(err), 0)
end

local function too_long(max)
  return errors.new { kind = "limit", message = ("a line of the answer has more than %d bytes; limits.reply allows more"):format(max) }
end

-- Keeps a piece of a line, and checks the line's length.
local function keep(self, text)
  local max = self.call.client.bounds.reply
  self.pieces[#self.pieces + 1], self.size = text, self.size + #text
  if self.size > max then fail(self, too_long(max)) end
end

local function take(self, text)
  keep(self, text)
  local line = table.concat(self.pieces)
  self.pieces, self.size = {}, 0
  return (line:gsub("\r$", ""))
end

local function next_piece(self)
  if not self.exchange then
    local exchange, err = self.call:send()
    if not exchange then fail(self, err) end
    self.exchange = exchange
  end
  local bytes, err = self.exchange:read()
  if err then fail(self, err) end
  return bytes
end

function Lines:__call()
  while not self.over do
    local stop = self.rest:find("\n", self.at, true)
    if stop then
      local line = take(self, self.rest:sub(self.at, stop - 1))
      self.at = stop + 1
      return line
    end
    keep(self, self.rest:sub(self.at))
    self.rest, self.at = next_piece(self), 1
    if not self.rest then
      self:close()
      if self.size > 0 then return take(self, "") end -- the last line has no line end
    end
  end
end

--- Ends the download. A program may call it any number of times.
function Lines:close()
  self.over, self.rest = true, ""
  if self.exchange then self.exchange:close() end
end

Lines.__close = Lines.close

return M
