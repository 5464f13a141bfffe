-- What every OpenGateLLM has in common, at each version: its models and what they do, what it tells of itself, and what it lacks.
-- The versions, and how to run this against a real instance: spec/net/surface.lua.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local registry = require "opengatellm.operations.registry"
local server = require "opengatellm.operations.server"
local surface = require "spec.net.surface"

local fails = surface.fails

-- Versions --------------------------------------------------------------------------------------------------------

local VERSION_CASES = {
  { "is found by its document", function(at) assert.equal(at.found, server.text(assert(server.version(at.client)))) end },

  { "is found by questions where the document is hidden, as near as they can tell", function(at)
    local client = helper.client_of(surface.address("--hide-version --version " .. at.version))
    assert.equal(at.probed, server.text(assert(server.version(client))))
  end },

  { "is one that a client can work with", "read", function(at) assert.is_number(server.version(at.client)) end },
}

-- Models ----------------------------------------------------------------------------------------------------------

local MODEL_CASES = {
  { "are listed, and known by name and alias", "read", function(at)
    local models = assert(at.client:models())
    assert.is_true(#models > 0)
    for _, model in ipairs(models) do
      assert.is_string(model.id)
      assert.equal(model.id, assert(at.client:model(model.id)).id)
    end
    for _, alias in ipairs(models[1].aliases) do assert.equal(models[1].id, assert(at.client:model(alias)).id) end
  end },

  { "are known by a name with slashes", function(at)
    assert.equal("gpt-oss-120b", assert(at.client:model "openweight-large").id)
    assert.equal("gpt-oss-120b", assert(at.client:model "openai/gpt-oss-120b").id)
    local sent = at:sent(function()
      assert.equal("ministral-3-8b-instruct-2512", assert(at.client:model "mistralai/Ministral-3-8B-Instruct-2512").id)
    end)
    assert.same({ "GET " .. at.address .. "/v1/models/mistralai/Ministral-3-8B-Instruct-2512" }, sent)
  end },

  { "are missed", "read", function(at)
    local err = fails("http", "model_not_found", at.client:model "no/such-model")
    assert.equal(404, err.status)
    fails("http", "model_not_found", at.client:chat { model = "no/such-model", messages = { ogl.user "Bonjour" } })
  end },
}

-- Chat ------------------------------------------------------------------------------------------------------------

local QUESTION = "Quelle est la capitale de la France ?"
local TOOL = {
  name = "weather", description = "The weather of a city.",
  parameters = { type = "object", properties = { city = { type = "string" } }, required = { "city" } },
}

-- What the gateway counted of a chat that it answered.
local function check_chat_usage(at, usage)
  surface.check_usage(usage)
  assert.is_true(usage.input_tokens > 0 and usage.output_tokens > 0)
  assert.equal(at.chat_requests or nil, usage.requests)
end

-- The reply to a stream, and its events by type.
local function read(stream)
  local events = { usage = {} }
  for event in stream:events() do
    if event.type == "usage" then table.insert(events.usage, event.usage)
    else events[event.type] = (events[event.type] or "") .. (event.text or event.reason or "") end
  end
  return assert(stream:reply()), events
end

-- What happens to a streamed chat with one of the script's words: kind, code.
local FAILURES = {
  { "!fail-midstream", "provider", "model_busy" }, { "!fail-internal", "provider", "internal_error" }, { "!cut", "network", "reset" },
}

local CHAT_CASES = {
  { "answers, and counts", "read", function(at)
    local model = at:model "text-generation"
    local reply = assert(at.client:chat { model = model, messages = { ogl.user "Réponds par un mot : bonjour." }, max_tokens = 200 })
    assert.is_string(reply.text)
    assert.is_true(reply.complete)
    assert.is_true(reply.usage.total_tokens > 0)
    local stream = assert(at.client:stream { model = model, messages = { ogl.user "Réponds par un mot : bonjour." }, max_tokens = 200 })
    assert.is_true(assert(stream:reply()).usage.total_tokens > 0)
  end },

  { "answers whole", function(at)
    local reply = assert(at.client:chat(QUESTION))
    assert.is_true(reply.text:find "est Paris" ~= nil and reply.reasoning:find "Paris" ~= nil)
    assert.equal("stop", reply.finish_reason)
    check_chat_usage(at, reply.usage)
    assert.is_true(reply.usage.cost > 0 and reply.usage.energy_kwh > 0 and reply.usage.co2_kg > 0)
  end },

  { "streams the same, with the provider's usage before its own", function(at)
    local reply, events = read(assert(at.client:stream(QUESTION)))
    local whole = assert(at.client:chat(QUESTION))
    assert.same({ whole.text, whole.reasoning, "stop" }, { events.text, events.reasoning, events.finish })
    assert.same({ whole.text, whole.reasoning }, { reply.text, reply.reasoning })
    assert.equal(2, #events.usage)
    assert.is_nil(events.usage[1].cost)
    assert.same(whole.usage, events.usage[2])
    assert.same(whole.usage, reply.usage)
  end },

  { "calls a tool when it may choose", function(at)
    local question = { messages = { ogl.user "Quel temps fait-il à Paris ?" }, tools = { TOOL }, tool_choice = "auto" }
    for _, reply in ipairs { assert(at.client:chat(question)), (read(assert(at.client:stream(question)))) } do
      assert.equal("tool_calls", reply.finish_reason)
      assert.equal("weather", reply.tool_calls[1].name)
      assert.same({ city = "Paris" }, helper.decode(reply.tool_calls[1].arguments))
    end
  end },

  { "says what went wrong in the middle of a stream", function(at)
    for _, row in ipairs(FAILURES) do
      local stream = assert(at.client:stream("Bonjour " .. row[1]))
      local err = fails(row[2], row[3], stream:reply())
      assert.is_true(#err.partial.content > 0)
      local fine, raised = pcall(function() return read(assert(at.client:stream("Bonjour " .. row[1]))) end)
      assert.is_false(fine)
      assert.same({ row[2], row[3] }, { raised.kind, raised.code })
    end
  end },

  { "says what went wrong before a stream", function(at)
    local err = fails("http", "model_busy", at.client:stream "!busy")
    assert.same({ 503, true, at.busy_seconds }, { err.status, err.retryable, err.retry_after })
    err = fails("http", "model_busy", at.client:stream "!timeout")
    assert.same({ 503, true }, { err.status, err.retryable })
    err = fails("http", nil, at.client:stream "!fail-before")
    assert.equal(400, err.status)
    local whole = "This model's maximum context length is 8192 tokens."
    if at.refusal_in_a_stream == "whole" then assert.equal(whole, err.message) end
    assert.equal(whole, fails("http", nil, at.client:chat "!fail-before").message)
  end },

  { "ends well without the provider's mark, and says when there is no answer", function(at)
    for _, word in ipairs { "!no-done", "!comments" } do
      local reply = assert(assert(at.client:stream("Bonjour " .. word)):reply())
      assert.equal("stop", reply.finish_reason)
      assert.is_true(reply.complete)
    end
    local stream, err = at.client:stream "!empty"
    if at.empty_stream == "error" then
      assert.equal(500, fails("http", nil, stream, err).status)
    else
      err = fails("incomplete", nil, stream:reply()) -- usage and [DONE] came, and no more: that is no end
      assert.same({ "", 0 }, { err.partial.text, #err.partial.content })
      assert.is_nil(err.partial.finish_reason)
      assert.is_table(err.partial.usage)
    end
  end },
}

-- Other models ----------------------------------------------------------------------------------------------------

local TEXTS = {}
for i = 1, 200 do TEXTS[i] = "texte " .. i end

-- A file of that name.
local function file_of(name, bytes)
  local path = helper.directory() .. "/" .. helper.id() .. name
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  return path
end

-- A reader of bytes, seven at a time.
local function reader_of(bytes)
  local at = 1
  return function()
    local piece = bytes:sub(at, at + 6)
    at = at + 7
    return piece ~= "" and piece or nil
  end
end

local PDF = "%PDF-1.4 /Type /Page /Type /Page /Type /Page"
local PNG = "\137PNG\r\n\26\n"
local SOUND = "RIFF0123WAVEfmt "

-- What a transcript of each form has: a pattern of its text, and whether it tells of segments.
local TRANSCRIPTS = {
  json = { "^Transcription" }, text = { "^Transcription.*\n$" }, verbose_json = { "^Transcription", segments = true, duration = 2 },
  diarized_json = { "^Transcription", segments = true, speaker = "SPEAKER_00" },
  srt = { "^1\n00:00:00,000 %-%-> 00:00:02,000\nTranscription" }, vtt = { "^WEBVTT\n\n00:00:00%.000 %-%-> 00:00:02%.000\nTranscription" },
}

local INFERENCE_CASES = {
  { "embeds texts", "read", function(at)
    local answer = assert(at.client:embeddings { model = at:model "text-embeddings-inference", input = { "un", "deux" } })
    assert.equal(2, #answer.vectors)
    assert.equal(#answer.vectors[1], #answer.vectors[2])
    assert.is_true(answer.usage.input_tokens > 0)
  end },

  { "embeds messages where the server takes them", function(at)
    local asked = { model = "bge-m3", messages = { ogl.user "Bonjour" }, dimensions = 8 }
    if not at.messages then return fails("unsupported", "version", at.client:embeddings(asked)) end
    local found = assert(at.client:embeddings(asked))
    assert.same({ 1, 8 }, { #found.vectors, #found.vectors[1] })
  end },

  { "embeds more texts than a request may have, in their order", function(at)
    local function embed(input, batch) return assert(at.client:embeddings { model = "bge-m3", input = input, dimensions = 8, batch = batch }) end
    local all
    local sent = at:sent(function() all = embed(TEXTS) end)
    assert.equal(4, #sent)
    assert.equal(200, #all.vectors)
    local tokens = 0
    for i, text in ipairs(TEXTS) do
      if i % 64 < 2 or i == 200 then assert.same(embed(text).vectors[1], all.vectors[i]) end -- the ends of each request
    end
    local smaller = embed(TEXTS, { inputs = 50 })
    assert.same(smaller.vectors, all.vectors)
    for from = 1, 200, 50 do
      local part = {}
      for i = from, from + 49 do part[#part + 1] = TEXTS[i] end
      tokens = tokens + embed(part).usage.input_tokens
    end
    surface.check_usage(all.usage)
    assert.equal(tokens, all.usage.input_tokens)
    assert.equal(at.other_requests and 4 or nil, all.usage.requests)
  end },

  { "says which text fits a question", "read", function(at)
    local texts = { "Le chat dort.", "La capitale de la France est Paris.", "Il pleut." }
    local answer = assert(at.client:rerank {
      model = at:model "text-classification", query = "Quelle est la capitale de la France ?", documents = texts, top_n = 2,
    })
    assert.equal(2, #answer.results)
    assert.equal(2, answer.results[1].index)
    assert.is_true(answer.results[1].score > answer.results[2].score)
    assert.is_true(answer.usage.input_tokens > 0)
  end },

  { "refuses a model of another kind", "read", function(at)
    local model = at:model "text-generation"
    local err = fails("http", "wrong_model_type", at.client:rerank { model = model, query = "x", documents = { "y" } })
    assert.equal(422, err.status)
    fails("http", "wrong_model_type", at.client:embeddings { model = model, input = "x" })
  end },

  { "reads documents: a file, bytes, an address, some of the pages", function(at)
    for _, document in ipairs { file_of("a.pdf", PDF), { data = PDF, name = "a.pdf", mime = "application/pdf" } } do
      local answer = assert(at.client:ocr { document = document })
      assert.equal(3, #answer.pages)
      assert.equal(answer.text, table.concat(surface.pluck(answer.pages, "markdown"), "\n\n"))
      assert.is_true(answer.text:find(#PDF .. " octets", 1, true) ~= nil and answer.text:find("a.pdf", 1, true) ~= nil)
      surface.check_usage(answer.usage)
      assert.equal(at.other_requests or nil, answer.usage.requests)
    end
    local answer = assert(at.client:ocr { document = "https://example.org/b.pdf", pages = { 2 }, include_image_base64 = true })
    assert.same({ 2 }, surface.pluck(answer.pages, "index"))
    assert.equal("# b.pdf\n\nPage 2, 0 octets.", answer.text)
    assert.is_string(answer.pages[1].images[1].image_base64)
    assert.equal(1, #assert(at.client:ocr { document = { data = PNG } }).pages)
    assert.equal(1, #assert(at.client:ocr { document = "data:image/png;base64,iVBORw0KGgo=" }).pages)
    local schema = { type = "json_schema", json_schema = { name = "n", schema = { type = "object" } } }
    answer = assert(at.client:ocr { document = "https://example.org/b.pdf", document_annotation_format = schema })
    assert.is_string(answer.document_annotation)
  end },

  { "writes down what it hears: in each form, of a file, bytes and a reader", function(at)
    for _, format in ipairs(at.transcripts) do
      local wanted = TRANSCRIPTS[format]
      local sources = {
        file_of("a.wav", SOUND), { data = SOUND, name = "a.wav" }, { read = reader_of(SOUND), name = "a.wav" },
        { read = reader_of(SOUND), length = #SOUND, name = "a.wav" },
      }
      for _, source in ipairs(sources) do
        local answer = assert(at.client:transcribe { model = "whisper-large-v3", file = source, response_format = format, language = "fr" })
        assert.is_true(answer.text:find(wanted[1]) ~= nil and answer.text:find(#SOUND .. " octets", 1, true) ~= nil, answer.text)
        assert.equal(format, answer.format)
        assert.equal(wanted.segments, answer.segments and true)
        assert.equal(wanted.speaker, answer.segments and answer.segments[1].speaker)
        assert.equal(wanted.duration, answer.duration)
      end
    end
  end },

  { "does not send what this version cannot do", function(at)
    local known = {}
    for _, format in ipairs(at.transcripts) do known[format] = true end
    local sent = at:sent(function()
      for format in pairs(TRANSCRIPTS) do
        local request = { model = "whisper-large-v3", file = { data = SOUND, name = "a.wav" }, response_format = format }
        if not known[format] then fails("invalid", "invalid", at.client:transcribe(request)) end
      end
      fails("invalid", "invalid", at.client:transcribe { model = "m", file = { data = "x" }, response_format = "xml" })
      fails("invalid", "invalid", at.client:rerank { model = "m", query = "", documents = { "x" } })
      fails("file", nil, at.client:transcribe { model = "m", file = "/no/such/file.wav" })
    end)
    assert.same({}, sent)
  end },
}

-- Monitoring and limits -------------------------------------------------------------------------------------------

local MONITORING_CASES = {
  { "tells that it is well", "read", function(at) assert.equal("ok", assert(at.client:health()).status) end },

  { "tells it without a key", function(at)
    local nobody = at:other { api_key = function() return nil end }
    assert.equal("ok", assert(nobody:health()).status)
    fails("auth", "not_authenticated", nobody:models())
  end },

  { "tells how its models are", "read", only = "health_models", function(at)
    local list = assert(at.client:health_models())
    assert.is_true(#list > 0)
    for _, model in ipairs(list) do assert.is_true(model.status == "green" or model.status == "yellow" or model.status == "red") end
  end },

  { "tells its metrics, as text and parsed", function(at)
    assert(at.client:chat(QUESTION))
    local text, families = assert(at.client:metrics()), assert(at.client:metrics { parse = true })
    assert.equal(1, (text:find("# HELP", 1, true)))
    assert.equal('C:\\ogl "demo"\nline', families.ogl_build_info.samples[1].labels.path)
    local calls, buckets = families.http_requests_total, families.http_request_duration_seconds
    assert.same({ "counter", "histogram" }, { calls.type, buckets.type })
    local chats = 0
    for _, sample in ipairs(calls.samples) do
      if sample.labels.endpoint == "/v1/chat/completions" and sample.labels.model == "gpt-oss-120b" then chats = chats + sample.value end
    end
    assert.is_true(chats >= 1 and #buckets.samples >= 7)
  end },
}

local LIMIT_CASES = {
  { "are told by the versions that have them", function(at)
    local client = at.client
    assert.is_nil(client:limits())
    assert(client:chat(QUESTION))
    local none = { requests = { reset = 0 }, tokens = { reset = 0 } }
    assert.same(at.limits_of_chats and none or nil, client:limits())
    assert(client:embeddings { model = "bge-m3", input = "x" })
    assert.same(at.limits_of_others and none or nil, client:limits())
  end },

  { "are counted down, and then refuse", function(at)
    local limited = at:other { api_key = "sk-limited-surface-0123" }
    for remaining = 3, 1, -1 do
      assert(limited:embeddings { model = "bge-m3", input = "x" })
      local limits = limited:limits()
      if at.limits_of_others then assert.same({ 3, remaining }, { limits.requests.limit, limits.requests.remaining }) end
    end
    local err = fails("rate_limit", "requests_per_minute", limited:embeddings { model = "bge-m3", input = "x" })
    assert.same({ 429, true, at.limits_of_others and 37 or nil }, { err.status, err.retryable, err.retry_after })
    for remaining = 3, 1, -1 do
      assert(limited:chat(QUESTION))
      if at.limits_of_chats then assert.equal(remaining, limited:limits().requests.remaining) end
    end
    err = fails("rate_limit", "requests_per_minute", limited:chat(QUESTION))
    assert.same({ 429, true, at.limits_of_chats and 37 or nil }, { err.status, err.retryable, err.retry_after })
  end },

  { "may be told", "read", function(at)
    assert(at.client:embeddings { model = at:model "text-embeddings-inference", input = "x" })
    local limits = at.client:limits()
    if at.limits_of_others then assert.is_table(limits.requests) else assert.is_nil(limits) end
  end },
}

-- What a version lacks ----------------------------------------------------------------------------------------------

local SOME = { string = "x", secret = "secret", integer = 1, list = {}, file = { data = "x", name = "x.pdf" } }

-- Calls an operation with what it needs.
local function call(client, operation)
  local holder, arguments, options = client, {}, {}
  local path, last = operation.name:match "^(.*)%.([%w_]+)$"
  for name in (path or ""):gmatch "[^.]+" do holder = holder[name] end
  for i in ipairs(operation.ids) do arguments[i] = 1 end
  for name, parameter in pairs(operation.parameters) do
    if parameter.required and operation.places[name] ~= "path" then options[name] = SOME[parameter.type] end
  end
  table.insert(arguments, options)
  return holder[last or operation.name](holder, (table.unpack or unpack)(arguments))
end

local LACKING_CASES = {
  { "are those that its history says", function(at)
    local names = {}
    for _, operation in ipairs(registry.all()) do
      if registry.at(operation.name, server.parse(at.version)).missing then names[#names + 1] = operation.name end
    end
    table.sort(names)
    assert.equal(at.lacks, table.concat(names, " "))
  end },

  { "are refused before anything is sent, with the versions that have them", "read", function(at)
    local version = assert(server.version(at.client))
    local sent = at:sent(function()
      for _, operation in ipairs(registry.all()) do
        local missing = registry.at(operation.name, version).missing
        if missing then
          local err = fails("unsupported", "version", call(at.client, operation))
          assert.is_true(err.message:find(missing, 1, true) ~= nil and err.message:find(server.text(version), 1, true) ~= nil, err.message)
        end
      end
    end)
    assert.same({}, sent)
  end },

  { "and a route that its operator turned off is told apart", function(at)
    local client = at:other { version = "main" } -- the client is wrong about the server
    if at.lacks:find "organization" then
      local err = fails("http", "route_not_found", client:organization())
      assert.is_true(err.message:find("an operator can turn routes off", 1, true) ~= nil)
    else
      assert.equal("DINUM", assert(client:organization()).name)
    end
  end },
}

surface.skip = function(reason) return pending(reason) end
teardown(surface.stop)
surface.cases("The version", VERSION_CASES)
surface.cases("Models", MODEL_CASES)
surface.cases("The chat", CHAT_CASES)
surface.cases("Inference", INFERENCE_CASES)
surface.cases("Monitoring", MONITORING_CASES)
surface.cases("Rate limits", LIMIT_CASES)
surface.cases("Calls that are not there", LACKING_CASES)
