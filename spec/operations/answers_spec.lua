-- Answers with a good status that are none: every operation tells them, in the server's words.
local core = require "opengatellm.core"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local recording = require "spec.support.recording"
local replay = require "opengatellm.transport.replay"
local registry = require "opengatellm.operations.registry"
local told = require "spec.support.told"

-- body, kind, words
local ERRORS = {
  { '{"error":{"message":"boom","type":"server_error"}}', "provider" }, { '{"error":"boom"}', "provider" },
  { '{"error":{"message":"boom","type":"rate_limit_error","code":"rate_limit_exceeded"}}', "rate_limit" },
  { '{"error":{"message":"boom","code":"invalid_api_key"}}', "auth" }, { '{"base_resp":{"status_code":1004,"status_msg":"boom"}}', "provider" },
  { '{"code":500,"msg":"boom","data":null}', "provider" }, { '{"message":"boom"}', "provider" }, { '{"detail":"boom"}', "provider" },
  { '{"detail":[{"loc":["body"],"msg":"boom"}]}', "provider" }, { '[{"error":{"message":"boom"}}]', "provider" },
}
local PAGE = "<!DOCTYPE html><html><head><title>boom</title></head></html>"

local SAMPLES = {
  string = "x", secret = "secret", integer = 1, time = 1, number = 1, boolean = true, table = {}, any = "x", file = { data = "ID3", name = "a.mp3" },
  files = { { data = "ID3", name = "a.png" } },
}
local OWN = {
  ["chunks.create"] = { chunks = { { content = "x" } } }, ocr = { document = "https://h/a.pdf" }, ["documents.create"] = { name = "x" },
  ["admin.roles.update"] = { name = "x", permissions = {}, limits = {} }, update_me = { name = "x", email = "x" },
}

local function sample(parameter)
  if parameter.type == "enum" then return parameter.values[1] end
  if parameter.type == "list" then return { sample(parameter.item) } end
  return SAMPLES[parameter.type]
end

-- What a call needs at least.
local function arguments_of(operation)
  local ids, options = {}, {}
  for i, id in ipairs(operation.ids) do ids[i] = sample(operation.parameters[id]) end
  for name, parameter in pairs(operation.parameters) do
    if parameter.required and operation.places[name] ~= "path" then options[name] = sample(parameter) end
  end
  for name, value in pairs(OWN[operation.name] or {}) do options[name] = value end
  if operation.complete then -- nothing is asked before
    for name, place in pairs(operation.places) do
      if place == "body" and not operation.absent[name] then options[name] = sample(operation.parameters[name]) end
    end
    options.limits = operation.parameters.limits and {} or nil
  end
  return ids, options
end

local function client_of(provider, body, headers)
  local transport = replay.new { body = body, headers = headers }
  return ogl.client {
    provider = provider, base_url = "http://server", transport = transport, api_key = helper.KEY, model = "m", retries = { max = 0 },
    version = provider == "opengatellm" and "main" or nil,
  }
end

