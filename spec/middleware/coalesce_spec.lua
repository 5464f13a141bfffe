-- Coalescing: identical calls on their way at once are one, whoever comes and goes.
local helper = require "spec.helper"
local middleware = require "opengatellm.middleware"
local ogl = require "opengatellm"

after_each(helper.close)

local function setup(scenario, id, options)
  local client = helper.client(scenario .. "/" .. id, options)
  return client:use(middleware.coalesce()), function() return #helper.requests(id, nil, { block = true }) end
end

describe("identical calls at once", function()
  it("are one chat; each caller has a reply of its own", function()
    local id = helper.id()
    local client, sent = setup("slow:20", id)
    ogl.run(function()
      local results = ogl.map({ 1, 2, 3, 4, 5 }, function() return client:chat "hi" end)
      for i = 1, 5 do assert.equal(results[1].value.text, assert(results[i].value, results[i].err).text) end
      assert.truthy(results[1].value.text:find "Bonjour")
      results[1].value.content[1].text = "changed"
      assert.not_equal("changed", results[2].value.content[1].text)
    end)
    assert.equal(1, sent())
  end)

  it("are one stream: who comes later gets what came from the beginning, live", function()
    local id = helper.id()
    local client, sent = setup("slow:30", id)
    ogl.run(function()
      local first = assert(client:stream "hi")
      repeat local seen = first:next() until seen.type == "text"
      local later = assert(client:stream "hi")
      local texts, live = {}, false
      local event = later:next()
      while event do
        if event.type == "text" then texts[#texts + 1] = event.text end
        live = live or not first.done
        event = later:next()
      end
      assert.is_true(live)
      assert.equal(assert(first:reply()).text, table.concat(texts))
      assert.equal(table.concat(texts), assert(later:reply()).text)
    end)
    assert.equal(1, sent())
  end)

  it("go on when the one that began leaves, and end when the last leaves", function()
    local id = helper.id()
    local client, sent = setup("slow:30", id)
    ogl.run(function()
      local first = assert(client:stream "hi")
      local second = assert(client:stream "hi")
      first:next()
      first:close()
      assert.truthy(assert(second:reply()).text:find "Voilà")
    end)
    assert.equal(1, sent())
    local base = helper.stats()
    local stalled = setup("stall_mid_stream:2", helper.id())
    ogl.run(function()
      local one, two = assert(stalled:stream "hi"), assert(stalled:stream "hi")
      one:next()
      two:next()
      one:close()
      two:close()
    end)
    assert.is_true(helper.eventually(function() return helper.stats().open <= base.open end))
  end)

  it("are cancelled with the last task that waits for them", function()
    local client = setup("stall_head", helper.id())
    ogl.run(function()
      local tasks = {}
      for i = 1, 3 do tasks[i] = ogl.spawn(function() return client:chat "hi" end) end
      ogl.sleep(0.05)
      for i = 1, 3 do
        tasks[i]:cancel()
        local _, err = tasks[i]:wait()
        assert.equal("cancelled", err.kind)
      end
    end)
    assert.is_true(helper.eventually(function() return helper.stats().open <= 1 end))
  end)

  it("share an error, each with its own partial reply", function()
    local id = helper.id()
    local client, sent = setup("close_mid_stream:3", id, { retries = { max = 0 } })
    ogl.run(function()
      local streams = ogl.map({ 1, 2 }, function() return client:stream "hi" end)
      local _, first = streams[1].value:reply()
      local _, second = streams[2].value:reply()
      assert.same({ "incomplete", "incomplete" }, { first.kind, second.kind })
      assert.not_equal(first, second)
      assert.equal(first.partial.text, second.partial.text)
      assert.not_equal(first.partial, second.partial)
    end)
    assert.equal(1, sent())
    local refused = setup("status_nested:400", helper.id())
    ogl.run(function()
      for _, result in ipairs(ogl.map({ 1, 2 }, function() return refused:chat "hi" end)) do assert.equal(400, result.err.status) end
    end)
  end)

  it("are several where they are not identical, or not at once", function()
    local id = helper.id()
    local client, sent = setup("slow:1", id)
    ogl.run(function()
      ogl.map({ "a", "b" }, function(text) return client:chat(text) end)
      assert(client:chat "a")
    end)
    assert.equal(3, sent())
    assert(client:chat "a") -- outside of tasks nothing is shared, and nothing waits
    assert.equal(4, sent())
  end)

  it("pass the middleware outside of it each, and that inside once", function()
    local outer, inner = 0, 0
    local client = helper.client("slow:20/" .. helper.id()):use(
      { event = function(event) if event and event.type == "finish" then outer = outer + 1 end return event end }, middleware.coalesce(),
      { event = function(event) if event and event.type == "finish" then inner = inner + 1 end return event end })
    ogl.run(function()
      local streams = {}
      for i = 1, 3 do streams[i] = assert(client:stream "hi") end
      for i = 1, 3 do assert(streams[i]:reply()) end
    end)
    assert.same({ 3, 1 }, { outer, inner })
  end)

  it("pass the middleware outside of it each, as chats too", function()
    local seen = 0
    local client = helper.client("slow:5/" .. helper.id()):use(
      { event = function(event)
        if event and event.type == "text" then
          seen = seen + 1
          event.text = event.text:upper()
        end
        return event
      end }, middleware.coalesce())
    ogl.run(function()
      local results = ogl.map({ 1, 2, 3 }, function() return client:chat "hi" end)
      for i = 1, 3 do
        local reply = assert(results[i].value, results[i].err)
        assert.equal(reply.text:upper(), reply.text)
        assert.equal("string", type(reply.headers["content-type"]))
      end
    end)
    assert.is_true(seen >= 3 and seen % 3 == 0)
  end)

  it("share nothing where their namespaces are others, or none", function()
    local id = helper.id()
    local client = helper.client("slow:1/" .. id):use(middleware.coalesce { namespace = function(call) return call.request.user end })
    ogl.run(function()
      for _, users in ipairs { { "a", "a" }, { "b", "c" } } do
        ogl.map(users, function(user) return client:chat { messages = "hi", user = user } end)
      end
      ogl.map({ 1, 2 }, function() return client:chat "hi" end)
    end)
    assert.equal(5, #helper.requests(id, nil, { block = true }))
  end)

  it("share embeddings", function()
    local client, before = helper.client("ok:8"):use(middleware.coalesce()), helper.stats().requests
    ogl.run(function()
      local results = ogl.map({ 1, 2, 3 }, function() return client:embeddings { input = "x" } end)
      assert.same(results[1].value.vectors, results[3].value.vectors)
    end)
    assert.equal(before + 1, helper.stats().requests)
  end)
end)
