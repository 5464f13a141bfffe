-- Embeddings in Ollama's form, both ways.
local embed = require "opengatellm.protocol.ollama_embed"
local json = require "opengatellm.json"

local decode = embed.decode_request

describe("a request of /api/embed", function()
  local INPUTS = { -- input as JSON, texts
    { '"a"', { "a" } }, { '["a","b"]', { "a", "b" } }, { '["a",""]', { "a", "" } }, { '""', {} }, { "[]", {} }, { "null", {} },
  }
  for _, row in ipairs(INPUTS) do
    it("of " .. row[1], function()
      local request, wants = decode(('{"model":"m","input":%s}'):format(row[1]), { path = "/api/embed" })
      assert.same(row[2], request.input)
      assert.same({ "m", not row[2][1] or nil }, { wants.model, wants.load })
      assert.is_nil(wants.single)
    end)
  end

  it("keeps what only the server knows apart", function()
    local request, wants = decode '{"model":"m","input":"a","dimensions":2,"truncate":false,"keep_alive":"5m","options":{"num_ctx":9}}'
    assert.same({ input = { "a" }, dimensions = 2, protocol = "ollama" }, request)
    assert.same({ 2, 300 }, { wants.dimensions, wants.keep_alive })
    assert.same({ truncate = false, keep_alive = "5m", options = { num_ctx = 9 } }, wants.rest)
  end)

  local WRONG = { -- body, message
    { '{"input":3}', "input: expected a text or a list of texts, got a number" }, { '{"input":["a",1]}', "input[2]: expected a text, got a number" },
    { '{"input":"a","dimensions":-1}', "dimensions: expected a number from 0 on" }, { '{"input":"a","dimensions":1.5}', "dimensions: expected an integer, got 1.5" },
    { '{"input":"a","keep_alive":"soon"}', 'keep_alive: expected seconds, or a duration such as "5m"' },
    { '{"input":"a","keep_alive":[]}', "keep_alive: expected a number, got a list" }, { '{"model":1}', "model: expected a text, got a number" },
    { "[]", "the body: expected an object, got a list" },
  }
  for _, row in ipairs(WRONG) do
    it("is refused: " .. row[2], function()
      local request, err = decode(row[1])
      assert.is_nil(request)
      assert.same({ "invalid", row[2] }, { err.kind, err.message })
    end)
  end
end)

describe("a request of /api/embeddings", function()
  it("has one prompt", function()
    local request, wants = decode('{"model":"m","prompt":"a"}', { path = "/api/embeddings" })
    assert.same({ { "a" }, true }, { request.input, wants.single })
    request, wants = decode('{"model":"m","prompt":""}', { path = "/api/embeddings" })
    assert.same({ {}, true }, { request.input, wants.load })
  end)
end)

describe("an answer", function()
  it("of /api/embed has vectors of length 1, cut to the dimensions", function()
    local vector = { 3, 4, 12 }
    local body = embed.encode_answer({ model = "m", dimensions = 2 }, { vectors = { vector, { 0, 0 } }, usage = { input_tokens = 7 } }, 0.25)
    assert.same({ { 0.6, 0.8 }, { 0, 0 } }, { { body.embeddings[1][1], body.embeddings[1][2] }, { body.embeddings[2][1], body.embeddings[2][2] } })
    assert.same({ "m", 2, 250000000, 7 }, { body.model, #body.embeddings[1], body.total_duration, body.prompt_eval_count })
    assert.same({ 3, 4, 12 }, vector)
  end)

  it("is an empty list where nothing was asked", function()
    assert.truthy(json.encode(embed.encode_answer({ model = "m" }, { vectors = {} })):find('"embeddings":[]', 1, true))
    assert.equal('{"embedding":[]}', json.encode(embed.encode_answer({ single = true }, { vectors = {} })))
  end)

  it("of /api/embeddings is the vector as it came", function()
    assert.equal('{"embedding":[3,4]}', json.encode(embed.encode_answer({ single = true }, { vectors = { { 3, 4 } } })))
  end)
end)
