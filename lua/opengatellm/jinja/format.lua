--- Formats: the `%` of texts, and their method `format`.
--
-- @module opengatellm.jinja.format
local call = require "opengatellm.jinja.call"
local mistake = require "opengatellm.jinja.mistake"
local number = require "opengatellm.jinja.number"
local show = require "opengatellm.jinja.show"
local slice = require "opengatellm.jinja.slice"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

local WIDEST = 1000 -- characters that a format may ask for

local function limited(count)
  count = tonumber(count)
  if count and count > WIDEST then mistake.raisef("a format wider than %d", WIDEST) end
  return count
end

--- Fills a text up to a width.
---@param words ogl.jinja.Text
---@param width integer in characters
---@param align "<"|">"|"^"
---@param fill? ogl.jinja.Text one character; default a blank
---@return ogl.jinja.Text
function M.filled(words, width, align, fill)
  local missing = math.max(width - value.length(words), 0)
  local left = align == ">" and missing or align == "^" and math.floor(missing / 2) or 0
  return text.join { text.rep(fill or " ", left), words, text.rep(fill or " ", missing - left) }
end

local function its_number(subject)
  return number.of(subject) or mistake.raisef("a number is needed to be formatted, not %s", value.kind(subject))
end

-- Numbers of the kinds that both ways know.
local function of_number(subject, kind, precision)
  local plain = its_number(subject)
  if kind == "d" then return number.text(number.truncate(plain)) end
  if kind == "x" or kind == "X" or kind == "o" then return ("%" .. kind):format(number.truncate(plain)) end
  return ("%." .. (precision or 6) .. kind):format(plain)
end

-- Fills a number with zeros behind its sign.
local function zero_filled(words, width)
  local sign, digits = words:match "^([-+]?)(.*)$"
  return sign .. M.filled(digits, width - #sign, ">", "0")
end

local function with_commas(words)
  local found
  repeat words, found = words:gsub("^(-?%d+)(%d%d%d)", "%1,%2") until found == 0
  return words
end

-- %-formats -------------------------------------------------------------------------------------------------------------

local function converted(subject, kind, precision)
  if kind == "s" or kind == "r" then
    local words = (kind == "s" and show.str or show.repr)(subject)
    return precision and slice.of(words, 0, precision) or words
  end
  if kind == "i" or kind == "u" then kind = "d" end
  if kind:find "[dxXofFeEgG]" then return of_number(subject, kind, precision) end
  mistake.raisef("unsupported format character '%s'", kind)
end

-- One conversion: flags, width, precision, kind.
local function conversion(subject, flags, width, precision, kind)
  local words = converted(subject, kind, limited(precision))
  if flags:find("+", 1, true) and kind:find "[dfeg]" and its_number(subject) >= 0 then words = text.join { "+", words } end
  width = limited(width) or 0
  if flags:find("-", 1, true) then return M.filled(words, width, "<") end
  if flags:find("0", 1, true) and not kind:find "[sr]" then return zero_filled(words, width) end
  return M.filled(words, width, ">")
end

--- Fills in a text with `%` in front of what is filled in.
---@param pattern ogl.jinja.Text
---@param subjects any a tuple, a dict for `%(name)s`, or one value
---@return ogl.jinja.Text
function M.percent(pattern, subjects)
  local list = value.kind(subjects) == "tuple" and subjects or { subjects }
  local out, at, used, bytes = {}, 1, 0, text.bytes(pattern)
  while true do
    local first = bytes:find("%", at, true)
    if not first then break end
    out[#out + 1] = text.sub(pattern, at, first - 1)
    local name, named_at = bytes:match("^%((.-)%)()", first + 1)
    local flags, width, dotted, kind, behind = bytes:match("^([-+ 0#]*)(%d*)%.?(%d*)(.)()", named_at or first + 1)
    if not kind then mistake.raise "incomplete format" end
    at = behind
    if kind == "%" then
      out[#out + 1] = text.marked_as(pattern, "%")
    else
      if not name then used = used + 1 end
      local subject = list[used]
      if name then subject = value.is_dict(subjects) and value.get(subjects, name) or nil end
      if subject == nil then mistake.raise "not enough arguments for format string" end
      out[#out + 1] = text.marked_as(pattern, conversion(subject, flags, width, dotted ~= "" and dotted or nil, kind))
    end
  end
  if used < #list and not value.is_dict(subjects) then mistake.raise "not all arguments converted during string formatting" end
  out[#out + 1] = text.sub(pattern, at)
  return text.join(out)
end

-- str.format ------------------------------------------------------------------------------------------------------------

local function formatted(subject, spec)
  if spec == "" then return show.str(subject) end
  local fill, align, rest = spec:match "^([^\128-\191][\128-\191]*)([<>^])(.*)$"
  if not fill then align, rest = spec:match "^([<>^]?)(.*)$" end
  local sign, zero, width, commas, precision, kind = rest:match "^([-+ ]?)(0?)(%d*)(,?)%.?(%d*)(%a?)$"
  if not sign then mistake.raise "invalid format specifier" end
  local is_number = not text.is(subject)
  precision = limited(precision)
  if kind == "" and is_number and precision then kind = "g" end
  local words = kind:find "[dxXofFeEgG]" and of_number(subject, kind, precision) or converted(subject, "s", precision)
  if commas == "," then words = with_commas(words) end
  if sign == "+" and its_number(subject) >= 0 then words = text.join { "+", words } end
  width = limited(width) or 0
  if zero == "0" then return zero_filled(words, width) end
  if align == "" then align = is_number and ">" or "<" end
  return M.filled(words, width, align, fill)
end

-- What is meant by a field: "", a place from 0, or a name.
local function field_value(field, arguments, counter)
  local subject
  if field == "" then
    counter.count = counter.count + 1
    subject = arguments[counter.count]
  elseif field:find "^%d+$" then
    subject = arguments[tonumber(field) + 1]
  else
    subject = call.named(arguments, field)
  end
  if subject == nil then mistake.raisef("there is no argument for {%s}", field) end
  return subject
end

--- Fills in a text with `{}` in the places of what is filled in.
---@param pattern ogl.jinja.Text
---@param arguments ogl.jinja.Arguments
---@return ogl.jinja.Text
function M.format(pattern, arguments)
  local out, at, counter, bytes = {}, 1, { count = 0 }, text.bytes(pattern)
  while true do
    local first = bytes:find("[{}]", at)
    if not first then break end
    out[#out + 1] = text.sub(pattern, at, first - 1)
    local brace = bytes:sub(first, first)
    if bytes:sub(first + 1, first + 1) == brace then
      out[#out + 1], at = text.marked_as(pattern, brace), first + 2
    else
      local field, shown, spec, behind = bytes:match("^{([^{}!:]*)(!?[rsa]?):?([^{}]*)}()", first)
      if not field then mistake.raise "a single brace in a format" end
      local subject = field_value(field, arguments, counter)
      out[#out + 1] = text.marked_as(pattern, formatted(shown == "!r" and show.repr(subject) or subject, spec))
      at = behind
    end
  end
  out[#out + 1] = text.sub(pattern, at)
  return text.join(out)
end

return M
