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

-- A server that takes so many texts at once; a text's vector is its number.
local function limited(most, says)
  local transport = replay.new(function(request)
    local asked, rows = json.decode(request.body).input, {}
    if #asked > most then
      return { status = 413, body = json.encode { detail = says and says:format(#asked, most) or "Too large" } }
    end
    for i, text in ipairs(asked) do rows[i] = { index = i - 1, embedding = { tonumber(text:match "%d+") } } end
    return { body = json.encode { data = json.array(rows), model = "bge", usage = { prompt_tokens = #asked, total_tokens = #asked } } }
  end)
  local provider = { protocol = "openai_chat", version = "v1", batch = { inputs = 64, tokens = 1000 } }
  return ogl.client { provider = provider, base_url = "http://server", model = "e", transport = transport, retries = { max = 0 } }, transport
end

local function texts(count, text)
  local list = {}
  for i = 1, count do list[i] = i .. (text or "") end
  return list
end

local function sizes(transport)
  local found = {}
  for i, request in ipairs(transport.requests) do found[i] = #json.decode(request.body).input end
  table.sort(found)
  return found
end

describe("more texts than a server takes", function()
  local function joined(c, options)
    local answer = assert(c:embeddings(options))
    for i, vector in ipairs(answer.vectors) do assert.same({ i }, vector) end
    assert.equal(#options.input, #answer.vectors)
    assert.same({ input_tokens = #options.input, total_tokens = #options.input }, answer.usage)
  end

  it("go in batches by their number, and come back in order", function()
    local c, transport = limited(64)
    joined(c, { input = texts(200) })
    assert.same({ 8, 64, 64, 64 }, sizes(transport))
    c, transport = limited(64)
    joined(c, { input = texts(10), batch = { inputs = 4 }, concurrency = 1 })
    assert.same({ 2, 4, 4 }, sizes(transport))
  end)

  it("go in batches by their tokens, estimated from their bytes", function()
    local c, transport = limited(64)
    joined(c, { input = texts(5, (" "):rep(1199)) }) -- 400 tokens each
    assert.same({ 1, 2, 2 }, sizes(transport))
    c, transport = limited(64)
    joined(c, { input = texts(2, (" "):rep(9000)) }) -- too long alone: one each
    assert.same({ 1, 1 }, sizes(transport))
  end)

  it("are split further where the server says 413", function()
    local c, transport = limited(16, "batch size %d > maximum allowed batch size %d")
    joined(c, { input = texts(64) })
    assert.same({ 16, 16, 16, 16, 64 }, sizes(transport))
    c, transport = limited(10)
    joined(c, { input = texts(40) })
    assert.same({ 10, 10, 10, 10, 20, 20, 40 }, sizes(transport))
  end)

  it("fail with the first error, and leave nothing open", function()
    local c, transport = limited(0)
    local answer, err = c:embeddings { input = texts(300) }
    assert.is_nil(answer)
    assert.equal(413, err.status)
    assert.equal(transport.opened, transport.closed)
  end)
end)
