--- Metadata: the filters of a search, and the metadata of chunks.
--
--   local f = ogl.filter
--   client:search { query = "…", metadata_filters = f.all { f.eq("type", "loi"), f.starts_with("title", "Code") } }
--
-- A filter compares one key, or joins two to four comparisons with `all` or `any`; the server takes no deeper nesting. The builders
-- check nothing: the search checks every filter before it is sent, so that tables written by hand get the same errors.
-- Rules: OpenAPI 0.4.5, schemas ComparisonFilter, CompoundFilter and Metadata; as recorded from a live server.
--
-- @module opengatellm.base.filter
local M = {}

local MAX_TEXT, MAX_NUMBER, MAX_KEYS = 255, 1e16, 10
local MIN_FILTERS, MAX_FILTERS = 2, 4

---@class ogl.Comparison
---@field key string 1 to 255 characters
---@field type "eq"|"sw"|"ew"|"co"
---@field value string|number|boolean

---@class ogl.Compound
---@field operator "and"|"or"
---@field filters ogl.Comparison[] two to four

---@alias ogl.Filter ogl.Comparison|ogl.Compound

local function comparison(kind)
  return function(key, value) return { key = key, type = kind, value = value } end
end

--- Builds a comparison: the value under the key equals this one.
M.eq = comparison "eq"
--- Builds a comparison: the text under the key begins with this one.
M.starts_with = comparison "sw"
--- Builds a comparison: the text under the key ends with this one.
M.ends_with = comparison "ew"
--- Builds a comparison: the text under the key contains this one.
M.contains = comparison "co"

--- Joins two to four comparisons that must all hold.
---@param filters ogl.Comparison[]
---@return ogl.Compound
function M.all(filters) return { operator = "and", filters = filters } end

--- Joins two to four comparisons of which at least one must hold.
---@param filters ogl.Comparison[]
---@return ogl.Compound
function M.any(filters) return { operator = "or", filters = filters } end

-- Checks ----------------------------------------------------------------------------------------------------------

-- Counts characters, not bytes, as the server does.
local function length(text) return #text - select(2, text:gsub("[\128-\191]", "")) end

local function value_problem(value)
  if type(value) == "boolean" then return nil end
  if type(value) == "number" then
    local fits = math.abs(value) < MAX_NUMBER -- false for NaN, too
    return not fits and "a number has to be between -1e16 and 1e16" or nil
  end
  if type(value) ~= "string" then return "expected string, number or boolean, got " .. type(value) end
  local size = length(value)
  if size < 1 or size > MAX_TEXT then return "a text should have 1 to 255 characters, has " .. size end
end

local function key_problem(key)
  if type(key) ~= "string" then return "a key has to be a string, got " .. type(key) end
  local size = length(key)
  if size < 1 or size > MAX_TEXT then return "a key should have 1 to 255 characters, has " .. size end
end

local TYPES = { eq = true, sw = true, ew = true, co = true }

local function comparison_problem(filter)
  if type(filter) ~= "table" then return "expected a comparison, got " .. type(filter) end
  if filter.operator then return "a comparison is expected here: the server takes no filter inside a filter" end
  if not TYPES[filter.type] then return "its type should be eq, sw, ew or co, not '" .. tostring(filter.type) .. "'" end
  local problem = key_problem(filter.key)
  if problem then return problem end
  return value_problem(filter.value)
end

--- Finds the first thing in a filter that the server would refuse.
---@param filter table ogl.Filter, perhaps written by hand
---@return string? problem nil where the server takes the filter
function M.problem(filter)
  if not filter.operator then return comparison_problem(filter) end
  if filter.operator ~= "and" and filter.operator ~= "or" then
    return "its operator should be 'and' or 'or', not '" .. tostring(filter.operator) .. "'"
  end
  local filters = filter.filters
  if type(filters) ~= "table" then return "filters: expected a list of comparisons, got " .. type(filters) end
  if #filters < MIN_FILTERS or #filters > MAX_FILTERS then return "it should join 2 to 4 comparisons, has " .. #filters end
  for i, each in ipairs(filters) do
    local problem = comparison_problem(each)
    if problem then return ("filters[%d]: %s"):format(i, problem) end
  end
end

--- Finds the first thing that the server would refuse in the metadata of a document or a chunk.
---@param metadata table<string, string|number|boolean>
---@return string? problem nil where the server takes the metadata
function M.metadata_problem(metadata)
  local count, first = 0, nil
  for key, value in pairs(metadata) do
    count = count + 1
    local problem = key_problem(key) or value_problem(value)
    local found = problem and tostring(key) .. ": " .. problem
    if found and (not first or found < first) then first = found end -- pairs has no order, and the same mistake must give the same message
  end
  if count < 1 or count > MAX_KEYS then return "it should have 1 to 10 keys, has " .. count end
  return first
end

return M
