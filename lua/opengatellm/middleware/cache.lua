--- Cache: answers that were given before, to whoever asks exactly the same.
--
--   client:use(ogl.middleware.cache { seconds = 3600 })                            in this Lua's memory
--   client:use(ogl.middleware.cache { folder = "/var/cache/answers" })             in files
--   client:use(ogl.middleware.cache { store = ogl.store.redis {}, namespace = function(call) return tenant_of(call) end })
--
-- Chats, streams, embeddings and reranking. The key is that of canonical.lua: the whole request, who is asked, and the namespace; a chat
-- and a stream of the same request share an entry. Only complete replies are kept, which no filter and no error has ended, and under who
-- was asked: not what another provider answered in its place, nor what a router's row answered because another had failed. What is kept
-- are the events, so that a stream is streamed again; the reply and its usage say `cached = true`, and it costs 0. Middleware outside of
-- the cache sees the events as those of a server.
--
-- A store or folder that fails fails no call: the memory serves meanwhile (store/guard.lua), and the next reply has one warning.
--
-- @module opengatellm.middleware.cache
local canonical = require "opengatellm.middleware.canonical"
local core = require "opengatellm.core"
local folders = require "opengatellm.store.folder"
local guards = require "opengatellm.store.guard"
local host = require "opengatellm.host"
local json = require "opengatellm.json"
local memory = require "opengatellm.store.memory"
local options = require "opengatellm.middleware.options"
local recording = require "opengatellm.middleware.recording"
local stores = require "opengatellm.store"
local stream = require "opengatellm.stream"

local M = {}

---@class ogl.CacheOptions
---@field seconds? number that an answer is kept; default: as long as there is room
---@field bytes? integer that the memory or the folder may take; default 64 MiB of memory, 256 MiB of a folder
---@field folder? string path of a folder that exists: answers are kept in its files, of which the oldest go first
---@field store? table in place of both: ogl.store.shared, ogl.store.redis, or one of your own (store/init.lua)
---@field namespace? string|fun(call: ogl.MiddlewareCall): string|false|nil answers are shared inside of it alone; nil and false: not at all

local FIELDS = { seconds = "number", bytes = "integer", folder = "string", store = "table", namespace = "any" }

local CHATS = { chat = true, stream = true }
local ANSWERS = { embeddings = true, rerank = true }
local WHOLE = { stop = true, length = true, tool_calls = true } -- reasons with which a reply has all that it was to have

local BYTES = 64 * 1024 * 1024
local FORM = 1 -- of an entry: one of a later form is a miss
local PREFIX = "cache:"

-- Entries -----------------------------------------------------------------------------------------------------------

-- Changes usage to that of an answer which took nothing now.
local function mark(usage)
  usage.cached, usage.cost = true, 0
  if usage.energy_kwh then usage.energy_kwh = 0 end
  if usage.co2_kg then usage.co2_kg = 0 end
end

-- Vectors as bytes are no text, which JSON alone can hold.
local function with_vectors(answer, change)
  local out = {}
  for name, value in pairs(answer) do out[name] = value end
  out.vectors = {}
  for i, vector in ipairs(answer.vectors) do out.vectors[i] = change(vector) end
  return out
end

local function is_packed(answer) return type(answer.vectors) == "table" and type(answer.vectors[1]) == "string" end

-- The entry of a text of the store; nil where it is damaged or of another form.
local function entry_of(text)
  local entry = type(text) == "string" and json.decode(text) or nil
  if type(entry) ~= "table" or entry.form ~= FORM then return nil end
  if type(entry.events) == "table" and type(entry.about) == "table" then return entry end
  if type(entry.answer) ~= "table" then return nil end
  if entry.packed then entry.answer = with_vectors(entry.answer, core.base64_decode) end
  return entry
end

local function text_of(entry)
  local fine, text = pcall(json.encode, entry)
  return fine and text or nil
end

local function entry_of_chat(reply, state)
  local about = recording.about(reply)
  about.headers, about.warnings = nil, recording.warnings(reply, state.events) -- headers are of that exchange: dates, cookies, limits
  return { form = FORM, about = about, events = state.events }
end

local function entry_of_answer(answer)
  local packed = is_packed(answer)
  return { form = FORM, packed = packed, answer = packed and with_vectors(answer, core.base64_encode) or answer }
