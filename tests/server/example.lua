--- An example: a value that a schema allows, and the answer of an operation that is made of such values.
--
--   example.answer(document, operation, wanted, minimal)  →  { status, content_type, body, frames }
--
-- All declared properties are filled in, with `minimal` only the required ones. The same schema gives the same value in
-- every run. Values differ as far as the schema lets them, by the name of the property and by the place in a list, so
-- that a client that takes one field for another is found out. Lists of things have two items, other arrays one.
--
-- `frames` are those of a stream, and `body` their whole; both are nil where there is no body. What the document leaves
-- open (`schema: {}`), and answers that are no JSON, stand here as OGL gives them at 0.4.5.

local cjson = require "cjson"
local contract = require "server.contract"
local schema = require "server.schema"

local example = {}

local TIME = 1790442000

-- Texts and numbers that shall look like what they are.
local TEXTS = {
  arguments = '{"city":"Paris"}', content = "Bonjour, ça va ?", email = "user@example.org", text = "Bonjour",
  token = "sk-eyJ0b2tlbg", key = "sk-eyJrZXk", url = "https://example.org/",
}
local FORMATS = { ["date-time"] = "2026-09-26T12:00:00Z", date = "2026-09-26", email = TEXTS.email, uri = TEXTS.url,
  uuid = "00000000-0000-4000-8000-000000000000" }
local NUMBERS = { total = 2, offset = 0, limit = 10 }
local TIMES = { created = true, updated = true, expires = true, expires_at = true }

-- Arrays with so many items; others have one.
local ITEMS = { data = 2, results = 2, pages = 2, segments = 2, ids = 2, embedding = 4 }
local DEEPEST = 12 -- further in, only required properties: a schema may hold itself

-- Scalars -----------------------------------------------------------------------------------------------------------

--- A number of two or three digits that belongs to a name and a place.
local function number_for(place)
  local sum = 0
  for i = 1, #place.name do sum = sum + place.name:byte(i) * i end
  return sum % 89 + 10 + place.serial
end

--- The number itself, or one that is within the bounds.
local function fit(value, rules)
  local low, high = rules.minimum or rules.exclusiveMinimum, rules.maximum or rules.exclusiveMaximum
  if #schema.validate({}, { minimum = rules.minimum, exclusiveMinimum = rules.exclusiveMinimum }, value) > 0 then
    return high and (low + high) / 2 or low + 1
  end
  if #schema.validate({}, { maximum = rules.maximum, exclusiveMaximum = rules.exclusiveMaximum }, value) > 0 then
    return low and (low + high) / 2 or high - 1
  end
  return value
end

local function make_integer(rules, place)
  local value = NUMBERS[place.name] or number_for(place)
  if TIMES[place.name] then value = TIME + place.serial end
  if place.name == "id" then value = place.serial end
  if place.name == "index" then value = place.position - 1 end -- what clients sort by
  return math.floor(fit(value, rules))
end

