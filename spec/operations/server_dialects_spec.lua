-- The forms that operations have on other servers: who has what, and how rerank and the lists of models go.
local server_dialects = require "opengatellm.operations.server_dialects"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local recording = require "spec.support.recording"
local registry = require "opengatellm.operations.registry"

local client, provider = recording.client, recording.provider

describe("the forms", function()
  it("are of operations and parameters that are there", function()
    for key, forms in pairs(server_dialects.FORMS) do
      for dialect, operations in pairs(forms) do
        for name, form in pairs(operations) do
          local row = assert(registry.find(name), name)
          assert.equal(key, server_dialects.key(row))
          form = form or {} -- false: no such call
          for _, field in ipairs { "names", "types" } do
            for parameter in pairs(form[field] or {}) do assert.is_not_nil(row.parameters[parameter], dialect .. " " .. parameter) end
          end
          for _, field in ipairs { "with", "without", "unsent" } do
            for _, parameter in ipairs(form[field] or {}) do assert.is_not_nil(row.parameters[parameter], dialect .. " " .. parameter) end
          end
        end
      end
    end
  end)

  it("of a provider are its own, else its protocol's", function()
    for _, case in ipairs { -- provider, key, dialect
      { { protocol = "openai_chat" }, "rerank", "openai" },
      { { protocol = "openai_chat" }, "files", "openai" },
      { { protocol = "openai_chat" }, "count_tokens", nil },
      { { protocol = "openai_chat", dialects = { count_tokens = "llama_server" } }, "count_tokens", "llama_server" },
      { { protocol = "openai_chat", dialects = { rerank = false } }, "rerank", nil },
      { { protocol = "openai_chat", dialects = { rerank = { "cohere", address = "https://h" } } }, "rerank", "cohere" },
      { { protocol = "openai_responses" }, "images", "openai" },
      { { protocol = "openai_responses" }, "count_tokens", "responses" },
      { { protocol = "anthropic" }, "count_tokens", "anthropic" },
      { { protocol = "anthropic" }, "embeddings", nil },
      { { protocol = "anthropic" }, "models", "openai" },
      { { protocol = "gemini" }, "embeddings", "gemini" },
      { { protocol = "gemini", dialects = { embeddings = "openai" } }, "embeddings", "openai" },
      { { protocol = "gemini" }, "speech", nil },
      { { protocol = "ollama" }, "embeddings", "ollama" },
      { { protocol = "ollama" }, "count_tokens", nil },
      { { protocol = "another" }, "models", nil },
    } do
      assert.equal(case[3], (server_dialects.of(case[1], case[2])))
    end
  end)
end)