end

-- Answers -----------------------------------------------------------------------------------------------------------

local function mark_reply(reply)
  if not reply then return end
  reply.cached = true
  if reply.usage then mark(reply.usage) end
end

-- Answers a call with an entry.
local function give(call, entry)
  if not entry.events then
    mark_reply(entry.answer)
    return entry.answer
  end
  for _, event in ipairs(entry.events) do
    if type(event.usage) == "table" then mark(event.usage) end
  end
  local answer, err = call:replay(entry.events, entry.about)
  if not answer then return nil, err end
  if stream.is(answer) then answer:on_end(mark_reply) else mark_reply(answer) end
  return answer
end

-- Whether a router's row answered because another one had failed.
local function is_fallback(attempts)
  local last = attempts and attempts[#attempts]
  for _, attempt in ipairs(attempts or {}) do
    if attempt.kind and attempt.client ~= last.client then return true end
  end
  return false
end

-- Whether a reply may be given to those who ask this client the same.
local function is_own(call, reply)
  if call.client.rows then return not is_fallback(reply.attempts) end
  return reply.provider == call.client.provider.name
end

local function is_complete(reply, state) return reply.complete and state.finished and WHOLE[reply.finish_reason or ""] end

-- Keeps an event. What comes behind the end of an answer is another one: a middleware inside has asked again.
local function record(event, state)
  if not state.events then return event end
  if event == nil then
    state.over = true
    return nil
  end
  if state.over then state.events, state.over, state.finished = {}, false, false end
  if event.type == "finish" then state.finished = true end
  state.events[#state.events + 1] = recording.copy(event)
  return event
end

--- Makes the middleware. It has `problem()`: what the store or folder failed with, told once.
---@param given? ogl.CacheOptions
---@return ogl.Middleware
function M.new(given)
  given = options.check("cache", given, FIELDS)
  options.expect(not given.seconds or given.seconds > 0, "cache", "seconds: expected a number above 0")
  options.expect(not given.bytes or given.bytes > 0, "cache", "bytes: expected a number above 0")
  options.expect(not (given.folder and given.store), "cache", "folder: the store is in its place; give one of them")
  options.expect_namespace("cache", given.namespace)
  local problem = stores.problem(given.store)
  options.expect(not problem, "cache", problem)

  local client_host = false -- of the call that asks the store now: its clock counts
  local function now() return host.current(client_host).now() end
  local kept = memory.new { bytes = given.bytes or BYTES, entries = math.huge, now = now }
  local behind = given.store or given.folder and folders.new(given.folder, { bytes = given.bytes }, 2)
  local store = behind and guards.new(behind, kept, now) or kept

  local function keep(state, entry)
    local text = text_of(entry)
    if text then store:set(state.key, text, given.seconds) end
  end

  local function warn(reply)
    local told = behind and store:problem()
    if told and reply.warnings then
      local message = "the cache's store failed, and the memory serves in its place: " .. told
      table.insert(reply.warnings, { code = "cache_store", message = message })
    end
  end

  local function wrap(call, proceed, state)
    if not CHATS[call.operation] and not ANSWERS[call.operation] then return proceed(call) end
    state.deaf = true -- unless it records
    local key, err = canonical.key(call, CHATS[call.operation] and "chat" or call.operation, given.namespace)
    if err then return nil, err end
    if not key then return proceed(call) end
    client_host = call.client.host
    local entry = entry_of(store:get(PREFIX .. key))
    if entry then return give(call, entry) end
    state.key = PREFIX .. key
    if CHATS[call.operation] and call.request.keep ~= false then state.events, state.deaf = {}, nil end
    return proceed(call)
  end

  local function done(answer, err, call, state)
    if err or not answer or not state.key then return end
    client_host = call.client.host
    if ANSWERS[call.operation] then
      keep(state, entry_of_answer(answer))
    elseif state.events and is_complete(answer, state) and is_own(call, answer) then
      keep(state, entry_of_chat(answer, state))
    end
    warn(answer)
  end

  return {
    name = "cache", wrap = wrap, event = function(event, _, state) return record(event, state) end, done = done,
    problem = function() return behind and store:problem() or nil end,
  }
end

return M
