-- Stores: the contract in memory, behind a guard, and what a program is told of one that is none.
local contract = require "spec.support.store_contract"
local coroutines = require "opengatellm.host.coroutines"
local guard = require "opengatellm.store.guard"
local helper = require "spec.helper"
local memory = require "opengatellm.store.memory"
local ogl = require "opengatellm"
local store = require "opengatellm.store"

local function setup(options)
  local clock = { now = 100 }
  local all = { now = function() return clock.now end }
  for name, value in pairs(options or {}) do all[name] = value end
  return memory.new(all), clock
end

describe("a store in memory", function()
  it("keeps the contract of a store", function() contract.check(setup()) end)

  it("drops what was used longest ago, by entries and by bytes", function()
    local s = setup { entries = 3 }
    for _, key in ipairs { "a", "b", "c" } do s:set(key, key) end
    s:get "a"
    s:set("d", "d")
    assert.is_nil(s:get "b")
    assert.equal("a", s:get "a")
    local small = setup { bytes = 1000 }
    for i = 1, 10 do small:set("k" .. i, ("x"):rep(200)) end
    local kept = 0
    for i = 1, 10 do kept = kept + (small:get("k" .. i) and 1 or 0) end
    assert.equal(3, kept)
    small:set("huge", ("x"):rep(5000))
    assert.is_nil(small:get "huge")
    assert.equal(0, small.count)
    assert.equal(0, small.bytes)
  end)

  it("agrees with a slow, obvious one over many steps", function()
    local seed = 7
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n + 1
    end
    local s, clock = setup()
    local plain = {}
    for _ = 1, 5000 do
      local key, seconds = "k" .. random(5), random(4)
      local entry = plain[key]
      if entry and entry.ends <= clock.now then plain[key], entry = nil, nil end
      local step = random(5)
      if step == 1 then s:set(key, seconds, seconds) plain[key] = { value = seconds, ends = clock.now + seconds }
      elseif step == 2 then
        assert.equal(entry == nil, s:add(key, 9, seconds))
        if not entry then plain[key] = { value = 9, ends = clock.now + seconds } end
      elseif step == 3 then
        local value = (entry and entry.value or 0) + 1
        assert.equal(value, s:incr(key, 1, seconds))
        if entry then entry.value = value else plain[key] = { value = 1, ends = clock.now + seconds } end
      elseif step == 4 then s:delete(key) plain[key] = nil
      else assert.equal(entry and entry.value, s:get(key)) end
      if random(3) == 1 then clock.now = clock.now + 1 end
    end
  end)
end)

describe("a guard", function()
  local function failing(how)
    local calls = { n = 0, failing = true }
    local inner = setup()
    local s = setmetatable({}, { __index = function(_, method)
      return function(_, ...)
        calls.n = calls.n + 1
        if calls.failing then return how() end
        return inner[method](inner, ...)
      end
    end })
    return s, calls
  end

  it("answers from memory while the store fails, leaves it alone for some seconds, and tells once", function()
    for _, how in ipairs { function() return nil, "connection refused" end, not coroutines.NARROW and function() error "connection refused" end or nil } do
      local clock = { now = 0 }
      local s, calls = failing(how)
      local g = guard.new(s, (setup()), function() return clock.now end)
      assert.is_true(g:set("a", 1))
      assert.equal(1, g:get "a")
      assert.equal(2, g:incr("a", 1))
      assert.equal(1, calls.n)
      assert.matches("connection refused", g:problem())
      assert.is_nil(g:problem())
      clock.now = 6
      assert.equal(2, g:get "a")
      assert.equal(2, calls.n)
      assert.is_nil(g:problem()) -- the same failure goes on
      calls.failing, clock.now = false, 12
      assert.is_nil(g:get "a") -- the store answers again
      calls.failing = true
      g:get "a"
      assert.matches("connection refused", g:problem())
    end
  end)

  it("lets a router answer, and warns once", function()
    local replay = require "opengatellm.transport.replay"
    local body = '{"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]}'
    local client = ogl.client { provider = "openai_compatible", base_url = "http://a", model = "m",
      transport = replay.new { headers = { ["content-type"] = "application/json" }, body = body } }
    local s = failing(function() return nil, "gone" end)
    for _, name in ipairs { "get", "set", "add", "incr", "delete" } do s[name] = s[name] end
    local router = ogl.router { clients = { client }, store = s, host = helper.simulated_host() }
    local warnings = assert(router:chat "hi").warnings
    assert.equal("store", warnings[#warnings].code)
    assert.matches("gone", warnings[#warnings].message)
    assert.same({}, assert(router:chat "hi").warnings)
  end)
end)

describe("a store that is none", function()
  it("is told what it lacks", function()
    assert.equal("store: expected table, got number", store.problem(5))
    assert.equal("store: it has no method 'incr'", store.problem { get = print, set = print, add = print, delete = print })
    assert.is_nil(store.problem(ogl.store.memory {}))
    assert.is_nil(store.problem(nil))
  end)

  it("raises outside of nginx, where it needs that", function()
    assert.has_error(function() ogl.store.shared "zone" end)
    assert.has_error(function() ogl.store.redis {} end)
    local _, why = pcall(function() local s = ogl.store.redis { prot = 1 } return s end)
    assert.matches("init_spec.lua:%d+: ogl.store.redis: prot: there is no such field", why)
  end)
end)
