-- A router over three servers that run, are killed and come back. The breaker's time is simulated; all else happens when it happens.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local socket = require "socket"

local NAMES = { "a", "b", "c" }
local servers = {} -- by a row's name: the server's port, and its name for helper.kill while it runs

local function start(name) servers[name].name = helper.fault_at(servers[name].port) end

local function kill(name)
  if servers[name].name then helper.kill(servers[name].name) end
  servers[name].name = nil
end

local function address(name) return "http://127.0.0.1:" .. servers[name].port end

-- How many requests the server of a row has had.
local function requests(name) return helper.stats(address(name)).requests end

-- A router over the three, each at its scenario and behind its middleware; and the host whose clock its breaker reads.
local function setup(options, scenarios, middleware)
  local host, clients = helper.simulated_host(), {}
  for i, name in ipairs(NAMES) do
    local client = helper.client_of(address(name) .. "/" .. (scenarios and scenarios[name] or "ok"))
    if middleware and middleware[name] then client = client:use(middleware[name]) end
    clients[i] = { name = name, client = client }
  end
  local all = { clients = clients, host = host, retries = { max = 0 }, breaker = { failures = 2, recovery = 30 } }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.router(all), host
end

local function asked(answer)
  local names = {}
  for i, attempt in ipairs(answer.attempts) do names[i] = attempt.client end
  return table.concat(names, " ")
end

-- Waits in a task until something holds; the other tasks go on meanwhile. The bound is an end for a failure, not a measure.
local function wait_for(check)
  for _ = 1, 10000 do
    if check() then return end
    assert(ogl.sleep(0.001))
  end
  error("what is waited for does not come", 0)
end

describe("a router over servers that are killed and come back", function()
  before_each(function()
    for _, name in ipairs(NAMES) do
      servers[name] = { port = helper.free_port() }
      start(name)
    end
  end)

  after_each(function()
    helper.close()
    for _, name in ipairs(NAMES) do
      kill(name)
      assert.is_nil((socket.connect("127.0.0.1", servers[name].port)), name .. " is still there")
    end
  end)

  it("asks the next where one refuses the connection, and leaves that one alone once its breaker has opened", function()
    kill "a"
    for strategy, expected in pairs { order = { "a b", "a b", "b", "b" }, round_robin = { "a b", "b", "c", "a b", "b", "c", "b" } } do
      local router = setup { strategy = strategy }
      for call, names in ipairs(expected) do
        local reply = assert(router:chat "hi")
        assert.same({ strategy, call, names, helper.TEXT }, { strategy, call, asked(reply), reply.text })
        if names == "a b" then assert.equal("network", reply.attempts[1].kind) end
      end
      assert.equal("open", router:state().a.state)
    end
  end)

  it("ends a stream whose server dies after the commitment with an error, and asks no other", function()
    for _, strategy in ipairs { "order", "round_robin" } do
      local router = setup({ strategy = strategy }, { a = "stall_mid_stream:3" })
      local stream = assert(router:stream "hi")
      local first = stream:next()
      while first.type ~= "text" do first = stream:next() end
      kill "a"
      local reply, err = stream:reply()
      assert.is_nil(reply)
      assert.truthy(err.kind == "network" or err.kind == "incomplete", tostring(err))
      assert.equal(helper.TEXT:sub(1, #err.partial.text), err.partial.text)
      assert.is_true(#err.partial.text > 0)
      assert.equal("a", asked(err))
      assert.same({ 0, 0 }, { requests "b", requests "c" })
      assert.equal(1, router:state().a.failures)
      start "a"
    end
  end)

  it("asks the next where a server dies before the commitment, in its head or behind it", function()
    for _, scenario in ipairs { "stall_head", "stall_after_head" } do
      local router = setup({}, { a = scenario })
      ogl.run(function()
        local task = ogl.spawn(function() return router:chat "hi" end)
        wait_for(function() return requests "a" == 1 end)
        kill "a"
        local reply = assert(task:wait())
        assert.same({ "a b", helper.TEXT }, { asked(reply), reply.text })
        assert.truthy(reply.attempts[1].kind == "network" or reply.attempts[1].kind == "incomplete", reply.attempts[1].kind)
      end)
      start "a"
    end
  end)

  it("sends exactly one probe to a server that is back, when its time has passed", function()
    local held, arrived = false, 0
    local function hold(call, proceed) -- keeps the probe on its way
      arrived = arrived + 1
      wait_for(function() return not held end)
      return proceed(call)
    end
    local router, host = setup({}, nil, { a = hold })
    ogl.run(function()
      kill "a"
      for _ = 1, 2 do assert.equal("a b", asked(assert(router:chat "hi"))) end
      start "a"
      assert.equal("b", asked(assert(router:chat "hi"))) -- it is back, but its time has not passed
      host.sleep(31)
      held, arrived = true, 0
      local probe = ogl.spawn(function() return router:chat "hi" end)
      wait_for(function() return arrived == 1 end)
      local others = ogl.all { function() return router:chat "hi" end, function() return router:chat "hi" end, function() return router:chat "hi" end }
      for _, other in ipairs(others) do assert.equal("b", asked(assert(other.value, other.err))) end
      assert.equal("half_open", router:state().a.state)
      held = false
      assert.equal("a", asked(assert(probe:wait())))
      assert.equal(1, requests "a")
      assert.equal("closed", router:state().a.state)
      assert.equal("a", asked(assert(router:chat "hi")))
      assert.equal(2, requests "a")
    end)
  end)

  it("leaves a server alone for as long again where the probe finds it dead", function()
    local router, host = setup()
    kill "a"
    for _ = 1, 2 do assert(router:chat "hi") end
    host.sleep(31)
    assert.equal("a b", asked(assert(router:chat "hi")))
    assert.equal("b", asked(assert(router:chat "hi")))
    host.sleep(29)
    assert.equal("b", asked(assert(router:chat "hi")))
    start "a"
    host.sleep(2)
    assert.equal("a", asked(assert(router:chat "hi")))
  end)

  it("gives an error of the network with all attempts where all are dead, and answers when one is back", function()
    for _, name in ipairs(NAMES) do kill(name) end
    local router = setup()
    for _, method in ipairs { "chat", "stream" } do
      local answer, err = router[method](router, "hi")
      assert.is_nil(answer)
      assert.same({ "network", "a b c" }, { err.kind, asked(err) })
      for _, attempt in ipairs(err.attempts) do assert.equal("network", attempt.kind) end
    end
    for name, row in pairs(router:state()) do assert.equal("open", row.state, name) end
    local _, err = router:chat "hi" -- all are open: the one that recovers first is asked all the same
    assert.same({ "network", 1 }, { err.kind, #err.attempts })
    start(err.attempts[1].client)
    local reply = assert(router:chat "hi")
    assert.same({ asked(err), helper.TEXT }, { asked(reply), reply.text })
  end)
end)
