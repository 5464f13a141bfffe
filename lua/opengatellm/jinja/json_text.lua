--- Writes values of a template as JSON, as Python's json.dumps does.
--
-- @module opengatellm.jinja.json_text
local characters = require "opengatellm.jinja.characters"
local effort = require "opengatellm.jinja.effort"
local mistake = require "opengatellm.jinja.mistake"
local number = require "opengatellm.jinja.number"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

local SHORT = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b", ["\f"] = "\\f", ["\127"] = "\127",
}

local function escaped(character) return SHORT[character] or ("\\u%04x"):format(character:byte()) end

local function ascii(character)
  local point = characters.point(character)
  if point < 0x10000 then return ("\\u%04x"):format(point) end
  point = point - 0x10000
  return ("\\u%04x\\u%04x"):format(0xd800 + math.floor(point / 0x400), 0xdc00 + point % 0x400)
end

local function quoted(style, words)
  words = text.map(words, '[%c"\\]', escaped)
  if style.ascii then words = text.map(words, "[\127-\244][\128-\191]*", ascii) end
  return text.join { '"', words, '"' }
end

local function number_text(its_value)
  local words = number.text(its_value)
  return words == "nan" and "NaN" or words:gsub("inf", "Infinity")
end

local function scalar(its_value, kind)
  if kind == "boolean" then return tostring(its_value) end
  if kind == "none" then return "null" end
  if kind == "integer" or kind == "float" then return (number_text(its_value)) end
  mistake.raisef("%s cannot be written as JSON", kind)
end

local write

-- Puts written members between brackets, each on a line of its own where there is an indent.
local function enclosed(style, open, members, close, level)
  if not members[1] then return open .. close end
  if not style.indent then return text.join { open, text.join(members, style.comma), close } end
  local inner, outer = text.join { "\n", text.rep(style.indent, level) }, text.join { "\n", text.rep(style.indent, level - 1) }
  return text.join { open, inner, text.join(members, text.join { style.comma, inner }), outer, close }
end

local function list(style, its_value, level)
  local members = {}
  for i, each in ipairs(its_value) do members[i] = write(style, each, level + 1) end
  return enclosed(style, "[", members, "]", level)
end

local function key_text(style, key)
  if text.is(key) then return quoted(style, key) end
  return quoted(style, scalar(key, value.kind(key)))
end

local function sorted(keys)
  local list_of_keys = {}
  for i, key in ipairs(keys) do list_of_keys[i] = key end
  table.sort(list_of_keys, value.less)
  return list_of_keys
end

local function dict(style, its_value, level)
  local members = {}
  for i, key in ipairs(style.sorted and sorted(its_value.keys) or its_value.keys) do
    members[i] = text.join { key_text(style, key), style.colon, write(style, value.get(its_value, key), level + 1) }
  end
  return enclosed(style, "{", members, "}", level)
end

function write(style, its_value, level)
  effort.spend(1)
  effort.check_depth(level)
  local kind = value.kind(its_value)
  if kind == "text" then return quoted(style, its_value) end
  if kind == "list" or kind == "tuple" then return list(style, its_value, level) end
  if kind == "dict" then return dict(style, its_value, level) end
  return scalar(value.defined(its_value), kind)
end

---@class ogl.jinja.JsonStyle
---@field ascii? boolean escapes whatever is not ASCII
---@field indent? ogl.jinja.Text what a level is indented by; nil for all in one line
---@field sorted? boolean sorts the keys
---@field comma ogl.jinja.Text between members
---@field colon ogl.jinja.Text between a key and its value

--- Writes a value as JSON.
---@param its_value any
---@param style ogl.jinja.JsonStyle
---@return ogl.jinja.Text
function M.write(its_value, style) return write(style, its_value, 1) end

return M
