--- Reads the body of a request that came to us, field by field. Its JSON may come from a careless or hostile client.
--
--   reader.read(source, options, function(fields, reader) … return request, wants end) -> request, wants | nil, err
--
-- The first wrong field ends the reading with an error of kind `invalid` that names it
-- ("messages[2].content[1].image_url: expected an object, got a number"); nothing raises. null counts as absent. Fields that a decoder
-- does not read are the `rest`. Objects that go on unread (schemas, arguments, unknown items) keep their bytes:
-- `reader:source(object)`. A table is first encoded as JSON, so that its depth is bounded and it holds only values that JSON has.
--
-- No part of the result names a file of this machine, or a client could have it sent: media have data, or an address that is no file.
--
-- @module opengatellm.protocol.reader
local call_ids = require "opengatellm.protocol.call_ids"
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local messages = require "opengatellm.protocol.messages"
local media = require "opengatellm.request.media"
local requests = require "opengatellm.request"
local url_of = require "opengatellm.base.url"
local translation = require "opengatellm.protocol.translation"

local M = {}

-- The value that `refuse` raises and `read` catches; its only field is the message.
local refusal_mt = {}

--- Ends the reading.
---@param where string the field
---@param message string
function M.refuse(where, message)
  error(setmetatable({ message = where == "" and message or where .. ": " .. message }, refusal_mt), 0)
end

-- Kinds of values -------------------------------------------------------------------------------------------------

local function is_raw(value) return getmetatable(value) == core.raw_mt end

local function is_list(value)
  return type(value) == "table" and not is_raw(value) and (getmetatable(value) == core.array_mt or value[1] ~= nil)
end

local NAMES = { string = "a text", number = "a number", boolean = "a boolean", userdata = "null" }

local function name_of(value)
  if type(value) ~= "table" then return NAMES[type(value)] or type(value) end
  return is_raw(value) and "a number" or is_list(value) and "a list" or "an object"
end

local function expect(where, what, value) M.refuse(where, "expected " .. what .. ", got " .. name_of(value)) end

-- Fields of an object ---------------------------------------------------------------------------------------------

---@class ogl.Fields of one object; methods read a field by its key, and give nil if it is absent or null
---@field table table
---@field where string the object's own name, "" for the body
---@field reader ogl.BodyReader
---@field known table<string, boolean> the keys that were read
---@field back? table fields that were read and belong to the rest all the same
local Fields = {}
Fields.__index = Fields

--- Names a field with its place in the body, for messages.
---@param key string
---@return string
function Fields:at(key) return self.where == "" and key or self.where .. "." .. key end

-- "maxOutputTokens" -> "max_output_tokens": protocol buffers accept both names
local function snake(key) return (key:gsub("%u", function(letter) return "_" .. letter:lower() end)) end

--- Reads a field of any type.
---@param key string
---@return any
function Fields:any(key)
  self.known[key] = true
  local value = self.table[key]
  if value == nil and self.reader.lenient then
    key = snake(key)
    self.known[key] = true
    value = self.table[key]
  end
  if value ~= json.null then return value end
end

--- Reads a text. Refuses any other value, as the readers below do too.
---@param key string
---@return string?
function Fields:text(key)
  local value = self:any(key)
  if value ~= nil and type(value) ~= "string" then expect(self:at(key), "a text", value) end
  return value
end

--- Reads a text, and refuses the body where it is missing.
---@param key string
---@return string
function Fields:need_text(key)
  local value = self:text(key)
  if value == nil then M.refuse(self:at(key), "expected a text, got nothing") end
  return value
end

--- Reads a number.
---@param key string
---@return number?
function Fields:number(key)
  local value = self:any(key)
  if is_raw(value) then value = tonumber(value[1])
  elseif self.reader.lenient and type(value) == "string" then value = tonumber(value) or value end
  if value ~= nil and (type(value) ~= "number" or value - value ~= 0) then expect(self:at(key), "a number", value) end
  return value
end

--- Reads a number without a fraction.
---@param key string
---@return integer?
function Fields:integer(key)
  local value = self:number(key)
  if value and value ~= math.floor(value) then M.refuse(self:at(key), "expected an integer, got " .. value) end
  return value
end

--- Reads a boolean.
---@param key string
---@return boolean?
function Fields:boolean(key)
  local value = self:any(key)
  if value ~= nil and type(value) ~= "boolean" then expect(self:at(key), "a boolean", value) end
  return value
end

--- Reads an object as a plain table.
---@param key string
---@return table?
function Fields:object(key)
  local value = self:any(key)
  local empty = type(value) == "table" and next(value) == nil
  if value ~= nil and (type(value) ~= "table" or is_raw(value) or is_list(value) and not empty) then
    expect(self:at(key), "an object", value)
  end
  return value
