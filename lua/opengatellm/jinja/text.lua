--- Texts that know where they come from.
--
-- What the template itself says is a Lua string. What comes from outside (messages, tools, documents) is a text with a mask of the same
-- length, which has an "x" for each foreign byte and a "." for each of the template's: whatever is cut, joined, repeated or rewritten, the
-- mask goes along, so that at the end it is known of each byte whether it may be part of a special token.
--
-- @module opengatellm.jinja.text
local effort = require "opengatellm.jinja.effort"
local mistake = require "opengatellm.jinja.mistake"

local M = {}

---@class ogl.jinja.ForeignText
---@field bytes string
---@field mask string
---@field is_safe? boolean
local Text = { kind = "text" }

---@alias ogl.jinja.Text string|ogl.jinja.ForeignText

local OWN, FOREIGN = ".", "x"

local function make(bytes, mask)
  if not mask:find(FOREIGN, 1, true) then return bytes end
  return setmetatable({ bytes = bytes, mask = mask }, Text)
end

--- Marks a text as foreign.
---@param bytes string
---@return ogl.jinja.Text
function M.foreign(bytes) return make(bytes, FOREIGN:rep(#bytes)) end

--- Marks what was made of a text as that is marked: foreign, where any of it is.
---@param text ogl.jinja.Text
---@param made ogl.jinja.Text
---@return ogl.jinja.Text
function M.marked_as(text, made)
  if type(text) == "string" then return made end
  return M.foreign(M.bytes(made))
end

--- Says whether a value is a text.
---@param value any
---@return boolean
function M.is(value) return type(value) == "string" or getmetatable(value) == Text end

--- Gives the bytes of a text.
---@param text ogl.jinja.Text
---@return string
function M.bytes(text) return type(text) == "string" and text or text.bytes end

local function mask_of(text) return type(text) == "string" and OWN:rep(#text) or text.mask end

--- Marks a text as HTML that is safe: what is added to it is escaped, whoever asked for that.
---@param text ogl.jinja.Text
---@return ogl.jinja.ForeignText
function M.safe(text) return setmetatable({ bytes = M.bytes(text), mask = mask_of(text), is_safe = true }, Text) end

--- Says whether a text is marked as safe HTML.
---@param text ogl.jinja.Text
---@return boolean
function M.is_safe(text) return type(text) == "table" and text.is_safe == true end

--- Cuts a part out of a text, as string.sub does.
---@param text ogl.jinja.Text
---@param from integer
---@param to? integer
---@return ogl.jinja.Text
function M.sub(text, from, to)
  local part = M.bytes(text):sub(from, to)
  effort.spend(1)
  effort.spend_bytes(#part)
  return type(text) == "string" and part or make(part, text.mask:sub(from, to))
end

local function size_of(list, separator)
  local size = #M.bytes(separator) * math.max(#list - 1, 0)
  for _, each in ipairs(list) do size = size + #M.bytes(each) end
  return size
end

--- Joins texts.
---@param list ogl.jinja.Text[]
---@param separator? ogl.jinja.Text
---@return ogl.jinja.Text
function M.join(list, separator)
  separator = separator or ""
  effort.spend_bytes(size_of(list, separator))
  local bytes, masks, foreign = {}, {}, type(separator) ~= "string"
  for i, each in ipairs(list) do
    bytes[i] = M.bytes(each)
    foreign = foreign or type(each) ~= "string"
  end
  local joined = table.concat(bytes, M.bytes(separator))
  if not foreign then return joined end
  for i, each in ipairs(list) do masks[i] = mask_of(each) end
  return make(joined, table.concat(masks, mask_of(separator)))
end

--- Repeats a text.
---@param text ogl.jinja.Text
---@param times integer
---@return ogl.jinja.Text
function M.rep(text, times)
  times = math.max(times, 0)
  effort.spend_bytes(#M.bytes(text) * times)
  if type(text) == "string" then return text:rep(times) end
  return make(text.bytes:rep(times), text.mask:rep(times))
end

local LONGEST_SEARCH = 2 ^ 33 -- comparisons of a byte: about a second, if all of them are needed
local COMPARISONS_A_STEP = 2 ^ 13

--- Finds a text in a text, byte for byte, and pays for what the search may have cost.
---@param text ogl.jinja.Text
---@param wanted ogl.jinja.Text
---@param from? integer the byte where the search begins
---@return integer? first
---@return integer? last
function M.find(text, wanted, from)
  local bytes, part = M.bytes(text), M.bytes(wanted)
  from = from or 1
  if #part * (#bytes - from) > LONGEST_SEARCH then mistake.raise "a text is too long to be searched for" end
  local first, last = bytes:find(part, from, true)
  effort.spend(1 + #part * ((first or #bytes) - from) / COMPARISONS_A_STEP)
  return first, last
end

local HTML = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&#34;", ["'"] = "&#39;" }

--- Escapes a text for HTML, unless it is safe already.
---@param text ogl.jinja.Text
---@return ogl.jinja.ForeignText # marked as safe
function M.escaped(text) return M.safe(M.is_safe(text) and text or M.map(text, "[&<>\"']", HTML)) end

--- Joins two texts, as the `+` of Python does.
---@param a ogl.jinja.Text
---@param b ogl.jinja.Text
---@return ogl.jinja.Text
function M.sum(a, b)
  if not M.is_safe(a) and not M.is_safe(b) then return M.join { a, b } end
  return M.safe(M.join { M.escaped(a), M.escaped(b) })
end

--- Rewrites each part that a Lua pattern matches. What comes instead is foreign where the part's first byte is.
---@param text ogl.jinja.Text
---@param pattern string it matches at least one byte
---@param change table<string, string>|fun(part: string): string? nil leaves the part as it is
---@return ogl.jinja.Text
function M.map(text, pattern, change)
  effort.spend_characters(#M.bytes(text))
  if type(text) == "string" then return (text:gsub(pattern, change)) end
  local masks, from = {}, 1
  local bytes = text.bytes:gsub("()(" .. pattern .. ")()", function(first, part, behind)
    local instead
    if type(change) == "table" then instead = change[part] else instead = change(part) end
    masks[#masks + 1] = text.mask:sub(from, first - 1)
    masks[#masks + 1] = instead and text.mask:sub(first, first):rep(#instead) or text.mask:sub(first, behind - 1)
    from = behind
    return instead or part
  end)
  return make(bytes, table.concat(masks) .. text.mask:sub(from))
end

--- Gives the runs of a text: whether each is foreign, and its bytes.
---@param text ogl.jinja.Text
---@return {text: string, foreign: boolean}[]
function M.runs(text)
  if text == "" then return {} end
  if type(text) == "string" then return { { text = text, foreign = false } } end
  local runs, at = {}, 1
  while at <= #text.mask do
    local foreign = text.mask:sub(at, at) == FOREIGN
    local behind = text.mask:match(foreign and "^x+()" or "^%.+()", at)
    runs[#runs + 1] = { text = text.bytes:sub(at, behind - 1), foreign = foreign }
    at = behind
  end
  return runs
end

return M
