-- Routes: which client a model's name leads to.
local ogl = require "opengatellm"
local routes = require "opengatellm.gateway.routes"

local function client(provider) return ogl.client { provider = provider or "openai_compatible", base_url = "http://x", model = "m" } end

local function problem(list) return select(2, routes.new(list)) end

describe("a name", function()
  local a, b, c, d, e = client(), client(), client(), client(), client()
  local all = assert(routes.new {
    { client = e }, { pattern = "^gpt%-", client = c }, { match = function(name) return name == "odd" and "even" or nil end, client = d },
    { prefix = "p/", client = b }, { prefix = "p/long/", client = c, to = "fixed" }, { model = "gpt-x", aliases = { "x" }, client = a, to = "y" },
  })

  local function leads(name, wanted, model, short)
    local found = all:find(name, short)
    assert.is_true(found.client == wanted, name)
    assert.equal(model, found.model)
  end

  it("is found exactly, by its longest prefix, by tests in their order, or by what takes the rest", function()
    leads("gpt-x", a, "y")
    leads("x", a, "y")
    leads("p/one", b, "one")
    leads("p/long/one", c, "fixed")
    leads("gpt-z", c, "gpt-z")
    leads("odd", d, "even")
    leads("other", e, "other")
  end)

  it("may be written longer, which only servers with such names see", function()
    leads("x:latest", a, "y", "x")
    leads("other:latest", e, "other", "other")
    local own = client "ollama"
    assert.equal("m:latest", routes.new({ { client = own } }):find("m:latest", "m").model)
  end)

  it("of a router is that of no server where each row has a model of its own", function()
    local bare = ogl.client { provider = "openai_compatible", base_url = "http://x" }
    local function model(clients, to) return routes.new({ { model = "v", to = to, client = ogl.router { clients = clients } } }):find("v").model end
    assert.is_nil(model { a, { client = bare, model = "y" } })
    assert.equal("v", model { a, bare })
    assert.equal("z", model({ a, b }, "z"))
    assert.equal("any", routes.new({ { client = ogl.router { clients = { a } } } }):find("any").model)
  end)

  it("that a function makes has to be a text", function()
    local list = routes.new { { match = function() return 1 end, client = a } }
    local fine, err = pcall(list.find, list, "x")
    assert.same({ false, "match: expected a model's name or nil, got number" }, { fine, err })
  end)

  it("that no route has is nil", function() assert.is_nil(routes.new({ { model = "a", client = a } }):find "b") end)

  it("is in the lists unless it is not public", function()
    local list = routes.new { { model = "a", aliases = { "b" }, client = a }, { model = "c", client = a, public = false } }
    assert.same({ "a", "b" }, list.names)
  end)
end)

describe("a wrong route", function()
  it("is told with its place and field", function()
    local one = client()
    assert.equal("routes: expected a list of at least one route", problem {})
    assert.equal("routes[1]: expected table, got string", problem { "x" })
    assert.equal("routes[1].client: expected a client or a router, got nil", problem { { model = "a" } })
    assert.truthy(problem { { client = one, modell = "a" } }:find("routes[1].", 1, true))
    assert.equal("routes[1].prefix: the route has model already", problem { { client = one, model = "a", prefix = "b" } })
    assert.equal("routes[1].aliases: they stand beside `model`", problem { { client = one, aliases = { "a" } } })
    assert.equal("routes[1].aliases[1]: expected string, got number", problem { { client = one, model = "a", aliases = { 1 } } })
    assert.equal("routes[1].pattern: it is no pattern of Lua", problem { { client = one, pattern = "[" } })
    assert.equal("routes[2]: another route has the model 'a'", problem { { client = one, model = "a" }, { client = one, model = "a" } })
    assert.equal("routes[2]: another route takes every other name already", problem { { client = one }, { client = one } })
  end)
end)
