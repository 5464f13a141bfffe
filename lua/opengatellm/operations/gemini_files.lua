--- Files of the Gemini API: sent in two steps, then waited for until a model can read them.
--
--   start    POST /upload/v1beta/files       how many bytes of which type; a header of the answer says where to send them
--   bytes    POST to that address            all of them, from the disk piece by piece; the answer is the file
--   state    GET /v1beta/files/{id}          PROCESSING, then ACTIVE or FAILED
--
-- The key goes to the address of the bytes as well, so that address has to be on the client's own host. The server keeps a file for 48
-- hours. Sources: ai.google.dev/api/files (routes, states, pages), ai.google.dev/gemini-api/docs/files (headers of the two steps, 2 GB a
-- file, 48 hours). Vertex AI has no such call.
--
-- @module opengatellm.operations.gemini_files
local answer = require "opengatellm.http.answer"
local call = require "opengatellm.http.call"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local json = require "opengatellm.json"
local request = require "opengatellm.request"
local shape = require "opengatellm.operations.shape"
local upload = require "opengatellm.http.upload"
local url = require "opengatellm.base.url"

local M = {}

---@class ogl.GeminiFile
---@field id string its name without "files/"
---@field name string
---@field uri string its name in a request: `ogl.file { id = file.uri, mime = file.mimeType }`
---@field mimeType string
---@field sizeBytes string
---@field state "PROCESSING"|"ACTIVE"|"FAILED"
---@field error? {message?: string}

--- Bytes that a file may have, unless `limits.upload` says otherwise.
M.MAX = 2 * 1024 * 1024 * 1024
--- Seconds that the server keeps a file.
M.KEPT = 48 * 3600

local WAIT = 600 -- seconds, if no timeout is set
local FIRST, LONGEST = 0.5, 8 -- seconds between two questions for the state

-- Files as the server describes them --------------------------------------------------------------------------------

local function id_of(name) return (name:gsub("^files/", "")) end

--- Adds the `id` to a file, {name: "files/abc", …}.
---@param file any the answer
---@return table? file
---@return string? expected what the answer should have been
function M.file(file)
  if type(file) ~= "table" or type(file.name) ~= "string" then return nil, "a file" end
  file.id = id_of(file.name)
  return file
end

--- Reads a page of files, {files: […], nextPageToken}; a project without files gets {}.
---@param told table the answer
function M.page(told)
  local token = type(told.nextPageToken) == "string" and told.nextPageToken ~= "" and told.nextPageToken or nil
  local page = setmetatable({}, { __index = { has_more = token ~= nil, after = token } })
  for i, each in ipairs(type(told.files) == "table" and told.files or {}) do
    local file, expected = M.file(each)
    if not file then return nil, "a list whose items are " .. expected .. " each" end
    page[i] = file
  end
  return page
end

--- Allows the id of a file to be written as the server writes its name.
---@param options table of the call
---@param context ogl.Context
---@return table options
function M.prepare(options, context)
  context.ids.id = id_of(context.ids.id)
  return options
end

--- Forgets a deleted file, so that no later request names it.
---@param told table the answer
---@param context ogl.Context
---@return table told
function M.deleted(told, context)
  require "opengatellm.http.attachments".forget(context.client, context.ids.id)
  return told
end

-- Looking at a source -------------------------------------------------------------------------------------------------

-- Types by the end of a name, for films whose first bytes do not tell.
local BY_NAME = {
  mp4 = "video/mp4", mov = "video/quicktime", webm = "video/webm", mpeg = "video/mpeg", mpg = "video/mpeg", avi = "video/avi",
}

--- Looks at a source before anything is sent. Error: `file` if it is missing or too large.
---@param client ogl.Client
---@param source ogl.Source
---@return ogl.Upload?
---@return ogl.Error?
function M.look(client, source)
  local file, err = upload.new(source, client.bounds.upload or M.MAX)
  if not file then return nil, err end
  if type(source) ~= "table" or not source.mime then file.mime = BY_NAME[(file.name:match "%.(%w+)$" or ""):lower()] or file.mime end
  return file
end

-- Sending -------------------------------------------------------------------------------------------------------------

-- Copies the options that a step takes from those of the call; only the step that sends the bytes reports progress.
local function step_options(options) return { headers = options.headers, timeouts = options.timeouts } end

local function digits(number) return ("%.0f"):format(number) end

