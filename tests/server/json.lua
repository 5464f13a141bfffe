--- JSON as the played server writes it: objects whose fields keep the order in which they were named.
--
-- `record(name, value, name, value…)` is an object; a nil value is written as null, and a pair whose name is nil is
-- left out, so that a field which a version does not have needs no `if`. `list(items)` is an array even when it is
-- empty. Plain tables are written as what they look like. Numbers that are whole are written without a point, as
-- integers are; `float(number)` is Python's float. Nothing is kept.

local cjson = require "cjson"
local script = require "server.script"

local json = {}

json.null = cjson.null

local Record, List, Raw = {}, {}, {}

function json.record(...)
  return setmetatable(table.pack(...), Record)
end

function json.list(items)
  return setmetatable(items or {}, List)
end

--- A text that is JSON already.
function json.raw(text)
  return setmetatable({ text = text }, Raw)
end

function json.float(number)
  return json.raw(script.float(number + 0.0))
end

--- `record` with more pairs at its end.
function json.extend(record, ...)
  local more = table.pack(...)
  local all = table.move(more, 1, more.n, record.n + 1, table.move(record, 1, record.n, 1, { n = record.n + more.n }))
  return setmetatable(all, Record)
end

local encode

local function encode_record(record)
  local fields = {}
  for position = 1, record.n, 2 do
    if record[position] ~= nil then
      fields[#fields + 1] = script.quote(record[position]) .. ":" .. encode(record[position + 1])
    end
  end
  return "{" .. table.concat(fields, ",") .. "}"
end

local function encode_list(list)
  local items = {}
  for position, item in ipairs(list) do items[position] = encode(item) end
  return "[" .. table.concat(items, ",") .. "]"
end

local function encode_object(object)
  local fields = {}
  for name, value in pairs(object) do fields[#fields + 1] = script.quote(tostring(name)) .. ":" .. encode(value) end
  table.sort(fields) -- always the same
  return "{" .. table.concat(fields, ",") .. "}"
end

local WRITERS = {
  [Record] = encode_record,
  [List] = encode_list,
  [Raw] = function(raw) return raw.text end,
}

local function encode_table(value)
  local write = WRITERS[getmetatable(value) or false]
  if write then return write(value) end
  return value[1] ~= nil and encode_list(value) or encode_object(value)
end

function encode(value)
  local kind = type(value)
  if kind == "table" then return encode_table(value) end
  if kind == "string" then return script.quote(value) end
  if kind == "number" then
    local whole = math.tointeger(value)
    return whole and ("%d"):format(whole) or script.float(value)
  end
  return kind == "boolean" and tostring(value) or "null"
end

json.encode = encode

return json
