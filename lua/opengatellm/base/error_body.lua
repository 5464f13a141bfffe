--- Error bodies: the message in an answer of 400 and above.
--
-- @module opengatellm.base.error_body
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"

local M = {}

local function plain(html)
  local title = html:match "<[tT][iI][tT][lL][eE][^>]*>%s*(.-)%s*</"
  if title and title ~= "" then return title end
  return (html:gsub("<[^>]*>", " "):gsub("%s+", " "):gsub("^ ", ""))
end

local function quote(text)
  text = core.utf8_repair(text):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  if #text > errors.QUOTE then
    local cut = errors.QUOTE
    while cut > 0 and (text:byte(cut + 1) or 0) >= 0x80 and text:byte(cut + 1) < 0xC0 do cut = cut - 1 end
    text = text:sub(1, cut) .. "…"
  end
  return text
end

-- Reads FastAPI's list of mistakes: {"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}.
local function fields_of(value)
  local list = type(value) == "table" and value.detail
  if type(list) ~= "table" or type(list[1]) ~= "table" or not list[1].msg then return nil end
  local fields = {}
  for _, row in ipairs(list) do
    local path = {}
    for _, step in ipairs(type(row.loc) == "table" and row.loc or {}) do path[#path + 1] = tostring(step) end
    fields[#fields + 1] = { path = table.concat(path, "."), message = tostring(row.msg) }
  end
  return fields
end

local function join(fields)
  local lines = {}
  for i, field in ipairs(fields) do lines[i] = field.path == "" and field.message or field.path .. ": " .. field.message end
  return table.concat(lines, "; ")
end

--- Finds the message in an answer of 400 and above, whatever its form: JSON of any server, HTML of a proxy, text, nothing. The
--- form decides, not the content type, for OGL sends JSON errors as text/event-stream.
---@param status integer
---@param body string
---@return string message
---@return string? type
---@return string? code
---@return {path: string, message: string}[]? fields
function M.read(status, body)
  local text = body:gsub("^%s+", "")
  if text == "" then return "the server answered " .. status .. " without a word" end
  if text:find "^event:" then text = text:match "\ndata:%s*([^\r\n]+)" or text end -- an error event in place of a body
  if text:find "^[%[{\"]" then
    local value = core.decode(text)
    local fields = fields_of(value)
    if fields then return join(fields), nil, nil, fields end
    local message, kind, code = core.fault(core.utf8_repair(text))
    if value ~= nil then return message, kind, code end
    return "the server's error is cut short: " .. quote(text)
  end
  if text:find "^<" then return "the server answered with HTML: " .. quote(plain(text)) end
  return quote(text)
end

return M
