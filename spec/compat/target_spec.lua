-- Targets: which model is asked for what, and what a report may show of a server.
local gateway = require "spec.support.gateway"
local json = require "opengatellm.json"
local targets = require "opengatellm.compat.target"

-- A target whose server lists these models: name -> type.
local function target_of(models, options)
  local rows = json.array {}
  for i, row in ipairs(models) do rows[i] = { id = row[1], type = row[2], object = "model" } end
  local client, transport = gateway.client("openai_chat", { headers = { ["content-type"] = "application/json" }, body = json.encode { object = "list", data = rows } },
    { api_key = "sk-of-this-server" })
  local all = { name = "x", client = client }
  for name, value in pairs(options or {}) do all[name] = value end
  return targets.new(all), transport
end

describe("the model for a purpose", function()
  it("is the one that was set", function()
    local target, transport = target_of({}, { models = { text = "a", embeddings = "b" } })
    assert.same({ "a", "a", "b", 0 }, { target:model "text", target:model "vision", target:model "embeddings", #transport.requests })
  end)

  it("is the first of its type that the server lists, which is asked once", function()
    local target, transport = target_of {
      { "v", "image-text-to-text" }, { "t", "text-generation" }, { "e", "text-embeddings-inference" }, { "r", "text-classification" }, { "i", "text-to-image" },
    }
    assert.same({ "t", "e", "r", "i" }, { target:model "text", target:model "embeddings", target:model "rerank", target:model "images" })
    assert.equal(1, #transport.requests)
    assert.equal("v", (target_of { { "v", "image-text-to-text" } }:model "text"))
  end)

  it("is the first of a list without types, where texts are asked for", function()
    local target = target_of { { "one" }, { "two" } }
    assert.same({ "one", "one" }, { target:model "text", target:model "vision" })
    assert.same({ nil, "the server lists no model for rerank, and none is set" }, { target:model "rerank" })
  end)

  it("is missing in an empty list", function()
    assert.same({ nil, "the server lists no model for text, and none is set" }, { target_of {}:model "text" })
  end)
end)

describe("a target", function()
  it("completes a chat", function()
    local target = target_of({}, { models = { text = "a" }, fields = { temperature = 0 } })
    assert.same({ model = "a", max_tokens = 1024, temperature = 0, messages = "x" }, target:request { messages = "x" })
    assert.same({ model = "b", max_tokens = 16, temperature = 0 }, target:request { model = "b", max_tokens = 16 })
  end)

  it("shows no key, and no control character", function()
    local target = target_of({}, { secrets = { "hush-hush" } })
    assert.equal("[REDACTED] and [REDACTED] in one line", target:line "sk-of-this-server and hush-hush\27\nin one line")
    assert.equal("[REDACTED]\n", target:redacted "hush-hush\n")
  end)
end)
