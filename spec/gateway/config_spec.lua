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

  it("is told the file, the key and what was expected", function()
    assert.equal(": expected it to return a table of options, got nil", problem_of "")
    assert.equal(": routes[1].client: expected a client or a router, got table", problem_of 'return { routes = { { client = {} } } }')
    assert.equal(": limits.body: expected bytes above 0", problem_of(HEAD .. "return { routes = { { client = client } }, limits = { body = 0 } }"))
    assert.truthy(problem_of "return {":find "^:1:")
    assert.truthy(problem_of "\nerror 'no key'":find("no key", 1, true))
    assert.truthy(select(2, config.load "/nowhere/gateway.lua"):find("/nowhere/gateway.lua: it cannot be read: No such file", 1, true))
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
