--- Forms: bodies of multipart/form-data (RFC 7578) that callers send, of which the gateway reads some fields and changes one.
--
-- A form goes on byte for byte but for that field. So what could be read in two ways is refused: a field that comes twice, a part whose
-- name is not written plainly, bytes that stand in no part.
--
-- @module opengatellm.gateway.form
local M = {}

---@class ogl.GatewayForm
---@field text string all of it
---@field fields table<string, {from: integer, to: integer}> where the values are, by name
local Form = {}
Form.__index = Form

local MOST = 100 -- parts

-- The text between the parts: RFC 2046 allows 70 of these characters.
local function boundary_of(content_type)
  local boundary = content_type:match '[;%s][Bb][Oo][Uu][Nn][Dd][Aa][Rr][Yy]="([^"]+)"%s*$'
    or content_type:match "[;%s][Bb][Oo][Uu][Nn][Dd][Aa][Rr][Yy]=([^;%s\"]+)%s*$"
  return boundary and #boundary <= 70 and boundary:find "^[%w'()+_,./:=? -]+$" and boundary or nil
end

-- The name in the head of a part.
local function name_of(head)
  local found
  for line in head:gmatch "[^\r\n]+" do
    local value = line:match "^[Cc]ontent%-[Dd]isposition:%s*(.*)$"
    local name = value and (value:match '^form%-data; name="([^"\\]*)"$' or value:match '^form%-data; name="([^"\\]*)"; filename=".*"$')
    if value and (found or not name) then return nil end
    found = name or found
  end
  return found
end

-- Reads the part that begins there; gives where its delimiter begins.
local function read_part(self, from, delimiter)
  local head_end, value = self.text:find("\r\n\r\n", from, true)
  local stop = value and self.text:find(delimiter, value + 1, true)
  local name = stop and name_of(self.text:sub(from, head_end))
  if not name then return nil, "a part of the form has no name, or no end" end
  if self.fields[name] and not name:find "%[%]$" then return nil, ("the form has the field %s twice"):format(name:sub(1, 40)) end
  self.fields[name] = { from = value + 1, to = stop - 1 }
  return stop
end

--- Reads a form.
---@param text string
---@param content_type string of its header
---@return ogl.GatewayForm?
---@return string? problem
function M.read(text, content_type)
  local boundary = boundary_of(content_type)
  if not boundary then return nil, "content-type: expected multipart/form-data with a boundary" end
  local opening, delimiter = "--" .. boundary .. "\r\n", "\r\n--" .. boundary
  if text:sub(1, #opening) ~= opening then return nil, "the body is no form of its boundary" end
  local self, from = setmetatable({ text = text, fields = {} }, Form), #opening + 1
  for _ = 1, MOST do
    local stop, problem = read_part(self, from, delimiter)
    if not stop then return nil, problem end
    local behind = text:sub(stop + #delimiter, stop + #delimiter + 4)
    if behind:sub(1, 2) ~= "\r\n" then
      if behind ~= "--" and behind ~= "--\r\n" then return nil, "the form does not end with its boundary" end
      return self
    end
    from = stop + #delimiter + 2
  end
  return nil, ("the form has more than %d parts"):format(MOST)
end

--- The value of a field.
---@param name string
---@return string?
function Form:value(name)
  local field = self.fields[name]
  return field and self.text:sub(field.from, field.to)
end

--- The form with another value of one field, which it has.
---@param name string
---@param value string
---@return string
function Form:with(name, value)
  local field = self.fields[name]
  return self.text:sub(1, field.from - 1) .. value .. self.text:sub(field.to + 1)
end

return M
