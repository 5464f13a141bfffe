--- Media: bytes with a MIME type, from an address, a file or a string; the builders image, audio and file make them.
--
-- A part only notes where its bytes are. They are read when a request is sent, so that a missing file is an error of the call
-- (`nil, err` of kind `file`) and not a nil in the middle of a message.
--
-- @module opengatellm.request.media
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"

local M = {}

--- The largest file that is read into a request, in bytes: requests are JSON, held in memory.
M.MAX = 50 * 1024 * 1024

local MAGIC = {
  { "^\137PNG\r\n\26\n", "image/png" }, { "^\255\216\255", "image/jpeg" }, { "^GIF8[79]a", "image/gif" },
  { "^RIFF....WEBP", "image/webp" }, { "^RIFF....WAVE", "audio/wav" }, { "^ID3", "audio/mpeg" },
  { "^\255[\251\250\243\242]", "audio/mpeg" }, { "^OggS", "audio/ogg" }, { "^fLaC", "audio/flac" },
  { "^%%PDF%-", "application/pdf" }, { "^BM", "image/bmp" }, { "^II%*%z", "image/tiff" }, { "^MM%z%*", "image/tiff" },
  { "^....ftypM4A", "audio/mp4" },
}

--- Finds the MIME type from the first bytes of a file; gives nil if they do not tell.
---@param bytes string
---@return string?
function M.sniff(bytes)
  local head = bytes:sub(1, 16)
  for _, row in ipairs(MAGIC) do
    -- 5.1 wants %z for NUL, 5.2 and later know both
    if head:find(row[1]) then return row[2] end
  end
end

local FIELDS = {
  url = "string", path = "string", data = "string", mime = "string", name = "string", detail = "string", id = "string", cache = "boolean",
}

--- Makes a part of a message, `{type, url | path | data, mime}`, for ogl.image, ogl.audio and ogl.file. Raises mistakes in the source.
---@param kind "image"|"audio"|"file"
---@param source {url?: string, path?: string, data?: string, mime?: string, name?: string, detail?: string, cache?: boolean}
---@param level integer for error()
function M.part(kind, source, level)
  local where = "ogl." .. kind
  if type(source) ~= "table" then error(where .. ": expected table, got " .. type(source), level) end
  local part, places = { type = kind }, 0
  for key, value in pairs(source) do
    if not FIELDS[key] then error(where .. ": unknown field '" .. tostring(key) .. "'", level) end
    if type(value) ~= FIELDS[key] then
      error(where .. ": field '" .. key .. "': expected " .. FIELDS[key] .. ", got " .. type(value), level)
    end
    part[key] = value
  end
  for _, key in ipairs { "url", "path", "data", "id" } do places = places + (part[key] and 1 or 0) end
  if places ~= 1 then error(where .. ": exactly one of url, path and data is needed", level) end
  return part
end

local function file_error(path, message)
  return errors.new { kind = "file", message = path .. ": " .. message }
end

local function read_file(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, file_error(path, (why or "cannot be opened"):gsub("^.-: ", "")) end
  local bytes, problem = file:read(M.MAX + 1)
  file:close()
  if not bytes then return nil, file_error(path, problem or "is empty, or no file") end
  if #bytes > M.MAX then return nil, file_error(path, "is larger than " .. M.MAX .. " bytes") end
  return bytes
end

-- Makes the error of a part whose bytes are not here: it names a file of a server, or has no source.
local function nothing_in(part)
  local what = part.id and "is known here by its id alone, which cannot be sent" or "has neither url nor path nor data"
  return errors.new { kind = "unsupported", message = ("a part of type %s %s"):format(tostring(part.type), what) }
end

--- Gives the bytes and the MIME type of a part that has no address; reads its file if need be.
---@param part table
---@return string? bytes
---@return string|ogl.Error mime or the error
function M.bytes(part)
  local bytes, err = part.data, nil
  if part.path then bytes, err = read_file(part.path)
  elseif type(bytes) ~= "string" then err = nothing_in(part) end
  if err or not bytes then return nil, err end
  return bytes, part.mime or M.sniff(bytes) or "application/octet-stream"
end

local AUDIO_FORMATS = { ["audio/wav"] = "wav", ["audio/mpeg"] = "mp3", ["audio/flac"] = "flac", ["audio/ogg"] = "ogg" }

--- Gives the OpenAI protocols' name for a recording's format.
---@param mime string
---@return string
function M.audio_format(mime) return AUDIO_FORMATS[mime] or mime:match "/(.*)$" or mime end

--- Gives the address of a part: its own, or a data URL.
---@param part table
---@return string? url
---@return ogl.Error? err
function M.url(part)
  if part.url then return part.url end
  local bytes, mime = M.bytes(part)
  if not bytes then return nil, mime end
  return "data:" .. mime .. ";base64," .. core.base64_encode(bytes)
end

--- Splits a data URL into its MIME type and its base64 text; gives nil for any other address.
---@param url string
---@return string? mime
---@return string? base64
function M.split(url) return url:match "^data:([^;,]+)[^,]*;base64,(.*)$" end

--- Gives the base64 and the MIME type of a part that has no address, or whose address is a data URL.
---@param part table
---@return string? base64 nil where the part has another address
---@return string|ogl.Error|nil mime or the error
function M.base64(part)
  if part.url then
    local mime, text = M.split(part.url)
    return text, mime
  end
  local bytes, mime = M.bytes(part)
  if not bytes then return nil, mime end
  return core.base64_encode(bytes), mime
end

return M
