--- The methods of texts.
--
-- @module opengatellm.jinja.string_methods
local call = require "opengatellm.jinja.call"
local characters = require "opengatellm.jinja.characters"
local effort = require "opengatellm.jinja.effort"
local format = require "opengatellm.jinja.format"
local mistake = require "opengatellm.jinja.mistake"
local show = require "opengatellm.jinja.show"
local slice = require "opengatellm.jinja.slice"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

-- Cases -------------------------------------------------------------------------------------------------------------------

--- Writes a text in capitals.
---@param subject ogl.jinja.Text
---@return ogl.jinja.Text
function M.upper(subject) return text.map(subject, characters.ONE, characters.upper) end

--- Writes a text in small letters.
---@param subject ogl.jinja.Text
---@return ogl.jinja.Text
function M.lower(subject) return text.map(subject, characters.ONE, characters.lower) end

--- Writes a text in small letters behind a capital.
---@param subject ogl.jinja.Text
---@return ogl.jinja.Text
function M.capitalize(subject)
  return text.join { M.upper(slice.of(subject, 0, 1)), M.lower(slice.of(subject, 1)) }
end

local function swapcase(subject)
  return text.map(subject, characters.ONE, function(one) return characters.upper[one] or characters.lower[one] end)
end

-- Every letter behind another is small, every other one a capital.
local function title(subject)
  local in_word = false
  return text.map(subject, characters.ONE, function(one)
    local follows = in_word
    in_word = characters.is_letter(one)
    if follows then return characters.lower[one] end
    return characters.upper[one]
  end)
end

-- Blanks and parts ----------------------------------------------------------------------------------------------------------

local function set_of(wanted)
  if value.given(wanted) == nil then return characters.blanks end
  local set = {}
  for one in text.bytes(call.text(wanted)):gmatch(characters.ONE) do set[one] = true end
  return set
end

