-- Names that stand in a path: none of them leads to another route.
local ogl = require "opengatellm"
local recording = require "spec.support.recording"
local replay = require "opengatellm.transport.replay"
local registry = require "opengatellm.operations.registry"
local told = require "spec.support.told"

-- `.` or `..` between slashes, as one server or another reads it.
local WRONG = {
  ".", "..", "../x", "x/..", "x/../y", "./x", "../../v1/admin/users", "%2e%2e", "%2E.", "..%2Fx", "x%2f..%2fy", "x\\..\\y", "..\\x", "%252e%252e%252fx",
  "x%5C..%5Cy", "..;a=b/x", "x/.%2e",
}
local RIGHT = { "...", "a..b", "..a", "a.", ".a", "openai/gpt-oss-120b", "v1.5", "%2", "a%20b", "a/..b/c" }

local function client_of(options)
  local transport = replay.new(options.answer or { body = "{}" })
  local all = { base_url = "http://server", transport = transport, api_key = "sk-x12345", model = "m", retries = { max = 0 } }
  for name, value in pairs(options) do all[name] = value end
  all.answer, all.base_url = nil, all.base_url or nil
  return ogl.client(all), transport.requests
end

local function check_refused(name, requests, result, err)
  assert.is_nil(result)
  assert.same({ "invalid", "invalid", name, 0 }, { err.kind, err.code, err.fields[1].path, #requests })
  assert.matches(name .. ": '%.%.?' between slashes leads to another route", err.message)
end

describe("an id in a path", function()
  -- Performs an operation with that id in one place of its path.
  local function perform(provider, operation, place, text)
    local c, requests = client_of { provider = provider, version = provider == "opengatellm" and "0.9.2" or nil }
    local ids = {}
    for i in ipairs(operation.ids) do ids[i] = i == place and text or "x" end
    local result, err = told.perform(c, operation.name, ids)
    return requests, result, err
  end

  for _, operation in ipairs(registry.all()) do
    for place, id in ipairs(operation.ids) do
      if operation.parameters[id].type == "string" then
        it(("(%s) of %s leads to no other route"):format(id, operation.name), function()
          local served = 0
          for _, provider in ipairs { "opengatellm", "openai_compatible", "gemini" } do
            local _, _, err = perform(provider, operation, place, "x")
            if not err or err.kind ~= "unsupported" then
              served = served + 1
              for _, text in ipairs(WRONG) do check_refused(id, perform(provider, operation, place, text)) end
            end
          end
          assert.is_true(served > 0)
        end)
      end
    end
  end

  it("may have dots", function()
    for _, text in ipairs(RIGHT) do
      local c, requests = client_of { version = "0.9.2" }
      assert(c:model(text))
      assert.equal(1, #requests)
    end
  end)

  it("that the server gave is not followed elsewhere", function()
    local c, requests = client_of { provider = "openai_compatible", answer = { body = '{"status":"completed","output_file_id":"../../admin"}' } }
    local results, err = c.batches:results "b"
    assert.same({ nil, "protocol", 1 }, { results, err.kind, #requests })
  end)
end)

describe("a model in a path", function()
  local CALLS = {
    chat = function(c, model) return c:chat { model = model, messages = { ogl.user "hi" } } end,
    stream = function(c, model) return c:stream { model = model, messages = { ogl.user "hi" } } end,
    preview = function(c, model) return c:preview { model = model, messages = { ogl.user "hi" } } end,
    count_tokens = function(c, model) return c:count_tokens { model = model, messages = { ogl.user "hi" } } end,
    embeddings = function(c, model) return c:embeddings { model = model, input = "hi" } end,
    transcribe = function(c, model) return c:transcribe { model = model, file = { data = "ID3", name = "a.mp3" } } end,
    speech = function(c, model) return c:speech { model = model, input = "hi", voice = "x" } end,
  }

  local function check(options, names)
    for _, name in ipairs(names) do
      for _, text in ipairs(WRONG) do
        local c, requests = client_of(options)
        check_refused("model", requests, CALLS[name](c, text))
      end
    end
  end

  it("of Gemini", function() check({ provider = "gemini" }, { "chat", "stream", "preview", "count_tokens", "embeddings" }) end)

  it("of Azure's deployments", function()
    check({ provider = "azure_openai", settings = { api_version = "2024-10-21" } }, { "chat", "stream", "preview", "embeddings", "transcribe", "speech" })
  end)

  it("of Vertex AI", function()
    local options = { provider = "vertex", settings = { project = "p", location = "global" }, base_url = "https://server/v1" }
    check(options, { "chat", "stream", "preview" })
    for _, text in ipairs { "claude-x/../y", "claude-x%2f..%2fy" } do
      local c, requests = client_of(options)
      check_refused("model", requests, c:chat { model = text, messages = { ogl.user "hi" } })
    end
  end)

  it("is a path of a file where it stands in the body", function()
    local c, requests = client_of { provider = "openai_compatible", answer = { status = 400, body = "{}" } }
    c:chat { model = "../models/x.gguf", messages = { ogl.user "hi" } }
    assert.matches('"model":"../models/x.gguf"', requests[1].body, 1, true)
  end)

  it("names the deployment of Azure for each operation that has one", function()
    local c, requests = client_of { provider = "azure_openai", settings = { api_version = "2024-10-21" } }
    for _, name in ipairs { "chat", "embeddings", "transcribe", "speech" } do CALLS[name](c, "mine") end
    for i, path in ipairs { "chat/completions", "embeddings", "audio/transcriptions", "audio/speech" } do
      assert.equal("http://server/openai/deployments/mine/" .. path .. "?api-version=2024-10-21", requests[i].url)
    end
  end)
end)

describe("a setting in an address", function()
  it("leads to no other route", function()
    local provider = recording.provider(nil, { base_url = "https://h/accounts/{account}/v1", settings = { account = { "OGL_NO_SUCH_ACCOUNT" } } })
    for _, text in ipairs(WRONG) do
      local c, requests = client_of { provider = provider, settings = { account = text }, base_url = false }
      local reply, err = c:chat { messages = { ogl.user "hi" } }
      assert.same({ nil, "config", 0 }, { reply, err.kind, #requests })
      assert.matches("settings.account: '%.%.?' between slashes", err.message)
    end
    local c, requests = client_of { provider = "vertex", settings = { project = "..", location = "global" }, base_url = false }
    local reply, err = c:chat { model = "gemini-x", messages = { ogl.user "hi" } }
    assert.same({ nil, "config", 0 }, { reply, err.kind, #requests })
  end)
end)

describe("client:request", function()
  it("is the user's own route", function()
    local c, requests = client_of {}
    assert(c:request("GET", "/a/../b"))
    assert.equal("http://server/a/../b", requests[1].url)
  end)
end)
