--- Downloads: answers that are bytes, as a string, into a file, or to a function, piece by piece and never whole in memory.
--
-- What begins as an error or a page does is held back until it is known what it is (error_gate.lua), so that nobody takes it for the bytes.
--
-- A file is written beside its place as NAME.part, and takes its place when it is whole: what stands there is never half of an
-- answer. After an error that may pass, a file is begun again; a function that has got bytes is not asked to forget them.
--
-- @module opengatellm.http.download
local call = require "opengatellm.http.call"
local errors = require "opengatellm.errors"
local error_gate = require "opengatellm.http.error_gate"
local media = require "opengatellm.request.media"

local M = {}

---@class ogl.Download
---@field data? string the bytes, where they went nowhere else
---@field path? string the file that has them
---@field mime string as the server says, else as the first bytes do
---@field length integer bytes

local ACCEPT = "*/*" -- a JSON error comes as it wants anyway
local HEAD = 16 -- bytes that media.sniff looks at

local function failure(name, why)
  return errors.new { kind = "file", message = name .. ": " .. (tostring(why):gsub("^.-: ", "")) }
end

-- Targets: begin(), put(bytes), finish() -> true | nil, err; give_up(). `begin` is called before anything is sent, at each try.

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

-- Reads an answer to its end: how many bytes came, their front, and what ended it before, from the server or from the target.
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

-- One answer: the result; or nil, the error, and whether there may be another.
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
  wire.stream = true -- as they come; they are not unpacked in memory
  local asked = call.new(client, wire)
  local result, err, again
  repeat
    result, err, again = try(asked, target, expected)
    if not result then target.give_up() end
  until not again
  return result, err
end

--- The bytes of an answer. Without `path` and `write` they are the result, within `limits.body`.
---@param client ogl.Client
---@param wire ogl.Wire
---@param target {path?: string, write?: fun(bytes: string): boolean?, any} `write` ends it with false, and says why
---@param expected? string what the bytes are ("audio"); nil: anything, the text of a page too
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

--- An answer of lines, read as they are asked for: `for line in download.lines(client, wire) do`. Nothing is sent before the first
--- is asked for; a failure raises its error. `lines:close()` ends it before its end.
---@class ogl.Lines
---@overload fun(): string?
local Lines = {}
Lines.__index = Lines
Lines.__name = "opengatellm.lines"

--- Makes a reader of an answer's lines; the request is sent at the first read.
---@param client table
---@param wire table the request, as Call takes it
---@return table lines
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

-- Keeps what came of a line whose end has not come.
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
      if self.size > 0 then return take(self, "") end -- a last line without its end
    end
  end
end

--- Ends the download. It may be called any number of times.
function Lines:close()
  self.over, self.rest = true, ""
  if self.exchange then self.exchange:close() end
end

Lines.__close = Lines.close

return M
