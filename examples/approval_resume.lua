-- A conversation that waits in a file, over several processes: one asks, another one decides and goes on.
-- usage: lua approval_resume.lua FILE ask QUESTION
--        lua approval_resume.lua FILE                        shows what waits
--        lua approval_resume.lua FILE approve [ID]           without an id: all that wait
--        lua approval_resume.lua FILE reject [ID] [REASON]
local ogl = require "opengatellm"
local s = ogl.schema

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }
local path, command, detail, reason = arg[1], arg[2], arg[3], arg[4]

local function check(value, err)
  if value then return value end
  print(err)
  os.exit(1)
end

local USAGE = "usage: lua approval_resume.lua FILE [ask QUESTION | approve [ID] | reject [ID] [REASON]]"
local COMMANDS = { ask = true, approve = true, reject = true }
if not path or command and not COMMANDS[command] or command == "ask" and not detail then check(nil, USAGE) end

-- Puts the save beside the file and then in its place, so that a crash leaves the old one or the new one.
local function write(chat)
  local file = assert(io.open(path .. ".new", "wb"))
  assert(file:write(assert(chat:save())))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
end

local options = {
  client = client, on_save = write,
  tools = {
    ogl.tool {
      name = "order", description = "Orders a book at the library.",
      parameters = s.object { { "title", s.string() } },
      approval = true,
      run = function(arguments) return { ordered = arguments.title } end,
    },
  },
}

local function read()
  local file = check(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return check(ogl.conversation.load(text, options))
end

local function show(chat)
  for _, call in ipairs(chat.pending) do print(call.id, call.name, call.json, call.reason) end
end

-- The calls that are meant: the one with that id, or all that wait.
local function meant(chat)
  if detail then return { detail } end
  local ids = {}
  for i, call in ipairs(chat.pending) do ids[i] = call.id end
  return ids
end

local chat = command == "ask" and ogl.conversation(options) or read()
if not command then
  show(chat)
  return
end

local reply
if command == "ask" then
  reply = check(chat:send(detail))
else
  for _, id in ipairs(meant(chat)) do
    if command == "approve" then check(chat:approve(id)) else check(chat:reject(id, reason)) end
  end
  reply = check(chat:resume())
end
write(chat)
show(chat)
if not chat.pending[1] then print(reply.text) end
