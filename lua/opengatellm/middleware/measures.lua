--- Measures: what a call adds to the metrics, and the sums of many calls. `otel` and `prometheus` report the same ones.
--
--   local sums = M.sums()
--   local book = M.book(version, function(instrument, attributes) return sums:series(instrument, attributes) end, M.add)
--   book:add(seen, call)                            a call that has ended
--   for name, one in pairs(sums.instruments) do … end
--
-- Most calls are of a kind that was there before: the same operation of the same model on the same server, with the same end. A book finds
-- the series of a kind once, and keeps them.
--
-- @module opengatellm.middleware.measures
local figures = require "opengatellm.middleware.figures"
local names = require "opengatellm.middleware.otel_names"
local words = require "opengatellm.base.words"

local M = {}

local INFERENCE = words.set "chat stream"
local DURATIONS = { chat = "duration", stream = "duration", tool = "tool_duration", turn = "turn_duration" }

--- The name of a call's operation in the conventions.
---@param call ogl.MiddlewareCall
---@return string
function M.operation(call) return names.OPERATIONS[call.operation] or call.operation end

--- The conventions' name of a provider.
---@param provider string
---@return string
function M.provider(provider) return names.PROVIDERS[provider] or provider end

local PORTS = { http = 80, https = 443 }

--- Where the server of a call is.
---@param call ogl.MiddlewareCall
---@return string? address nil of a router, and of a client without an address
---@return integer? port
function M.server(call)
  local api = call.client.api
  if type(api) ~= "string" then return nil end
  local scheme, rest = api:match "^(%a+)://([^/?#]*)"
  if not scheme then return nil end
  rest = rest:gsub("^[^@]*@", "")
  local address, port = rest:match "^%[([^%]]*)%]:?(%d*)$"
  if not address then address, port = rest:match "^([^:]*):?(%d*)$" end
  return address, tonumber(port) or PORTS[scheme]
end

--- One word for how a call failed, of which there are few: the server's status, or the kind.
---@param seen ogl.Figures
---@return string? nil where it succeeded
function M.error_type(seen)
  if not seen.kind then return nil end
  return seen.status and tostring(seen.status) or seen.kind
end

-- Books -----------------------------------------------------------------------------------------------------------

---@class ogl.Book
---@field version table of otel_names.VERSIONS
---@field find fun(instrument: ogl.Instrument, attributes: table[]): any the series of an instrument, when the first value comes for it
---@field put fun(series: any, value: number|ogl.Histogram) adds a value to a series
---@field kinds table of calls, by all that their attributes are made of: one name in the other
local Book = {}
Book.__index = Book

local KINDS = 256 -- that a book keeps; after them it begins anew, since servers and programs may go on to name models

--- A book without kinds.
---@param version table of otel_names.VERSIONS
---@param find fun(instrument: ogl.Instrument, attributes: table[]): any
---@param put fun(series: any, value: number|ogl.Histogram)
---@return ogl.Book
function M.book(version, find, put) return setmetatable({ version = version, find = find, put = put, kinds = {}, n = 0 }, Book) end

