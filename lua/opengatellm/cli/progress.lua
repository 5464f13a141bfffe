--- Progress: one line on a terminal that says what goes on, written anew in its place; nothing where standard error is no terminal.
--
-- @module opengatellm.cli.progress
local system = require "opengatellm.system"
local width = require "opengatellm.base.width"

local M = {}

local STANDARD_ERROR = 2
local CLEAR = "\r\27[K" -- goes to the beginning of the line, and clears it
local COLUMNS = 80

---@class ogl.cli.Progress
local Progress = {}
Progress.__index = Progress

--- Begins with an empty line.
---@param is_quiet? boolean nothing is shown
---@return ogl.cli.Progress
function M.new(is_quiet) return setmetatable({ is_shown = not is_quiet and system.isatty(STANDARD_ERROR), line = "" }, Progress) end

--- Shows a text; the part that does not fit into the terminal's line is left out, so that it stays one line.
---@param text string
function Progress:show(text)
  if not self.is_shown or text == self.line then return end
  local columns = system.size(STANDARD_ERROR) or COLUMNS
  io.stderr:write(CLEAR, width.cut(width.harmless(text), math.max(1, columns - 1)))
  io.stderr:flush()
  self.line = text
end

--- Clears the line: what is written next begins where it stood.
function Progress:clear()
  if not self.is_shown or self.line == "" then return end
  io.stderr:write(CLEAR)
  io.stderr:flush()
  self.line = ""
end

return M
