--- Attachments: media that are too large for a request. The client sends them to the server first, and the request names them.
--
-- Only providers with `attachments` in their data take them: { inline = bytes of base64 that a request may hold, by = the module that
-- sends }. The largest media go first, until the rest fits. The request is encoded once before the first upload, so that a mistake in
-- it costs no upload. The client remembers what it sent by the part's table: the next turn of a conversation names it again.
--
-- The module that sends has
--
--   look(client, source) -> upload | nil, err           looks at a source; sends nothing yet
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
---@field request ogl.Request the request with names in place of the large media; before `send`, words in brackets stand for the names
---@field pending boolean a medium has no name yet: it has to be sent
---@field warnings {code: string, field: string, message: string}[]
local Attachments = {}
Attachments.__index = Attachments

local MEDIA = { image = true, audio = true, file = true }
local MARGIN = 3600 -- seconds: a file is sent anew this long before the server deletes it, so that an answer has time to read it

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

-- Bytes of a part; nil if the file does not tell. Then the part stays in the request, and the protocol reads it or reports the error.
local function length_of(part)
  if type(part.data) == "string" then return #part.data end
  local file = type(part.path) == "string" and io.open(part.path, "rb")
  local length = file and file:seek "end"
  if file then file:close() end
  return length
end

local function base64_length(length) return math.floor((length + 2) / 3) * 4 end

-- The note of a part whose bytes have not changed since they were sent. A local file may be deleted by now: the server still has it.
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

-- Lists the media that stand in the request, largest first, and sums their bytes of base64; puts those that were sent before into `apart`.
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

-- A part that names a file on the server that is asked (`here`), whichever provider its message came from.
local function named(part, id, mime) return { type = part.type, id = id, mime = part.mime or mime, here = true } end

-- A part that names an uploaded file, or has words in brackets until the file has a name.
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

--- Chooses the media of a request that have to be uploaded; gives nil if all of it fits. Sends nothing. Errors: `file` if one of them
--- cannot be read.
---@param client ogl.Client whose provider has attachments
---@param asked ogl.Request checked
---@return ogl.Attachments?
---@return ogl.Error? err
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

local UPLOADED = "%s (%.0f bytes) is too large for a request: it was uploaded first, as %s; the server keeps it for %d hours"

-- Sends a part's bytes, and remembers the file.
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

-- Sends a part, unless it was sent before, and waits until a model can read it.
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
    self.notes[part] = nil -- no model will ever read it; after any other error the next call waits for it again
  end
  return problem
end

--- Uploads the chosen media, in the order of the messages, and puts their names into `request`.
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

--- Forgets an uploaded file, because it was deleted: its part is sent anew when a request uses it again.
---@param client ogl.Client
---@param id string
function M.forget(client, id)
  local notes = by_client[client] or {}
  for part, note in pairs(notes) do
    if note.file.id == id then notes[part] = nil end
  end
end

return M