end

--- Reads an object as fields.
---@param key string
---@return ogl.Fields?
function Fields:fields(key)
  local value = self:object(key)
  return value and self.reader:fields(value, self:at(key)) or nil
end

--- Reads a list. If the protocol's servers also take a single item for a list, it gives a list of that item.
---@param key string
---@return table?
function Fields:list(key)
  local value = self:any(key)
  if value == nil then return nil end
  if self.reader.lenient and not is_list(value) and not (type(value) == "table" and next(value) == nil) then return { value } end
  if not is_list(value) and not (type(value) == "table" and next(value) == nil) then expect(self:at(key), "a list", value) end
  return value
end

--- Iterates over the objects of a list: `for i, fields in body:each("messages") do`.
---@param key string
---@return fun(): integer?, ogl.Fields?
function Fields:each(key)
  local list, i = self:list(key) or {}, 0
  return function()
    i = i + 1
    if list[i] == nil then return nil end
    return i, self.reader:item(list[i], self:at(key) .. "[" .. i .. "]")
  end
end

--- Reads a list of texts.
---@param key string
---@return string[]?
function Fields:texts(key)
  local list = self:list(key)
  for i, text in ipairs(list or {}) do
    if type(text) ~= "string" then expect(self:at(key) .. "[" .. i .. "]", "a text", text) end
  end
  return list
end

--- Reads a text, or a list of texts.
---@param key string
---@return string|string[]|nil
function Fields:text_or_texts(key)
  local value = self:any(key)
  if value == nil or type(value) == "string" then return value end
  if type(value) ~= "table" then expect(self:at(key), "a text or a list of texts", value) end
  return self:texts(key)
end

--- Reads an object whose bytes have to go on unchanged.
---@param key string
---@return table? # as json.raw makes it
function Fields:exact(key)
  local value = self:object(key)
  return value and json.raw(self.reader:source(value)) or nil
end

--- Marks fields as read that this library does not use, so that they are not in the rest.
---@param ... string keys
function Fields:ignore(...)
  for i = 1, select("#", ...) do self:any((select(i, ...))) end
end

--- Adds a field to the rest although it was read, because the request's own field does not hold all of it.
---@param key string
function Fields:give_back(key)
  self.back = self.back or {}
  self.back[key] = self:any(key)
end

--- Gives the fields that the decoder has not read; nil if there are no such fields.
---@return table?
function Fields:rest()
  local rest = self.back
  for key, value in pairs(self.table) do
    if not self.known[key] and value ~= json.null then
      rest = rest or {}
      rest[key] = value
    end
  end
  return rest
end

--- Adds an object's mark for the prompt cache, and its unread fields as `extra`, to the table that was made of it.
---@param target table
---@return table target
function Fields:keep(target)
  target.cache_control = self:object "cache_control"
  target.extra = self:rest()
  return target
end

--- Reads the role of a message; refuses an unknown one.
---@param roles table<string, any> the known roles
---@param expected string their names in words, for the error
---@param lower? boolean capitals count as small letters
---@return string
function Fields:role(roles, expected, lower)
  local role = self:need_text "role"
  if lower then role = role:lower() end
  if not roles[role] then M.refuse(self:at "role", "expected " .. expected .. ", got " .. role:sub(1, 40)) end
  return role
end

--- Reads the object as a part of a message: `decode[type](fields)` makes the part. A part of an unknown type goes back as it came.
---@param decode table<string, fun(fields: ogl.Fields): table>
---@return ogl.Part
function Fields:part(decode)
  M.refuse_path(self)
  local kind = self:need_text "type"
  local part = decode[kind] and decode[kind](self) or self.reader:opaque(self, kind)
  return part.type == "part" and part or self:keep(part)
end

--- Reads a text, or a list of parts.
---@param key string
---@param called string the protocol's word for its parts, for the error
---@param decode table<string, fun(fields: ogl.Fields): table>
---@return string|ogl.Part[]
function Fields:text_or_parts(key, called, decode)
  local content = self:any(key)
  if content == nil then M.refuse(self:at(key), "expected a text or a list of " .. called .. ", got nothing") end
  if type(content) ~= "table" then return self:text(key) end
  local parts = {}
  for i, item in self:each(key) do parts[i] = item:part(decode) end
  return parts
end

-- The reader of a body --------------------------------------------------------------------------------------------

---@class ogl.BodyReader
---@field protocol string
---@field text string the body
---@field lenient boolean reads as Google's servers do: a field has two names, one item may stand for a list, and a text for a number
---@field warn fun(field: string, message: string, code?: string)
local Reader = {}
Reader.__index = Reader

