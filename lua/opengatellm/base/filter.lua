--- Metadata: the filters of a search, and the metadata of chunks.
--
--   local f = ogl.filter
--   client:search { query = "…", metadata_filters = f.all { f.eq("type", "loi"), f.starts_with("title", "Code") } }
--
-- A filter compares one key, or joins two to four comparisons with `all` or `any`; the server takes no deeper nesting. The builders
-- only build: what is wrong is told when the search is sent, in the same way for tables that were written by hand.
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

--- The value under a key is this one.
M.eq = comparison "eq"
--- The text under a key begins so.
M.starts_with = comparison "sw"
--- The text under a key ends so.
M.ends_with = comparison "ew"
--- The text under a key has this in it.
M.contains = comparison "co"

--- All of two to four comparisons hold.
---@param filters ogl.Comparison[]
---@return ogl.Compound
function M.all(filters) return { operator = "and", filters = filters } end

--- At least one of two to four comparisons holds.
---@param filters ogl.Comparison[]
---@return ogl.Compound
function M.any(filters) return { operator = "or", filters = filters } end

-- Checks ----------------------------------------------------------------------------------------------------------

-- Characters, as the server counts them.
local function length(text) return #text - select(2, text:gsub("[\128-\191]", "")) end

local function value_problem(value)
  if type(value) == "boolean" then return nil end
  if type(value) == "number" then
    local fits = math.abs(value) < MAX_NUMBER -- not for NaN
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

--- What the server would not take of a filter, or nil.
---@param filter table
---@return string?
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

--- What the server would not take of the metadata of a document or a chunk, or nil.
---@param metadata table<string, string|number|boolean>
---@return string?
function M.metadata_problem(metadata)
  local count, first = 0, nil
  for key, value in pairs(metadata) do
    count = count + 1
    local problem = key_problem(key) or value_problem(value)
    local found = problem and tostring(key) .. ": " .. problem
    if found and (not first or found < first) then first = found end -- the same mistake gives the same message
  end
  if count < 1 or count > MAX_KEYS then return "it should have 1 to 10 keys, has " .. count end
  return first
end

return M
