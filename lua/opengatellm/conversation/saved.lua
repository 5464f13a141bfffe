--- Saves: a conversation as JSON, and back.
--
-- A save holds messages, decisions and counters; no tool, no key, no function. It has a schema number (an unknown one is refused) and a
-- revision, which each save raises by one: a store that takes only the revision behind its own refuses the second of two writers.
--
-- Whoever may write a save may write approvals into it. A program whose saves pass through other hands gives `secret`: what may run is
-- then signed (HMAC-SHA-256), and another save is refused. The messages are not signed: nothing runs because of them.
--
-- Schemas: 1 is the first.
--
-- @module opengatellm.conversation.saved
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local history = require "opengatellm.conversation.history"
local json = require "opengatellm.json"
local limits = require "opengatellm.conversation.limits"
local message = require "opengatellm.request.message"
local requests = require "opengatellm.request"
local words = require "opengatellm.base.words"

local M = {}

local SCHEMA = 1

local function refusal(text) return errors.new { kind = "invalid", code = "save", message = "the save " .. text } end

-- Signatures ----------------------------------------------------------------------------------------------------------

-- The HMAC of luaossl; nil and an error where it is not installed.
local function hmac()
  local found, module = pcall(require, "openssl.hmac")
  if found then return module end
  return nil, errors.unsupported("the option `secret` of a conversation needs luaossl (Debian: lua-luaossl; luarocks install luaossl)")
end

local function text_of(value)
  if value == nil then return "" end
  if type(value) == "number" then return ("%.14g"):format(value) end
  if type(value) == "table" then return json.encode(value) end
  return tostring(value)
end

local SIGNED = words.list "id call_id name json state reason at given approved why outcome value metadata"