local function make_string(rules, place)
  if type(rules.default) == "string" and rules.default ~= "" then return rules.default end
  local text = FORMATS[rules.format] or TEXTS[place.name] or place.name .. " " .. place.serial
  text = text .. ("x"):rep((rules.minLength or 0) - #text)
  return rules.maxLength and #text > rules.maxLength and ("x"):rep(rules.maxLength) or text
end

-- Values ------------------------------------------------------------------------------------------------------------

-- Makes a value for a schema at a place: { name, position (in the innermost list), serial (of all lists), depth }.
local make

--- Further in, below a name.
local function inside(place, name)
  return { name = name, position = place.position, serial = place.serial, depth = place.depth + 1 }
end

local function inside_list(place, name, position)
  return { name = name, position = position, serial = (place.serial - 1) * 10 + position, depth = place.depth + 1 }
end

local function make_array(maker, rules, place)
  local count = math.max(ITEMS[place.name] or 1, rules.minItems or 0)
  local values = setmetatable({}, schema.ARRAY)
  for i = 1, math.min(count, rules.maxItems or count) do
    values[i] = make(maker, rules.items or {}, inside_list(place, place.name, i))
  end
  return values
end

--- The fields of an object that is a map: as many as it needs, or one.
local function make_entries(maker, rules, place, value)
  local rule = rules.additionalProperties
  if type(rule) ~= "table" then return end
  for i = 1, math.max(rules.minProperties or 0, maker.minimal and 0 or 1) do
    value["key" .. i] = make(maker, rule, inside_list(place, "value", i))
  end
end

local function make_object(maker, rules, place)
  local required = {}
  for _, name in ipairs(rules.required or {}) do required[name] = true end
  local all = not maker.minimal and place.depth < DEEPEST
  local value = setmetatable({}, schema.OBJECT)
  for name, rule in pairs(rules.properties or {}) do
    if all or required[name] then value[name] = make(maker, rule, inside(place, name)) end
  end
  if not rules.properties then make_entries(maker, rules, place, value) end
  return value
end

local function make_all(maker, branches, place)
  local whole = nil
  for _, branch in ipairs(branches) do
    local value = make(maker, branch, place)
    if type(whole) ~= "table" then whole = value else
      for name, each in pairs(value) do whole[name] = each end
    end
  end
  return whole
end

--- The first branch that is not null; null if there is none.
local function first_branch(maker, branches)
  for _, branch in ipairs(branches) do
    if contract.resolve(maker.root, branch).type ~= "null" then return branch end
  end
  return { type = "null" }
end

local MAKE = {
  null = function() return cjson.null end,
  boolean = function() return true end,
  integer = function(_, rules, place) return make_integer(rules, place) end,
  number = function(_, rules, place) return fit(number_for(place) + 0.5, rules) end,
  string = function(_, rules, place) return make_string(rules, place) end,
  array = make_array,
  object = make_object,
}

local function type_of(rules)
  if type(rules.type) ~= "table" then return rules.type or rules.properties and "object" or rules.items and "array" end
  for _, kind in ipairs(rules.type) do
    if kind ~= "null" then return kind end
  end
  return "null"
end

function make(maker, rules, place)
  rules = contract.resolve(maker.root, rules)
  if rules == true then rules = {} end
  if rules.const ~= nil then return rules.const end
  if rules.enum then return rules.enum[(place.position - 1) % #rules.enum + 1] end
  local branches = rules.anyOf or rules.oneOf
  if branches then return make(maker, first_branch(maker, branches), place) end
  if rules.allOf then return make_all(maker, rules.allOf, place) end
  return MAKE[type_of(rules) or "string"](maker, rules, place)
end

--- A value that a schema allows.
function example.value(root, rules, minimal)
  return make({ root = root, minimal = minimal }, rules, { name = "data", position = 1, serial = 1, depth = 0 })
end

--- JSON with the fields in order; a table is an array if it has a first item, or is marked as one.
function example.encode(value)
  if type(value) ~= "table" then return cjson.encode(value) end
  local pieces = {}
  if value[1] ~= nil or getmetatable(value) == schema.ARRAY then
    for i, each in ipairs(value) do pieces[i] = example.encode(each) end
    return "[" .. table.concat(pieces, ",") .. "]"
  end
  for i, name in ipairs(contract.names(value)) do
    pieces[i] = cjson.encode(name) .. ":" .. example.encode(value[name])
  end
  return "{" .. table.concat(pieces, ",") .. "}"
end

-- What the document leaves open -------------------------------------------------------------------------------------

local function component(name) return { ["$ref"] = "#/components/schemas/" .. name } end

local function object(properties)
  return { type = "object", properties = properties, required = contract.names(properties) }
end

local function list_of(name)
  return object { object = { const = "list" }, data = { type = "array", items = component(name) } }
end

local INTEGER = { type = "integer" }
local STATUS = { enum = { "green", "yellow", "red" } }

local OPEN = {
  get_users_v1_admin_users_get = list_of "UserResponse",
  get_user_v1_admin_users__user__get = component "UserResponse",
  create_collection_v1_collections_post = object { id = INTEGER },
  get_documents_v1_documents_get = list_of "Document",
  create_document_chunks_v1_documents__document_id__chunks_post =
    object { document_id = INTEGER, ids = { type = "array", items = INTEGER } },
  get_document_chunks_v1_documents__document_id__chunks_get = component "Chunks",
  get_document_chunk_v1_documents__document_id__chunks__chunk_id__get = component "Chunk",
  get_health_health_get = object { status = { const = "ok" } },
  get_health_models_health_models_get = { type = "array", items = object { id = { type = "string" }, status = STATUS } },
}

--- The schema of an operation's answer: the document's or, where that says nothing, ours.
function example.schema(operation)
  if operation.response and next(operation.response) ~= nil then return operation.response end
  return OPEN[operation.name] or operation.response
end

-- Answers that are no JSON ------------------------------------------------------------------------------------------

local METRICS = { "text/plain; version=0.0.4; charset=utf-8",
  "# HELP http_requests_total Total number of requests.\n# TYPE http_requests_total counter\n"
  .. 'http_requests_total{handler="/v1/models",method="GET",status="2xx"} 3.0\n' }

local TRANSCRIPTIONS = {
  text = { "text/plain", "Bonjour, ça va ?" },
  srt = { "application/x-subrip", "1\n00:00:00,000 --> 00:00:01,500\nBonjour, ça va ?\n\n" },
  vtt = { "text/vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nBonjour, ça va ?\n\n" },
}

--- The content type and the text, for an operation that answers with text.
local function text_answer(operation, wanted)
  if operation.path == "/metrics" then return METRICS end
  return operation.path == "/v1/audio/transcriptions" and TRANSCRIPTIONS[wanted.response_format]
end

--- A chunk of a stream: the example with choices of its own, and without what only the last one has.
local function chunk(document, minimal, fields)
  local value = example.value(document.root, component "ChatCompletionChunk", minimal)
  value.choices, value.usage, value.search_results = setmetatable({}, schema.ARRAY), nil, nil
  for name, field in pairs(fields) do value[name] = field end
  return value
end

--- OGL's usage, which has more fields than the document says, and the others as well.
local function stream_usage(document)
  local usage = example.value(document.root, component "CompletionUsage", true)
  for name, value in pairs(example.value(document.root, component "api__schemas__usage__Usage")) do usage[name] = value end
  return usage
end

--- The chunks of a streamed chat: two of text, a finish, the usage.
function example.chunks(document, minimal)
  local function choice(delta, finish)
    return { choices = { { index = 0, delta = setmetatable(delta, schema.OBJECT), finish_reason = finish or cjson.null } } }
  end
  return {
    chunk(document, minimal, choice { role = "assistant", content = "Bonjour" }),
    chunk(document, minimal, choice { content = ", ça va ?" }),
    chunk(document, minimal, choice({}, "stop")),
    chunk(document, minimal, { usage = stream_usage(document) }),
  }
end

local function stream_answer(document, operation, minimal)
  local frames = {}
  for i, each in ipairs(example.chunks(document, minimal)) do frames[i] = "data: " .. example.encode(each) .. "\n\n" end
  frames[#frames + 1] = "data: [DONE]\n\n"
  return { status = operation.status, content_type = "text/event-stream; charset=utf-8", frames = frames,
    body = table.concat(frames) }
end

--- The answer of an operation to a request whose decoded body is `wanted` (a table, empty for none).
function example.answer(document, operation, wanted, minimal)
  if operation.path == "/v1/chat/completions" and wanted.stream == true then
    return stream_answer(document, operation, minimal)
  end
  local text = text_answer(operation, wanted)
  if text then return { status = operation.status, content_type = text[1], body = text[2] } end
  local rules = example.schema(operation)
  if not rules then return { status = operation.status } end
  local value = example.value(document.root, rules, minimal)
  return { status = operation.status, content_type = "application/json", body = example.encode(value) }
end

return example