-- The errors of an operation on each kind of server that has it.
local function failures(operation, body)
  local found = {}
  for _, provider in ipairs { "opengatellm", "openai_compatible", "gemini" } do
    local ids, options = arguments_of(operation)
    local result, err = told.perform(client_of(provider, body), operation.name, ids, options)
    if not (err and err.kind == "unsupported") then found[#found + 1] = { provider, result, err } end
  end
  return found
end

describe("an error with the status 200", function()
  for _, operation in ipairs(registry.all()) do
    if not registry.missing(operation.name, math.huge) then
      it("is the error of " .. operation.name, function()
        for _, case in ipairs(ERRORS) do
          local list = failures(operation, case[1])
          local pure = operation.name ~= "files.content" or case[1]:find '^{"error"'
          for _, found in ipairs(pure and list or {}) do
            assert.is_nil(found[2], found[1] .. case[1])
            assert.equal(case[2], found[3].kind, found[1] .. case[1] .. tostring(found[3]))
            assert.matches("boom", found[3].message, 1, true)
            assert.equal(case[1], found[3].body)
          end
          assert.is_true(#list > 0)
        end
      end)
    end
  end

  it("may be a page", function()
    for _, operation in ipairs(registry.all()) do
      for _, found in ipairs(operation.name ~= "files.content" and not registry.missing(operation.name, math.huge) and failures(operation, PAGE) or {}) do
        assert.same({ nil, "protocol" }, { found[2], found[3].kind }, operation.name)
        assert.matches("boom", found[3].message, 1, true)
        assert.equal(PAGE, found[3].body)
      end
    end
  end)

  it("is the error of embeddings, packed or not, in every form", function()
    for _, dialect in ipairs { "openai", "voyage", "jina", "gemini", "ollama", "cohere" } do
      for _, case in ipairs(ERRORS) do
        for _, packed in ipairs { false, true } do
          local c = recording.client(recording.provider { embeddings = dialect }, { body = case[1] })
          local found, err = c:embeddings { input = { "a" }, packed = packed }
          assert.same({ nil, case[2] }, { found, err.kind })
          assert.matches("boom", err.message, 1, true)
        end
      end
    end
  end)

  it("is the error of a count of tokens", function()
    for _, case in ipairs(ERRORS) do
      for _, provider in ipairs { "anthropic", "gemini" } do
        local count, err = client_of(provider, case[1]):count_tokens { messages = { ogl.user "a" } }
        assert.same({ nil, case[2] }, { count, err.kind })
        assert.matches("boom", err.message, 1, true)
      end
    end
  end)

  it("is the error of every call of Ollama", function()
    for _, case in ipairs(ERRORS) do
      for method, options in pairs {
        ping = {}, list = {}, ps = {}, show = { model = "m" }, delete = { model = "m" }, pull = { model = "m" }, copy = { source = "a", destination = "b" },
      } do
        local ollama = client_of("ollama", case[1]).ollama
        local result, err = ollama[method](ollama, options)
        assert.same({ nil, case[2] }, { result, err.kind }, method .. case[1])
        assert.matches("boom", err.message, 1, true)
        ollama = client_of("ollama", PAGE).ollama
        result, err = ollama[method](ollama, options)
        assert.is_nil(result)
        assert.matches("boom", err.message, 1, true)
      end
    end
  end)

  it("is the error of a batch's output", function()
    for _, body in ipairs { '{"error":{"message":"boom"}}', '{"detail":"boom"}\n', PAGE } do
      local c = recording.client("openai_compatible", { body = '{"status":"completed","output_file_id":"f"}' }, { body = body })
      local fine, err = pcall(assert(c.batches:results "b"))
      assert.is_false(fine)
      assert.matches("boom", err.message, 1, true)
    end
    local line = '{"id":"r","custom_id":"c","response":null,"error":{"message":"x"}}'
    local c = recording.client("openai_compatible", { body = '{"status":"completed","output_file_id":"f"}' }, { body = line })
    assert.same({ message = "x" }, assert(c.batches:results "b")().error)
  end)

  it("is none of a thing that tells of its own failure", function()
    for _, case in ipairs {
      { "openai_compatible", "batches.get", '{"id":"b","status":"failed","error":{"message":"x"}}' },
      { "openai_compatible", "batches.cancel", '{"id":"b","status":"failed","error":{"message":"x"}}' },
      { "openai_compatible", "files.get", '{"id":"b","status":"error","error":{"message":"x"}}' },
      { "gemini", "files.get", '{"name":"files/b","state":"FAILED","error":{"message":"x"}}' },
    } do
      assert.same({ message = "x" }, assert(told.perform(client_of(case[1], case[3]), case[2], { "b" })).error)
    end
  end)
end)

describe("an answer that is empty", function()
  it("is none where something was asked for", function()
    for _, body in ipairs { "", " \n" } do
      for _, name in ipairs { "rerank", "models", "images", "moderate", "ocr" } do
        local _, options = arguments_of(registry.find(name))
        local result, err = told.perform(client_of(name == "ocr" and "opengatellm" or "openai_compatible", body), name, {}, options)
        assert.same({ nil, "protocol" }, { result, err and err.kind })
      end
    end
  end)
end)

describe("a transcript", function()
  local function transcribe(format, body, headers)
    return client_of("openai_compatible", body, headers):transcribe { file = SAMPLES.file, response_format = format }
  end

  it("of bare words is no JSON", function()
    for _, format in ipairs { "text", "srt", "vtt" } do
      for _, case in ipairs(ERRORS) do
        local result, err = transcribe(format, case[1], { ["content-type"] = "text/plain" })
        assert.same({ nil, case[2] }, { result, err.kind })
      end
      for _, body in ipairs { "{}", "[]", '[{"text":"x"}]', '{"text":null}', '{"text":5}', PAGE, "<html>", '{"segments":[]}' } do
        local result, err = transcribe(format, body)
        assert.same({ nil, "protocol", body }, { result, err.kind, err.body })
      end
      for _, body in ipairs { "Internal Server Error", "boom" } do
        local result, err = transcribe(format, body, { ["content-type"] = "text/html; charset=utf-8" })
        assert.same({ nil, "protocol", body }, { result, err.kind, err.message })
      end
      local found = assert(transcribe(format, '"1\\n00:00:00,000 --> 00:00:01,000\\nHé \\"la\\""'))
      assert.same({ '1\n00:00:00,000 --> 00:00:01,000\nHé "la"', format }, { found.text, found.format })
      found = assert(transcribe(format, '{"text":"words","duration":"3.2"}'))
      assert.same({ "words", "json", 3.2 }, { found.text, found.format, found.duration })
    end
  end)

  it("may be any words", function()
    for _, text in ipairs { "", "x", "5", "true", '"Hello," she said.', "[Music]", "{sic}", "<unk> a", "null", "error: it said", "1\n00:00 --> 00:01\na\n" } do
      assert.equal(text, assert(transcribe("text", text)).text)
    end
  end)

  it("has times that are numbers", function()
    local found = assert(transcribe("verbose_json", '{"text":"a","duration":"3.2","segments":[{"start":"0.5","end":1}],"words":[{"start":"x","end":"2"},5]}'))
    assert.same({ 3.2, { { start = 0.5, ["end"] = 1 } }, { { ["end"] = 2 }, 5 } }, { found.duration, found.segments, found.words })
    for text, duration in pairs { ["3"] = 3, ['"1e1"'] = 10, ['"00:03"'] = false, null = false, ["[]"] = false } do
      assert.equal(duration or nil, assert(transcribe("json", '{"text":"a","duration":' .. text .. "}")).duration)
    end
  end)
end)

describe("speech", function()
  it("that is none leaves no file, and reaches no function", function()
    for _, case in ipairs {
      { '{"error":{"message":"boom"}}', "provider" }, { '{"audio":"boom"}', "protocol" }, { PAGE, "protocol" }, { '{"code":1,"msg":"boom"}', "provider" },
    } do
      for _, kind in ipairs { "audio/mpeg", "application/json", false } do
        local path, calls = helper.directory() .. "/" .. helper.id(), 0
        local function count() calls = calls + 1 end
        for _, target in ipairs { {}, { path = path }, { write = count } } do
          target.input, target.voice = "x", "y"
          local result, err = client_of("openai_compatible", case[1], { ["content-type"] = kind or nil }):speech(target)
          assert.same({ nil, case[2], 0 }, { result, err.kind, calls })
          assert.matches("boom", err.message, 1, true)
          assert.is_nil((io.open(path)))
          assert.is_nil((io.open(path .. ".part")))
        end
      end
    end
  end)

  it("shows no key", function()
    local body = '{"error":{"message":"boom ' .. helper.KEY .. '"}}'
    for _, target in ipairs { {}, { write = function() end } } do
      target.input, target.voice = "x", "y"
      local _, err = client_of("openai_compatible", body):speech(target)
      assert.is_nil((err.message .. err.body):find(helper.KEY, 1, true))
    end
  end)
end)

describe("a vector", function()
  -- Packed and not, in the forms that have lists, and base64.
  local function each(check)
    for _, form in ipairs {
      { "openai", '{"data":[{"index":0,"embedding":%s}]}' }, { "gemini", '{"embeddings":[{"values":%s}]}' }, { "ollama", '{"embeddings":[%s]}' },
      { "cohere", '{"embeddings":{"float":[%s]}}' },
    } do
      for _, packed in ipairs { false, true } do
        check(function(vector)
          local c = recording.client(recording.provider { embeddings = form[1] }, { body = form[2]:format(vector) })
          return c:embeddings { input = { "a" }, packed = packed }
        end, packed)
      end
    end
  end

  it("holds numbers alone", function()
    each(function(embed)
      for _, vector in ipairs { "[1,null]", "[null]", "[null,1]", "[]", "null", '["1",2]', "[1,[2]]", "[1,true]", "{}", "5", "[1,1e999]", '"x"' } do
        local found, err = embed(vector)
        assert.same({ nil, "protocol" }, { found, err and err.kind }, vector)
      end
    end)
  end)

  it("in base64 holds whole and finite floats", function()
    local float = core.base64_encode("\0\0\128\63")
    for _, packed in ipairs { false, true } do
      local function embed(text)
        local body = json.encode { data = { { index = 0, embedding = text } } }
        return recording.client(recording.provider { embeddings = "openai" }, { body = body }):embeddings { input = { "a" }, packed = packed }
      end
      assert.same(packed and "\0\0\128\63" or { 1 }, assert(embed(float)).vectors[1])
      for _, bytes in ipairs { "\0", "\0\0\128\63\0", "\0\0\128\63\0\0", "\0\0\128\63\0\0\0", "", "\0\0\192\127", "\0\0\128\63\0\0\128\255" } do
        local found, err = embed(core.base64_encode(bytes))
        assert.same({ nil, "protocol" }, { found, err and err.kind })
      end
      for _, text in ipairs { "!!!!", "abc", "AACAP" } do assert.is_nil((embed(text))) end
    end
  end)

  it("may come with nothing that says its cost", function()
    for _, case in ipairs {
      { "gemini", '{"embeddings":[{"values":[1]}],"usageMetadata":null}' }, { "cohere", '{"embeddings":[[1]],"meta":{"tokens":null,"billed_units":null}}' },
      { "cohere", '{"embeddings":[[1]],"meta":null}' }, { "openai", '{"data":[{"embedding":[1]}],"usage":null,"model":null}' },
    } do
      local found = assert(recording.client(recording.provider { embeddings = case[1] }, { body = case[2] }):embeddings { input = { "a" } })
      assert.same({ vectors = { { 1 } } }, found)
    end
  end)
end)

describe("a rank", function()
  it("is of one of the documents, and of each once", function()
    for _, form in ipairs { '{"results":[%s]}', '{"data":[%s]}', "[%s]" } do
      for _, list in ipairs {
        '{"index":2,"score":1}', '{"index":-1,"score":1}', '{"index":0.5,"score":1}', '{"index":0,"score":1},{"index":0,"score":0.5}', '{"index":1}',
        '{"score":1}', '{"index":0,"score":null}', '{"index":"x","score":1}', '{"index":0,"score":"x"}', '{"index":null,"score":1}',
        '{"index":1,"score":0.1},{"index":1,"score":0.1}', "null", "5",
      } do
        local c = client_of("openai_compatible", form:format(list))
        local found, err = c:rerank { query = "q", documents = { "a", "b" } }
        assert.same({ nil, "protocol" }, { found, err and err.kind }, list)
      end
      local c = client_of("openai_compatible", form:format '{"index":1,"relevance_score":"0.5"},{"index":0,"score":0.25}')
      assert.same({ { index = 2, score = 0.5 }, { index = 1, score = 0.25 } }, assert(c:rerank { query = "q", documents = { "a", "b" } }).results)
    end
  end)
end)

describe("an answer of odd types", function()
  it("raises nothing", function()
    for name, bodies in pairs {
      images = { '{"data":[{"b64_json":5}]}', '{"data":[{"b64_json":"!"}]}', '{"data":[{"b64_json":"AAAA"}],"output_format":{}}', '{"data":[{}]}', '{"data":[5]}' },
      moderate = { '{"results":[{"categories":{},"category_scores":5}]}', '{"results":[5]}' },
      ocr = { '{"pages":[5]}', '{"pages":["x"]}', '{"pages":[{"markdown":5}]}' },
      usage = { '{"data":[{"usage":5}]}', '{"data":[{"usage":{"metrics":5}}]}' }, me = { '{"limits":[5,"x"]}' },
      search = { '{"data":5}' }, models = { '{"data":[5]}' },
    } do
      for _, body in ipairs(bodies) do
        local _, options = arguments_of(registry.find(name))
        local provider = registry.find(name).only_others and "openai_compatible" or "opengatellm"
        local result, err = told.perform(client_of(provider, body), name, {}, options)
        assert.is_true(result ~= nil or err.kind == "protocol", body)
      end
    end
  end)
end)
