-- Embeddings in the form of each server: what is sent, what comes of the answer.
local core = require "opengatellm.core"
local json = require "opengatellm.json"
local recording = require "spec.support.recording"

local client, provider = recording.client, recording.provider

-- dialect, path, what is sent for two texts with `dimensions` and the task "query", the answer, its usage
local CASES = {
  {
    "openai", "/v1/embeddings", { model = "m", input = { "a", "b" }, dimensions = 2, encoding_format = "float" },
    '{"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}],"model":"x","usage":{"prompt_tokens":2,"total_tokens":2}}', 2, { "task" },
  },
  {
    "voyage", "/v1/embeddings", { model = "m", input = { "a", "b" }, output_dimension = 2, input_type = "query" },
    '{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}],"model":"x","usage":{"total_tokens":2}}',
  },
  {
    "jina", "/v1/embeddings", { model = "m", input = { "a", "b" }, dimensions = 2, task = "retrieval.query" },
    '{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}],"model":"x","usage":{"prompt_tokens":2,"total_tokens":2}}', 2,
  },
  {
    "gemini", "/v1/models/m:batchEmbedContents", {
      requests = {
        { model = "models/m", content = { parts = { { text = "a" } } }, taskType = "RETRIEVAL_QUERY", outputDimensionality = 2 },
        { model = "models/m", content = { parts = { { text = "b" } } }, taskType = "RETRIEVAL_QUERY", outputDimensionality = 2 },
      },
    }, '{"embeddings":[{"values":[1,2]},{"values":[3,4]}],"usageMetadata":{"promptTokenCount":2}}', 2,
  },
  {
    "ollama", "/api/embed", { model = "m", input = { "a", "b" }, dimensions = 2 },
    '{"model":"x","embeddings":[[1,2],[3,4]],"total_duration":14143917,"prompt_eval_count":2}', 2, { "task" },
  },
  {
    "cohere", "/v2/embed",
    { model = "m", texts = { "a", "b" }, input_type = "search_query", embedding_types = { "float" }, output_dimension = 2 },
    '{"id":"i","embeddings":{"float":[[1,2],[3,4]]},"texts":["a","b"],"meta":{"billed_units":{"input_tokens":2}}}', 2,
  },
}

local ASKED = { input = { "a", "b" }, dimensions = 2, task = "query" }

local function asked(more)
  local options = {}
  for _, fields in ipairs { ASKED, more or {} } do
    for name, value in pairs(fields) do options[name] = value end
  end
  return options
end