-- Attributes that all measures of a call have, as a list of name and value in a fixed order.
local function common(seen, call, attributes)
  local list = {}
  local function add(key, value)
    if value ~= nil and attributes[key] then list[#list + 1] = { attributes[key], value } end
  end
  add("operation", M.operation(call))
  if call.operation == "tool" then
    add("tool_name", call.request.name)
  elseif call.operation == "turn" then
    add("agent", call.request.name)
  else
    local address, port = M.server(call)
    add("provider", M.provider(seen.provider))
    add("model", call.model)
    add("response_model", not seen.kind and seen.model or nil)
    add("address", address)
    add("port", port)
  end
  return list
end

local function with(list, name, value)
  if not (name and value) then return list end
  local out = {}
  for i, pair in ipairs(list) do out[i] = pair end
  out[#out + 1] = { name, value }
  return out
end

-- A kind of calls: the attributes of what was counted (without how the call ended) and of all else, and the series that were found.
local function new_kind(self, seen, call)
  local attributes = self.version.attributes
  local counted = common(seen, call, attributes)
  return {
    counted = counted, tokens = with(counted, attributes.modality, "unknown"), ended = with(counted, attributes.error, M.error_type(seen)),
    series = {},
  }
end

local NONE = "\2" -- no name is this one

-- The table under a name of a table.
local function under(map, name)
  local found = map[name or NONE]
  if found then return found end
  found = {}
  map[name or NONE] = found
  return found
end

-- Finds a kind by one name after the other, since making one text of them costs more than all the rest of a count.
local function kind_of(self, seen, call)
  if self.n >= KINDS then self.kinds, self.n = {}, 0 end
  local operation, api = call.operation, call.client.api
  local own = DURATIONS[operation] and not INFERENCE[operation] and tostring(call.request.name)
  local calls = under(under(under(self.kinds, operation), own), type(api) == "string" and api)
  local ends = under(under(under(calls, seen.provider), call.model), not seen.kind and seen.model)
  local ending = M.error_type(seen) or NONE
  local kind = ends[ending]
  if kind then return kind end
  kind = new_kind(self, seen, call)
  ends[ending], self.n = kind, self.n + 1
  return kind
end

local TOKENS = words.set "input output cached written reasoning"
local SPREADS = words.set "input_spread output_spread"

local function attributes_of(self, kind, key, instrument)
  if TOKENS[key] then return kind.tokens end
  if SPREADS[key] then return with(kind.counted, self.version.attributes.token_type, instrument.type) end
  return kind.ended
end

local function add(self, kind, key, value)
  local series = kind.series[key]
  if series == nil then
    local instrument = self.version.instruments[key]
    series = instrument and self.find(instrument, attributes_of(self, kind, key, instrument)) or false
    kind.series[key] = series
  end
  if series then self.put(series, value) end
end

-- The tokens of a call: what the server counted, 0 where it counted nothing.
local function add_tokens(self, kind, usage)
  local input, output = usage.input_tokens, usage.output_tokens
  if usage.estimated or usage.cached then usage, input, output = {}, nil, nil end
  add(self, kind, "input", input or 0)
  add(self, kind, "output", output or 0)
  if usage.cached_input_tokens then add(self, kind, "cached", usage.cached_input_tokens) end
  if usage.cache_write_tokens then add(self, kind, "written", usage.cache_write_tokens) end
  if usage.reasoning_tokens then add(self, kind, "reasoning", usage.reasoning_tokens) end
  if input then add(self, kind, "input_spread", input) end
  if output then add(self, kind, "output_spread", output) end
end

--- Adds what a call that has ended adds to the metrics.
---@param seen ogl.Figures
---@param call ogl.MiddlewareCall
function Book:add(seen, call)
  local kind, usage = kind_of(self, seen, call), seen.usage
  if INFERENCE[call.operation] then add_tokens(self, kind, usage) end
  if usage.cost and usage.cost > 0 then add(self, kind, "cost", usage.cost) end
  if seen.calls then add(self, kind, "turn_calls", seen.calls) end
  if seen.tools then add(self, kind, "turn_tools", seen.tools) end
  add(self, kind, DURATIONS[call.operation] or "other_duration", seen.seconds)
  if call.operation ~= "stream" then return end
  if seen.first_chunk then add(self, kind, "first_chunk", seen.first_chunk) end
  if seen.gaps then add(self, kind, "gaps", seen.gaps) end
end

-- Sums ------------------------------------------------------------------------------------------------------------

---@class ogl.Sums
---@field instruments table<string, {instrument: ogl.Instrument, series: table<string, table>}> by name
local Sums = {}
Sums.__index = Sums

--- Sums of nothing yet.
---@return ogl.Sums
function M.sums() return setmetatable({ instruments = {} }, Sums) end

local function key_of(attributes)
  local parts = {}
  for _, pair in ipairs(attributes) do parts[#parts + 1] = pair[1] .. "\1" .. tostring(pair[2]) end
  return table.concat(parts, "\2")
end

local function merge(into, from)
  if not into then into = { counts = {}, count = 0, sum = 0, min = from.min, max = from.max } end
  for place, count in pairs(from.counts) do into.counts[place] = (into.counts[place] or 0) + count end
  into.count, into.sum = into.count + from.count, into.sum + from.sum
  into.min, into.max = math.min(into.min, from.min), math.max(into.max, from.max)
  return into
end

--- The series of an instrument with these attributes.
---@param instrument ogl.Instrument
---@param attributes table[]
---@return table series
function Sums:series(instrument, attributes)
  local one = self.instruments[instrument.name]
  if not one then
    one = { instrument = instrument, series = {} }
    self.instruments[instrument.name] = one
  end
  local key = key_of(attributes)
  one.series[key] = one.series[key] or { instrument = instrument, attributes = attributes, value = nil }
  return one.series[key]
end

--- Adds a value to a series.
---@param series table of Sums:series
---@param value number|ogl.Histogram
function M.add(series, value)
  local instrument = series.instrument
  if instrument.kind == "counter" then
    series.value = (series.value or 0) + value
  elseif type(value) == "table" then
    series.value = merge(series.value, value)
  else
    series.value = figures.add(series.value, instrument.bounds, value)
  end
end

return M
