--- What a client has to tell of an answer: each kind of result, made of the decoded answer by rules of its own.
local messages = require "opengatellm.protocol.messages"
local cjson = require "cjson"
local openapi = require "spec.support.openapi"

local M = {}

local unpack = table.unpack or unpack

--- Calls a client's method by its name: "keys.create" is client.keys:create(…).
---@param ids table what is in the path
function M.perform(client, name, ids, options)
  local holder = client
  for part in name:gmatch "([^.]+)%." do holder = holder[part] end
  local arguments = { unpack(ids) }
  arguments[#arguments + 1] = options
  return holder[name:match "[^.]+$"](holder, unpack(arguments))
end

--- The same table under other names.
function M.renamed(fields, names)
  local out = {}
  for name, value in pairs(fields or {}) do out[names and names[name] or name] = value end
  return out
end

-- Up to 0.8 the footprint has another name, and is a range.
local function middle(value)
  if type(value) ~= "table" then return value end
  return value.min and (value.min + value.max) / 2
end

local function usage_of(usage)
  if not usage then return nil end
  local impacts = usage.impacts or usage.carbon or {}
  return {
    input_tokens = usage.prompt_tokens, output_tokens = usage.completion_tokens, total_tokens = usage.total_tokens, cost = usage.cost,
    energy_kwh = middle(impacts.kWh), co2_kg = middle(impacts.kgCO2eq), requests = usage.requests,
  }
end

local function by_score(a, b) return a.score > b.score end

-- What a kind of result has to be, made of the decoded answer; `text` is the answer itself, `options` those of the call.
local EXPECTED = {}

function EXPECTED.object(answer)
  answer.usage = usage_of(answer.usage)
  return answer
end
EXPECTED.role = EXPECTED.object
function EXPECTED.done() return true end
function EXPECTED.text(_, text) return text end

function EXPECTED.user(answer) return M.renamed(answer, { role = "role_id", organization = "organization_id" }) end
function EXPECTED.key(answer) return M.renamed(answer, { token = "value", key = "value", user = "user_id" }) end

-- Up to 0.7 an entry is a request, from 0.8 on a day.
function EXPECTED.usage(row)
  if row.object == "usage.bucket" then
    local day = usage_of(row)
    day.start_time, day.end_time = row.start_time, row.end_time
    return day
  end
  local entry, metrics = usage_of(row.usage) or {}, (row.usage or {}).metrics or {}
  entry.start_time, entry.end_time, entry.requests = row.created, row.created, 1
  entry.model, entry.endpoint, entry.key, entry.method, entry.status = row.model, row.endpoint, row.key, row.method, row.status
  entry.latency_ms, entry.ttft_ms = metrics.latency, metrics.ttft
  return entry
end

-- Up to 0.3 the scores are in `data`, under another name.
function EXPECTED.rerank(answer)
  local results = {}
  for i, row in ipairs(answer.results or answer.data) do results[i] = { index = row.index + 1, score = row.relevance_score or row.score } end
  table.sort(results, by_score)
  return { results = results, model = answer.model, id = answer.id, usage = usage_of(answer.usage) }
end

function EXPECTED.ocr(answer)
  local texts = {}
  for i, each in ipairs(answer.pages) do
    each.index, texts[i] = each.index + 1, each.markdown or ""
  end
  answer.text, answer.usage = table.concat(texts, "\n\n"), usage_of(answer.usage)
  return answer
end

function EXPECTED.transcript(answer, _, options)
  return {
    text = answer.text, format = options.response_format or "json", segments = answer.segments, model = answer.model, id = answer.id,
    usage = usage_of(answer.usage),
    language = answer.language, duration = answer.duration,
  }
end

function EXPECTED.subtitles(_, text, options) return { text = text, format = options.response_format, model = options.model or "m" } end
function EXPECTED.search(answer) return { results = answer.data, usage = usage_of(answer.usage) } end

function EXPECTED.embeddings(answer)
  local vectors = {}
  for _, row in ipairs(answer.data) do vectors[row.index + 1] = row.embedding end
  return { vectors = vectors, model = answer.model, usage = usage_of(answer.usage) }
end

function EXPECTED.chat(answer)
  local choice, calls = answer.choices[1], nil
  for i, call in ipairs(choice.message.tool_calls or {}) do
    calls = calls or {}
    calls[i] = { id = call.id, name = call["function"].name, arguments = call["function"].arguments }
  end
  if choice.message.function_call then table.insert(calls, choice.message.function_call) end -- as OpenAI had it before tools
  return {
    text = choice.message.content or "", refusal = choice.message.refusal, tool_calls = calls, finish = choice.finish_reason, id = answer.id,
    model = answer.model, usage = usage_of(answer.usage), reasoning = choice.message.reasoning, search_results = answer.search_results,
  }
end

-- Of several usages the last one counts: it is the gateway's own.
function EXPECTED.stream(_, text)
  local told, texts, thoughts = {}, {}, {}
  for data in text:gmatch "data: ({[^\n]*})" do
    local chunk = openapi.strip(cjson.decode(data))
    local choice = chunk.choices[1] or { delta = {} }
    texts[#texts + 1], thoughts[#thoughts + 1] = choice.delta.content, choice.delta.reasoning
    told.id, told.model, told.finish = chunk.id, chunk.model, choice.finish_reason or told.finish
    told.usage = usage_of(chunk.usage) or told.usage
  end
  told.text, told.reasoning = table.concat(texts), thoughts[1] and table.concat(thoughts)
  return told
end

function EXPECTED.families()
  local labels = { handler = "/v1/models", method = "GET", status = "2xx" }
  local sample = { name = "http_requests_total", labels = labels, value = 3 }
  return { http_requests_total = { type = "counter", help = "Total number of requests.", samples = { sample } } }
end

-- A reply as what is compared of it.
local function reply_of(reply)
  local calls
  for i, call in ipairs(reply.tool_calls or {}) do
    calls = calls or {}
    calls[i] = { id = messages.given_id(call.id), name = call.name, arguments = call.arguments } -- as the server told it
  end
  return {
    text = reply.text, refusal = reply.refusal, tool_calls = calls, finish = reply.raw_finish_reason or reply.finish_reason, id = reply.id, model = reply.model,
    usage = reply.usage, reasoning = reply.reasoning, search_results = reply.search_results,
  }
end

--- A result as what is compared with `expected`.
function M.shown(kind, result)
  if kind == "stream" then return reply_of(assert(result:reply())) end
  return kind == "chat" and reply_of(result) or result
end

--- What the result has to be; `options` are those of the call.
---@param kind string "list of …", or one of those above
---@param answer table? decoded, without its nulls
---@param text string? as it came
function M.expected(kind, answer, text, options)
  local item = kind:match "^list of (.*)$"
  if not item then return EXPECTED[kind](answer, text, options or {}) end
  local out = {}
  for i, each in ipairs(answer.data or answer) do out[i] = EXPECTED[item](each) end
  return out
end

return M
