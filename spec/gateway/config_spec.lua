-- Configurations: what a file makes, and how it is told what is wrong with it.
local config = require "opengatellm.gateway.config"
local environment = require "spec.support.environment"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local support = require "spec.support.gateway"

local HEAD = 'local ogl = require "opengatellm"\nlocal client = ogl.client { base_url = "http://x", model = "m" }\n'

local function problem_of(text)
  local path = helper.write(text)
  local gateway, problem = config.load(path)
  assert.is_nil(gateway)
  assert.truthy(problem:find(path, 1, true), problem)
  assert.is_nil(problem:find("\n", 1, true))
  return problem:sub(#path + 1)
end

describe("a configuration", function()
  it("returns options, or a gateway", function()
    for _, text in ipairs { "return { routes = { { client = client } } }", "return ogl.gateway { routes = { { client = client } } }" } do
      local gateway = assert(config.load(helper.write(HEAD .. text)))
      assert.equal(200, (support.ask(gateway, "GET", "/health")))
    end
  end)

  local ONE = "routes = { { client = client } }"

  local function expect(rows)
    for _, row in ipairs(rows) do
      local problem = problem_of(HEAD .. row[1])
      assert.equal(row[2], problem, row[1])
    end
  end

  it("is told what it returns instead of options", function()
    expect {
      { "", ": expected it to return a table of options, got nil" }, { "return 1", ": expected it to return a table of options, got number" },
      { "return {}", ": routes: expected a list of at least one route" }, { "return { { client = client } }", ": 1: there is no such field" },
      { "return { handle = print }", ": handle: there is no such field" },
    }
  end)

  it("is told which route is wrong, and how", function()
    for route, problem in pairs {
      ["1"] = ": expected table, got number", ["client"] = ": expected a table with `client`, got the client itself",
      ["{}"] = ".client: expected a client or a router, got nil", ["{ client = {} }"] = ".client: expected a client or a router, got table",
      ["{ client = 'openai' }"] = ".client: expected table, got string", ["{ client = client, modle = 'x' }"] = ".modle: there is no such field",
      ["{ client = client, model = '' }"] = ".model: expected a text, got an empty one", ["{ client = client, prefix = '' }"] = ".prefix: expected a text, got an empty one",
      ["{ client = client, model = 'a', to = '' }"] = ".to: expected a text, got an empty one",
      ["{ client = client, model = 'a', prefix = 'b' }"] = ".prefix: the route has model already",
      ["{ client = client, model = 'a', aliases = { 1 } }"] = ".aliases[1]: expected string, got number",
      ["{ client = client, model = 'a', aliases = { 'a' } }"] = ": another route has the model 'a'",
      ["{ client = client, aliases = { 'a' } }"] = ".aliases: they stand beside `model`",
      ["{ client = client, pattern = '(' }"] = ".pattern: it is no pattern of Lua", ["{ client = client, match = 'x' }"] = ".match: expected function, got string",
      ["{ client = client, public = 'no' }"] = ".public: expected boolean, got string", ["{ client = client, manage = true }"] = ".manage: the client is of no Ollama server",
      ["{ client = client, context_length = 0 }"] = ".context_length: expected tokens above 0",
      ["{ client = client, capabilities = { 'completions' } }"] = ".capabilities[1]: there is no capability 'completions'",
      ["{ client = ogl.client { base_url = 'http//x' } }"] = ".client: base_url: it has to begin with http:// or https://",
      ["{ client = ogl.router { clients = { client, ogl.client { base_url = 'x' } } } }"] = ".client.clients[2]: base_url: it has to begin with http:// or https://",
    } do
      expect { { ("return { routes = { %s } }"):format(route), ": routes[1]" .. problem } }
    end
    expect { { "return { routes = { { client = client }, { client = client } } }", ": routes[2]: another route takes every other name already" } }
  end)

  it("is told which option is wrong, and how", function()
    for option, problem in pairs {
      ["Key = 'x'"] = "Key: there is no such field", ["key = ''"] = "key: expected a text or a function", ["faces = 'ollama'"] = "faces: expected table, got string",
      ["faces = { 'gemini' }"] = "faces[1]: there is no face 'gemini'", ["faces = { 'ollama', 'ollama' }"] = "faces[2]: ollama is there already",
      ["limits = { body = '1m' }"] = "limits.body: expected integer, got string", ["limits = { bodies = 1 }"] = "limits.bodies: there is no such field",
      ["limits = { body = 0 }"] = "limits.body: expected bytes from 1 to 2147483647", ["limits = { body = 2 ^ 40 }"] = "limits.body: expected bytes from 1 to 2147483647",
      ["metrics = true"] = "metrics: expected table, got boolean", ["metrics = {}"] = "metrics: expected what ogl.middleware.prometheus gives",
      ["version = 'v1'"] = "version: expected digits and dots", ["origins = { 1 }"] = "origins[1]: expected string, got number",
      ["hosts = 'x'"] = "hosts: expected table, got string", ["forward = { 'a b' }"] = "forward[1]: expected the name of a header",
      ["forward = { 'Cookie' }"] = "forward[1]: cookie is never a caller's", ["on_error = 1"] = "on_error: expected function, got 1",
    } do
      expect { { ("return { %s, %s }"):format(ONE, option), ": " .. problem } }
    end
  end)

  it("is told in which line Lua, or the library, refused it", function()
    expect {
      { "\nerror 'no key'", ":4: no key" }, { "error()", ": it raised nothing" },
      { "error {}", ": it raised a table" }, { "error 'two\\n  lines'", ":3: two lines" },
      { "return { routes = { { client = ogl.client { api_kye = 'x' } } } }", ":3: ogl.client: api_kye: there is no such field" },
      { "return { routes = { { client = ogl.router { clients = {} } } } }", ":3: ogl.router: clients: expected a list of at least one client" },
    }
    for _, wrong in ipairs { "return {", "return }", "local x = = 1", "retrun {}", "local x = client.nothing.more", "require 'nothing'" } do
      assert.truthy(problem_of(HEAD .. wrong):find "^:3: ", wrong)
    end
    assert.truthy(select(2, config.load "/nowhere/gateway.lua"):find("/nowhere/gateway.lua: it cannot be read: No such file", 1, true))
    assert.truthy(select(2, config.load "/"):find("/: it cannot be read: ", 1, true))
  end)
end)

describe("examples/gateway", function()
  it("leads both names to the server", function()
    local gateway = environment.with({ OGL_URL = helper.ogl(), OGL_TOKEN = "sk-demo" }, function()
      local text = helper.read "examples/gateway/gateway.lua"
      local changed, count = text:gsub('prometheus { shared = "gateway" }', "prometheus {}") -- that memory is nginx's
      assert.equal(1, count)
      return assert(config.load(helper.write(changed)))
    end)
    for _, model in ipairs { "fast", "gpt-oss-120b" } do
      local status, bytes = support.ask(gateway, "POST", "/v1/chat/completions", { model = model, messages = { ogl.user "Bonjour" } })
      assert.equal(200, status, bytes)
    end
  end)
end)
