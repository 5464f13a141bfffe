--- Gates: a gate recognizes an error that a server sent in place of a file, so that it does not pass for the file.
--
--   local gate = M.new(head, expected)      of an answer with a good status; `expected`: what its bytes are ("audio"), nil: anything
--   gate:take(bytes) -> bytes | nil, err    the bytes that may go on, "" while the gate holds them back
--   gate:finish() -> bytes | nil, err       the bytes that were held back; nil if there were none
--
-- Where a medium is expected, JSON, pages and words are errors, whatever they say and whatever type the server gives them. A file may be
-- any of these, so there an answer is an error only if it has no other content. Memory: the gate holds back at most MAX bytes, because
-- no error is longer.
--
-- @module opengatellm.http.error_gate
local answer = require "opengatellm.http.answer"
local errors = require "opengatellm.errors"

local M = {}

---@class ogl.Gate
local Gate = {}
Gate.__index = Gate

local MAX = errors.BODY -- bytes that are held back
local BYTES = { ["application/octet-stream"] = true, ["binary/octet-stream"] = true }

local function type_of(headers)
  local kind = headers["content-type"]
  return type(kind) == "string" and kind:match "^%s*([^;%s]+)" or ""
end

-- Whether a type is one of texts, not of a medium.
local function is_text(kind)
  kind = kind:lower()
  return kind:find "^text/" ~= nil or kind:find "json" ~= nil or kind:find "[/+]xml$" ~= nil or kind == "application/xhtml+xml"
end

-- Whether an answer begins like a text or like a medium: "text", "bytes", or nil while only white space has come.
local function look(front)
  local first = front:match "^\239?\187?\191?%s*(.*)$"
  if first == "" then return nil end
  local stream = first:find "^[deDE:]" and (("data:"):find(first:sub(1, 5), 1, true) or ("event:"):find(first:sub(1, 6), 1, true)
    or ("error:"):find(first:sub(1, 6), 1, true))
  return (first:find '^[%[{"<]' or stream) and "text" or "bytes"
end

--- Makes a gate for an answer that should hold a file: it keeps back a body that may be an error instead.
---@param head {status: integer, headers: table}
---@param expected? string name of the medium that should come, for the message: "audio"; nil: any file
---@return ogl.Gate
function M.new(head, expected)
  local kind = type_of(head.headers)
  local open = not expected and BYTES[kind:lower()] or false -- servers give files this type, and errors another
  return setmetatable({ head = head, expected = expected, text = is_text(kind), open = open, held = {}, size = 0, front = "" }, Gate)
end

-- Makes the error of a text in place of a medium; nil if the text is a medium after all.
local function refusal(self, text)
  local value = answer.json(text)
  local err = answer.fault(text, value, self.head)
  if err or value == nil and not answer.is_html(text) and not self.text then return err end
  local what = value ~= nil and "JSON" or answer.is_html(text) and "a page" or "text"
  err = answer.error(text, self.head)
  err.kind, err.message = "protocol", ("the server's answer is no %s but %s: %s"):format(self.expected, what, err.message)
  return err
end

-- Makes the error of the bytes that were held back: the whole answer, or its front.
local function problem(self, text)
  if self.expected then return refusal(self, text) end
  return answer.is_pure(text) and answer.fault(text, answer.json(text), self.head) or nil
end

-- Whether the answer cannot be an error any more, whatever bytes follow.
local function is_clear(self)
  if self.expected and self.text then return false end
  return look(self.front) == "bytes" or self.size > MAX and not (self.expected and answer.is_html(self.front))
end

local function release(self)
  local bytes = table.concat(self.held)
  self.open, self.held = true, {}
  return bytes
end

-- Makes the error of an empty answer, unless any file is expected: a file may be empty.
local function nothing(self)
  if not self.expected then return nil end
  local message, headers = ("the server's answer is no %s but empty"):format(self.expected), self.head.headers
  return errors.new { kind = "protocol", message = message, headers = headers, request_id = errors.request_id(headers) }
end

--- Takes bytes of the body, and gives those that may go on; it holds bytes back while they may be an error.
---@param bytes string
---@return string? bytes
---@return ogl.Error? err
function Gate:take(bytes)
  if self.open then return bytes end
  self.held[#self.held + 1], self.size = bytes, self.size + #bytes
  if #self.front < MAX then self.front = (self.front .. bytes):sub(1, MAX) end
  if is_clear(self) then return release(self) end
  if self.size > MAX then return nil, problem(self, self.front) end
  return ""
end

--- Gives the bytes that are still held back, once the body has ended, or the error that they are.
---@return string? bytes
---@return ogl.Error? err
function Gate:finish()
  if self.open then return nil end
  if self.size == 0 then return nil, nothing(self) end
  local err = problem(self, table.concat(self.held))
  if err then return nil, err end
  local bytes = release(self)
  self.size = 0
  return bytes
end

--- Makes the error if a whole answer is one in place of its bytes; gives nil if it is not.
---@param head {status: integer, headers: table}
---@param expected? string as for `new`
---@param data string
---@return ogl.Error?
function M.check(head, expected, data)
  local gate = M.new(head, expected)
  local _, err = gate:take(data)
  if not err then _, err = gate:finish() end
  return err
end

return M
