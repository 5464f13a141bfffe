--- Search: which chunks answer a question, by the words that they share with it.
--
-- `FIELDS` are the arguments of a search, for check.lua; `run(call, arguments)` gives the list of results, as
-- JSON records, best first. The scores mean nothing but are always the same: semantic is the share of the question's
-- words that a chunk has, and finds everything; lexical counts words, and finds what has one; hybrid joins the two
-- rankings by their places (reciprocal rank fusion). It reads every chunk that the user may see.

local json = require "server.json"
local refusal = require "server.refusal"
local words = require "server.words"

local search = {}

-- Arguments ---------------------------------------------------------------------------------------------------------

local COMPARISON = {
  { "key", "string", required = true, min = 1, max = 255 },
  { "type", "enum", values = { "eq", "sw", "ew", "co" }, required = true },
  { "value", "any", required = true },
}

local COMPOUND = {
  { "filters", "list", of = { nil, "object", fields = COMPARISON }, required = true, min = 2, max = 4 },
  { "operator", "enum", values = { "and", "or" }, required = true },
}

--- The fields of a filter: of the compound one if it looks like one.
local function filter_fields(values)
  return (values.filters ~= nil or values.operator ~= nil) and COMPOUND or COMPARISON
end

local IDS = { nil, "integer", above = 0 }

local FIELDS = {
  { "collection_ids", "list", of = IDS, max = 100, default = {} },
  { "document_ids", "list", of = IDS, max = 100, default = {} },
  { "metadata_filters", "object", fields = filter_fields, null = true },
  { "limit", "integer", above = 0, max = 100, default = 10 },
  { "offset", "integer", min = 0, default = 0 },
  { "method", "enum", values = { "hybrid", "semantic", "lexical" }, default = "semantic" },
  { "rff_k", "integer", min = 0, max = 16384, default = 60 },
  { "score_threshold", "number", min = 0, max = 1, default = 0 },
  { "query", "string", null = true, min = 1 },
}

local OLD_NAMES = { prompt = "query", collections = "collection_ids" }

--- The fields of a search, for check.lua. The names of 0.4.x are put right by `rename`.
search.FIELDS = FIELDS

--- A decoded body in which the names of 0.4.x are replaced by those that came after.
function search.rename(values)
  for old, new in pairs(OLD_NAMES) do
    if values[new] == nil then values[new] = values[old] end
    values[old] = nil
  end
  return values
end

-- Filters -----------------------------------------------------------------------------------------------------------

local function text_of(value)
  return math.type(value) == "float" and math.tointeger(value) and tostring(math.tointeger(value)) or tostring(value)
end

local COMPARE = {
  eq = function(have, wanted) return have == wanted end,
  sw = function(have, wanted) return have:sub(1, #wanted) == wanted end,
  ew = function(have, wanted) return have:sub(-#wanted) == wanted end,
  co = function(have, wanted) return have:find(wanted, 1, true) ~= nil end,
}

local function matches(metadata, filter)
  local have = metadata[filter.key]
  return have ~= nil and COMPARE[filter.type](text_of(have), text_of(filter.value))
end

local function passes(chunk, filter)
  local metadata = chunk.metadata or {}
  if not filter then return true end
  if not filter.filters then return matches(metadata, filter) end
  local hits = 0
  for _, each in ipairs(filter.filters) do hits = hits + (matches(metadata, each) and 1 or 0) end
  return filter.operator == "and" and hits == #filter.filters or filter.operator == "or" and hits > 0
end

-- Candidates --------------------------------------------------------------------------------------------------------

local function set_of(ids)
  local set = {}
  for _, id in ipairs(ids) do set[id] = true end
  return next(ids) ~= nil and set or nil
end

--- Every chunk that may be found; refuses ids that the user cannot see.
local function candidates(call, arguments)
  local library, found = call.play.library, {}
  for _, id in ipairs(arguments.collection_ids) do
    if not library:collection(call.user, id) then refusal.refuse(404, "Collection not found.") end
  end
  for _, id in ipairs(arguments.document_ids) do
    if not library:document(call.user, id) then refusal.refuse(404, "Document not found.") end
  end
  local collections, documents = set_of(arguments.collection_ids), set_of(arguments.document_ids)
  for _, document in ipairs(library.documents.things) do
    local wanted = library:document(call.user, document.id)
      and (not collections or collections[document.collection_id]) and (not documents or documents[document.id])
    for _, chunk in ipairs(wanted and library.chunks(document) or {}) do
      if passes(chunk, arguments.metadata_filters) then found[#found + 1] = { chunk = chunk } end
    end
  end
  return found
end

-- Ranking -----------------------------------------------------------------------------------------------------------

local function sort_by(results, score)
  for position, result in ipairs(results) do result.place = position end
  table.sort(results, function(a, b)
    if a[score] ~= b[score] then return a[score] > b[score] end
    return a.place < b.place
  end)
end

local function score_words(results, query)
  local wanted, count = words.of(query)
  for _, result in ipairs(results) do
    local have, length = words.of(result.chunk.content)
    local hits = words.shared(wanted, have)
    result.hits = hits
    result.semantic = count > 0 and hits / count or 0
    result.lexical = hits > 0 and 2 * hits + 1 / length or 0
  end
end

--- The results that have a word of the question.
local function with_hits(results)
  local found = {}
  for _, result in ipairs(results) do
    if result.hits > 0 then found[#found + 1] = result end
  end
  return found
end

--- Adds up 1/(k + place) over the two rankings; what has no word is in the semantic one alone.
local function fuse(results, k)
  sort_by(results, "semantic")
  for place, result in ipairs(results) do result.hybrid = 1 / (k + place) end
  local lexical = with_hits(results)
  sort_by(lexical, "lexical")
  for place, result in ipairs(lexical) do result.hybrid = result.hybrid + 1 / (k + place) end
end

--- A chunk as all routes show it.
function search.chunk_json(chunk)
  return json.record("object", "chunk", "id", chunk.id, "collection_id", chunk.collection_id,
    "document_id", chunk.document_id, "content", chunk.content, "metadata", chunk.metadata, "created", chunk.created)
end

--- The list of results for checked arguments.
function search.run(call, arguments)
  local method, list = arguments.method, json.list()
  if arguments.score_threshold > 0 and method ~= "semantic" then
    refusal.refuse(400, "Score threshold is only available for semantic search method")
  end
  local results = candidates(call, arguments)
  score_words(results, arguments.query)
  if method == "hybrid" then fuse(results, arguments.rff_k) end
  if method == "lexical" then results = with_hits(results) end
  sort_by(results, method)
  for position = arguments.offset + 1, math.min(#results, arguments.offset + arguments.limit) do
    local result = results[position]
    if result[method] < arguments.score_threshold then break end
    list[#list + 1] = json.record("method", method, "score", json.float(result[method]),
      "chunk", search.chunk_json(result.chunk))
  end
  return list
end

return search