--- Gives the JSON text of an object or a list of the body, or of a number that Lua cannot hold.
---@param value any
---@return string
function Reader:source(value)
  if is_raw(value) then return value[1] end
  return self.text:sub(self.from[value], self.to[value])
end

--- Makes a reader of an object's fields.
---@param value table
---@param where string its place in the body, for messages
---@return ogl.Fields
function Reader:fields(value, where) return setmetatable({ table = value, where = where, reader = self, known = {} }, Fields) end

--- Reads an item of a list as fields; refuses anything but an object.
---@param value any
---@param where string its place in the body
---@return ogl.Fields
function Reader:item(value, where)
  if type(value) ~= "table" or is_raw(value) or is_list(value) then expect(where, "an object", value) end
  return self:fields(value, where)
end

--- Makes a part that goes back to its own protocol as it came.
---@param fields ogl.Fields
---@param kind string the protocol's own name of the part
---@return table part
function Reader:opaque(fields, kind) return { type = "part", kind = kind, json = self:source(fields.table) } end

--- Decodes base64 in either alphabet; refuses other texts.
---@param text string
---@param where string its place in the body
---@return string bytes
function M.bytes(text, where)
  local bytes = core.base64_decode((text:gsub("%s", ""):gsub("[-_]", { ["-"] = "+", ["_"] = "/" })))
  if not bytes then M.refuse(where, "expected base64") end
  return bytes
end

--- Sets `data` and `mime` of a part from a data URL, or `url` from another address; refuses the address of a file.
---@param part table changed
---@param url string
---@param where string
---@return table part
function M.set_url(part, url, where)
  local scheme = url:match "^%s*(%a[%w+.-]*):"
  if not scheme or scheme:lower() == "file" then M.refuse(where, "expected an address (https:) or data (data:)") end
  if scheme:lower() ~= "data" then
    part.url = url
    return part
  end
  local head, data = url:match "^%s*[^:]*:([^,]*),(.*)$"
  if not head then M.refuse(where, "expected data:TYPE;base64,…") end
  part.mime = head:match "^[^;]+" or "text/plain"
  part.data = head:find ";%s*base64%s*$" and M.bytes(data, where) or url_of.unescape(data)
  return part
end

--- Refuses a part that names a file, because a client must not have this machine's files sent.
---@param fields ogl.Fields of a part
function M.refuse_path(fields)
  local path = fields.table.path
  if path ~= nil and path ~= json.null then M.refuse(fields:at "path", "no file is read for a request that came by the network") end
end

local function read_body(source)
  if type(source) ~= "string" then
    local encoded, text = pcall(json.encode, source)
    if not encoded then M.refuse("", "the body cannot be written as JSON: " .. tostring(text):gsub("^.-:%d+: ", "")) end
    source = text
  end
  local from, to = {}, {}
  local value, _, message = core.decode(source, nil, from, to)
  if value == nil then M.refuse("", "the body is not JSON: " .. message) end
  if type(value) ~= "table" or is_raw(value) or is_list(value) then expect("the body", "an object", value) end
  return value, { text = source, from = from, to = to }
end

local function read(source, options, decode)
  local value, reader = read_body(source)
  local warnings, warn = translation.warnings()
  reader.protocol, reader.lenient, reader.path, reader.warn = options.protocol, options.lenient, options.path, warn
  setmetatable(reader, Reader)
  local request, wants = decode(reader:fields(value, ""), reader)
  request.protocol, wants.warnings = options.protocol, warnings
  local problem = not wants.load and not options.no_chat and requests.check(request)
  if problem then M.refuse("", problem) end
  return request, wants
end

--- Reads a body. `decode` gets the body's fields and the reader, and gives a request and the `wants` for the caller.
---@param source string|table
---@param options {protocol: string, path?: string, lenient?: boolean, no_chat?: boolean} no_chat: what is made has no messages
---@param decode fun(fields: ogl.Fields, reader: ogl.BodyReader): table, table
---@return ogl.Request? request
---@return table|ogl.Error wants or the error
function M.read(source, options, decode)
  local fine, request, wants = pcall(read, source, options, decode)
  if fine then return request, wants end
  if getmetatable(request) ~= refusal_mt then error(request, 0) end -- a fault of this library
  return nil, errors.new { kind = "invalid", message = request.message }
end

--- Reads a body whose messages are plain: each a role and a text.
---@param source string|table
---@param kinds table of all that a plain body may have (core.outline)
---@param protocol string
---@param roles table<string, any> that a plain message may have
---@return ogl.Request? # the members of the body as they stand; nil: it is not plain, or has no model
function M.plain(source, kinds, protocol, roles)
  local body = type(source) == "string" and core.outline(source, kinds, true)
  if not (body and body.messages and body.model) then return nil end
  for _, message in ipairs(body.messages) do
    if not roles[message.role] then return nil end
    message.protocol = protocol
  end
  body.protocol = protocol
  return body
