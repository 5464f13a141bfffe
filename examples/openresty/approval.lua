-- A conversation that waits in Redis: one web request asks, another one decides and goes on, on any worker of any machine. Whoever knows
-- the id of a conversation may decide in it: a site of your own looks at who is asking, too.
local body = require "body"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local s = ogl.schema

local found, redis = pcall(require, "resty.redis") -- OpenResty has it
if not found then redis = require "nginx.redis" end -- Debian: lua-nginx-redis

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }
local host, port = (os.getenv "OGL_REDIS" or "127.0.0.1:6379"):match "^(.*):(%d+)$"

local M = {}

local DAY = "86400"

-- Takes a save only in place of the one before it: of two requests that go on with one conversation, the second is refused.
local TAKE = [[
if (redis.call('HGET', KEYS[1], 'revision') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'save', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1]]

local function ask_redis(command, ...)
  local connection = redis:new()
  connection:set_timeout(1000)
  local fine, err = connection:connect(host, tonumber(port))
  if not fine then return nil, err end
  local value
  value, err = connection[command](connection, ...)
  connection:set_keepalive(60000, 32)
  return value, err
end

-- The options of a conversation. A call starts only when Redis has taken the save that says so.
local function options_of(id)
  return {
    client = client,
    tools = {
      ogl.tool {
        name = "order", description = "Orders a book at the library.",
        parameters = s.object { { "title", s.string() } },
        approval = true,
        run = function(arguments) return { ordered = arguments.title } end,
      },
    },
    on_save = function(chat) return M.store(id, chat) end,
  }
end

--- Puts a save into Redis.
function M.store(id, chat)
  local before = ("%d"):format(chat.revision)
  local text, err = chat:save()
  if not text then return nil, err end
  local taken
  taken, err = ask_redis("eval", TAKE, 1, "chat:" .. id, before, ("%d"):format(chat.revision), text, DAY)
  if taken == 1 then return true end
  return nil, err or "another request has gone on with this conversation"
end

local function load(id)
  local text, err = ask_redis("hget", "chat:" .. id, "save")
  if text == ngx.null then return nil end
  if not text then return nil, err end
  return ogl.conversation.load(text, options_of(id))
end

local function say(status, value)
  ngx.status = status
  ngx.header["content-type"] = "application/json"
  ngx.say(json.encode(value))
end

-- What failed is for the log; the browser is told whether it may try again.
local function refuse(err)
  ngx.log(ngx.ERR, tostring(err))
  local code = type(err) == "table" and err.code
  say(code == "save" and 409 or 502, { error = code or "failed" })
end

-- Keeps the conversation, and tells what waits, or the answer.
local function tell(id, chat, reply)
  local fine, err = M.store(id, chat)
  if not fine then return refuse(err) end
  local waiting = json.array {}
  for i, call in ipairs(chat.pending) do waiting[i] = { call = call.id, name = call.name, arguments = call.arguments } end
  say(200, { id = id, answer = not waiting[1] and reply.text or nil, waiting = waiting })
end

local function new_id()
  local device = assert(io.open("/dev/urandom", "rb"))
  local bytes = device:read(16)
  device:close()
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- POST /ask with {"question": …}: {"id": …, "answer": …} or {"id": …, "waiting": [{"call": …, "name": …, "arguments": …}]}.
function M.ask()
  local question = body.object().question
  if type(question) ~= "string" then return ngx.exit(ngx.HTTP_BAD_REQUEST) end
  local id = new_id()
  local chat = ogl.conversation(options_of(id))
  local reply, err = chat:send(question)
  if not reply then return refuse(err) end
  tell(id, chat, reply)
end

--- POST /decide with {"id": …, "call": …, "approve": true or false, "reason": …}: as /ask.
function M.decide()
  local sent = body.object()
  if type(sent.id) ~= "string" or type(sent.call) ~= "string" then return ngx.exit(ngx.HTTP_BAD_REQUEST) end
  local chat, err = load(sent.id)
  if err then return refuse(err) end
  if not chat then return ngx.exit(ngx.HTTP_NOT_FOUND) end
  local fine
  if sent.approve == true then fine, err = chat:approve(sent.call)
  else fine, err = chat:reject(sent.call, type(sent.reason) == "string" and sent.reason or nil) end
  if not fine then return say(409, { error = err.code }) end
  local reply
  reply, err = chat:resume()
  if not reply then return refuse(err) end
  tell(sent.id, chat, reply)
end

return M
