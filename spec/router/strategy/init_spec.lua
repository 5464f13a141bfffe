-- Strategies: the order in which each asks the rows.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"
local rows = require "opengatellm.router.row"
local strategies = require "opengatellm.router.strategy"

local function client(model, provider)
  return ogl.client { provider = provider or "openai_compatible", base_url = "http://h", model = model, api_key = "sk-0000" }
end

-- Rows a, b, c with these fields.
local function make(fields)
  local list = {}
  for i, name in ipairs { "a", "b", "c" } do
    list[i] = { client = client "m", name = name }
    for field, value in pairs(fields and fields[name] or {}) do list[i][field] = value end
  end
  return assert(rows.all(list))
end

local function names(list)
  local found = {}
  for i, row in ipairs(list) do found[i] = row.name end
  return table.concat(found)
end

local function order(given, list, request, call)
  local strategy = assert(strategies.of(given, list))
  return names(assert(strategies.order(strategy, request or { messages = {} }, list, call or {})))
end

local function ask(text) return { messages = { ogl.user(text) } } end

describe("the strategy", function()
  it("order leaves the rows as they stand", function() assert.equal("abc", order("order", make())) end)

  it("round_robin begins with each in turn", function()
    local list, found = make(), {}
    local strategy = assert(strategies.of("round_robin", list))
    for i = 1, 4 do found[i] = names(strategies.order(strategy, {}, list)) end
    assert.same({ "abc", "bca", "cab", "abc" }, found)
  end)

  it("weighted puts each row first as often as its weight says, and a row of weight 0 last", function()
    local seed = 5
    local function random()
      seed = (seed * 16807) % 2147483647
      return seed / 2147483647
    end
    local list, first = make { a = { weight = 3 }, b = { weight = 1 }, c = { weight = 0 } }, { a = 0, b = 0, c = 0 }
    local strategy = assert(strategies.of({ "weighted", random = random }, list))
    for _ = 1, 4000 do
      local given = strategies.order(strategy, {}, list)
      first[given[1].name] = first[given[1].name] + 1
      assert.equal("c", given[3].name)
    end
    assert.is_true(first.a > 2850 and first.a < 3150, first.a)
    assert.equal(4000, first.a + first.b)
  end)

  it("least_busy goes by calls on their way, for the weight", function()
    local list = make { c = { weight = 10 } }
    list[1].active, list[2].active, list[3].active = 2, 1, 5
    assert.equal("cba", order("least_busy", list))
  end)

  it("least_latency goes by the decayed time, and measures each row once", function()
    local list = make()
    list[1]:took(2)
    list[2]:took(1)
    assert.equal("cba", order("least_latency", list))
    list[3]:took(1.5)
    assert.equal("bca", order("least_latency", list))
    for _ = 1, 20 do list[2]:took(9) end
    assert.equal("cab", order("least_latency", list))
  end)

  it("cheapest goes by the price of this request; unknown prices come last", function()
    local list = make { b = { cost = { input = 1, output = 100 } }, c = { cost = 10 } }
    assert.equal("cba", order("cheapest", list, { messages = {}, max_tokens = 1000 }))
    assert.equal("bca", order("cheapest", list, { messages = { ogl.user(("x"):rep(40000)) }, max_tokens = 10 }))
  end)

  it("capability leaves out what cannot do it, by the row, or by what is known of its model", function()
    local list = make { a = { capabilities = { tools = false, context = 2000 } }, b = { capabilities = { vision = false } } }
    assert.equal("abc", order("capability", list, ask "hi"))
    assert.equal("bc", order("capability", list, { messages = {}, tools = { { name = "t" } } }))
    assert.equal("ac", order("capability", list, { messages = { { role = "user", content = { ogl.image { url = "http://h/a.png" } } } } }))
    assert.equal("bc", order("capability", list, ask(("x"):rep(10000))))
    local known = assert(rows.all { { client = client("gpt-4o", "openai"), name = "a" }, { client = client("gpt-4.1", "openai"), name = "b" } })
    assert.equal("b", order("capability", known, ask(("x"):rep(600000))))
  end)

  it("capability asks a server's own list of models, once", function()
    local transport = replay.new { headers = { ["content-type"] = "application/json" }, body = '{"id":"m","object":"model","max_context_length":50}' }
    local listed = assert(rows.all { { name = "a", client = ogl.client { provider = "opengatellm", version = "0.9", base_url = "http://h", model = "m", transport = transport } } })
    local strategy = assert(strategies.of({ "capability", lists = true }, listed))
    assert.equal(1, #strategies.order(strategy, ask "hi", listed))
    assert.equal(0, #strategies.order(strategy, ask(("x"):rep(400)), listed))
    assert.equal(1, #transport.requests)
  end)

  it("keyword looks for whole words, whatever their case", function()
    local rule = { { words = { "SQL", "c++" }, rows = { "c" } }, { words = { "poem" }, rows = { "b", "c" } } }
    local list = make()
    assert.equal("cab", order({ "keyword", rules = rule }, list, ask "Write sql, please"))
    assert.equal("cab", order({ "keyword", rules = rule }, list, ask "in C++?"))
    assert.equal("bca", order({ "keyword", rules = rule }, list, ask "A POEM about SQLite"))
    assert.equal("abc", order({ "keyword", rules = rule }, list, ask "mysqlx"))
    assert.equal("abc", order({ "keyword", rules = rule }, list, { messages = { ogl.user "sql", ogl.assistant "x", ogl.user "thanks" } }))
  end)

  it("similarity puts the row with the nearest example first, and asks for the examples once", function()
    local asked = {}
    local embedder = { embeddings = function(_, options)
      asked[#asked + 1] = #options.input
      local vectors = {}
      for i, text in ipairs(options.input) do vectors[i] = text:find "code" and { 1, 0 } or text:find "poem" and { 0, 1 } or { 0.6, 0.8 } end
      return { vectors = vectors }
    end }
    local list = make()
    local strategy = assert(strategies.of({ "similarity", client = embedder, examples = { b = { "some code" }, c = { "a poem" } } }, list))
    assert.equal("bca", names(strategies.order(strategy, ask "more code", list)))
    assert.equal("cba", names(strategies.order(strategy, ask "what?", list)))
    assert.same({ 2, 1, 1 }, asked)
    local none = assert(strategies.of({ "similarity", client = { embeddings = function() return nil, "gone" end }, examples = { b = { "x" } } }, list))
    assert.equal("abc", names(strategies.order(none, ask "more code", list)))
  end)

  it("sticky sends a key to the same row, spreads keys, and moves only those of a row that goes", function()
    local list, first, counts = make(), {}, { a = 0, b = 0, c = 0 }
    for i = 1, 900 do
      first[i] = order("sticky", list, { messages = {}, user = "user" .. i }):sub(1, 1)
      counts[first[i]] = counts[first[i]] + 1
    end
    for name, count in pairs(counts) do assert.is_true(count > 220 and count < 380, name .. count) end
    local fewer = { list[1], list[2] }
    for i = 1, 900 do
      if first[i] ~= "c" then assert.equal(first[i], order("sticky", fewer, { messages = {}, user = "user" .. i }):sub(1, 1)) end
    end
    local long = ("system prompt "):rep(200)
    assert.equal(order("sticky", list, { system = long, messages = { ogl.user "a" } }), order("sticky", list, { system = long, messages = { ogl.user "b" } }))
    assert.equal(order({ "sticky", key = function() return 7 end }, list), order({ "sticky", key = function() return "7" end }, list))
    assert.error_matches(function() order({ "sticky", key = function() return {} end }, list) end, "key returned a table; expected a text")
  end)
end)

describe("a strategy that is made wrongly", function()
  for problem, given in pairs {
    ["rules%[1%].words: expected a list of texts"] = { "keyword", rules = { { rows = { "a" } } } },
    ["rules%[1%].rows: there is no row 'x'"] = { "keyword", rules = { { words = { "w" }, rows = { "x" } } } },
    ["client: expected a client that has embeddings"] = { "similarity" },
    ["examples: there is no row 'x'"] = { "similarity", client = { embeddings = print }, examples = { x = { "t" } } },
    ["key: expected function, got string"] = { "sticky", key = "user" }, ["lists: expected boolean, got number"] = { "capability", lists = 1 },
    ["random: expected function, got number"] = { "weighted", random = 1 }, ["there is no strategy 'nil'"] = {}, ["there is no strategy '5'"] = 5 and { name = 5 },
  } do
    it("is told: " .. problem, function()
      local strategy, found = strategies.of(given, make())
      assert.is_nil(strategy)
      assert.matches(problem, found)
    end)
  end
end)

after_each(helper.close)
