--- Cassettes: what VCR has written of HTTP exchanges, read from its YAML. Of YAML only the form that VCR writes is read.
--
--   for _, exchange in ipairs(cassette.read(text)) do … end     { method, uri, request, status, content_type, body }
local M = {}

local ESCAPES = { n = "\n", r = "\r", t = "\t", ["0"] = "\0", ["\\"] = "\\", ['"'] = '"', ["/"] = "/", [" "] = " ", e = "\27", a = "\a", b = "\b" }

local function utf8_of(code)
  if code < 0x80 then return string.char(code) end
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
  local tail = string.char(0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
  if code < 0x10000 then return string.char(0xE0 + math.floor(code / 4096)) .. tail end
  return string.char(0xF0 + math.floor(code / 262144), 0x80 + math.floor(code / 4096) % 64) .. tail
end

-- A line end inside a scalar is a blank; each empty line more is a line end.
local function fold(text)
  return (text:gsub("[ \t]*\n[ \t\n]*", function(gap)
    local _, count = gap:gsub("\n", "")
    return count == 1 and " " or ("\n"):rep(count - 1)
  end))
end

local DIGITS = { x = 2, u = 4, U = 8 }

local function unescape(text)
  local pieces, at = {}, 1
  while true do
    local from = text:find("\\", at, true)
    pieces[#pieces + 1] = text:sub(at, (from or 0) - 1)
    if not from then return table.concat(pieces) end
    local letter = text:sub(from + 1, from + 1)
    local digits = DIGITS[letter] or 0
    pieces[#pieces + 1] = digits > 0 and utf8_of(tonumber(text:sub(from + 2, from + 1 + digits), 16)) or ESCAPES[letter]
    at = from + 2 + digits
  end
end

-- The end of a scalar in double quotes that begins at `from`.
local function closing(text, from)
  local at = from
  while text:sub(at, at) ~= '"' do at = at + (text:sub(at, at) == "\\" and 2 or 1) end
  return at
end

-- The scalar at a place of the text; VCR's plain ones have one line.
local function scalar(text, from)
  local first = text:sub(from, from)
  if first == "'" then
    local content = text:sub(from + 1):gsub("''", "\0"):match "^[^']*"
    return (fold(content):gsub("%z", "'"))
  elseif first == '"' then
    local content = text:sub(from + 1, closing(text, from + 1) - 1)
    return unescape(fold((content:gsub("\\\n[ \t]*", ""))))
  end
  return text:match("^[^\n]*", from)
end

-- The scalar of a key that stands alone on its line, so far in; nil: there is none.
local function field(text, indent, key)
  local _, at = text:find("\n" .. (" "):rep(indent) .. key .. ": *", 1)
  return at and scalar(text, at + 1)
end

--- The exchanges of a cassette, in order.
---@param text string
---@return {method: string, uri: string, request: string, status: integer, content_type?: string, body: string}[]
function M.read(text)
  local exchanges = {}
  for each in (text:gsub("\n%- request:", "\0request:") .. "\0"):gmatch "%zrequest:(%Z*)" do
    local request, response = each:match "^(.-\n)  response:(.*)$"
    exchanges[#exchanges + 1] = {
      method = field(request, 4, "method"), uri = field(request, 4, "uri"), request = field(request, 4, "body"),
      status = tonumber(field(response, 6, "code")), body = field(response, 6, "string"),
      content_type = response:match "\n      [Cc]ontent%-[Tt]ype:\n      %- ([^\n]*)",
    }
  end
  return exchanges
end

return M
