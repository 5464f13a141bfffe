--- Metrics: the text format of Prometheus (exposition format 0.0.4), as a table.
--
--   { http_requests_total = { type = "counter", help = "…", samples = { { name, labels = {…}, value, timestamp } } } }
--
-- A family is found under the name of its TYPE line; the samples of a histogram (`_bucket`, `_sum`, `_count`) stand in the family.
--
-- @module opengatellm.operations.metrics
local M = {}

---@class ogl.MetricFamily
---@field type? "counter"|"gauge"|"histogram"|"summary"|"untyped"
---@field help? string
---@field samples {name: string, labels: table<string, string>, value: number, timestamp?: integer}[] timestamp in milliseconds

local UNESCAPED = { ["\\\\"] = "\\", ['\\"'] = '"', ["\\n"] = "\n" }
local function unescape(text) return (text:gsub('\\[\\"n]', UNESCAPED)) end

local NUMBERS = { ["+Inf"] = math.huge, ["-Inf"] = -math.huge, NaN = 0 / 0, Inf = math.huge }

-- The labels between braces, and what follows them.
local function read_labels(text)
  local labels, at = {}, 1
  while true do
    local name, from = text:match('^[%s,]*([%a_][%w_]*)%s*=%s*"()', at)
    if not name then break end
    local stop = from
    while text:sub(stop, stop) ~= '"' do
      if stop > #text then return nil end
      stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
    end
    labels[name], at = unescape(text:sub(from, stop - 1)), stop + 1
  end
  local rest = text:match("^[%s,]*}(.*)$", at)
  return rest and labels, rest
end

local function read_sample(line)
  local name, rest = line:match "^([%a_:][%w_:]*)%s*(.*)$"
  if not name then return nil end
  local labels = {}
  if rest:sub(1, 1) == "{" then
    labels, rest = read_labels(rest:sub(2))
    if not labels then return nil end
  end
  local value, timestamp = rest:match "^%s*(%S+)%s*(%-?%d*)%s*$"
  value = value and (NUMBERS[value] or tonumber(value))
  if not value then return nil end
  return { name = name, labels = labels, value = value, timestamp = tonumber(timestamp) }
end

-- The family of a sample: its own name, or the one that its last word was added to.
local function family_of(families, name)
  local base = name:match "^(.*)_%a+$"
  local found = families[name] or base and families[base]
  if not found then
    found = { samples = {} }
    families[name] = found
  end
  return found
end

--- Reads the families of a text; leaves out lines that are not in the format.
---@param text string
---@return table<string, ogl.MetricFamily>
function M.parse(text)
  local families = {}
  for line in text:gmatch "[^\r\n]+" do
    local word, name, rest = line:match "^#%s+(%u+)%s+(%S+)%s*(.*)$"
    if word == "TYPE" or word == "HELP" then
      families[name] = families[name] or { samples = {} }
      families[name][word:lower()] = word == "HELP" and unescape(rest) or rest
    elseif line:sub(1, 1) ~= "#" then
      local sample = read_sample(line)
      if sample then table.insert(family_of(families, sample.name).samples, sample) end
    end
  end
  return families
end

--- Gives the answer as it came or, with `parse`, parsed.
---@param text string the answer's body
---@param context ogl.Context
function M.finish(text, context)
  if context.options.parse then return M.parse(text) end
  return text
end

return M
