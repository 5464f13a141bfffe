--- Attachments: media of a request that are too large to stand in it. They are sent to the server before it, and it names them.
--
-- Only for providers whose data say so: { inline = bytes of base64 that may stand in a request, by = the module that sends }. The
-- largest go first, until the rest fits; nothing is sent before the request has been encoded once without them, so that a mistake
-- in it costs no upload. What was sent is noted by the part's table, for this client: the next turn of a conversation names it again.
--
-- The module that sends has
--
--   look(client, source) -> upload | nil, err           what is to be sent, before anything is
--   put(client, upload, nil, options) -> file | nil, err
--   ready(client, file, options) -> file | nil, err     waits until a model can read it
--   KEPT                                                seconds that the server keeps it
--
-- and its file has `uri`, `mimeType` and `name`.
--
-- @module opengatellm.http.attachments
local request = require "opengatellm.request"

local M = {}

---@class ogl.Attachments of one request
---@field request ogl.Request the request with names in place of what goes apart; before `send` with what stands for them
---@field pending boolean something in it has no name yet: it has to be sent
---@field warnings {code: string, field: string, message: string}[]
local Attachments = {}
Attachments.__index = Attachments

local MEDIA = { image = true, audio = true, file = true }
local MARGIN = 3600 -- seconds: a file is sent anew before its end, so that it is there for as long as an answer takes

local by_client = setmetatable({}, { __mode = "k" }) -- client -> part -> { source, length, file, sent }

local function notes_of(client)
  local notes = by_client[client]
  if not notes then
    notes = setmetatable({}, { __mode = "k" })
    by_client[client] = notes
  end
  return notes
end

-- Choosing ------------------------------------------------------------------------------------------------------------

-- Bytes of a part; nil where nobody knows: then the protocol reads it, or says why not.
local function length_of(part)
  if type(part.data) == "string" then return #part.data end
  local file = type(part.path) == "string" and io.open(part.path, "rb")
  local length = file and file:seek "end"
  if file then file:close() end
  return length
end

local function base64_length(length) return math.floor((length + 2) / 3) * 4 end

-- The note of a part whose bytes are still those that were sent. A file that is gone here is still there.
local function valid_note(notes, part, length, kept)
  local note = notes[part]
  if not note then return nil end
  local same = note.source == (part.path or part.data) and (length == nil or length == note.length)
  if same and os.difftime(os.time(), note.sent) < kept - MARGIN then return note end
  notes[part] = nil
end

local function each_medium(asked, visit)
  for _, message in ipairs(asked.messages) do
    local content = message.role ~= "assistant" and type(message.content) == "table" and message.content or {}
    for _, part in ipairs(content) do
      if type(part) == "table" and MEDIA[part.type] then visit(part) end
    end
  end
end

