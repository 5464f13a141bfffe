--- Uploads: files that go into a request. They are read piece by piece, so that they are never whole in memory.
--
-- A source is a path, or a table with one of `path`, `data` (bytes) and `read` (a function that gives the next bytes, nil at
-- the end, or nil and what went wrong; `length` with it if the program knows it). `name` and `mime` may be given, where the path and the
-- first bytes do not tell them. `upload.new` looks at the source before anything is sent, and returns the error of a file that is
-- missing, unreadable or too large. Its `open` begins to read, as often as the source allows.
--
-- @module opengatellm.http.upload
local errors = require "opengatellm.errors"
local media = require "opengatellm.request.media"

local M = {}

---@alias ogl.Source string|{path?: string, data?: string, read?: (fun(): string?, any), length?: integer, name?: string, mime?: string}

---@class ogl.Upload
---@field name string the file's name without its folders
---@field mime string
---@field length? integer bytes; nil: unknown (a pipe, a function)
---@field once boolean it can be read only once
---@field open fun(): ogl.Upload.Reader?, ogl.Error?

---@class ogl.Upload.Reader
---@field read fun(): string?, ogl.Error? the next bytes, nil at the end
---@field close fun()

local PIECE = 64 * 1024
local HEAD = 16 -- bytes that media.sniff looks at

local FIELDS = {
  path = "string", data = "string", read = "function", length = "number", name = "string", mime = "string", type = "string", url = "string",
}

--- Says what is wrong with a source.
---@param source ogl.Source
---@return string? problem nil if nothing is
function M.problem(source)
  if type(source) == "string" then return nil end
  for field, value in pairs(source) do
    if not FIELDS[field] then return "there is no field '" .. tostring(field) .. "'" end
    if type(value) ~= FIELDS[field] then return field .. ": expected " .. FIELDS[field] .. ", got " .. type(value) end
  end
  local places = (source.path and 1 or 0) + (source.data and 1 or 0) + (source.read and 1 or 0)
  if source.url then return "the server takes a file here, not an address" end
  if places ~= 1 then return "exactly one of path, data and read is needed" end
  for _, field in ipairs { "name", "mime" } do
    if source[field] and source[field]:find "[%c]" then return field .. ": it holds a line end or another control character" end
  end
end

--- Makes a list of one source, and leaves a list as it is.
---@param value ogl.Source|ogl.Source[]
---@return ogl.Source[]
function M.list(value)
  if type(value) == "string" or value.path or value.data or value.read or value.url then return { value } end
  return value
end

local function failure(name, message)
  return errors.new { kind = "file", message = name .. ": " .. message }
end