local function stripper(left, right)
  return function(subject, wanted)
    local bytes, set = text.bytes(subject), set_of(wanted)
    local first = left and characters.behind(bytes, set) or 1
    local last = right and math.max(characters.before(bytes, set), first - 1) or #bytes
    effort.spend_characters(first - 1 + #bytes - last)
    return text.sub(subject, first, last)
  end
end

--- Takes blanks, or the characters of another text, from both ends.
---@type fun(subject: ogl.jinja.Text, wanted?: any): ogl.jinja.Text
M.strip = stripper(true, true)

local function count_of(most)
  most = call.integer(value.given(most), -1)
  return most < 0 and math.huge or most
end

-- The words between blanks; what is behind the last that may be cut off stays whole.
local function split_at_blanks(subject, most)
  local bytes, parts = text.bytes(subject), {}
  effort.spend_characters(#bytes)
  local at = characters.behind(bytes, characters.blanks)
  while at <= #bytes do
    local behind = at
    if #parts >= most then
      behind = #bytes + 1
    else
      while behind <= #bytes do
        local one = bytes:match(characters.ONE, behind)
        if characters.blanks[one] then break end
        behind = behind + #one
      end
    end
    parts[#parts + 1] = text.sub(subject, at, behind - 1)
    at = characters.behind(bytes, characters.blanks, behind)
  end
  return parts
end

local function split_at(subject, separator, most)
  if text.bytes(separator) == "" then mistake.raise "empty separator" end
  local parts, at = {}, 1
  while #parts < most do
    local first, last = text.find(subject, separator, at)
    if not first then break end
    parts[#parts + 1] = text.sub(subject, at, first - 1)
    at = last + 1
  end
  parts[#parts + 1] = text.sub(subject, at)
  return parts
end

local function split(subject, separator, most)
  effort.spend_bytes(#text.bytes(subject))
  if value.given(separator) == nil then return value.list(split_at_blanks(subject, count_of(most))) end
  return value.list(split_at(subject, call.text(separator), count_of(most)))
end

-- Splits at the last separators: where there are too many parts, the first ones stay together.
local function rsplit(subject, separator, most)
  separator, most = value.given(separator), count_of(most)
  local parts = separator and split_at(subject, separator, math.huge) or split_at_blanks(subject, math.huge)
  if #parts <= most + 1 then return value.list(parts) end
  if not separator then mistake.raise "rsplit at blanks takes no number of parts here" end
  local first = {}
  for i = 1, #parts - most do first[i] = parts[i] end
  local rest = { text.join(first, separator) }
  for i = #parts - most + 1, #parts do rest[#rest + 1] = parts[i] end
  return value.list(rest)
end

-- The last place of a text in a text, in bytes.
local function find_last(subject, wanted)
  local first, last = text.find(subject, wanted)
  while first do
    local later, its_end = text.find(subject, wanted, first + 1)
    if not later then break end
    first, last = later, its_end
  end
  return first, last
end

local function partition(subject, separator)
  local first, last = text.find(subject, call.text(separator))
  if not first then return value.tuple { subject, "", "" } end
  return value.tuple { text.sub(subject, 1, first - 1), separator, text.sub(subject, last + 1) }
end

local function rpartition(subject, separator)
  local first, last = find_last(subject, call.text(separator))
  if not first then return value.tuple { "", "", subject } end
  return value.tuple { text.sub(subject, 1, first - 1), separator, text.sub(subject, last + 1) }
end

-- The bytes that end a line; CR and LF end one line together.
local LINE_ENDS = { "\n", "\r", "\v", "\f", "\28", "\29", "\30", "\194\133", "\226\128\168", "\226\128\169" }
for _, each in ipairs(LINE_ENDS) do LINE_ENDS[each] = true end

--- Splits a text into its lines.
---@param subject ogl.jinja.Text
---@param keep_ends? any whether the lines keep what ends them
---@return ogl.jinja.List
function M.splitlines(subject, keep_ends)
  local bytes, lines, from = text.bytes(subject), {}, 1
  effort.spend_characters(#bytes)
  for at, one in bytes:gmatch("()(" .. characters.ONE .. ")") do
    local ends = LINE_ENDS[one] and not (one == "\n" and bytes:sub(at - 1, at - 1) == "\r")
    local behind = at + #one + (one == "\r" and bytes:sub(at + 1, at + 1) == "\n" and 1 or 0)
    if ends then
      lines[#lines + 1] = text.sub(subject, from, call.flag(keep_ends) and behind - 1 or at - 1)
      from = behind
    end
  end
  if from <= #bytes then lines[#lines + 1] = text.sub(subject, from) end
  return value.list(lines)
end

--- Replaces a text in a text.
---@param subject ogl.jinja.Text
---@param old any
---@param new any
---@param most? any how often; all where it is not given, None or negative
---@return ogl.jinja.Text
function M.replace(subject, old, new, most)
  old, new = call.text(old), call.text(new)
  if text.bytes(old) == "" then
    local parts = { "" }
    for i, each in ipairs(value.each(subject)) do parts[i + 1] = each end
    local limit, joined = count_of(most), {}
    for i, each in ipairs(parts) do joined[#joined + 1], joined[#joined + 2] = each, i <= limit and new or "" end
    return text.join(joined)
  end
  return text.join(split_at(subject, old, count_of(most)), new)
end

-- Whether a text begins or ends with another, or with one of a tuple.
local function beside(cut)
  return function(subject, wanted)
    for _, each in ipairs(value.is_sequence(wanted) and wanted or { wanted }) do
      local part = text.bytes(call.text(each))
      effort.spend_looks(#part)
      if cut(text.bytes(subject), #part) == part then return true end
    end
    return false
  end
end

local function front(bytes, count) return bytes:sub(1, count) end
local function back(bytes, count) return bytes:sub(#bytes - count + 1) end
local starts_with, ends_with = beside(front), beside(back)

local function remove_prefix(subject, prefix)
  return starts_with(subject, prefix) and text.sub(subject, #text.bytes(prefix) + 1) or subject
end
local function remove_suffix(subject, suffix)
  return ends_with(subject, suffix) and text.sub(subject, 1, #text.bytes(subject) - #text.bytes(suffix)) or subject
end

-- Places --------------------------------------------------------------------------------------------------------------------

local function characters_before(subject, byte) return value.length(text.sub(subject, 1, byte - 1)) end

local function finder(search, fails)
  return function(subject, wanted, from)
    local skipped = from and slice.of(subject, 0, call.integer(from)) or ""
    local first = search(text.sub(subject, #text.bytes(skipped) + 1), call.text(wanted))
    if not first and fails then mistake.raise "substring not found" end
    return first and characters_before(subject, first + #text.bytes(skipped)) or -1
  end
end

local function count(subject, wanted)
  if text.bytes(call.text(wanted)) == "" then return value.length(subject) + 1 end
  return #split_at(subject, wanted, math.huge) - 1
end

-- Joins -----------------------------------------------------------------------------------------------------------------------

local function join(separator, items)
  local parts = {}
  for i, each in ipairs(value.each(items)) do parts[i] = call.text(each) end
  return text.join(parts, separator)
end

local function filler(align)
  return function(subject, width, fill) return format.filled(subject, call.integer(width), align, fill) end
end

local function zfill(subject, width)
  local sign = text.bytes(subject):match "^[-+]?"
  local rest = text.sub(subject, #sign + 1)
  return text.join { text.sub(subject, 1, #sign), format.filled(rest, call.integer(width) - #sign, ">", "0") }
end

local function expandtabs(subject, size)
  local column, width = 0, call.integer(size, 8)
  return text.map(subject, characters.ONE, function(one)
    local blanks = one == "\t" and width - column % width
    effort.spend_bytes(blanks or 0)
    column = (one == "\n" or one == "\r") and 0 or column + (blanks or 1)
    return blanks and (" "):rep(blanks) or nil
  end)
end

-- Questions -------------------------------------------------------------------------------------------------------------------

-- Whether there are characters, and all of them fit.
local function all(fits)
  return function(subject)
    effort.spend_characters(#text.bytes(subject))
    for one in text.bytes(subject):gmatch(characters.ONE) do
      if not fits(one) then return false end
    end
    return text.bytes(subject) ~= ""
  end
end

local function is_digit(one) return one:find "^%d$" ~= nil end
local function is_letter(one) return characters.is_letter(one) end

-- Whether there are letters, and none of them has the other case.
local function all_of_case(same, other)
  return function(subject)
    local found = false
    effort.spend_characters(#text.bytes(subject))
    for one in text.bytes(subject):gmatch(characters.ONE) do
      if same[one] and not other[one] then return false end
      found = found or other[one] ~= nil
    end
    return found
  end
end

local function is_title(subject)
  local bytes = text.bytes(subject)
  return bytes:find "%a" ~= nil and text.bytes(title(subject)) == bytes
end

local function is_ascii(subject)
  effort.spend_looks(#text.bytes(subject))
  return not text.bytes(subject):find "[\128-\255]"
end

local function is_identifier(subject) return text.bytes(subject):find "^[%a_\128-\255][%w_\128-\255]*$" ~= nil end

--- The methods, by name: each takes the text and the arguments.
---@type table<string, fun(subject: ogl.jinja.Text, arguments: ogl.jinja.Arguments): any>
M.methods = {
  upper = call.declare("", M.upper), lower = call.declare("", M.lower), casefold = call.declare("", M.lower),
  capitalize = call.declare("", M.capitalize), title = call.declare("", title), swapcase = call.declare("", swapcase),
  strip = call.declare("chars", M.strip), lstrip = call.declare("chars", stripper(true, false)),
  rstrip = call.declare("chars", stripper(false, true)),
  split = call.declare("sep maxsplit", split), rsplit = call.declare("sep maxsplit", rsplit),
  splitlines = call.declare("keepends", M.splitlines), partition = call.declare("sep", partition),
  rpartition = call.declare("sep", rpartition), replace = call.declare("old new count", M.replace),
  startswith = call.declare("prefix", starts_with), endswith = call.declare("suffix", ends_with),
  removeprefix = call.declare("prefix", remove_prefix), removesuffix = call.declare("suffix", remove_suffix),
  find = call.declare("sub start", finder(text.find)), index = call.declare("sub start", finder(text.find, true)),
  rfind = call.declare("sub start", finder(find_last)), rindex = call.declare("sub start", finder(find_last, true)),
  count = call.declare("sub", count), join = call.declare("iterable", join), format = format.format,
  ljust = call.declare("width fillchar", filler "<"), rjust = call.declare("width fillchar", filler ">"),
  center = call.declare("width fillchar", filler "^"), zfill = call.declare("width", zfill),
  expandtabs = call.declare("tabsize", expandtabs),
  isdigit = call.declare("", all(is_digit)), isdecimal = call.declare("", all(is_digit)), isnumeric = call.declare("", all(is_digit)),
  isalpha = call.declare("", all(is_letter)),
  isalnum = call.declare("", all(function(one) return is_letter(one) or is_digit(one) end)),
  isspace = call.declare("", all(function(one) return characters.blanks[one] end)),
  isupper = call.declare("", all_of_case(characters.upper, characters.lower)),
  islower = call.declare("", all_of_case(characters.lower, characters.upper)),
  istitle = call.declare("", is_title), isidentifier = call.declare("", is_identifier),
  isascii = call.declare("", is_ascii),
}

--- Shows a value as a text, and gives a method of it.
---@param method fun(subject: ogl.jinja.Text, ...: any): any
---@return fun(subject: any, ...: any): any
function M.of_shown(method)
  return function(subject, ...) return method(show.str(subject), ...) end
end

return M
