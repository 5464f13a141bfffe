--- Failures: what a value does not keep of a schema, and where.
--
-- A check returns nil for a value that fits, else a list of failures. A failure is made without its path and its message: each level that
-- it passes on its way up adds its key, and the message is worded at the end, for those that a caller gets to see. So a value that fits
-- costs nothing, and a branch that does not fit little.
--
-- @module opengatellm.schema.failure
local kind = require "opengatellm.schema.kind"

local M = {}

--- The most failures that one validation tells.
M.MOST = 20

---@class ogl.schema.Failure
---@field expected? string what would fit: "a string"
---@field value any what is there instead
---@field only? boolean it is the only value that would fit: a branch may be known by it
---@field message? string the whole message, where it is no expectation
---@field [integer] string|integer the keys of the path, the innermost first

--- Makes the list of one failure: another value was expected.
---@param expected string
---@param value any
---@return ogl.schema.Failure[]
function M.unexpected(expected, value) return { { expected = expected, value = value } } end

--- Makes the list of one failure with a message of its own.
---@param message string
---@return ogl.schema.Failure[]
function M.plain(message) return { { message = message } } end

--- Puts failures below a key: their value stands at that key of the value above.
---@param failures ogl.schema.Failure[]
---@param key string|integer
---@return ogl.schema.Failure[] failures the same table
function M.at(failures, key)
  for _, each in ipairs(failures) do each[#each + 1] = key end
  return failures
end

--- Adds failures to others, as many as a caller gets to see.
---@param failures? ogl.schema.Failure[] nil for none so far
---@param more? ogl.schema.Failure[]
---@return ogl.schema.Failure[]? failures nil where there are none
function M.join(failures, more)
  if not failures or not more then return failures or more end
  for _, each in ipairs(more) do
    if #failures == M.MOST then break end
    failures[#failures + 1] = each
  end
  return failures
end

--- Joins the failures of an object's properties, sorted by name: the same mistakes give the same messages.
---@param by_name table<string, ogl.schema.Failure[]>
---@return ogl.schema.Failure[]
function M.of_properties(by_name)
  local names, failures = {}, nil
  for name in pairs(by_name) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for i = 1, math.min(#names, M.MOST) do failures = M.join(failures, M.at(by_name[names[i]], names[i])) end
  return failures
end

--- Words the message of a failure.
---@param failure ogl.schema.Failure
---@return string
function M.message(failure)
  return failure.message or ("expected %s, got %s"):format(failure.expected, kind.shown(failure.value))
end

--- Writes keys as a path: `items[2].name`.
---@param keys (string|integer)[] the innermost first
---@return string # "" for the value itself
function M.path(keys)
  local parts = {}
  for i = #keys, 1, -1 do
    local key = keys[i]
    if type(key) == "string" and key:find "^[%a_$][%w_$-]*$" then parts[#parts + 1] = (parts[1] and "." or "") .. key
    elseif type(key) == "string" then parts[#parts + 1] = "[" .. kind.shown(key) .. "]"
    else parts[#parts + 1] = ("[%s]"):format(tostring(key)) end
  end
  return table.concat(parts)
end

-- What a caller gets ----------------------------------------------------------------------------------------------------

---@class ogl.SchemaError prints as "address.zip: expected a string, got 5"
---@field path string `items[2].name`; "" for the value itself
---@field message string

local error_mt = { __name = "opengatellm.schema.error" }

function error_mt.__tostring(err) return err.path == "" and err.message or err.path .. ": " .. err.message end

local list_mt = { __name = "opengatellm.schema.errors" }

function list_mt.__tostring(list)
  local lines = {}
  for i, each in ipairs(list) do lines[i] = tostring(each) end
  return table.concat(lines, "\n")
end

--- Makes the list of errors that a caller gets: each prints as one line, the list as all of them.
---@param failures ogl.schema.Failure[]
---@return ogl.SchemaError[]
function M.errors(failures)
  local list = setmetatable({}, list_mt)
  for i = 1, math.min(#failures, M.MOST) do
    list[i] = setmetatable({ path = M.path(failures[i]), message = M.message(failures[i]) }, error_mt)
  end
  return list
end

return M