-- Types by the end of a name, for files whose first bytes do not tell.
local BY_NAME = {
  txt = "text/plain", md = "text/markdown", markdown = "text/markdown", html = "text/html", htm = "text/html", json = "application/json",
  csv = "text/csv", pdf = "application/pdf", mp3 = "audio/mpeg", wav = "audio/wav", m4a = "audio/mp4", ogg = "audio/ogg",
  flac = "audio/flac", oga = "audio/ogg", opus = "audio/ogg", mpga = "audio/mpeg", aac = "audio/aac", mp4 = "video/mp4",
  png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", webp = "image/webp", gif = "image/gif", jsonl = "application/jsonl",
  webm = "audio/webm", docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

local function mime_of(source, name, head)
  return source.mime or head and media.sniff(head) or BY_NAME[(name:match "%.(%w+)$" or ""):lower()] or "application/octet-stream"
end

-- Bytes -----------------------------------------------------------------------------------------------------------

local function of_data(source, upload)
  upload.length, upload.mime = #source.data, mime_of(source, upload.name, source.data:sub(1, HEAD))
  upload.open = function()
    local rest = source.data
    return {
      read = function()
        local bytes = rest
        rest = nil
        return bytes ~= "" and bytes or nil
      end,
      close = function() rest = nil end,
    }
  end
  return upload
end

-- Files -----------------------------------------------------------------------------------------------------------

local function open_file(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, failure(path, ((why or "cannot be opened"):gsub("^.-: ", ""))) end
  return file
end

local function shrunk(path, length, done)
  return failure(path, ("it became shorter while it was sent (%d bytes instead of %d)"):format(done, length))
end

-- Reads at most `length` bytes of a file, even if it grows, because the request's head announced that length.
local function file_reader(path, length)
  local file, err = open_file(path)
  if not file then return nil, err end
  local done = 0
  local function close()
    if file then file:close() end
    file = nil
  end
  return {
    close = close,
    read = function()
      if not file or done == length then return close() end
      local bytes, why = file:read(length and math.min(PIECE, length - done) or PIECE)
      if bytes then
        done = done + #bytes
        return bytes
      end
      close()
      if why then return nil, failure(path, why) end
      if length then return nil, shrunk(path, length, done) end
    end,
  }
end

local function of_path(source, path, upload)
  local file, err = open_file(path)
  if not file then return nil, err end
  local head, why = file:read(HEAD)
  local length = head and file:seek "end" -- nil for a pipe, which cannot seek
  if not head and not why then length = 0 end
  file:close()
  if why then return nil, failure(path, why) end
  upload.length, upload.mime = length, mime_of(source, upload.name, head)
  upload.once = length == nil
  upload.open = function() return file_reader(path, length) end
  return upload
end

-- Functions -------------------------------------------------------------------------------------------------------

local function of_function(source, upload)
  upload.length, upload.mime, upload.once = source.length, mime_of(source, upload.name), true
  upload.open = function()
    return {
      close = function() end,
      read = function()
        local bytes, why = source.read()
        if bytes == nil and why ~= nil then
          return nil, errors.is(why) and why or failure(upload.name, "it could not be read: " .. tostring(why))
        end
        if bytes ~= nil and type(bytes) ~= "string" then return nil, failure(upload.name, "its reader returned a " .. type(bytes)) end
        return bytes
      end,
    }
  end
  return upload
end

-- Gives a reader that returns an error if more comes than `max`, or more or less than was announced.
local function bounded(upload, max)
  local open = upload.open
  local function checked()
    local reader, err = open()
    if not reader then return nil, err end
    local done = 0
    return {
      close = reader.close,
      read = function()
        local bytes, problem = reader.read()
        if problem then return nil, problem end
        done = done + (bytes and #bytes or 0)
        if max and done > max then return nil, failure(upload.name, ("it is larger than the limit of %d bytes"):format(max)) end
        if upload.length and (done > upload.length or not bytes and done < upload.length) then
          return nil, failure(upload.name, ("it does not have the %d bytes that were announced"):format(upload.length))
        end
        return bytes
      end,
    }
  end
  return checked
end

--- Looks at a source, and leaves no file open. Errors: `file` if it is missing, unreadable, or larger than `max`.
---@param source ogl.Source checked by `problem`
---@param max? integer bytes; nil: no limit
---@return ogl.Upload? upload
---@return ogl.Error? err
function M.new(source, max)
  if type(source) == "string" then source = { path = source } end
  local name = source.name or source.path and source.path:match "[^/\\]+$" or "file"
  local upload, err = { name = name, once = false }
  if source.data then of_data(source, upload)
  elseif source.read then of_function(source, upload)
  else
    upload, err = of_path(source, source.path, upload)
    if not upload then return nil, err end
  end
  if max and upload.length and upload.length > max then
    local text = "it has %d bytes, more than the %d that the server takes (limits.upload allows more)"
    return nil, failure(source.path or name, text:format(upload.length, max))
  end
  if source.read or not upload.length then upload.open = bounded(upload, max) end
  return upload
end

--- Makes an upload the whole body of a request; a call uses it like a form (multipart.lua).
---@param upload ogl.Upload
---@return ogl.Form
function M.body(upload)
  local body = { content_type = upload.mime, length = upload.length, spent = false }
  function body.open()
    local reader
    local function read()
      if not reader then
        local err
        body.spent = body.spent or upload.once
        reader, err = upload.open()
        if not reader then return nil, err end
      end
      return reader.read()
    end
    return { length = upload.length, read = read, close = function() if reader then reader.close() end end }
  end
  return body
end

return M