describe("embeddings", function()
  for _, case in ipairs(CASES) do
    local function of(body) return client(provider { embeddings = case[1] }, { body = body or case[4] }) end

    it("go in the form of " .. case[1], function()
      local c, requests = of()
      local found = assert(c:embeddings(ASKED))
      assert.equal("http://server" .. case[2], requests[1].url)
      assert.same(case[3], json.decode(requests[1].text))
      assert.same({ { 1, 2 }, { 3, 4 } }, found.vectors)
      assert.equal(case[5], found.usage and found.usage.input_tokens)
      local left_out
      for i, warning in ipairs(found.warnings or {}) do
        left_out = left_out or {}
        left_out[i] = warning.field
      end
      assert.same(case[6], left_out)
    end)

    it("come packed from " .. case[1], function()
      local vectors = assert(of():embeddings(asked { packed = true })).vectors
      assert.same({ { 1, 2 }, { 3, 4 } }, { core.floats(vectors[1]), core.floats(vectors[2]) })
    end)

    it("of " .. case[1] .. " are an error where one is missing or none", function()
      for _, body in ipairs { "{}", "[]", "5", '{"embeddings":[],"data":[]}', '{"embeddings":{"float":5},"data":5}', '{"embeddings":[[1]],"data":[{"embedding":[1]}]}' } do
        for _, packed in ipairs { true, false } do
          local found, err = of(body):embeddings(asked { packed = packed })
          assert.is_nil(found)
          assert.equal("protocol", err.kind)
        end
      end
    end)
  end

  it("take one text everywhere", function()
    for _, case in ipairs(CASES) do
      local c, requests = client(provider { embeddings = case[1] }, { body = case[4] })
      assert.same({ { 1, 2 } }, assert(c:embeddings { input = "a" }).vectors)
      local body = json.decode(requests[1].text)
      local sent = body.input or body.texts or body.requests
      assert.equal("a", type(sent) == "table" and (sent[1].content and sent[1].content.parts[1].text or sent[1]) or sent)
    end
  end)

  it("take tokens where the form has them", function()
    for _, case in ipairs(CASES) do
      local c, requests = client(provider { embeddings = case[1] }, { body = case[4] })
      local found, err = c:embeddings { input = { 1, 2 } }
      if case[1] == "openai" then
        assert.same({ { 1, 2 } }, found.vectors)
      else
        assert.same({ nil, "unsupported", "input", 0 }, { found, err.kind, err.code, #requests })
      end
    end
  end)

  it("know a task by its word, and tell what has none", function()
    for _, case in ipairs { -- dialect, task, field of the body, its word
      { "cohere", "document", "input_type", "search_document" }, { "cohere", "clustering", "input_type", "clustering" },
      { "cohere", nil, "input_type", "search_document" }, { "cohere", "code", "input_type", "search_document", "task" },
      { "voyage", "document", "input_type", "document" }, { "voyage", nil, "input_type", nil }, { "voyage", "fact", "input_type", nil, "task" },
      { "jina", "document", "task", "retrieval.passage" }, { "jina", "clustering", "task", "separation" },
    } do
      local c, requests = client(provider { embeddings = case[1] }, { body = CASES[case[1] == "cohere" and 6 or 2][4] })
      local found = assert(c:embeddings { input = { "a", "b" }, task = case[2] })
      assert.equal(case[4], json.decode(requests[1].text)[case[3]])
      assert.equal(case[5], found.warnings and found.warnings[1].field)
    end
  end)

  it("are refused in strict mode where something cannot be carried", function()
    for field, value in pairs { task = "query", user = "u", encoding_format = "float" } do
      local c, requests = client(provider { embeddings = "ollama" }, { body = CASES[5][4] })
      local found, err = c:embeddings { input = "a", strict = true, [field] = value }
      assert.same({ nil, "unsupported", field, 0 }, { found, err.kind, err.code, #requests })
    end
    local c = client(provider { embeddings = "ollama" }, { body = CASES[5][4] })
    assert.error_matches(function() c:embeddings { input = "a", task = "nonsense" } end, "task: there is no task 'nonsense'")
  end)

  it("go in as many requests as the form takes at once", function()
    for dialect, most in pairs { gemini = 100, cohere = 96 } do
      local texts = {}
      for i = 1, 150 do texts[i] = "t" .. i end
      local sizes = {}
      local transport = require "opengatellm.transport.replay".new(function(request)
        local body, rows = json.decode(request.body), {}
        local count = #(body.texts or body.requests)
        sizes[#sizes + 1] = count
        for i = 1, count do rows[i] = dialect == "gemini" and { values = { i } } or { i } end
        return { body = json.encode { embeddings = dialect == "gemini" and rows or { float = rows } } }
      end)
      local c = client(provider { embeddings = dialect }, {}):with { transport = transport }
      assert.equal(150, #assert(c:embeddings { input = texts, concurrency = 1 }).vectors)
      assert.same({ most, 150 - most }, sizes)
    end
  end)

  it("of a model with a slash go to its own path", function()
    local c, requests = client(provider { embeddings = "gemini" }, { body = CASES[4][4] })
    assert(c:embeddings { input = { "a", "b" }, model = "tunedModels/x" })
    assert.equal("http://server/v1/tunedModels/x:batchEmbedContents", requests[1].url)
  end)
end)

describe("recorded embeddings", function()
  local OLLAMA = "langchaingo/ollama-embed/llms_ollama_internal_ollamaclient_testdata_TestClient_CreateEmbedding__0.json.body"
  local COHERE = "openllmetry/embeddings/opentelemetry-instrumentation-cohere_tests_cassettes_test_embed_test_cohere_v2_embed_legacy__0.json.body"
  local VOYAGE = "openllmetry/embeddings/opentelemetry-instrumentation-voyageai_tests_cassettes_test_embed_test_voyageai_embed_async_legacy__0.json.body"
  local OPENAI = "langchaingo/embeddings/llms_openai_internal_openaiclient_testdata_TestClient_CreateEmbeddingWithDimensions__0.json.body"

  for _, case in ipairs { -- dialect, file, vectors, dimensions
    { "gemini", "llm_gemini/gemini-embed/test_gemini_test_embedding_batch__0.json.body", 2, 768 },
    { "ollama", OLLAMA, 1, 768 },
    { "cohere", "vercel_ai/embeddings/cohere_src___fixtures___cohere-embedding__0.json.body", 2, 5 },
    { "cohere", COHERE, 2 },
    { "voyage", VOYAGE, 2, 512 },
    { "openai", OPENAI, 1, 256 },
    { "openai", "llamacpp_local/embeddings/emb_b64__0.json.body", 1 },
  } do
    it("of " .. case[2]:match "[^/]+$" .. " are told", function()
      local body = recording.bytes(case[2])
      if not body then return pending(recording.ABSENT) end
      local texts = {}
      for i = 1, case[3] do texts[i] = "t" end
      local c = client(provider { embeddings = case[1] }, { body = body })
      local plain = assert(c:embeddings { input = texts }).vectors
      local packed = assert(c:embeddings { input = texts, packed = true }).vectors
      assert.equal(case[3], #plain)
      assert.is_true(#plain[1] > 1)
      if case[4] then assert.equal(case[4], #plain[1]) end
      for i, vector in ipairs(plain) do
        local floats = core.floats(packed[i])
        assert.equal(#vector, #floats)
        for k, number in ipairs(vector) do assert.is_true(math.abs(number - floats[k]) < 1e-6) end
      end
    end)
  end
end)
