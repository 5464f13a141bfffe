--- The body of a request that came to us: JSON that anybody may have written, read field by field.
--
--   reader.read(source, options, function(fields, reader) … return request, wants end) -> request, wants | nil, err
--
-- Whatever is not as it should be ends the reading with an error of kind `invalid` that names the field
-- ("messages[2].content[1].image_url: expected an object, got a number"); nothing raises. null counts as absent. What a decoder has
-- not asked for is the `rest` of its fields. Objects that go on unread (schemas, arguments, items that nobody here knows) go on as
-- the bytes that they are: `reader:source(object)`. A table is read like the text that JSON makes of it, so its depth is bounded and
-- it holds nothing that JSON cannot.
--
-- Nothing that is read here names a file of this machine: media have data, or an address that is none of a file.
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

-- What ends a reading; its only field is the message.
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

---@class ogl.Fields of one object; each is given once asked for, or nil where it is absent or null
---@field table table
---@field where string the object's own name, "" for the body
---@field reader ogl.BodyReader
---@field known table<string, boolean> what was asked for
---@field back? table what goes back all the same
local Fields = {}
Fields.__index = Fields

--- Names a field with its place in the body, for messages.
---@param key string
---@return string
function Fields:at(key) return self.where == "" and key or self.where .. "." .. key end

-- "maxOutputTokens" -> "max_output_tokens", the other name that protocol buffers have for it
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

--- Reads a text. Refuses any other value, as do all the readers below.
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

--- Reads a list. Where the protocol's servers take one item in place of a list, it gives a list of that item.
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

--- Reads an object that has to go on byte for byte.
---@param key string
---@return table? # as json.raw makes it
function Fields:exact(key)
  local value = self:object(key)
  return value and json.raw(self.reader:source(value)) or nil
end

--- Marks fields as read that have no use here.
---@param ... string keys
function Fields:ignore(...)
  for i = 1, select("#", ...) do self:any((select(i, ...))) end
end

--- Keeps a field among the unread ones although it was read, since what was made of it does not hold all of it.
---@param key string
function Fields:give_back(key)
  self.back = self.back or {}
  self.back[key] = self:any(key)
end

--- What nobody asked for; nil where there is nothing.
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

--- Puts what is left of an object beside what was made of it: a mark for the prompt cache, and `extra`.
---@param target table
---@return table target
function Fields:keep(target)
  target.cache_control = self:object "cache_control"
  target.extra = self:rest()
  return target
end

--- The role of a message.
---@param roles table<string, any> those that there are
---@param expected string their names, for the error
---@return string
function Fields:role(roles, expected)
  local role = self:need_text "role"
  if not roles[role] then M.refuse(self:at "role", "expected " .. expected .. ", got " .. role:sub(1, 40)) end
  return role
end

--- The object as a part of a message: `decode[type](fields)` reads it, and what no function reads goes back as it came.
---@param decode table<string, fun(fields: ogl.Fields): table>
---@return ogl.Part
function Fields:part(decode)
  M.refuse_path(self)
  local kind = self:need_text "type"
  local part = decode[kind] and decode[kind](self) or self.reader:opaque(self, kind)
  return part.type == "part" and part or self:keep(part)
end

--- A text, or the parts of a list.
---@param key string
---@param called string what the protocol calls its parts, for the error
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
---@field lenient boolean it is read as Google's servers do: fields have two names, one item may stand for a list, a text for a number
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

--- Decodes base64, with either alphabet; refuses other texts.
---@param text string
---@param where string its place in the body
---@return string bytes
function M.bytes(text, where)
  local bytes = core.base64_decode((text:gsub("%s", ""):gsub("[-_]", { ["-"] = "+", ["_"] = "/" })))
  if not bytes then M.refuse(where, "expected base64") end
  return bytes
end

--- Puts what an address means into a part: data and mime of a data URL, else `url`. Files of this machine are none.
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

