--- The script: what a pretended OpenGateLLM says, and the exact bytes in which it says it.
--
-- Two halves. The texts: a catalogue of models, and the lines of the play. The maker: `script.completion(options)`
-- is one answer of a chat; it makes its SSE frames (`start`, `text`…, `finish`, `usage`, then `script.DONE`) or the
-- whole JSON object. It keeps nothing and sends nothing; call in any order and as often as you like.
--
-- The form is that of OGL 0.8 in front of vLLM, as recorded: the provider's lines pass as they are (compact JSON,
-- raw UTF-8, the provider's own name for the model, null for everything that it does not have), and OGL's usage
-- comes last, in Python's JSON (a space after colon and comma). Hence templates and not a JSON library: the order
-- of the keys and the spaces are the point.

local script = {}

-- The texts ---------------------------------------------------------------------------------------------------------

script.ANSWER = "La capitale de la France est Paris. La ville est traversée par la Seine et compte un peu plus de "
  .. "deux millions d'habitants. On y trouve le Louvre, la tour Eiffel et l'Assemblée nationale."

script.REASONING = "L'utilisateur demande la capitale de la France : c'est Paris. Une réponse courte suffit."

script.OTHER_REASONING = "Il ne s'agit pas de la capitale de la France. Restons aimable et disons ce que nous sommes."

script.OTHER_ANSWER = "Vous avez demandé : « %s » Bonne question ! Je ne suis que le serveur de démonstration, et mes "
  .. "répliques sont écrites d'avance ; mais elles arrivent mot par mot, comme celles d'un vrai OpenGateLLM. "
  .. "Demandez-moi donc la capitale de la France !"

script.TOOL_REASONING = "Un outil peut répondre à cela."

script.TOOL_ANSWER = "L'outil a répondu : %s"

script.JSON_ANSWER = '{"pays": "France", "capitale": "Paris"}'

-- What is said where a list is asked for: it comes as the one member of an object.
script.LIST_ANSWER = '{"value": [{"ville": "Paris", "habitants": 2100000}, {"ville": "Marseille", "habitants": 870000}, '
  .. '{"ville": "Lyon", "habitants": 520000}]}'

script.OWNER = "Direction interministerielle du numerique (DINUM)"

--- `provider` is what the provider calls the model: it is what chunks carry, and it is accepted as an alias.
script.models = {
  { id = "gpt-oss-120b", provider = "openai/gpt-oss-120b", alias = "openweight-large", type = "text-generation",
    context = 131072, prices = { 0.15, 0.6 } },
  { id = "mistral-small", provider = "mistralai/Mistral-Small-3.2-24B-Instruct-2506", alias = "openweight-medium",
    type = "text-generation", context = 131072, prices = { 0.1, 0.3 } },
  { id = "ministral-3-8b-instruct-2512", provider = "mistralai/Ministral-3-8B-Instruct-2512",
    alias = "openweight-small", type = "image-text-to-text", context = 262144, prices = { 0.0, 0.0 } },
  { id = "bge-m3", provider = "BAAI/bge-m3", alias = "openweight-embeddings", type = "text-embeddings-inference",
    context = 8192, prices = { 0.0, 0.0 } },
  { id = "bge-reranker-v2-m3", provider = "BAAI/bge-reranker-v2-m3", alias = "openweight-rerank",
    type = "text-classification", context = 8192, prices = { 0.0, 0.0 } },
  { id = "lightonocr-2-1b", provider = "lightonai/LightOnOCR-2-1B", alias = "openweight-ocr", type = "image-to-text",
    context = 16384, prices = { 0.0, 0.0 } },
  { id = "whisper-large-v3", provider = "openai/whisper-large-v3", alias = "openweight-audio",
    type = "automatic-speech-recognition", prices = { 0.0, 0.0 } },
}

function script.find_model(name)
  for _, model in ipairs(script.models) do
    if name == model.id or name == model.provider or name == model.alias then return model end
  end
end

-- JSON, as the servers write it -------------------------------------------------------------------------------------

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

--- A JSON string with its quotes; what is not ASCII stays as it is.
function script.quote(text)
  return '"' .. text:gsub('[%c"\\]', function(char)
    return ESCAPES[char] or ("\\u%04x"):format(char:byte())
  end) .. '"'
end

