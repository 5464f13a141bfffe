-- A small assistant for the terminal, with three tools. It asks before it reads a file; an empty line or Ctrl-D ends it.
-- usage: OGL_URL=… OGL_TOKEN=… lua assistant.lua
local ogl = require "opengatellm"
local s = ogl.schema

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local read_file = ogl.tool {
  name = "read_file", description = "Reads a text file of this machine.",
  parameters = s.object { { "path", s.string() } },
  approval = true,
  run = function(arguments)
    local file, err = io.open(arguments.path, "rb")
    if not file then return nil, err end
    local text
    text, err = file:read "*a"
    file:close()
    return text, err
  end,
}

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local list_folder = ogl.tool {
  name = "list_folder", description = "Names the files of a folder of this machine.",
  parameters = s.object { { "path", s.optional(s.string "default: where the program runs") } },
  run = function(arguments)
    local pipe = assert(io.popen("ls -p -- " .. quoted(arguments.path or ".") .. " 2>&1"))
    local names = pipe:read "*a"
    pipe:close()
    return names ~= "" and names or "the folder is empty"
  end,
}

local current_time = ogl.tool {
  name = "current_time", description = "The date and the time here.",
  run = function() return os.date "%Y-%m-%d %H:%M:%S" end,
}

local chat = ogl.conversation {
  client = client, system = "You are a helpful assistant on the user's machine. Be brief.",
  tools = { read_file, list_folder, current_time },
}

local function ask(prompt)
  io.write(prompt)
  io.flush()
  return io.read "*l"
end

-- Prints a turn as it comes; the error that ended it.
local function show(answer)
  local event, err = answer:next()
  while event do
    if event.type == "text" then io.write(event.text) end
    if event.type == "tool_result" then io.write("[", event.name, ": ", event.outcome, "]\n") end
    io.flush()
    event, err = answer:next()
  end
  return err
end

local function decide()
  for _, call in ipairs(chat.pending) do
    local word = ask(("%s %s? [y]es, [n]o, [a]lways: "):format(call.name, call.json))
    if word == "y" or word == "a" then assert(chat:approve(call.id, { always = word == "a" }))
    else assert(chat:reject(call.id, "the user said no")) end
  end
end

-- Talks until a turn has ended: what fails is told, and the conversation goes on.
local function turn(said)
  local answer, err = chat:stream(said)
  while answer do
    err = show(answer)
    if err or not chat.pending[1] then break end
    decide()
    answer, err = chat:stream()
  end
  print(err or "")
end

local line = ask "> "
while line and line ~= "" do
  turn(line)
  line = ask "> "
end