describe("an operation that a provider lacks", function()
  it("is refused by its name, before anything is sent", function()
    local nothing = { speech = false, images = false, moderate = false, files = false, batches = false, rerank = false, embeddings = false }
    local c, requests = client(provider(nothing), { body = "{}" })
    for name, call in pairs {
      ["client:speech"] = function() return c:speech { input = "a", voice = "b" } end,
      ["client:images"] = function() return c:images { prompt = "a" } end,
      ["client:edit_images"] = function() return c:edit_images { prompt = "a", image = { data = "x" } } end,
      ["client:moderate"] = function() return c:moderate { input = "a" } end,
      ["client:rerank"] = function() return c:rerank { query = "a", documents = { "b" } } end,
      ["client:embeddings"] = function() return c:embeddings { input = "a" } end,
      ["client:count_tokens"] = function() return c:count_tokens "a" end,
      ["client.files:list"] = function() return c.files:list() end,
      ["client.files:content"] = function() return c.files:content "f" end,
      ["client.batches:results"] = function() return c.batches:results "b" end,
      ["client.keys:list"] = function() return c.keys:list() end,
    } do
      local result, err = call()
      assert.is_nil(result)
      assert.same({ "unsupported", "provider", name .. ": the provider theirs has no such call" }, { err.kind, err.code, err.message })
    end
    assert.equal(0, #requests)
  end)

  it("is what is beyond OpenGateLLM, too", function()
    local c, requests = client("opengatellm", { body = "{}" })
    local result, err = c:speech { input = "a", voice = "b" }
    assert.is_nil(result)
    assert.same({ "unsupported", "client:speech: the provider opengatellm has no such call" }, { err.kind, err.message })
    assert.equal("unsupported", select(2, c:with({ version = "0.9.2" }):transcribe { file = { data = "x" }, timestamp_granularities = { "word" } }).kind)
    assert.equal(0, #requests)
  end)
end)

describe("a call with a host of its own", function()
  local DATA = provider({ rerank = { "cohere", address = "https://api.theirs" } }, { base_url = "https://chat.theirs/compatibility/v1" })

  it("goes there, and behind the user's own address where he gives one", function()
    local transport = require "opengatellm.transport.replay".new { body = '{"results":[]}' }
    local options = { provider = DATA, model = "m", transport = transport }
    assert(ogl.client(options):rerank { query = "q", documents = { "a" } })
    options.base_url = "http://proxy"
    assert(ogl.client(options):rerank { query = "q", documents = { "a" } })
    assert.same({ "https://api.theirs/v2/rerank", "http://proxy/v2/rerank" }, { transport.requests[1].url, transport.requests[2].url })
  end)
end)

describe("rerank", function()
  local ASKED = { query = "q", documents = { "a", "b", "c" }, top_n = 2 }

  -- dialect, address, what is sent, the answer, what comes of it
  local CASES = {
    {
      "openai", "/v1/rerank", { model = "m", query = "q", documents = { "a", "b", "c" }, top_n = 2 },
      '{"results":[{"index":2,"relevance_score":0.9},{"index":0,"relevance_score":0.5}],"model":"r","usage":{"prompt_tokens":3,"total_tokens":3}}',
      { results = { { index = 3, score = 0.9 }, { index = 1, score = 0.5 } }, model = "r", usage = { input_tokens = 3, total_tokens = 3 } },
    },
    {
      "cohere", "/v2/rerank", { model = "m", query = "q", documents = { "a", "b", "c" }, top_n = 2 },
      '{"id":"i","results":[{"index":1,"relevance_score":0.25}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}',
      { results = { { index = 2, score = 0.25 } }, id = "i" },
    },
    {
      "jina", "/v1/rerank", { model = "m", query = "q", documents = { "a", "b", "c" }, top_n = 2 },
      '{"model":"j","usage":{"total_tokens":9},"results":[{"index":0,"document":{"text":"a"},"relevance_score":1}]}',
      { results = { { index = 1, score = 1 } }, model = "j", usage = { total_tokens = 9 } },
    },
    {
      "voyage", "/v1/rerank", { model = "m", query = "q", documents = { "a", "b", "c" }, top_k = 2 },
      '{"object":"list","data":[{"relevance_score":0.5,"index":2},{"relevance_score":0.25,"index":0}],"model":"v","usage":{"total_tokens":43}}',
      { results = { { index = 3, score = 0.5 }, { index = 1, score = 0.25 } }, model = "v", usage = { total_tokens = 43 } },
    },
    {
      "tei", "/rerank", { query = "q", texts = { "a", "b", "c" } },
      '[{"index":0,"score":0.1},{"index":2,"score":0.9},{"index":1,"score":0.3}]',
      { results = { { index = 3, score = 0.9 }, { index = 2, score = 0.3 } } },
    },
  }

  for _, case in ipairs(CASES) do
    it("goes in the form of " .. case[1], function()
      local c, requests = client(provider { rerank = case[1] }, { body = case[4] })
      assert.same(case[5], assert(c:rerank(ASKED)))
      assert.equal("http://server" .. case[2], requests[1].url)
      assert.same(case[3], json.decode(requests[1].text))
    end)
  end

  it("needs no model where the server has one alone", function()
    local c = client(provider { rerank = "tei" }, { body = "[]" })
    c.model_name = false
    assert.same({ results = {} }, assert(c:rerank { query = "q", documents = { "a" } }))
    c = client(provider(), { body = "[]" })
    c.model_name = false
    assert.error_matches(function() c:rerank { query = "q", documents = { "a" } } end, "model: it is required")
  end)

  it("fails where the answer is something else", function()
    for _, body in ipairs { '{"results":5}', '[{"index":"x"}]', "[1]" } do
      local result, err = client(provider { rerank = "tei" }, { body = body }):rerank(ASKED)
      assert.is_nil(result)
      assert.equal("protocol", err.kind)
    end
  end)

  it("tells recorded answers", function()
    local folder = "openllmetry/rerank/opentelemetry-instrumentation-"
    for _, case in ipairs { -- dialect, file, order, first score, usage
      { "cohere", folder .. "cohere_tests_cassettes_test_rerank_test_cohere_v2_rerank_legacy__0.json.body", { 4, 5, 2 }, 0.999071 },
      { "cohere", folder .. "cohere_tests_cassettes_test_rerank_test_cohere_rerank_legacy__0.json.body", { 4, 3, 1 }, 0.9999989 },
      { "voyage", folder .. "voyageai_tests_cassettes_test_rerank_test_voyageai_rerank_async_legacy__0.json.body", { 1, 3 }, 0.69140625, 43 },
      { "openai", "llamacpp_local/rerank/rerank_top2__0.json.body", { 3, 1 }, -0.21758224070072174, 31 },
      { "cohere", "vercel_ai/rerank/cohere_src_reranking___fixtures___cohere-reranking.1__0.json.body", { 2, 1 }, 0.10183054 },
    } do
      local body = recording.bytes(case[2])
      if not body then return pending(recording.ABSENT) end
      local found = assert(client(provider { rerank = case[1] }, { body = body }):rerank { query = "q", documents = { "a", "b", "c", "d", "e" } })
      local order = {}
      for i, row in ipairs(found.results) do order[i] = row.index end
      assert.same(case[3], order)
      assert.equal(case[4], found.results[1].score)
      assert.equal(case[5], found.usage and found.usage.total_tokens)
    end
  end)
end)

describe("a model", function()
  it("has an id", function()
    local c, requests = client(provider { model = "gemini" }, { body = '{"name":"models/a"}' })
    assert.same({ id = "a", name = "models/a" }, assert(c:model "a"))
    assert.equal("http://server/v1/models/a", requests[1].url)
  end)
end)

describe("a list of models", function()
  it("has ids, whatever form it comes in", function()
    for dialect, case in pairs {
      openai = { "/v1/models", '{"data":[{"id":"a"},{"id":"b"}]}', { { id = "a" }, { id = "b" } } },
      gemini = {
        "/v1/models?pageSize=1000", '{"models":[{"name":"models/a","inputTokenLimit":5}]}', { { id = "a", name = "models/a", inputTokenLimit = 5 } },
      },
      ollama = { "/api/tags", '{"models":[{"name":"a:1b","model":"a:1b","size":7}]}', { { id = "a:1b", name = "a:1b", model = "a:1b", size = 7 } } },
    } do
      local c, requests = client(provider { models = dialect }, { body = case[2] })
      local page = assert(c:models())
      for i, model in ipairs(case[3]) do assert.same(model, page[i]) end
      assert.equal(#case[3], #page)
      assert.equal("http://server" .. case[1], requests[1].url)
      assert.equal("protocol", select(2, client(provider { models = dialect }, { body = '{"models":5,"data":5}' }):models()).kind)
    end
  end)
end)