end

-- Shared by several protocols --------------------------------------------------------------------------------------

--- Gives the type of part for a MIME type.
---@param mime? string
---@return string
function M.kind_of(mime) return mime and (mime:match "^(image)/" or mime:match "^(audio)/") or "file" end

--- Makes a part of base64 bytes; without a MIME type, the bytes tell it.
---@param text string base64
---@param mime? string
---@param where string its place in the body
---@return table part
function M.media_of(text, mime, where)
  local bytes = M.bytes(text, where)
  mime = mime or media.sniff(bytes)
  return { type = M.kind_of(mime), data = bytes, mime = mime }
end

local AUDIO_TYPES = { mp3 = "audio/mpeg", wav = "audio/wav" }

--- Makes a part of a recording in Mistral's form: base64 without a type, or an address.
---@param text string
---@param where string
function M.bare_audio(text, where)
  if text:find "^%s*%a[%w+.-]*:" then return M.set_url({ type = "audio", bare = true }, text, where) end
  local part = M.media_of(text, nil, where)
  part.type, part.bare = "audio", true
  part.mime = part.mime or "audio/wav"
  return part
end

--- Makes a part of a recording in the form of the OpenAI protocols: {data, format}.
---@param audio ogl.Fields
function M.audio_of(audio)
  local format = audio:text "format" or "wav"
  return { type = "audio", data = M.bytes(audio:need_text "data", audio:at "data"), mime = AUDIO_TYPES[format] or "audio/" .. format }
end

--- Sets the data of a document from an address or from base64.
---@param part table
---@param data string
---@param where string its place in the body
---@return table part
function M.set_file(part, data, where)
  if data:find "^%s*%a[%w+.-]*:" then return M.set_url(part, data, where) end
  part.data = M.bytes(data, where)
  return part
end

--- Adds the unread fields of an object to the request's `extra`.
---@param request ogl.Request changed
---@param name string the name of the field that holds the object
---@param fields? ogl.Fields
function M.set_extra(request, name, fields)
  local rest = fields and fields:rest()
  if not rest then return end
  request.extra = request.extra or {}
  request.extra[name] = rest
end

--- Gives a request's `reasoning` for an effort; a table if the word is unknown here.
---@param effort? string
function M.effort(effort)
  if effort == nil then return nil end
  return requests.EFFORTS[effort] and effort or { effort = effort }
end

local UserTurn = {}
UserTurn.__index = UserTurn

--- Splits a turn of the user, for protocols that put answers of tools into it: each answer becomes a message of its own, and the parts
--- between two answers become a message of the user.
---@param list ogl.Message[] changed
---@param protocol string
function M.user_turn(list, protocol) return setmetatable({ list = list, protocol = protocol, open = nil }, UserTurn) end

--- Adds the result of a tool.
---@param message ogl.Message
function UserTurn:result(message)
  table.insert(self.list, message)
  self.open = nil
end

--- Gives the parts of the open message of the user; opens one if necessary.
---@return ogl.Part[]
function UserTurn:parts()
  if not self.open then
    self.open = { role = "user", content = {}, protocol = self.protocol }
    table.insert(self.list, self.open)
  end
  return self.open.content
end

local Calls = {}
Calls.__index = Calls

--- Gives ids to the calls of a conversation whose protocol finds calls by name or by order, because other protocols need ids.
function M.calls() return setmetatable({ made = 0, all = {}, by_id = {}, by_name = {} }, Calls) end

local function note(map, key, call)
  map[key] = map[key] or {}
  table.insert(map[key], call)
end

--- Notes a new call, and gives its id.
---@param id? string
---@param name? string of the tool
---@return string id
function Calls:add(id, name)
  if not id then
    self.made = self.made + 1
    id = messages.made_id(self.made)
  end
  local call = { id = id }
  table.insert(self.all, call)
  note(self.by_id, id, call)
  note(self.by_name, name, call)
  return id
end

--- Finds the id of the call that is answered: the given id, else that of the oldest open call of that name, or of any if no name is given.
---@param id? string
---@param name? string of the tool
---@return string? id
function Calls:answer(id, name)
  if id == "" then id = nil end
  local calls = self.all
  if id then calls = self.by_id[id] elseif name then calls = self.by_name[name] end
  local call = call_ids.open_call(calls)
  if not call then return id or name end
  call.answered = true
  return call.id
end

return M
