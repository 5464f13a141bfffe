--- Think: what a model writes between <think> and </think> becomes reasoning, and leaves the text.
--
--   client:use(ogl.middleware.think {})
--
-- Servers that run open models often leave the tags in the text. They are found over any split of the pieces, several times in an answer;
-- one that is not closed lasts to the end. The blank lines behind a closing tag belong to it.
--
-- @module opengatellm.middleware.think
local options = require "opengatellm.middleware.options"
local recording = require "opengatellm.middleware.recording"

local M = {}

---@class ogl.ThinkOptions
---@field tag? string default "think"
---@field starts_open? boolean true: the prompt has opened the tag already, and only its end comes

-- How many bytes at the end of a text may be the beginning of a tag.
local function beginning_of(text, tag)
  for size = math.min(#text, #tag - 1), 1, -1 do
    if text:sub(-size) == tag:sub(1, size) then return size end
  end
  return 0
end

-- Parts keep their order: where one is cut in two, those that come later move up.
local function place_of(state, index)
  if not state.places[index] then state.places[index] = index + state.shift end
  state.last = math.max(state.last, state.places[index])
  return state.places[index]
end

local function cut_part(state, index)
  state.shift = state.shift + 1
  state.places[index] = state.last > place_of(state, index) and state.last + 1 or state.places[index] + 1
  place_of(state, index)
end

local function give(state, part, list, text)
  if text == "" then return end
  if part.trims then
    text = text:gsub("^[\r\n]+", "")
    if text == "" then return end
    part.trims = false
  end
  local kind = part.inside and "reasoning" or "text"
  if part.given and part.given ~= kind then cut_part(state, part.index) end
  part.given = kind
  list[#list + 1] = { type = kind, text = text, index = place_of(state, part.index), choice = part.choice }
end

-- Gives what is certain of a part's text, and holds what may be the beginning of a tag.
local function look(state, part, list, tags)
  while true do
    local tag = part.inside and tags.close or tags.open
    local from, to = part.text:find(tag, 1, true)
    if not from then
      local held = beginning_of(part.text, tag)
      give(state, part, list, part.text:sub(1, #part.text - held))
      part.text = part.text:sub(#part.text - held + 1)
      return
    end
    give(state, part, list, part.text:sub(1, from - 1))
    part.text, part.inside = part.text:sub(to + 1), not part.inside
    part.trims = true -- the line ends behind a tag
  end
end

local function part_of(state, event, starts_open)
  local index, choice = event.index or 1, event.choice or 1
  local key = choice == 1 and index or choice .. ":" .. index
  local part = state.parts[key]
  if not part then
    part = { text = "", inside = starts_open and not state.opened, index = event.index or 1, choice = event.choice, trims = false }
    state.opened = true
    state.parts[key] = part
    table.insert(state.order, part)
  end
  return part
end

-- Gives what was held, as a list; nil where nothing was.
local function give_rest(state)
  local list
  for i = 1, #state.order do
    local part = state.order[i]
    if part.text ~= "" then
      list = list or {}
      give(state, part, list, part.text)
      part.text = ""
    end
  end
  return list
end

-- Whether a text has no part of a tag and follows none: its event may pass as it is.
local function is_plain(state, part, event)
  return part.text == "" and not part.inside and not part.trims and part.given ~= "reasoning" and event.text ~= "" and event.index
    and place_of(state, event.index) == event.index and not event.text:find("<", 1, true)
end

local function with_place(state, event)
  if not event.index or state.shift == 0 and place_of(state, event.index) == event.index then return event end
  return recording.with(event, "index", place_of(state, event.index))
end

--- Makes the middleware.
---@param given? ogl.ThinkOptions
---@return ogl.Middleware
function M.new(given)
  given = options.check("think", given, { tag = "string", starts_open = "boolean" })
  local tag = given.tag or "think"
  options.expect(tag:find "^[%w_%-]+$", "think", "tag: expected a name, got '" .. tag:gsub("%c", "?") .. "'")
  local tags = { open = "<" .. tag .. ">", close = "</" .. tag .. ">" }
  local function event_of(event, _, state)
    if not state.parts then state.parts, state.order, state.places, state.shift, state.last = {}, {}, {}, 0, 0 end
    if event and event.type == "text" then
      local part = part_of(state, event, given.starts_open)
      if is_plain(state, part, event) then
        part.given = "text"
        return event
      end
      local list = {}
      part.text = part.text .. event.text
      look(state, part, list, tags)
      return list
    end
    local list
    if not event or event.type ~= "reasoning" and event.type ~= "usage" and event.type ~= "start" then list = give_rest(state) end
    local placed = event and with_place(state, event)
    if not list then return placed end
    list[#list + 1] = placed
    return list
  end
  return { name = "think", event = event_of }
end

return M
