--- Markup: elements of HTML and SVG. Every text in them is escaped, for there is no other way to put one in.
--
--   local page = element("p", { class = "note" }, { "1 < 2, says ", element("b", nil, name) })
--   tostring(page)                                        -- <p class="note">1 &lt; 2, says <b>…</b></p>
--
-- @module opengatellm.bench.report.markup
local core = require "opengatellm.core"

local M = {}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
local EMPTY = { meta = true, br = true, col = true } -- elements that nothing stands in, and that have no end

---@class ogl.bench.Markup an element, or several: its `text` stands in a page as it is
local mt = { __tostring = function(self) return self.text end }

local function is_markup(value) return getmetatable(value) == mt end

local UNKNOWN = "\239\191\189" -- U+FFFD

-- Control characters are not allowed in HTML, bytes that are not UTF-8 would end the page for some readers, and what turns the direction of
-- writing around would do so beyond the text that it stands in.
local function escape(text)
  text = core.utf8_repair(text):gsub("[%z\1-\8\11-\31\127]", UNKNOWN)
  text = text:gsub("\226\128[\170-\174]", UNKNOWN):gsub("\226\129[\166-\169]", UNKNOWN)
  return (text:gsub("[&<>\"']", ESCAPES))
end

local function written(value)
  if type(value) == "number" then return ("%.6g"):format(value) end
  return escape(tostring(value))
end

local function attributes_of(attributes)
  local names, parts = {}, {}
  for name in pairs(attributes or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = (' %s="%s"'):format(name, written(attributes[name])) end
  return table.concat(parts)
end

-- Adds what stands in an element to the parts of its text.
local function add(parts, content)
  if content == nil then return end
  if is_markup(content) then
    parts[#parts + 1] = content.text
  elseif type(content) == "table" then
    for _, each in ipairs(content) do add(parts, each) end
  else
    parts[#parts + 1] = written(content)
  end
end

--- Makes an element.
---@param name string
---@param attributes? table<string, string|number>
---@param content? string|number|ogl.bench.Markup|table texts, elements, and lists of them
---@return ogl.bench.Markup
function M.element(name, attributes, content)
  local parts = { "<", name, attributes_of(attributes), ">" }
  add(parts, content)
  if not EMPTY[name] then parts[#parts + 1] = ("</%s>"):format(name) end
  return setmetatable({ text = table.concat(parts) }, mt)
end

--- Takes what the program itself wrote: the style sheet of a page, which would mean something else escaped.
---@param text string
---@return ogl.bench.Markup
function M.literal(text) return setmetatable({ text = text }, mt) end

return M
