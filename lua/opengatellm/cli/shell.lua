--- The shell: what other programs say, and how their words are quoted.
--
-- @module opengatellm.cli.shell
local M = {}

--- Quotes a text for the shell.
---@param text string
---@return string
function M.quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

--- Gives what a command of the shell writes, on both outputs.
---@param command string
---@return string
function M.output_of(command)
  local pipe = io.popen(command .. " 2>&1")
  local text = pipe and pipe:read "*a" or ""
  if pipe then pipe:close() end
  return text
end

return M
