--- Mistakes: what is wrong with a template, or with the values that it gets. They are raised, and caught where a template is compiled
--- or run.
--
-- @module opengatellm.jinja.mistake
local M = {}

---@class ogl.jinja.Mistake
---@field message string
---@field line? integer of the template, counted from 1
---@field refused? boolean the template itself has raised it
local Mistake = {}
Mistake.__index = Mistake

--- Raises a mistake.
---@param message string
---@param line? integer
function M.raise(message, line) error(setmetatable({ message = message, line = line }, Mistake), 0) end

--- Raises what a template raises itself.
---@param message string
function M.refuse(message) error(setmetatable({ message = message, refused = true }, Mistake), 0) end

--- Says whether a template has raised something itself.
---@param raised any
---@return boolean
function M.is_refusal(raised) return getmetatable(raised) == Mistake and raised.refused == true end

--- Raises a mistake whose message is made of a pattern of string.format.
---@param pattern string
---@param ... any
function M.raisef(pattern, ...) M.raise(pattern:format(...)) end

--- Words what was raised, with the line of the template where it is known. What Lua itself raised (the end of its stack or of its memory)
--- is worded too: a template may bring it about, and must not end the program.
---@param raised any
---@param line? integer the line that ran, for a mistake that names none
---@return string
function M.words(raised, line)
  if getmetatable(raised) == Mistake then
    line = raised.line or line
    return line and ("line %d: %s"):format(line, raised.message) or raised.message
  end
  return "the engine failed: " .. tostring(raised)
end

return M
