--- Cache: the answer of a call that was asked before.
--
--   client:use(ogl.middleware.cache { seconds = 3600 })                        in memory
--   client:use(ogl.middleware.cache { folder = "/var/cache/answers" })         in files
--   client:use(ogl.middleware.cache { store = ogl.store.shared "answers" })    in a store
--
-- The key is what the call asks, to the letter (canonical.lua), and `namespace`: give tenants one each. Chats, streams, embeddings and
-- reranking are kept; only complete answers, and none that ended by a filter or an error. A chat and a stream share an entry: answers are
-- kept as events, and come back as events. What comes from the cache says so: `reply.cached`, `usage.cached`, and it cost nothing.
--
-- Requests that have a function, vectors that are `packed`, and answers above a quarter of `bytes` are not kept.
--
-- @module opengatellm.middleware.cache
local canonical = require "opengatellm.middleware.canonical"
local core = require "opengatellm.core"
local json = require "opengatellm.json"
local memory = require "opengatellm.store.memory"
local options = require "opengatellm.middleware.options"
local stores = require "opengatellm.store"
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.CacheOptions
---@field seconds? number that an answer is kept; default: as long as there is room
---@field bytes? integer of the memory; default 64 MiB
---@field folder? string a folder for files, in place of memory: make it readable for this program alone
---@field store? table in place of memory (store/init.lua)
---@field namespace? string|fun(call: ogl.MiddlewareCall): string|false|nil a part of the key; false: this call is not kept

local FIELDS = { seconds = "number", bytes = "integer", folder = "string", store = "table", namespace = "any" }

local KEPT = words.set "chat stream embeddings rerank"
local WHOLE = words.set "stop length tool_calls" -- reasons with which an answer is one
local FORM = 1 -- of an entry; another version of the library reads none of another form

-- Files -----------------------------------------------------------------------------------------------------------------

local Folder = {}
Folder.__index = Folder

--- Reads an entry whose time is not over.
---@param name string
---@return string?
function Folder:get(name)
  local file = io.open(self.path .. "/" .. name, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  local ends, entry = text:match "^(%d+)\n(.*)$"
  if not ends or tonumber(ends) ~= 0 and tonumber(ends) <= os.time() then return nil end
  return entry
end

--- Writes an entry whole under another name, and renames it then, so that a reader sees all of an entry or nothing.
---@param name string
---@param entry string
---@param seconds? number
---@return boolean? fine
---@return string? err
function Folder:set(name, entry, seconds)
  local path = self.path .. "/" .. name
  local partial = path .. "." .. tostring(self):match "%w+$"
  local file, err = io.open(partial, "wb")
  if not file then return nil, err end
  local fine
  fine, err = file:write(seconds and ("%d"):format(os.time() + math.ceil(seconds)) or "0", "\n", entry)
  if not (file:close() and fine) then
    os.remove(partial)
    return nil, err or "the disk is full"
  end
  return os.rename(partial, path)
end

-- Entries ----------------------------------------------------------------------------------------------------------------

-- An entry is JSON of {form, key, what}: a name that two keys share is no answer for the second.
local function read(self, key)
  local text = self.store:get(self.name_of(key))
  local entry = type(text) == "string" and json.decode(text)
  if type(entry) ~= "table" or entry[1] ~= FORM or entry[2] ~= key then return nil end
  return entry[3]
end

local function write(self, key, what)
  local fine, text = pcall(json.encode, { FORM, key, what })
  if fine and #text <= self.longest then self.store:set(self.name_of(key), text, self.seconds) end
end

-- Answers ----------------------------------------------------------------------------------------------------------------

local function mark(usage)
  if not usage then return end
  usage.cached, usage.cost = true, nil
end

local function mark_reply(reply)
  if not reply then return end
  reply.cached = true
  mark(reply.usage)
end

-- Answers with what was kept.
local function replay(call, kept)
  if kept.value then
    kept.value.cached = true
    mark(kept.value.usage)
    return kept.value
  end
  for _, event in ipairs(kept.events) do mark(event.usage) end
  local answer, err = call:replay(kept.events, kept.about)
  if call.operation ~= "stream" then
    mark_reply(answer)
    return answer, err
  end
  answer:on_end(mark_reply)
  return answer
end

local function save_events(self, reply, state)
  if not WHOLE[reply.finish_reason or ""] then return end
  local about = { protocol = reply.protocol, provider = reply.provider, status = reply.status, request_id = reply.request_id }
  write(self, state.key, { events = json.array(state.events), about = about })
end

local function save_value(self, answer, call, state)
  if call.request.packed then return end
  local kept = {}
  for name, value in pairs(answer) do
    if name ~= "attempts" then kept[name] = value end
  end
  write(self, state.key, { value = kept })
end

local function copy(event)
  local out = {}
  for name, value in pairs(event) do
    if type(value) == "table" and name == "usage" then
      local inner = {}
      for field, figure in pairs(value) do inner[field] = figure end
      value = inner
    end
    out[name] = value
  end
  return out
end

-- The middleware -----------------------------------------------------------------------------------------------------------

local function namespace_of(self, call)
  local given = self.namespace
  if type(given) == "function" then given = given(call) end
  return given
end

local function find_key(self, call)
  if not KEPT[call.operation] then return nil end
  local namespace = namespace_of(self, call)
  if namespace == false then return nil end
  return canonical.of(call, namespace and tostring(namespace))
end

local function keeper(given)
  local self = { seconds = given.seconds, namespace = given.namespace, longest = math.floor((given.bytes or 64 * 1024 * 1024) / 4) }
  if given.store or given.folder then
    self.store = given.store or setmetatable({ path = given.folder }, Folder)
    self.name_of = function(key) return "cache-" .. core.sha1(key) end
  else
    self.store = memory.new { bytes = given.bytes, entries = 2 ^ 31 }
    self.name_of = function(key) return key end
  end
  return self
end

--- Makes the middleware.
---@param given? ogl.CacheOptions
---@return ogl.Middleware
function M.new(given)
  given = options.check("cache", given, FIELDS)
  local problem = stores.problem(given.store)
  options.expect(not problem, "cache", problem)
  options.expect(not given.seconds or given.seconds > 0, "cache", "seconds: expected a number above 0")
  options.expect(not given.bytes or given.bytes > 0, "cache", "bytes: expected a number above 0")
  local kind = type(given.namespace)
  options.expect(kind == "nil" or kind == "string" or kind == "function", "cache", "namespace: expected string or function, got " .. kind)
  local self = keeper(given)
  return {
    name = "cache",
    wrap = function(call, proceed, state)
      local key = find_key(self, call)
      if not key then return proceed(call) end
      local kept = read(self, key)
      if kept then return replay(call, kept) end
      state.key, state.events = key, {}
      return proceed(call)
    end,
    event = function(event, _, state)
      if event and state.events then state.events[#state.events + 1] = copy(event) end
      return event
    end,
    done = function(answer, err, call, state)
      if not state.key or err or not answer then return end
      if call.operation == "chat" or call.operation == "stream" then save_events(self, answer, state)
      else save_value(self, answer, call, state) end
    end,
  }
end

return M
