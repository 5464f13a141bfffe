--- Failures of a run by their kind, with the first texts of each. Their number and their length have bounds, whatever a server says.
--
-- @module opengatellm.bench.failures
local M = {}

---@class ogl.bench.Failures
local Failures = {}
Failures.__index = Failures

local SAMPLES, LENGTH, KINDS = 3, 300, 50
local REST = "other" -- of the kinds beyond those

--- Makes a list of no failure.
---@return ogl.bench.Failures
function M.new() return setmetatable({ list = {}, by_kind = {} }, Failures) end

-- The line of a kind; one for all that come after the last that has its own.
local function line_of(self, kind, code)
  local key = kind .. "\0" .. tostring(code or "")
  if not self.by_kind[key] and #self.list >= KINDS then kind, code, key = REST, nil, REST end
  local line = self.by_kind[key]
  if not line then
    line = { kind = kind, code = code, count = 0, samples = {} }
    self.by_kind[key] = line
    table.insert(self.list, line)
  end
  return line
end

-- An error's text, which its call has rid of the key; cut between two characters.
local function text_of(err)
  local text = tostring(err)
  if #text <= LENGTH then return text end
  return (text:sub(1, LENGTH):gsub("[\192-\255][\128-\191]*$", "")) .. "…"
end

--- Adds a failure.
---@param err ogl.Error
function Failures:add(err)
  local line = line_of(self, err.kind, err.status or err.code)
  line.count = line.count + 1
  if #line.samples < SAMPLES then table.insert(line.samples, text_of(err)) end
end

--- Gives the failures, the most frequent first.
---@return {kind: string, code: string|integer|nil, count: integer, samples: string[]}[]
function Failures:sorted()
  table.sort(self.list, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.kind .. tostring(a.code) < b.kind .. tostring(b.code)
  end)
  return self.list
end

return M
