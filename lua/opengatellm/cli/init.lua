--- The `ogl` command, and the registry of its commands, one line each.
--
-- A command is {configure(parser), run(arguments) -> exit status}, in a file of its name, which is loaded when the command is asked for:
-- `ogl --help` and `ogl chat` shall not wait for what others need. Exit status: 0 done, 1 the call failed, 2 wrong usage, 130 ended by
-- Ctrl-C; what a command adds to these stands in its help.
--
-- @module opengatellm.cli
local argparse = require "argparse"
local version = require "opengatellm.version"

local M = {}

local COMMANDS = {
  { "chat", "Ask a model." },
  { "models", "List the models of the server." },
  { "serve", "Serve Ollama's API and OpenAI's in front of any provider." },
  { "bench", "Measure how fast servers answer, alone and under load." },
  { "doctor", "Say what is installed, configured and reachable, and what to do about the rest." },
  { "compat", "Say which things that programs need a server does right." },
}

local function load(name) return require("opengatellm.cli." .. name) end

-- The command that the arguments begin with; only options without a value may stand before it.
local function named(arguments)
  for _, word in ipairs(arguments) do
    if word:sub(1, 1) ~= "-" then return word end
  end
end

local function make_parser(arguments)
  local parser = argparse("ogl", "Talks to OpenGateLLM, and to every other LLM server.")
    :epilog "The server and the key come from OGL_URL and OGL_TOKEN."
  parser:flag("--version", "Print the version."):action(function()
    print("ogl " .. version)
    os.exit(0)
  end)
  parser:flag("--debug", "Where ogl itself fails, show where.")
  parser:command_target "command"
  local wanted = named(arguments)
  for _, row in ipairs(COMMANDS) do
    local command = parser:command(row[1], row[2])
    if row[1] == wanted then load(wanted).configure(command) end
  end
  return parser
end

local INTERRUPTED = 130 -- as shells have it: 128 and the number of the signal

-- What a command raised, as one line; or with the traceback, where that is wanted.
local function told(raised, is_debugging)
  local text = tostring(raised)
  if is_debugging then return debug.traceback(text, 2) end
  return (text:gsub("\n.*", ""))
end

-- Runs a command. What it raises is a mistake of ours, or Ctrl-C where nothing else looks after that.
local function guarded(parsed)
  local function perform() return load(parsed.command).run(parsed) end
  local fine, status = xpcall(perform, function(raised) return told(raised, parsed.debug) end)
  if fine then return status end
  if status:find "interrupted!" then return INTERRUPTED end
  io.stderr:write("ogl: ", status, "\n")
  return 1
end

--- Runs the command line; returns the exit status.
---@param arguments string[]
---@return integer
function M.main(arguments)
  local fine, parsed = make_parser(arguments):pparse(arguments)
  if fine then return guarded(parsed) end
  io.stderr:write("ogl: ", (parsed:gsub("\n", "; ")), "\n")
  return 2
end

return M
