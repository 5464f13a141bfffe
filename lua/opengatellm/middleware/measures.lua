--- Measures: what a call adds to the metrics, and the sums of many calls. `otel` and `prometheus` report the same ones.
--
--   local list = M.of(seen, call, version)          { instrument, value, attributes } of a call that has ended
--   local sums = M.sums()
--   sums:add(list)
--   for name, one in pairs(sums.instruments) do … end
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

-- Attributes that all measures of a call have, as a list of name and value in a fixed order.
local function common(seen, call, version)
  local list, attributes = {}, version.attributes
  local function add(key, value)
    if value ~= nil and attributes[key] then list[#list + 1] = { attributes[key], value } end
  end
  local address, port = M.server(call)
  add("operation", M.operation(call))
  if call.operation == "tool" then
    add("tool_name", call.request.name)
  elseif call.operation == "turn" then
    add("agent", call.request.name)
  else
    add("provider", M.provider(seen.provider))
    add("model", call.model)
    add("response_model", not seen.kind and seen.model or nil)
    add("address", address)
    add("port", port)
  end
  return list, add
end

local function copied(list, name, value)
  local out = {}
  for i, pair in ipairs(list) do out[i] = pair end
  if name then out[#out + 1] = { name, value } end
  return out
end

-- The tokens of a call: what the server counted, 0 where it counted nothing.
local function add_tokens(add, seen, attributes, version)
  local usage = seen.usage
  if usage.estimated or usage.cached then usage = {} end
  local counted = version.attributes.modality and copied(attributes, version.attributes.modality, "unknown")
  add("input", usage.input_tokens or 0, counted)
  add("output", usage.output_tokens or 0, counted)
  for key, value in pairs { cached = usage.cached_input_tokens, written = usage.cache_write_tokens, reasoning = usage.reasoning_tokens } do
    add(key, value, counted)
  end
  for key, value in pairs { input_spread = usage.input_tokens, output_spread = usage.output_tokens } do
    local instrument = version.instruments[key]
    add(key, value, instrument and instrument.type and copied(attributes, version.attributes.token_type, instrument.type) or attributes)
  end
end

--- What a call that has ended adds to the metrics.
---@param seen ogl.Figures
---@param call ogl.MiddlewareCall
---@param version table of otel_names.VERSIONS
---@return {instrument: ogl.Instrument, value: number|ogl.Histogram, attributes: table[]}[]
function M.of(seen, call, version)
  local attributes, add_attribute = common(seen, call, version)
  local list = {}
  local function add(key, value, own)
    local instrument = version.instruments[key]
    if instrument and value ~= nil then list[#list + 1] = { instrument = instrument, value = value, attributes = own or attributes } end
  end
  local inference = INFERENCE[call.operation]
  if inference then add_tokens(add, seen, copied(attributes), version) end
  add("turn_calls", seen.calls)
  add("turn_tools", seen.tools)
  add_attribute("error", M.error_type(seen))
  add(DURATIONS[call.operation] or "other_duration", seen.seconds)
  if call.operation == "stream" then
    add("first_chunk", seen.first_chunk)
    add("gaps", seen.gaps)
  end
  return list
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
  one.series[key] = one.series[key] or { attributes = attributes, value = nil }
  return one.series[key]
end

--- Adds the measures of a call.
---@param list table[] of M.of
function Sums:add(list)
  for _, one in ipairs(list) do
    local series = self:series(one.instrument, one.attributes)
    if one.instrument.kind == "counter" then
      series.value = (series.value or 0) + one.value
    elseif type(one.value) == "table" then
      series.value = merge(series.value, one.value)
    else
      series.value = figures.add(series.value, one.instrument.bounds, one.value)
    end
  end
end

return M
