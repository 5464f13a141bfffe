--- The filters of texts.
--
-- @module opengatellm.jinja.text_filters
local call = require "opengatellm.jinja.call"
local characters = require "opengatellm.jinja.characters"
local effort = require "opengatellm.jinja.effort"
local format = require "opengatellm.jinja.format"
local json_reader = require "opengatellm.jinja.json_reader"
local json_text = require "opengatellm.jinja.json_text"
local mistake = require "opengatellm.jinja.mistake"
local show = require "opengatellm.jinja.show"
local slice = require "opengatellm.jinja.slice"
local strings = require "opengatellm.jinja.string_methods"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

local function separators(given)
  if value.given(given) == nil then return ", ", ": " end
  local pair = value.each(given)
  return call.text(pair[1]), call.text(pair[2])
end

local function indent_of(given)
  given = value.given(given)
  if given == nil or text.is(given) then return given end
  return text.rep(" ", call.integer(given))
end

-- transformers' filter: it escapes neither HTML nor what is not ASCII.
local function tojson(subject, ensure_ascii, indent, given_separators, sort_keys)
  local comma, colon = separators(given_separators)
  indent = indent_of(indent)
  if indent and value.given(given_separators) == nil then comma = "," end
  return json_text.write(subject, {
    ascii = call.flag(ensure_ascii), indent = indent, sorted = call.flag(sort_keys), comma = comma, colon = colon,
  })
end

-- llama.cpp's filter; a model's template may have it.
local function from_json(subject)
  local foreign = type(subject) ~= "string"
  return json_reader.read(text.bytes(call.text(subject)), foreign and text.foreign or function(bytes) return bytes end)
end

local function indented(subject, width, first, blank)
  local pad = text.is(width) and width or text.rep(" ", call.integer(width, 4))
  local lines = strings.splitlines(text.join { call.text(subject), "\n" })
  for i, line in ipairs(lines) do
    local wanted = i == 1 and call.flag(first) or i > 1 and (line ~= "" or call.flag(blank))
    if wanted then lines[i] = text.join { pad, line } end
  end
  return text.join(lines, "\n")
end

-- Jinja's own title: what follows blanks, brackets and dashes begins a word.
local function title(subject)
  local begins = true
  return text.map(subject, characters.ONE, function(one)
    local change = begins and characters.upper or characters.lower
    begins = characters.blanks[one] or one:find "^[-({%[<]" ~= nil
    return change[one]
  end)
end

local function truncate(subject, length, killwords, ending, leeway)
  length, ending, leeway = call.integer(length, 255), call.text(ending, "..."), call.integer(value.given(leeway), 5)
  if value.length(subject) <= length + leeway then return subject end
  local kept = slice.of(subject, 0, length - value.length(ending))
  if not call.flag(killwords) then
    local blank = text.bytes(kept):match "^.*() "
    if blank then kept = text.sub(kept, 1, blank - 1) end
  end
  return text.join { kept, ending }
end

local function wordcount(subject)
  effort.spend_characters(#text.bytes(subject))
  local _, count = text.bytes(subject):gsub("[%w_\128-\255]+", "")
  return count
end

local function urlencode(subject)
  return text.map(subject, "[^%w_.~/-]", function(byte) return ("%%%02X"):format(byte:byte()) end)
end

local function center(subject, width) return format.filled(subject, call.integer(width, 80), "^") end

-- `"…"|format(a, b)` is the `%` of texts.
local function percent(subject, arguments)
  if not arguments.named[1] then return format.percent(show.str(subject), value.tuple(call.without_first(arguments, 0))) end
  if arguments[1] then mistake.raise "cannot handle positional and keyword arguments at the same time" end
  local dict = value.dict()
  for _, each in ipairs(arguments.named) do value.put(dict, each.name, each.value) end
  return format.percent(show.str(subject), dict)
end

local function shown(parameters, fn) return call.declare(parameters, strings.of_shown(fn)) end

--- The filters, by name: each takes what is filtered, and the arguments.
---@type table<string, fun(subject: any, arguments: ogl.jinja.Arguments): any>
M.filters = {
  tojson = call.declare("ensure_ascii indent separators sort_keys", tojson),
  from_json = call.declare("", from_json),
  string = call.declare("", show.str), safe = shown("", text.safe),
  escape = shown("", text.escaped), e = shown("", text.escaped),
  upper = shown("", strings.upper), lower = shown("", strings.lower), capitalize = shown("", strings.capitalize),
  title = shown("", title), trim = shown("chars", strings.strip), replace = shown("old new count", strings.replace),
  indent = call.declare("width first blank", indented), center = shown("width", center),
  truncate = shown("length killwords end leeway", truncate), wordcount = shown("", wordcount),
  urlencode = shown("", urlencode), format = percent,
}

return M
