-- A tool that asks before it runs: "y" lets the call run, "a" this call and all later ones of the tool, anything else denies it.
-- usage: OGL_URL=… OGL_TOKEN=… lua approval.lua [WISH]
local ogl = require "opengatellm"
local s = ogl.schema

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local notes = {}
local add_note = ogl.tool {
  name = "add_note", description = "Writes a note into the user's notebook.",
  parameters = s.object { { "text", s.string { min_length = 1 } } },
  approval = true,
  run = function(arguments)
    notes[#notes + 1] = arguments.text
    return "the notebook has " .. #notes .. " notes"
  end,
}
local chat = ogl.conversation { client = client, tools = { add_note } }

-- Has the user decide on each call that waits.
local function decide()
  for _, call in ipairs(chat.pending) do
    io.write("run ", call.name, " ", call.json, "? [y/n/a] ")
    io.flush()
    local word = io.read "*l"
    if word == "y" or word == "a" then assert(chat:approve(call.id, { always = word == "a" }))
    else assert(chat:reject(call.id, "the user said no")) end
  end
end

local reply, err = chat:send(arg[1] or "Note que le train part à neuf heures.")
while reply and chat.pending[1] do
  decide()
  reply, err = chat:resume()
end
if not reply then
  print(err)
  os.exit(1)
end
print(reply.text)
for i, note in ipairs(notes) do print(i .. ". " .. note) end
