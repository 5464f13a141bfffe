local core = require "opengatellm.core"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local function client(body)
  local transport = replay.new { body = body }
  return ogl.client { provider = "openai_compatible", base_url = "http://server", model = "e", transport = transport, retries = { max = 0 } }, transport
end

local FLOATS = '{"object":"list","data":[{"index":1,"embedding":[0.5,-2]},{"index":0,"embedding":[1,0.25]}],"model":"bge",'
  .. '"usage":{"prompt_tokens":4,"total_tokens":4,"impacts":{"kWh":1e-6,"kgCO2eq":2e-7}}}'
-- 1 and 0.25, 0.5 and -2 as little-endian float32
local BASE64 = '{"data":[{"index":1,"embedding":"AAAAPwAAAMA="},{"index":0,"embedding":"AACAPwAAgD4="}]}'

describe("client:embeddings", function()
  it("gives vectors in the order of the texts, and the usage", function()
    local c, transport = client(FLOATS)
    local answer = assert(c:embeddings { input = { "a", "b" }, dimensions = 2 })
    assert.same({ { 1, 0.25 }, { 0.5, -2 } }, answer.vectors)
    assert.equal("bge", answer.model)
    assert.same({ input_tokens = 4, total_tokens = 4, energy_kwh = 1e-6, co2_kg = 2e-7 }, answer.usage)
    assert.same({ input = { "a", "b" }, model = "e", dimensions = 2, encoding_format = "float" }, json.decode(transport.requests[1].body))
    assert.equal("http://server/v1/embeddings", transport.requests[1].url)
  end)

  it("reads base64, whatever was asked for", function()
    assert.same({ { 1, 0.25 }, { 0.5, -2 } }, client(BASE64):embeddings({ input = { "a", "b" } }).vectors)
  end)

  it("packs either form", function()
    for _, body in ipairs { FLOATS, BASE64 } do
      local vectors = assert(client(body):embeddings { input = { "a", "b" }, packed = true }).vectors
      assert.same({ { 1, 0.25 }, { 0.5, -2 } }, { core.floats(vectors[1]), core.floats(vectors[2]) })
    end
  end)

  it("takes one text, or the tokens of one", function()
    local one = '{"data":[{"index":0,"embedding":[1]}]}'
    assert.same({ { 1 } }, client(one):embeddings({ input = "a" }).vectors)
    assert.same({ { 1 } }, client(one):embeddings({ input = { 5, 6, 7 } }).vectors)
  end)

  it("fails where a vector is missing or none", function()
    for _, body in ipairs { '{"data":[{"index":0,"embedding":[1]}]}', '{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"!"}]}', '{"data":5}', "[]" } do
      local answer, err = client(body):embeddings { input = { "a", "b" } }
      assert.is_nil(answer)
      assert.equal("protocol", err.kind)
    end
  end)

  it("raises for misuse", function()
    local c = client(FLOATS)
    assert.error_matches(function() c:embeddings { inputs = "a" } end, "client:embeddings: inputs: there is no such field")
    assert.error_matches(function() c:embeddings {} end, "input: expected string or table")
    assert.error_matches(function() c:embeddings { input = {} } end, "at least one text")
    assert.error_matches(function() c:embeddings "a" end, "expected table")
    local _, where = pcall(function()
      local answer = c:embeddings {}
      return answer
    end)
    assert.matches("embeddings_spec.lua:%d+: client:embeddings", where)
  end)
end)
