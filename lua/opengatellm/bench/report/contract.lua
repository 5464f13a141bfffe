--- The contract of a result: the form that `ogl bench run --json` writes and `ogl bench compare` reads, as a JSON Schema.
--
-- What is not named here may be there, too: a later minor version adds to it.
--
-- @module opengatellm.bench.report.contract
local json = require "opengatellm.json"
local validator = require "opengatellm.schema.validator"
local words = require "opengatellm.base.words"

local M = {}

local TEXT, NUMBER, TRUTH = { type = "string" }, { type = "number" }, { type = "boolean" }
local COUNT = { type = "integer", minimum = 0 }

-- An empty list of a program without marks for arrays is written as an empty object.
local function list_of(items) return { type = json.array { "array", "object" }, items = items, maxProperties = 0 } end

-- An object in which the members that `required` names must be.
local function object(properties, required)
  return { type = "object", properties = properties, required = json.array(words.list(required or "")) }
end

-- Members that all fit one schema.
local function each(names, schema)
  local properties = {}
  for _, name in ipairs(words.list(names)) do properties[name] = schema end
  return properties
end

local SUMMARY = object(each("n mean stddev min p50 p90 p99 max", NUMBER), "n")

local SAMPLE = object({
  at = NUMBER, lag = NUMBER, status = { enum = json.array { "success", "incomplete", "error" } }, kind = TEXT,
  ttft = NUMBER, ttfo = NUMBER, e2e = NUMBER, tpot = NUMBER, itl = NUMBER, icl = NUMBER, input = NUMBER, output = NUMBER,
}, "at status")

local FAILURE = object({
  kind = TEXT, code = { type = json.array { "string", "number" } }, count = COUNT, samples = list_of(TEXT),
}, "kind count")

local RUN = object({
  label = TEXT, mode = { enum = json.array { "closed", "open" } }, arrival = TEXT, concurrency = NUMBER, rate = NUMBER, corrected = TRUTH,
  streaming = TRUTH, seconds = NUMBER, ramp_seconds = NUMBER, warmup = COUNT,
  counts = object(each("started success incomplete error dropped", COUNT), "started success incomplete error dropped"),
  ended = TEXT, cpu = NUMBER, lag = SUMMARY, figures = { type = "object", additionalProperties = SUMMARY },
  rates = object(each("requests input_tokens output_tokens", NUMBER)), goodput = object(each("requests share", NUMBER)),
  tokens = object { source = TEXT }, cost = NUMBER, kwh = NUMBER, kgco2eq = NUMBER,
  errors = list_of(FAILURE), samples = list_of(SAMPLE),
}, "label mode seconds counts figures rates errors samples")

local RESULT = object({
  format = { const = "opengatellm-bench" }, version = { const = 1 }, ogl = TEXT, started = TEXT, seconds = NUMBER, title = TEXT,
  seed = NUMBER, stopped = TEXT,
  machine = object(each("system lua libcurl", TEXT)),
  options = { type = "object" },
  slo = { type = "object", additionalProperties = NUMBER },
  overhead = object {
    calibrated = TRUTH, problem = TEXT, ttft = SUMMARY, e2e = SUMMARY, cpu_us_per_event = NUMBER, cpu_us_per_request = NUMBER,
  },
  formulas = list_of(object(each("name title unit formula better", TEXT), "name title unit formula")),
  providers = list_of(object({
    name = TEXT, provider = TEXT, model = TEXT, address = TEXT, problem = TEXT, runs = list_of(RUN),
  }, "name runs")),
}, "format version started formulas providers")

-- A member that is null is a member that is not there.
local function without_nulls(value)
  if type(value) ~= "table" then return value end
  for key, inner in pairs(value) do
    if inner == json.null then value[key] = nil else without_nulls(inner) end
  end
  return value
end

--- Reads a result.
---@param text string JSON
---@return table? result
---@return string? problem one line that says what is wrong with the text
function M.read(text)
  local result, problem = json.decode(text)
  if result == nil then return nil, "it is no JSON: " .. tostring(problem) end
  if type(result) ~= "table" or result.format ~= RESULT.properties.format.const then return nil, "it is no result of ogl bench" end
  result = without_nulls(result)
  local fits, errors = validator.validate(RESULT, result)
  if not fits then return nil, (tostring(errors):match "[^\n]+") end
  return result
end

return M
