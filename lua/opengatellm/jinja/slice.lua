--- Slices and indexes of lists and texts, as Python counts: from 0, and from the end where negative.
--
-- @module opengatellm.jinja.slice
local characters = require "opengatellm.jinja.characters"
local effort = require "opengatellm.jinja.effort"
local mistake = require "opengatellm.jinja.mistake"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

-- A bound between the least and the most that it may be.
local function clamped(bound, length, least, most)
  if bound < 0 then bound = bound + length end
  return math.max(least, math.min(bound, most))
end

-- The first index, the one that is not reached, and the step.
local function bounds(length, from, to, step)
  step = step or 1
  if step == 0 then mistake.raise "slice step cannot be zero" end
  if step > 0 then
    return from and clamped(from, length, 0, length) or 0, to and clamped(to, length, 0, length) or length, step
  end
  return from and clamped(from, length, -1, length - 1) or length - 1, to and clamped(to, length, -1, length - 1) or -1, step
end

local function of_text(subject, from, to, step)
  local bytes = text.bytes(subject)
  effort.spend_characters(#bytes)
  local starts = characters.starts(bytes)
  from, to, step = bounds(#starts - 1, from, to, step)
  if step == 1 then return to > from and text.sub(subject, starts[from + 1], starts[to + 1] - 1) or "" end
  local parts = {}
  for i = from, to - (step > 0 and 1 or -1), step do parts[#parts + 1] = text.sub(subject, starts[i + 1], starts[i + 2] - 1) end
  return text.join(parts)
end

--- Cuts a part out of a list or a text.
---@param subject any
---@param from? integer
---@param to? integer
---@param step? integer
---@return any # nil where it can have no part
function M.of(subject, from, to, step)
  if text.is(subject) then return of_text(subject, from, to, step) end
  if not value.is_sequence(subject) then return nil end
  from, to, step = bounds(#subject, from, to, step)
  local items = {}
  for i = from, to - (step > 0 and 1 or -1), step do items[#items + 1] = subject[i + 1] end
  effort.spend(#items)
  return value.kind(subject) == "tuple" and value.tuple(items) or value.list(items)
end

--- Gives the item of a list, or the character of a text.
---@param subject any
---@param index integer
---@return any # nil where there is none
function M.at(subject, index)
  local length = value.length(subject)
  if index < 0 then index = index + length end
  if index < 0 or index >= length or index % 1 ~= 0 then return nil end
  if text.is(subject) then return of_text(subject, index, index + 1) end
  return subject[index + 1]
end

return M
