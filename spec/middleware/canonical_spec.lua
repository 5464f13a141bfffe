-- The key of a call: what makes two calls the same, and what tells them apart.
local canonical = require "opengatellm.middleware.canonical"
local helper = require "spec.helper"
local ogl = require "opengatellm"

local function client(options)
  local all = { provider = "openai_compatible", base_url = "http://server", model = "m" }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all)
end

local function call(request, options)
  local c = client(options)
  return { operation = "chat", request = request, client = c, provider = c.provider.name, model = request.model or c.model_name }
end

local function key(request, options, operation, namespace) return canonical.key(call(request, options), operation or "chat", namespace) end

local ASKED = { messages = { ogl.user "hi" } }

describe("the key of a call", function()
  it("is the same for the same request, in whatever order its fields were set", function()
    local a, b = { messages = { ogl.user "hi" }, seed = 1, metadata = { x = "1", y = "2" } }, { metadata = {} }
    b.metadata.y, b.metadata.x, b.seed, b.messages = "2", "1", 1, { ogl.user "hi" }
    assert.equal(key(a), key(b))
    assert.matches("^%x+$", key(a))
  end)

  it("leaves out how an answer is carried", function()
    for _, more in ipairs { { headers = { x = "1" } }, { timeouts = { total = 5 } }, { keep = false }, { no_streaming = true }, { fetch = function() return true end } } do
      more.messages = ASKED.messages
      assert.equal(key(ASKED), key(more))
    end
  end)

  it("differs by every other field: agno#10138, litellm-rs#505", function()
    local seen = { [key(ASKED)] = true }
    for name, value in pairs {
      model = "n", system = "s", max_tokens = 5, temperature = 0.5, top_p = 0.5, top_k = 3, stop = "x", seed = 2, presence_penalty = 1,
      frequency_penalty = 1, logit_bias = { ["1"] = 1 }, logprobs = true, top_logprobs = 2, n = 2, user = "u", metadata = { a = "b" },
      service_tier = "flex", store = true, previous_response_id = "r", include = { "x" }, tools = { { name = "f" } }, tool_choice = "none",
      parallel_tool_calls = false, output = "json", search = { limit = 1 }, reasoning = "low", extra = { a = 1 }, strict = true,
    } do
      local asked = { messages = ASKED.messages, [name] = value }
      local found = key(asked)
      assert.is_nil(seen[found], name)
      seen[found] = true
    end
  end)

  it("differs by provider, address, protocol, operation and namespace: litellm#29955", function()
    local keys = {
      key(ASKED), key(ASKED, { base_url = "http://other" }), key(ASKED, { provider = "openai" }), key(ASKED, { protocol = "ollama" }),
      key(ASKED, nil, "stream"), key(ASKED, nil, nil, "a"), key(ASKED, nil, nil, "b"),
    }
    local seen = {}
    for i = 1, 7 do
      assert.is_nil(seen[keys[i]], i)
      seen[keys[i]] = true
    end
    assert.equal(keys[6], key(ASKED, nil, nil, function() return "a" end))
  end)

  it("is that of a router by its rows", function()
    local function routed(...)
      local router = ogl.router { clients = { ... } }
      return canonical.key({ operation = "chat", request = ASKED, client = router, provider = "router" }, "chat")
    end
    local one, two = client(), client { base_url = "http://other" }
    assert.equal(routed(one, { client = two, name = "b" }), routed(one, { client = two, name = "b" }))
    assert.are_not.equal(routed(one), routed(two))
    assert.are_not.equal(routed(one), routed { client = one, model = "n" })
  end)

  it("has files by their contents", function()
    local function asked(source) return { messages = { ogl.user("Look:", ogl.image(source)) } } end
    local a, b = helper.write "picture one", helper.write "picture two"
    assert.are_not.equal(key(asked { path = a }), key(asked { path = b }))
    assert.equal(key(asked { data = "\255\216\1" }), key(asked { data = "\255\216\1" }))
    assert.are_not.equal(key(asked { data = "\255\216\1" }), key(asked { data = "\255\216\2" })) -- bytes that JSON cannot tell apart
    local before = key(asked { path = a })
    local file = assert(io.open(a, "wb"))
    file:write "another picture"
    file:close()
    assert.are_not.equal(before, key(asked { path = a }))
  end)

  it("is none where a file cannot be read, or a value is no JSON", function()
    assert.is_nil(key { messages = { ogl.user("Look:", ogl.image { path = "/none" }) } })
    assert.is_nil(key { messages = ASKED.messages, extra = { f = print } })
  end)

  it("leaves out what earlier replies say of themselves", function()
    local function turn(reply)
      reply.role, reply.text, reply.content = "assistant", "x", { { type = "text", text = "x" } }
      return key { messages = { ogl.user "hi", reply, ogl.user "and?" } }
    end
    assert.equal(turn { id = "1", usage = { cost = 1 }, headers = { date = "1" }, request_id = "a" }, turn { id = "2", usage = { cached = true } })
    assert.are_not.equal(turn {}, turn { reasoning = "y" })
  end)

  it("is none where the namespace is none, and an error where it is no text", function()
    assert.is_nil(key(ASKED, nil, nil, function() end))
    local found, err = key(ASKED, nil, nil, function() return 7 end)
    assert.is_nil(found)
    assert.same({ "config", "namespace" }, { err.kind, err.code })
  end)
end)
