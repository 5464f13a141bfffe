--- The ledger: what every inference call has cost, and how each version tells it to the user.
--
-- Life: `Ledger.new()`, then `enter` after each good call; `answer` makes the body of a usage route from what is
-- there, as rows of calls or as daily buckets. It keeps all rows for as long as the process lives.

local json = require "server.json"
local script = require "server.script"

local Ledger = {}
Ledger.__index = Ledger

local DAY = 86400

function Ledger.new()
  return setmetatable({ rows = {} }, Ledger)
end

--- Writes down a call: who, which router (nil for none), `tokens` as { prompt, completion }.
function Ledger:enter(call, router, tokens, endpoint)
  local prices = router and { router.cost_prompt_tokens, router.cost_completion_tokens } or { 0.0, 0.0 }
  local cost, kwh, kg = script.cost(prices, tokens[1], tokens[2])
  table.insert(self.rows, {
    user = call.user.id, key = call.key, model = router and router.name, endpoint = endpoint or call.request.path,
    method = call.request.method, prompt = tokens[1], completion = tokens[2], cost = cost, kwh = kwh, kg = kg,
    created = os.time(),
  })
end

local function contains(list, value)
  for _, each in ipairs(list) do
    if each == value then return true end
  end
  return #list == 0
end

--- The rows of a user that a query wants, newest first.
function Ledger:select(user, query)
  local found = {}
  for position = #self.rows, 1, -1 do
    local row = self.rows[position]
    local wanted = row.user == user.id and row.created >= query.start_time and row.created <= query.end_time
      and (not query.endpoint or row.endpoint == query.endpoint) and contains(query.models or {}, row.model)
      and (not query.key_id or row.key and row.key.id == query.key_id)
    if wanted then found[#found + 1] = row end
  end
  return found
end

-- Rows --------------------------------------------------------------------------------------------------------------

--- The footprint of a row: 0.4.1 gives a range.
local function footprint(dialect, row)
  if not dialect.usage_carbon then
    return "impacts", json.record("kWh", json.float(row.kwh), "kgCO2eq", json.float(row.kg))
  end
  local function range(number) return json.record("min", json.float(number), "max", json.float(number)) end
  return "carbon", json.record("kWh", range(row.kwh), "kgCO2eq", range(row.kg))
end

local function row_json(dialect, row)
  local name, value = footprint(dialect, row)
  local usage = json.record("prompt_tokens", row.prompt, "completion_tokens", row.completion,
    "total_tokens", row.prompt + row.completion, "cost", json.float(row.cost), name, value,
    "metrics", json.record("latency", 120, "ttft", 40))
  return json.record("object", dialect.usage_object, "model", row.model, "key", row.key and row.key.name,
    "endpoint", row.endpoint, dialect.usage_method and "method" or nil, row.method,
    dialect.usage_method and "status" or nil, 200, "usage", usage, "created", row.created)
end

-- Buckets -----------------------------------------------------------------------------------------------------------

local SUMS = { "prompt", "completion", "cost", "kwh", "kg" }

--- The rows added up by UTC days, in the order of time.
local function buckets_of(rows)
  local buckets, by_day = {}, {}
  for position = #rows, 1, -1 do
    local row = rows[position]
    local start = row.created - row.created % DAY
    local bucket = by_day[start]
    if not bucket then
      bucket = { start = start, requests = 0, prompt = 0, completion = 0, cost = 0, kwh = 0, kg = 0 }
      by_day[start], buckets[#buckets + 1] = bucket, bucket
    end
    bucket.requests = bucket.requests + 1
    for _, name in ipairs(SUMS) do bucket[name] = bucket[name] + row[name] end
  end
  return buckets
end

local function bucket_json(_, bucket)
  return json.record("object", "usage.bucket", "start_time", bucket.start, "end_time", bucket.start + DAY,
    "prompt_tokens", bucket.prompt, "completion_tokens", bucket.completion,
    "total_tokens", bucket.prompt + bucket.completion, "cost", json.float(bucket.cost), "requests", bucket.requests,
    "impacts", json.record("kWh", json.float(bucket.kwh), "kgCO2eq", json.float(bucket.kg)))
end

--- The body of a usage route. `query`: `start_time`, `end_time`, `offset`, `limit`, `endpoint`, `models`, `key_id`.
function Ledger:answer(dialect, user, query)
  local items, write = self:select(user, query), row_json
  if dialect.usage_buckets then items, write = buckets_of(items), bucket_json end
  local page = json.list()
  for position = query.offset + 1, math.min(#items, query.offset + query.limit) do
    page[#page + 1] = write(dialect, items[position])
  end
  local total = dialect.usage_total
  return json.record("object", "list", total and "total" or nil, #items, total and "offset" or nil, query.offset,
    total and "limit" or nil, query.limit, "data", page)
end

return Ledger