--- Refuses a part that names a file: nobody may have this machine's files sent.
---@param fields ogl.Fields of a part
function M.refuse_path(fields)
  local path = fields.table.path
  if path ~= nil and path ~= json.null then M.refuse(fields:at "path", "no file is read for a request that came by the network") end
end

local function read_body(source)
  if type(source) ~= "string" then
    local encoded, text = pcall(json.encode, source)
    if not encoded then M.refuse("", "the body is nothing that JSON can hold: " .. tostring(text):gsub("^.-:%d+: ", "")) end
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
  local problem = not wants.load and requests.check(request)
  if problem then M.refuse("", problem) end
  return request, wants
end

--- Reads a body. `decode` gets the body's fields and the reader, and gives a request and what only the caller wants.
---@param source string|table
---@param options {protocol: string, path?: string, lenient?: boolean}
---@param decode fun(fields: ogl.Fields, reader: ogl.BodyReader): table, table
---@return ogl.Request? request
---@return table|ogl.Error wants or the error
function M.read(source, options, decode)
  local fine, request, wants = pcall(read, source, options, decode)
  if fine then return request, wants end
  if getmetatable(request) ~= refusal_mt then error(request, 0) end -- a mistake of ours
  return nil, errors.new { kind = "invalid", message = request.message }
end

-- What several protocols have --------------------------------------------------------------------------------------

--- The part for media of that type.
---@param mime? string
---@return string
function M.kind_of(mime) return mime and (mime:match "^(image)/" or mime:match "^(audio)/") or "file" end

--- Makes a part of base64 bytes; where the type is missing, it looks at the bytes.
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

--- A recording as Mistral has it: base64 alone, or an address.
---@param text string
---@param where string
function M.bare_audio(text, where)
  if text:find "^%s*%a[%w+.-]*:" then return M.set_url({ type = "audio", bare = true }, text, where) end
  local part = M.media_of(text, nil, where)
  part.type, part.bare = "audio", true
  part.mime = part.mime or "audio/wav"
  return part
end

--- A recording in the form of the OpenAI protocols: {data, format}.
---@param audio ogl.Fields
function M.audio_of(audio)
  local format = audio:text "format" or "wav"
  return { type = "audio", data = M.bytes(audio:need_text "data", audio:at "data"), mime = AUDIO_TYPES[format] or "audio/" .. format }
end

--- Sets the data of a document, which is an address or base64.
---@param part table
---@param data string
---@param where string its place in the body
---@return table part
function M.set_file(part, data, where)
  if data:find "^%s*%a[%w+.-]*:" then return M.set_url(part, data, where) end
  part.data = M.bytes(data, where)
  return part
end

--- Puts the rest of an object beside what our fields make of it.
---@param request ogl.Request changed
---@param name string of the field that holds the object
---@param fields? ogl.Fields
function M.set_extra(request, name, fields)
  local rest = fields and fields:rest()
  if not rest then return end
  request.extra = request.extra or {}
  request.extra[name] = rest
end

--- Effort of reasoning, in our words.
---@param effort? string
function M.effort(effort)
  if effort == nil then return nil end
  return requests.EFFORTS[effort] and effort or { effort = effort }
end

local UserTurn = {}
UserTurn.__index = UserTurn

--- The messages of one turn of the user, for protocols that have the answers of tools in it: each answer becomes a message of its
--- own, and what stands between them a message of the user.
---@param list ogl.Message[] changed
---@param protocol string
function M.user_turn(list, protocol) return setmetatable({ list = list, protocol = protocol, open = nil }, UserTurn) end

--- Adds the result of a tool.
---@param message ogl.Message
function UserTurn:result(message)
  table.insert(self.list, message)
  self.open = nil
end

--- The parts of the message of the user that is open; opens one where none is.
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

--- The calls of a conversation whose protocol tells them by name, or by nothing: each gets an id, for others need one.
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

--- Finds the id of the call that is answered: the given one, else that of the oldest open call of that name, or of any name where there
--- is no name.
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
