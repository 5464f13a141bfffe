--- What commands write: colours for a terminal, and writes that say whether they succeeded.
--
-- @module opengatellm.cli.output
local system = require "opengatellm.system"

local M = {}

local CODES = { red = 31, green = 32, yellow = 33 }

local function plain(text) return text end

local function painted(text, colour) return ("\27[%dm%s\27[0m"):format(CODES[colour], text) end

--- Says whether what goes to a descriptor may have colours: it is a terminal, and NO_COLOR is not set.
---@param fd integer 1 for standard output, 2 for standard error
---@return boolean
function M.is_coloured(fd)
  local forbidden = os.getenv "NO_COLOR"
  return (forbidden == nil or forbidden == "") and system.isatty(fd)
end

--- Gives the function that colours texts for a descriptor; where it may have no colours, the texts stay as they are.
---@param fd integer 1 for standard output, 2 for standard error
---@return fun(text: string, colour: "red"|"green"|"yellow"): string
function M.painter(fd) return M.is_coloured(fd) and painted or plain end

--- Writes a text to standard output at once, so that a full disk or a closed pipe is seen here.
---@param text string
---@return true?
---@return string? problem in one line
function M.say(text)
  local fine, problem = io.stdout:write(text)
  if fine then fine, problem = io.stdout:flush() end
  if fine then return true end
  return nil, "standard output: " .. tostring(problem)
end

local jit = rawget(_G, "jit")
if jit then jit.off(M.say) end -- compiled by LuaJIT 2.1, flush tells no failure

--- Writes a file, in place of one that may be there.
---@param path string
---@param text string
---@return true?
---@return string? problem in one line
function M.save(path, text)
  local file, problem = io.open(path, "wb")
  if not file then return nil, problem end
  local fine
  fine, problem = file:write(text)
  local closed, late = file:close() -- what the file buffered may fail here
  if fine and closed then return true end
  return nil, ("%s: %s"):format(path, tostring(problem or late))
end

return M