local function start(client, file, fields, options)
  local headers = {
    { "x-goog-upload-protocol", "resumable" }, { "x-goog-upload-command", "start" }, { "x-goog-upload-header-content-type", file.mime },
  }
  if file.length then headers[4] = { "x-goog-upload-header-content-length", digits(file.length) } end
  local body, head = call.fetch(client, {
    method = "POST", root = true, path = "/upload" .. client.api:sub(#client.root + 1) .. "/files", headers = headers,
    body = json.encode { file = request.merge({ display_name = file.name }, fields) }, options = step_options(options),
    repeatable = "always", -- the server keeps no file before it has the bytes
  })
  if not body then return nil, head end
  if answer.is_html(body, head) then return nil, call.not_json(client, body, head, "a page") end
  local err = answer.fault(body, answer.json(body), head)
  if err then return nil, call.finish(client, err, head) end
  return head
end

local PORTS = { http = ":80", https = ":443" }

-- Splits an address into scheme, host and port, in one spelling, and the rest.
local function split(address)
  local scheme, place, rest = address:match "^(%a[%w+.-]*)://([^/?#]*)([^#]*)"
  if not scheme then return nil end
  scheme, place = scheme:lower(), place:lower()
  local port = PORTS[scheme]
  if port and place:sub(-#port) == port then place = place:sub(1, -#port - 1) end
  return scheme .. "://" .. place, rest
end

-- Removes a key from an address's query: the header carries the key, and addresses end up in logs.
local function without_key(target)
  local path, query = target:match "^([^?]*)%??(.*)$"
  local kept = {}
  for pair in query:gmatch "[^&]+" do
    if not pair:find "^key=" then kept[#kept + 1] = pair end
  end
  return path .. (kept[1] and "?" .. table.concat(kept, "&") or "")
end

-- Finds the address for the bytes. Anyone who has this address can send to it, so messages quote only its host.
local function place_of(client, head)
  local address = head.headers["x-goog-upload-url"]
  local origin, target
  if type(address) == "string" and not address:find "[%c%s]" then origin, target = split(address) end
  if not origin then return nil, call.unexpected(client, head, "the server did not say where to send the bytes of the file") end
  local own = split(client.root)
  if origin ~= own then
    local text = "the server wants the bytes of the file on another host: %s instead of %s; nothing was sent there"
    local err = call.unexpected(client, { status = head.status, headers = {} }, text:format(origin:gsub("//.*@", "//"), own))
    err.code = "upload_host"
    return nil, err
  end
  return own, without_key(target)
end

local function send(client, file, origin, target, options)
  local sent, head, body = call.json(client, {
    method = "POST", api = origin, path = target, headers = { { "x-goog-upload-offset", "0" }, { "x-goog-upload-command", "upload, finalize" } },
    form = upload.body(file), options = options, repeatable = "refused",
  })
  if sent == nil then return nil, head end
  local made, expected = M.file(type(sent) == "table" and shape.strip(sent).file or nil)
  if not made then return nil, call.unexpected(client, head, "the server's answer is not " .. expected, body) end
  return made, head
end

--- Sends a file, in its two steps.
---@param client ogl.Client
---@param file ogl.Upload
---@param fields? table of the file: display_name, name
---@param options table of the call: headers, timeouts, on_progress
---@return ogl.GeminiFile?
---@return ogl.Error|table err or the head of the answer
function M.put(client, file, fields, options)
  if not client.api then return nil, client:missing() end
  local head, err = start(client, file, fields, options)
  if not head then return nil, err end
  local origin, target = place_of(client, head)
  if not origin then return nil, target end
  return send(client, file, origin, target, options)
end

-- Waiting -------------------------------------------------------------------------------------------------------------

local function failed(client, file, head)
  local told = type(file.error) == "table" and type(file.error.message) == "string" and ": " .. file.error.message or ""
  local message = ("the server could not process the file %s%s"):format(file.displayName or file.name, told)
  return call.finish(client, errors.new { kind = "provider", code = "file_failed", message = message, partial = { id = file.id } }, head)
end

local function late(client, file, seconds)
  local text = "the file %s was sent, but the server is still processing it after %g s; timeouts.total, timeouts.first_byte or wait allows more"
  local message = text:format(file.displayName or file.name, seconds)
  return call.finish(client, errors.new {
    kind = "timeout", code = "not_active", phase = "total", message = message, partial = { id = file.id },
  })
end

local function again(client, file, options)
  local problem = url.problem(file.id)
  if problem then return nil, call.finish(client, errors.new { kind = "protocol", message = "the file's name: " .. problem }) end
  local told, head, body = call.json(client, {
    method = "GET", path = "/files/" .. url.segment(file.id), options = step_options(options), repeatable = "always",
  }, nil, "state")
  if told == nil then return nil, head end
  local fresh, expected = M.file(shape.strip(told))
  if not fresh then return nil, call.unexpected(client, head, "the server's answer is not " .. expected, body) end
  return fresh, head
end

--- Asks for a file until a model can read it, at most as long as the timeouts let one exchange last.
---@param client ogl.Client
---@param file ogl.GeminiFile
---@param options table of the call: headers, timeouts
---@param seconds? number
---@param head? table of the answer that `file` is from
---@return ogl.GeminiFile?
---@return ogl.Error? err kind `provider` if the server could not process the file, `timeout` if it takes too long
function M.ready(client, file, options, seconds, head)
  local timeouts = request.timeouts(client.timeouts, options.timeouts)
  seconds = seconds or timeouts.total or timeouts.first_byte or WAIT
  local clock, pause = host.current(client.host), FIRST
  local finish = clock.now() + seconds
  while file.state == "PROCESSING" do
    if clock.now() + pause > finish then return nil, late(client, file, seconds) end
    clock.sleep(pause)
    pause = math.min(pause * 2, LONGEST)
    local fresh, answered = again(client, file, options)
    if not fresh then
      answered.partial = answered.partial or { id = file.id }
      return nil, answered
    end
    file, head = fresh, answered
  end
  if file.state == "FAILED" then return nil, failed(client, file, head) end
  return file
end

--- client.files:create: sends a file, and with `wait` returns when a model can read it.
---@param context ogl.Context
---@param fields table the parameters of the call, with the file
---@return ogl.GeminiFile?
---@return ogl.Error?
function M.create(context, fields)
  local client, options = context.client, context.options
  local file, err = M.look(client, fields.file)
  if not file then return nil, err end
  fields.file = nil
  local made, head = M.put(client, file, fields, options)
  if not made then return nil, head end
  if not options.wait then return made end
  return M.ready(client, made, options, type(options.wait) == "number" and options.wait or nil, head)
end

return M
