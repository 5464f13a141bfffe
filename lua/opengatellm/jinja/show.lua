--- Shows values as Python does: str, which a template prints, and repr, which shows what is in lists and dicts.
--
-- @module opengatellm.jinja.show
local characters = require "opengatellm.jinja.characters"
local effort = require "opengatellm.jinja.effort"
local number = require "opengatellm.jinja.number"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

local SHORT = { ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escaped(character)
  if SHORT[character] then return SHORT[character] end
  if characters.is_printable(character) then return nil end
  local point = characters.point(character)
  return (point < 0x100 and "\\x%02x" or point < 0x10000 and "\\u%04x" or "\\U%08x"):format(point)
end

local function quoted(words)
  local bytes = text.bytes(words)
  local quote = bytes:find("'", 1, true) and not bytes:find('"', 1, true) and '"' or "'"
  words = text.map(words, "[%c\\]", escaped)
  words = text.map(words, "[\194-\244][\128-\191]+", escaped)
  if quote == "'" then words = text.map(words, "'", { ["'"] = "\\'" }) end
  return text.join { quote, words, quote }
end

local repr

local function shown_list(list, level, open, close)
  local parts = {}
  for i, each in ipairs(list) do parts[i] = repr(each, level + 1) end
  return text.join { open, text.join(parts, ", "), close }
end

local function shown_dict(dict, level)
  if dict.printed then return dict.printed end
  local parts = {}
  for i, key in ipairs(dict.keys) do parts[i] = text.join { repr(key, level + 1), ": ", repr(value.get(dict, key), level + 1) } end
  return text.join { "{", text.join(parts, ", "), "}" }
end

local SHOWN = {
  text = quoted,
  integer = number.text,
  float = number.text,
  boolean = function(flag) return flag and "True" or "False" end,
  none = function() return "None" end,
  undefined = function() return "Undefined" end,
  list = function(list, level) return shown_list(list, level, "[", "]") end,
  tuple = function(tuple, level) return shown_list(tuple, level, "(", #tuple == 1 and ",)" or ")") end,
  dict = shown_dict,
  macro = function(macro) return text.join { "<Macro ", quoted(macro.name), ">" } end,
  loop = function(loop) return ("<LoopContext %d/%d>"):format(loop.at, #loop.items) end,
}

function repr(its_value, level)
  effort.spend(1)
  effort.check_depth(level)
  local kind = value.kind(its_value)
  local show = SHOWN[kind]
  return show and show(its_value, level) or "<" .. kind .. ">"
end

--- Shows a value as it stands in a list: texts in quotes.
---@param its_value any
---@return ogl.jinja.Text
function M.repr(its_value) return repr(its_value, 1) end

--- Shows a value as a template prints it.
---@param its_value any
---@return ogl.jinja.Text
function M.str(its_value)
  if text.is(its_value) then return its_value end
  if value.is_undefined(its_value) then return "" end
  return repr(its_value, 1)
end

return M
