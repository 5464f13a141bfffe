-- Sockets that wait: who gets which, and which are closed.
local socket_pool = require "opengatellm.transport.websocket.pool"

local HOST, OTHER_HOST = {}, {}

local function route(identity, scope) return { identity = function() return identity end, scope = scope or HOST } end

describe("a pool of sockets", function()
  local pool, now

  before_each(function()
    pool, now = socket_pool.new(), 1000
  end)

  local function socket(name)
    local function close(self) self.closed = self.closed + 1 end
    return { name = name, born = now, now = function() return now end, closed = 0, close = close }
  end

  local function name_of(each) return each and each.name end

  it("gives what was put, to the same route alone", function()
    pool:put(socket "a", route "x")
    assert.is_nil(pool:take(route "y"))
    assert.is_nil(pool:take(route("x", OTHER_HOST)))
    assert.equal("a", name_of(pool:take(route "x")))
    assert.is_nil(pool:take(route "x"))
  end)

  it("gives the one that was used last, unless the request goes on from another's", function()
    for _, name in ipairs { "a", "b", "c" } do pool:put(socket(name), route "x", "last of " .. name) end
    assert.equal("a", name_of(pool:take(route "x", "last of a")))
    assert.equal("c", name_of(pool:take(route "x", "of nobody")))
    assert.equal("b", name_of(pool:take(route "x")))
  end)

  it("closes those that are about to reach their hour", function()
    local old = socket "old"
    pool:put(old, route "x")
    now = now + 3000
    pool:put(socket "young", route "x")
    now = now + 400
    assert.equal("young", name_of(pool:take(route "x")))
    assert.is_nil(pool:take(route "x"))
    assert.equal(1, old.closed)
  end)

  it("keeps sixteen, and closes the oldest for the next", function()
    local all = {}
    for i = 1, 18 do
      all[i] = socket(i)
      pool:put(all[i], route "x")
    end
    for i = 1, 18 do assert.equal(i <= 2 and 1 or 0, all[i].closed) end
  end)

  it("closes all, and what comes later", function()
    local one, late = socket "one", socket "late"
    pool:put(one, route "x")
    pool:close()
    pool:put(late, route "x")
    assert.equal(1, one.closed)
    assert.equal(1, late.closed)
    assert.is_nil(pool:take(route "x"))
  end)

  it("shows nobody what its routes are made of", function()
    pool:put(socket "a", route "Bearer SECRET")
    assert.is_false(require "spec.helper".mentions(pool, "SECRET"))
  end)
end)