-- What stands in the request, largest first, and the bytes of base64 of it all; what was sent before goes to `apart` at once.
local function survey(self, asked)
  local inline, sum, kept = {}, 0, self.by.KEPT
  each_medium(asked, function(part)
    if part.path or part.data then
      local length = length_of(part)
      if valid_note(self.notes, part, length, kept) then
        self.apart[part] = true
      elseif length then
        inline[#inline + 1] = { part = part, length = length, place = #inline }
        sum = sum + base64_length(length)
      end
    elseif part.url and part.url:find "^data:" then
      sum = sum + #part.url
    end
  end)
  table.sort(inline, function(a, b)
    if a.length ~= b.length then return a.length > b.length end
    return a.place < b.place
  end)
  return inline, sum
end

local function choose(self, asked, room)
  local inline, sum = survey(self, asked)
  for _, entry in ipairs(inline) do
    if sum <= room then return end
    self.apart[entry.part], sum = true, sum - base64_length(entry.length)
  end
end

-- The request ---------------------------------------------------------------------------------------------------------

local function label_of(part) return part.name or part.path and part.path:match "[^/\\]+$" or part.type end

local function source_of(part) return { path = part.path, data = part.data, name = part.name, mime = part.mime } end

-- A part by the name that its file has on the server that is asked (`here`), wherever its message came from.
local function named(part, id, mime) return { type = part.type, id = id, mime = part.mime or mime, here = true } end

-- A part that names what was sent, or stands for what is to be.
local function reference(self, part)
  local note = self.notes[part]
  if note and note.ready then return named(part, note.file.uri, note.file.mimeType) end
  local file = self.uploads[part]
  self.pending = true
  local text = file and ("(%s, %.0f bytes: uploaded before this is sent)"):format(label_of(part), file.length)
  return named(part, text or ("(%s is being processed)"):format(label_of(part)), file and file.mime)
end

local function with_references(self, message)
  local content, changed = {}, false
  for i, part in ipairs(type(message.content) == "table" and message.content or {}) do
    local apart = self.apart[part]
    content[i], changed = apart and reference(self, part) or part, changed or apart
  end
  return changed and request.merge(message, { content = content }) or message
end

local function set_request(self)
  local messages = {}
  self.pending = false
  for i, message in ipairs(self.asked.messages) do messages[i] = with_references(self, message) end
  self.request = request.merge(self.asked, { messages = messages })
end

--- What of a request goes apart; nil where all of it fits. Nothing is sent.
---@param client ogl.Client whose provider has attachments
---@param asked ogl.Request checked
---@return ogl.Attachments?
---@return ogl.Error? err of a file
function M.of(client, asked)
  local data = client.provider.attachments
  local self = setmetatable({
    client = client, asked = asked, by = require(data.by), notes = notes_of(client), request = asked, pending = false, warnings = {},
    apart = {}, -- part -> true
    uploads = {}, -- part -> upload, of those that were not sent yet
  }, Attachments)
  choose(self, asked, data.inline)
  if next(self.apart) == nil then return nil end
  for part in pairs(self.apart) do
    if not self.notes[part] then
      local file, err = self.by.look(client, source_of(part))
      if not file then return nil, err end
      self.uploads[part] = file
    end
  end
  set_request(self)
  return self
end

-- Sending -------------------------------------------------------------------------------------------------------------

local UPLOADED = "%s (%.0f bytes) is too large for a request: it was uploaded before, as %s; the server keeps it for %d hours"

-- Sends a part's bytes, and notes it.
local function put(self, part, options)
  local upload = self.uploads[part]
  local file, err = self.by.put(self.client, upload, nil, options)
  if not file then return nil, err end
  local note = { source = part.path or part.data, length = upload.length, file = file, sent = os.time(), ready = false }
  self.notes[part] = note
  local message = UPLOADED:format(label_of(part), upload.length, file.name, self.by.KEPT / 3600)
  table.insert(self.warnings, { code = "uploaded", field = "messages", message = message })
  return note
end

-- Sends a part, if it was not sent before, and waits until a model can read it.
local function send_part(self, part, options)
  local note = self.notes[part]
  if not note then
    local err
    note, err = put(self, part, options)
    if not note then return err end
  end
  if note.ready then return nil end
  local file, problem = self.by.ready(self.client, note.file, options)
  if file then
    note.file, note.ready = file, true
  elseif problem.kind == "provider" or problem.status and not problem.retryable then
    self.notes[part] = nil -- it will never be read; after any other error the next call goes on waiting
  end
  return problem
end

--- Sends what goes apart, in the order of the messages, and puts its names into `request`.
---@return true? sent
---@return ogl.Error? err
function Attachments:send()
  local options = { headers = self.asked.headers, timeouts = self.asked.timeouts }
  local err
  each_medium(self.asked, function(part)
    if not err and self.apart[part] then err = send_part(self, part, options) end
  end)
  if err then return nil, err end
  set_request(self)
  return true
end

--- Forgets what was sent under an id: it was deleted. The part is sent anew where it is used again.
---@param client ogl.Client
---@param id string
function M.forget(client, id)
  local notes = by_client[client] or {}
  for part, note in pairs(notes) do
    if note.file.id == id then notes[part] = nil end
  end
end

return M
