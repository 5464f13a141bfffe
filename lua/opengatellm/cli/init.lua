--- The `ogl` command, and the registry of its commands, one line each.
--
-- A command is {summary, configure(parser), run(arguments) -> exit status}. Exit status: 0 done, 1 the call failed, 2 wrong usage.
--
-- @module opengatellm.cli
local argparse = require "argparse"
local version = require "opengatellm.version"

local M = {}

local COMMANDS = {
  { "chat", "opengatellm.cli.chat" },
  { "models", "opengatellm.cli.models" },
  { "serve", "opengatellm.cli.serve" },
}

local function make_parser()
  local parser = argparse("ogl", "Talks to OpenGateLLM, and to every other LLM server.")
    :epilog "The server and the key come from OGL_URL and OGL_TOKEN."
  parser:flag("--version", "Print the version."):action(function()
    print("ogl " .. version)
    os.exit(0)
  end)
  parser:command_target "command"
  for _, row in ipairs(COMMANDS) do
    local command = require(row[2])
    command.configure(parser:command(row[1], command.summary))
  end
  return parser
end

--- Runs the command line; returns the exit status.
---@param arguments string[]
---@return integer
function M.main(arguments)
  local fine, parsed = make_parser():pparse(arguments)
  if not fine then
    io.stderr:write("ogl: ", parsed, "\n")
    return 2
  end
  for _, row in ipairs(COMMANDS) do
    if row[1] == parsed.command then return require(row[2]).run(parsed) end
  end
end

return M