--- A float as Python prints it: `0.0`, `9.564140149957796e-06`.
function script.float(number)
  local text = ("%.16g"):format(number)
  return text:find("[.e]") and text or text .. ".0"
end

--- `$name` in `template` becomes `values.name`.
local function fill(template, values)
  return (template:gsub("%$(%l+)", function(name) return tostring(values[name]) end))
end

function script.model_json(model)
  return fill('{"object":"model","id":$id,"type":$type,"aliases":[$alias,$provider],"created":1765375160,'
    .. '"owned_by":$owner,"max_context_length":$context,'
    .. '"costs":{"prompt_tokens":$input,"completion_tokens":$output}}', {
    id = script.quote(model.id), type = script.quote(model.type), alias = script.quote(model.alias),
    provider = script.quote(model.provider), owner = script.quote(script.OWNER), context = model.context or "null",
    input = script.float(model.prices[1]), output = script.float(model.prices[2]),
  })
end

function script.models_json()
  local list = {}
  for position, model in ipairs(script.models) do list[position] = script.model_json(model) end
  return '{"object":"list","data":[' .. table.concat(list, ",") .. "]}"
end

-- Counting ----------------------------------------------------------------------------------------------------------

--- Cuts a text into pieces of the size of a model's tokens: a word with the space before it, long words in two,
--- never inside a character.
function script.tokens(text)
  local tokens = {}
  for word in text:gmatch("%s*%S+") do
    local cut = utf8.len(word) > 7 and utf8.offset(word, 6) or #word + 1
    tokens[#tokens + 1] = word:sub(1, cut - 1)
    if cut <= #word then tokens[#tokens + 1] = word:sub(cut) end
  end
  return tokens
end

--- An estimate for a text of the user, as OGL's own count is one.
function script.estimate(text)
  return math.ceil(#text / 4)
end

--- The same without the spaces, as it stands in whole answers. For usage only: no string in it holds a comma.
local function compact(json)
  return (json:gsub("([:,]) ", "%1"))
end

local KWH_A_TOKEN, KG_A_KWH = 1.195517518744725e-06, 0.05737820166

local COUNTS = '{"prompt_tokens": $prompt, "completion_tokens": $completion, "total_tokens": $total, "cost": $cost, '
local IMPACTS = '"impacts": {"kWh": $kwh, "kgCO2eq": $kg}'

-- OGL's usage object through the years, in Python's JSON: of 0.4.1; of the old stack later; of the migrated routes.
local USAGES = {
  flat = COUNTS .. '"carbon": {"kWh": $kwh, "kgCO2eq": $kg}, "requests": 1}',
  legacy = COUNTS .. '"carbon": {"kWh": {"min": $kwh, "max": $kwh}, "kgCO2eq": {"min": $kg, "max": $kg}}, '
    .. IMPACTS .. ', "requests": 1}',
  lean = COUNTS .. IMPACTS .. "}",
}

--- What tokens cost: `prices` per million, then kWh, then kg of CO2.
function script.cost(prices, prompt, completion)
  local cost = (prompt * prices[1] + completion * prices[2]) / 1e6
  local kwh = completion * KWH_A_TOKEN
  return tonumber(("%.6f"):format(cost)), kwh, kwh * KG_A_KWH
end

local function usage_json(kind, prices, prompt, completion)
  local cost, kwh, kg = script.cost(prices, prompt, completion)
  return fill(USAGES[kind], {
    prompt = prompt, completion = completion, total = prompt + completion,
    cost = script.float(cost), kwh = script.float(kwh), kg = script.float(kg),
  })
end

--- A usage object as it stands in a whole answer; `kind` is flat, legacy or lean.
function script.usage(kind, prices, prompt, completion)
  return compact(usage_json(kind, prices, prompt, completion))
end

-- The maker ---------------------------------------------------------------------------------------------------------

script.DONE = "data: [DONE]\n\n"

local Completion = {}
Completion.__index = Completion

local completions = 0

--- `options.model` is what the client asked for; `id` and `created` are chosen unless given, `provider` (the name
--- that chunks carry) and `prices` are those of the model. `prompt` (tokens, default 9) goes into the usage, whose
--- kind is `usage` (legacy unless given).
function script.completion(options)
  completions = completions + 1
  local model = script.find_model(options.model or "")
  return setmetatable({
    id = options.id or ("chatcmpl-%016x"):format(0xadd2911992229052 + completions),
    created = options.created or os.time(),
    asked = options.model or "gpt-oss-120b",
    provider = options.provider or model and model.provider or "provider/" .. (options.model or "gpt-oss-120b"),
    prices = options.prices or model and model.prices or { 0.0, 0.0 },
    prompt = options.prompt or 9,
    kind = options.usage or "legacy",
  }, Completion)
end

function Completion:frame(rest)
  return ('data: {"id":%s,"object":"chat.completion.chunk","created":%d,"model":%s,%s}\n\n')
    :format(script.quote(self.id), self.created, script.quote(self.provider), rest)
end

function Completion:delta(delta)
  return self:frame('"choices":[{"index":0,"delta":' .. delta
    .. ',"logprobs":null,"finish_reason":null,"token_ids":null}]')
end

function Completion:start()
  return self:frame('"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,'
    .. '"finish_reason":null}],"prompt_token_ids":null')
end

function Completion:text(text)
  return self:delta('{"content":' .. script.quote(text) .. "}")
end

function Completion:reasoning(text)
  return self:delta('{"reasoning":' .. script.quote(text) .. "}")
end

function Completion:tool_call(id, name)
  return self:delta(('{"tool_calls":[{"id":%s,"type":"function","index":0,"function":{"name":%s,"arguments":""}}]}')
    :format(script.quote(id), script.quote(name)))
end

function Completion:tool_arguments(text)
  return self:delta('{"tool_calls":[{"index":0,"function":{"arguments":' .. script.quote(text) .. "}}]}")
end

function Completion:finish(reason)
  return self:frame('"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":'
    .. script.quote(reason or "stop") .. ',"stop_reason":null,"token_ids":null}]')
end

--- The provider's usage, sent when `stream_options.include_usage` asks for it: its own counts, larger than OGL's
--- estimate.
function Completion:provider_usage(completion)
  local prompt = self.prompt + 65 -- the chat template
  return self:frame(('"choices":[],"usage":{"prompt_tokens":%d,"total_tokens":%d,"completion_tokens":%d}')
    :format(prompt, prompt + completion, completion))
end

--- OGL's usage object for this answer, in Python's JSON.
function Completion:usage_json(completion)
  return usage_json(self.kind, self.prices, self.prompt, completion)
end

--- OGL's usage, always sent before [DONE]. `more`, if any, is the JSON of further fields.
function Completion:usage(completion, more)
  return ('data: {"id": %s, "object": "chat.completion.chunk", "created": %d, "model": %s, "choices": [], '
    .. '"usage": %s%s}\n\n'):format(script.quote(self.id), self.created, script.quote(self.provider),
      self:usage_json(completion), more or "")
end

--- The whole answer. `parts`: `text` and `reasoning` (nil is null), `tool_calls` (JSON text), `finish`,
--- `completion` (tokens), `more` (JSON of further fields). Here `model` is what the client said.
function Completion:whole(parts)
  return fill('{"id":$id,"object":"chat.completion","created":$created,"model":$model,"choices":[{"index":0,"message":'
    .. '{"role":"assistant","content":$text,"refusal":null,"annotations":null,"audio":null,"function_call":null,'
    .. '"tool_calls":$calls,"reasoning":$reasoning},"logprobs":null,"finish_reason":$finish,"stop_reason":null,'
    .. '"token_ids":null}],"service_tier":null,"system_fingerprint":null,"usage":$usage,"prompt_logprobs":null,'
    .. '"prompt_token_ids":null,"kv_transfer_params":null$more}', {
    id = script.quote(self.id), created = self.created, model = script.quote(self.asked),
    text = parts.text and script.quote(parts.text) or "null",
    reasoning = parts.reasoning and script.quote(parts.reasoning) or "null",
    calls = parts.tool_calls or "[]", finish = script.quote(parts.finish or "stop"),
    usage = compact(self:usage_json(parts.completion)), more = parts.more or "",
  })
end

--- A tool call as it stands in a whole answer.
function script.tool_calls_json(id, name, arguments)
  return ('[{"id":%s,"type":"function","function":{"name":%s,"arguments":%s}}]')
    :format(script.quote(id), script.quote(name), script.quote(arguments))
end

return script
