--- Forms: bodies of the type multipart/form-data, and their simple cousin application/x-www-form-urlencoded.
--
-- `parts(body, content_type)` is the list of parts, each `{ name, filename, content_type, data }`, or nil and what
-- is wrong: the parser is strict (RFC 7578), so that a client that writes carelessly is found out. `values(request,
-- fields)` is what a route wants: a table by check.lua's fields, where a file is its part; it refuses with a 422 what
-- cannot be read. The whole body is in memory, and each part once more.

local check = require "server.check"
local refusal = require "server.refusal"

local multipart = {}

--- The parameters of a header: `form-data; name="a"; filename="b"` → "form-data", { name = "a", filename = "b" }.
local function parameters(header)
  local kind, rest = header:match("^%s*([^;%s]+)%s*(.*)$")
  local found = {}
  while rest and rest ~= "" do
    local name, value, after = rest:match('^;%s*([%w%-_*]+)="([^"]*)"%s*(.*)$')
    if not name then name, value, after = rest:match("^;%s*([%w%-_*]+)=([^;%s\"]+)%s*(.*)$") end
    if not name then return nil end
    found[name:lower()], rest = value, after
  end
  return kind, found
end

local function read_headers(block)
  local headers = {}
  for line in (block .. "\r\n"):gmatch("(.-)\r\n") do
    local name, value = line:match("^([%w%-]+):%s*(.-)%s*$")
    if not name then return nil end
    headers[name:lower()] = value
  end
  return headers
end

-- What browsers and curl write for characters that would end the name.
local ESCAPES = { ["%22"] = '"', ["%0D"] = "\r", ["%0A"] = "\n" }

local function unescape(text)
  return text and text:gsub("%%%x%x", ESCAPES)
end

--- One part from the bytes between two delimiters.
local function read_part(bytes)
  local head_end, data_start = bytes:find("\r\n\r\n", 1, true)
  if not head_end then return nil, "a part without a head" end
  local headers = read_headers(bytes:sub(1, head_end - 1))
  if not headers then return nil, "a part whose head is no header" end
  local kind, found = parameters(headers["content-disposition"] or "")
  if kind ~= "form-data" or not found.name then return nil, "a part without a name" end
  return {
    name = unescape(found.name), filename = unescape(found.filename), content_type = headers["content-type"],
    data = bytes:sub(data_start + 1),
  }
end

--- The parts of a body, in order; or nil and the reason.
function multipart.parts(body, content_type)
  local kind, found = parameters(content_type)
  if kind ~= "multipart/form-data" or not found.boundary then return nil, "Missing boundary in multipart." end
  local delimiter, parts = "\r\n--" .. found.boundary, {}
  if body:sub(1, #delimiter - 2) ~= delimiter:sub(3) then return nil, "the body does not begin with the boundary" end
  local position = #delimiter - 1
  while body:sub(position, position + 1) ~= "--" do
    if body:sub(position, position + 1) ~= "\r\n" then return nil, "a boundary without an end of line" end
    local last, after = body:find(delimiter, position, true)
    if not last then return nil, "the body ends inside a part" end
    local part, problem = read_part(body:sub(position + 2, last - 1))
    if not part then return nil, problem end
    parts[#parts + 1] = part
    position = after + 1
  end
  local rest = body:sub(position + 2)
  if rest ~= "" and rest ~= "\r\n" then return nil, "bytes after the last boundary" end
  return parts
end

--- The list of { name, value } of any form; a value is a text, or the part if it is a file.
local function pairs_of(request)
  local content_type = request.headers["content-type"] or ""
  if content_type:find("^application/x%-www%-form%-urlencoded") then return check.pairs_of(request.body) end
  if request.body == "" and not content_type:find("^multipart/") then return {} end
  local parts, problem = multipart.parts(request.body, content_type)
  if not parts then refusal.refuse(422, "There was an error parsing the body: %s", problem) end
  local list = {}
  for position, part in ipairs(parts) do list[position] = { part.name, part.filename and part or part.data } end
  return list
end

--- The form of a request by check.lua's fields; a file is of the kind `any`, its value a part.
function multipart.values(request, fields)
  return check.form(check.gather(pairs_of(request), fields), fields)
end

return multipart
