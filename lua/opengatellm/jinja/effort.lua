--- Effort: what a template may cost. A template comes with a model, so it is a stranger's program: each step that it takes and each byte
--- that it makes is paid from a budget, and what it makes at once has a ceiling.
--
-- There is one budget at a time, that of the template which runs; a template never yields.
--
-- @module opengatellm.jinja.effort
local mistake = require "opengatellm.jinja.mistake"

local M = {}

--- The most steps of one run: some seconds on a slow machine.
M.STEPS = 2000000
--- The longest text that may be made, in bytes: more than the longest context of any model.
M.LONGEST = 16 * 2 ^ 20
--- The deepest nesting: of tags and brackets in a template, of macros that call each other, of lists and dicts.
M.DEEPEST = 100

local BYTES_A_STEP, COMPARED_A_STEP, CHARACTERS_A_STEP = 32, 1024, 8

local left, allowed = math.huge, math.huge

--- Pays for steps; raises a mistake where the budget ends.
---@param steps number
function M.spend(steps)
  left = left - steps
  if left < 0 then mistake.raisef("the template takes more than %d steps", allowed) end
end

--- Pays for the bytes of a text before they are made; raises a mistake where they are too many.
---@param bytes number
function M.spend_bytes(bytes)
  if bytes > M.LONGEST then mistake.raisef("the template makes a text of more than %d bytes", M.LONGEST) end
  M.spend(bytes / BYTES_A_STEP)
end

--- Pays for bytes that are only looked at.
---@param bytes number
function M.spend_looks(bytes) M.spend(bytes / COMPARED_A_STEP) end

--- Pays for bytes of which each character is looked at by itself.
---@param bytes number
function M.spend_characters(bytes) M.spend(bytes / CHARACTERS_A_STEP) end

--- Raises a mistake where a level is too deep.
---@param level integer
function M.check_depth(level)
  if level > M.DEEPEST then mistake.raisef("nested deeper than %d levels", M.DEEPEST) end
end

local function restore(outer_left, outer_allowed, ...)
  left, allowed = outer_left, outer_allowed
  return ...
end

--- Calls fn(…) with a budget of its own.
---@param steps number
---@param fn function
---@param ... any fn's arguments
---@return boolean fine as pcall gives it
---@return any ... fn's results, or what it raised
function M.within(steps, fn, ...)
  local outer_left, outer_allowed = left, allowed
  left, allowed = steps, steps
  return restore(outer_left, outer_allowed, pcall(fn, ...))
end

return M
