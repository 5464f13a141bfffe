--- Multipart forms (RFC 7578): fields and files as one request body, for every transport.
--
-- `multipart.form(fields)` takes a list of {name, text} and {name, upload}; it reads no file yet. `form.open()` gives the body that a
-- transport takes, {length, read, close}. Memory: one piece of one file at a time.
--
-- @module opengatellm.http.multipart
local random = require "opengatellm.base.random"

local M = {}

---@class ogl.Form
---@field content_type string
---@field length? integer bytes of the whole body; nil: a file's length is not known
---@field spent boolean one of its files can be read only once, and reading has begun
---@field open fun(): {length?: integer, read: fun(): string?, ogl.Error?, close: fun()}

local RANDOM_BYTES = 16

-- A random text that no file holds, by accident or by intent, because it cannot be guessed.
local function make_boundary()
  local bytes, err = random.bytes(RANDOM_BYTES)
  if not bytes then return nil, err end
  return "ogl-" .. bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end):sub(1, 60)
end

-- Puts a name between quotes, escaped as browsers and the HTML standard do it.
local ESCAPES = { ['"'] = "%22", ["\r"] = "%0D", ["\n"] = "%0A" }
local function quoted(text) return '"' .. text:gsub('[\r\n"]', ESCAPES) .. '"' end

local function head(boundary, name, upload)
  local lines = "--" .. boundary .. "\r\nContent-Disposition: form-data; name=" .. quoted(name)
  if upload then lines = lines .. "; filename=" .. quoted(upload.name) .. "\r\nContent-Type: " .. upload.mime end
  return lines .. "\r\n\r\n"
end

-- The body as a list of texts and uploads, in order.
local function segments_of(fields, boundary)
  local segments = {}
  for _, field in ipairs(fields) do
    local value = field[2]
    local upload = type(value) == "table" and value or nil
    segments[#segments + 1] = head(boundary, field[1], upload) .. (upload and "" or value .. "\r\n")
    if upload then
      segments[#segments + 1] = upload
      segments[#segments + 1] = "\r\n"
    end
  end
  segments[#segments + 1] = "--" .. boundary .. "--\r\n"
  return segments
end

local function length_of(segments)
  local sum = 0
  for _, segment in ipairs(segments) do
    local length = type(segment) == "string" and #segment or segment.length
    if not length then return nil end
    sum = sum + length
  end
  return sum
end

-- One pass over the segments.
local function reader_of(form, segments)
  local at, file = 0, nil
  local function close()
    if file then file.close() end
    file, at = nil, #segments
  end
  local function fail(err)
    close()
    return nil, err
  end
  local function read()
    while true do
      if file then
        local bytes, err = file.read()
        if bytes then return bytes end
        if err then return fail(err) end
        file = file.close()
      end
      at = at + 1
      local segment = segments[at]
      if type(segment) ~= "table" then return segment end -- a text, or nil: the end
      local err
      form.spent = form.spent or segment.once
      file, err = segment.open()
      if not file then return fail(err) end
    end
  end
  return { length = form.length, read = read, close = close }
end

--- Makes a form; reads none of its files yet.
---@param fields {[1]: string, [2]: string|ogl.Upload}[] name and text, or name and file
---@return ogl.Form?
---@return ogl.Error? err if the system gives no random bytes
function M.form(fields)
  local boundary, err = make_boundary()
  if not boundary then return nil, err end
  local segments = segments_of(fields, boundary)
  local form = { content_type = "multipart/form-data; boundary=" .. boundary, length = length_of(segments), spent = false }
  function form.open() return reader_of(form, segments) end
  return form
end

return M