-- What is signed: texts alone, so that a store may write the JSON anew.
local function signed_part(saved)
  local list = { "opengatellm.conversation", text_of(saved.schema), text_of(saved.revision) }
  for _, name in ipairs { "steps", "number", "n_calls", "begun" } do list[#list + 1] = text_of(saved[name]) end
  for _, name in ipairs { "input_tokens", "output_tokens", "total_tokens", "cost" } do list[#list + 1] = text_of(saved.usage[name]) end
  for _, name in ipairs(saved.always) do list[#list + 1] = name end
  for _, record in ipairs(saved.calls) do
    for _, name in ipairs(SIGNED) do list[#list + 1] = text_of(record[name]) end
  end
  return json.encode(list)
end

local function hexadecimal(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

local function signature_of(saved, secret)
  local module, err = hmac()
  if not module then return nil, err end
  return hexadecimal(module.new(secret, "sha256"):final(signed_part(saved)))
end

-- Compares without telling by the time where two texts differ.
local function are_equal(a, b)
  local wrong = #a == #b and 0 or 1
  for i = 1, math.min(#a, #b) do
    if a:byte(i) ~= b:byte(i) then wrong = wrong + 1 end
  end
  return wrong == 0
end

-- Media ---------------------------------------------------------------------------------------------------------------

-- Parts that hold bytes hold base64 in JSON.
local function packed_part(part)
  if type(part) ~= "table" or type(part.data) ~= "string" or part.type == "part" then return part end
  local copy = requests.merge(part, { base64 = core.base64_encode(part.data) })
  copy.data = nil
  return copy
end

local function unpacked_part(part)
  if type(part) ~= "table" or type(part.base64) ~= "string" then return part end
  local copy = requests.merge(part, { data = core.base64_decode(part.base64) })
  copy.base64 = nil
  return copy
end

local function with_parts(each, change)
  if type(each.content) ~= "table" then return each end
  local copy = requests.merge(each, { content = {} })
  for i, part in ipairs(each.content) do copy.content[i] = change(part) end
  json.array(copy.content)
  return copy
end

local function all(list, change)
  local out = json.array {}
  for i, each in ipairs(list) do out[i] = with_parts(each, change) end
  return out
end

-- Saving ----------------------------------------------------------------------------------------------------------------

local COUNTERS = { "steps", "number", "begun", "n_calls", "usage", "retries" }

local function saved_of(conversation)
  local saved = {
    schema = SCHEMA, revision = conversation.revision + 1, messages = all(conversation.messages, packed_part), calls = json.array {},
    always = json.array {}, queue = json.array {}, seen = limits.hashed(conversation.seen),
    said = conversation.said and history.place_of(conversation.messages, conversation.said) or nil,
  }
  for _, name in ipairs(COUNTERS) do saved[name] = conversation[name] end
  for i, record in ipairs(saved.said and conversation.records or {}) do saved.calls[i] = record end
  for i, entry in ipairs(conversation.queue) do
    saved.queue[i] = { message = with_parts(entry.message, packed_part), when = entry.when }
  end
  for name in pairs(conversation.always) do table.insert(saved.always, name) end
  table.sort(saved.always)
  return saved
end

--- Makes a save.
---@param conversation ogl.Conversation its revision is raised
---@return string?
---@return ogl.Error? err
function M.encode(conversation)
  local saved, secret = saved_of(conversation), conversation.options.secret
  if secret then
    local err
    saved.signature, err = signature_of(saved, secret)
    if not saved.signature then return nil, err end
  end
  local fine, text = pcall(json.encode, saved)
  if not fine then return nil, refusal("cannot be made: " .. tostring(text)) end
  conversation.revision = saved.revision
  return text
end

-- Loading ---------------------------------------------------------------------------------------------------------------

local STATES = words.set "new waiting approved rejected resolved running done"
local REASONS = words.set "approval external deferred unknown"
local TYPES = {
  revision = "number", messages = "table", calls = "table", always = "table", queue = "table", usage = "table", steps = "number",
  number = "number", begun = "boolean", n_calls = "number", retries = "table", seen = "table",
}

local function problem_of_record(record)
  if type(record) ~= "table" then return "a call is no object" end
  for _, name in ipairs { "id", "call_id", "name", "json" } do
    if type(record[name]) ~= "string" then return ("a call has no '%s'"):format(name) end
  end
  if not STATES[record.state] then return ("a call has the state '%s'"):format(tostring(record.state)) end
  if record.state == "waiting" and not REASONS[record.reason] then return "a call waits for no known reason" end
  if record.reason == "deferred" and type(record.at) ~= "number" then return "a deferred call has no time" end
end

local function problem_of(saved)
  if type(saved) ~= "table" or type(saved.schema) ~= "number" then return "is no conversation" end
  if saved.schema ~= SCHEMA then return ("has the schema %g; this version reads up to %d"):format(saved.schema, SCHEMA) end
  for name, expected in pairs(TYPES) do
    if type(saved[name]) ~= expected then return ("has no '%s', or a wrong one"):format(name) end
  end
  local problem = saved.messages[1] and message.check(saved.messages)
  for _, entry in ipairs(saved.queue) do problem = problem or type(entry) ~= "table" and "queue" or message.check { entry.message } end
  for _, record in ipairs(saved.calls) do problem = problem or problem_of_record(record) end
  for _, entry in pairs(saved.seen) do
    local fine = type(entry) == "table" and type(entry.count) == "number" and type(entry.hash) == "string"
    problem = problem or not fine and "what was seen is no hash" or nil
  end
  if not problem and saved.calls[1] and not saved.messages[saved.said or 0] then problem = "the message of its calls is missing" end
  return problem and "is not as it was written: " .. problem
end

local function check_signature(saved, secret)
  if not secret then return nil end
  if type(saved.signature) ~= "string" then return refusal "is not signed" end
  local wanted, err = signature_of(saved, secret)
  if not wanted then return err end
  if not are_equal(wanted, saved.signature) then return refusal "was changed, or signed with another secret" end
end

-- What ran when the conversation was saved may have acted or not: somebody has to look.
local function found(record)
  if record.state == "running" then record.state, record.reason = "waiting", "unknown" end
  return record
end

local function fill(conversation, saved)
  conversation.messages = setmetatable(all(saved.messages, unpacked_part), nil)
  for _, name in ipairs(COUNTERS) do conversation[name] = saved[name] end
  for key, entry in pairs(saved.seen) do conversation.seen[key] = entry end
  conversation.revision, conversation.said = saved.revision, saved.calls[1] and conversation.messages[saved.said] or nil
  for i, record in ipairs(saved.calls) do conversation.records[i] = found(record) end
  for _, name in ipairs(saved.always) do conversation.always[name] = true end
  for i, entry in ipairs(saved.queue) do
    local when = entry.when == "when_idle" and "when_idle" or "asap"
    conversation.queue[i] = { message = with_parts(entry.message, unpacked_part), when = when }
  end
end

--- Fills a new conversation from a save.
---@param conversation ogl.Conversation
---@param text string
---@return true?
---@return ogl.Error? err
function M.decode(conversation, text)
  local saved, why = json.decode(type(text) == "string" and text or "")
  if saved == nil then return nil, refusal("is no JSON: " .. tostring(why)) end
  local problem = problem_of(saved)
  if problem then return nil, refusal(problem) end
  local err = check_signature(saved, conversation.options.secret)
  if err then return nil, err end
  fill(conversation, saved)
  return true
end

return M
