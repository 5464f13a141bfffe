-- luv outside of Neovim: what waits keeps the loop alive, nothing else does, and no handle is left.
local helper = require "spec.helper"

local found, uv = pcall(require, "luv")
if not found then
  pending "luv: there is none for this Lua"
  return
end

local ogl = require "opengatellm"

local function handles()
  local list = {}
  uv.walk(function(handle)
    if not handle:is_closing() then list[#list + 1] = tostring(handle) end
  end)
  return list
end

-- Calls fn in the loop's next turn, on its main coroutine.
local function soon(fn)
  local timer = uv.new_timer()
  timer:start(0, 0, function()
    timer:close()
    fn()
  end)
end

local SECONDS = 30 -- the end of a test that hangs

-- Runs the loop until it ends by itself.
local function run_loop()
  local hangs = false
  local guard = uv.new_timer()
  guard:start(SECONDS * 1000, 0, function()
    hangs = true
    uv.stop()
  end)
  guard:unref()
  uv.run()
  guard:close()
  uv.run "nowait"
  assert(not hangs, "the loop did not end")
  assert.same({}, handles())
end

-- Runs fn as a task of the loop; its results.
local function run(fn)
  local task
  soon(function() task = ogl.spawn(fn) end)
  run_loop()
  assert(task.done, "the loop ended before the task did")
  return task:wait()
end

-- Reads a stream until it ends, in a task; gives the task, and waits until the first event has come.
local function reader(scenario)
  local it = { client = helper.client(scenario) }
  it.task = ogl.spawn(function()
    local err
    it.stream = assert(it.client:stream "Bonjour")
    it.begun = assert(it.stream:next())
    repeat
      local event
      event, err = it.stream:next()
    until not event
    return nil, err
  end)
  while not it.begun do assert(ogl.sleep(0.01)) end
  return it
end

local others -- connections of the specs before this one

local function nobody_is_connected()
  return helper.eventually(function() return helper.stats().open <= others end)
end

describe("the loop of luv", function()
  before_each(function() others = helper.stats().open end)
  after_each(helper.close)

  it("ends when the answers are there", function()
    local texts = {}
    soon(function()
      for i = 1, 5 do ogl.spawn(function() texts[i] = helper.client("slow:5"):stream("Bonjour"):reply().text end) end
    end)
    run_loop()
    for i = 1, 5 do assert.equal(helper.TEXT, texts[i]) end
  end)

  it("serves a coroutine that is the program's own", function()
    local text
    soon(coroutine.wrap(function() text = helper.client("ok"):chat("Bonjour").text end))
    run_loop()
    assert.equal(helper.TEXT, text)
  end)

  it("is blocked by a call in a plain callback, and whoever waits goes on afterwards", function()
    local seen = {}
    soon(function()
      ogl.spawn(function() table.insert(seen, (helper.client("slow:2"):stream("Bonjour"):reply().text)) end)
      soon(function() table.insert(seen, (helper.client("slow:10"):stream("Bonjour"):reply().finish_reason)) end)
    end)
    run_loop()
    assert.same({ "stop", helper.TEXT }, seen)
  end)

  it("is not kept alive by a stream that nobody reads", function()
    assert.equal("text", run(function()
      local stream = assert(helper.client("stall_mid_stream:3"):stream "Bonjour")
      repeat local event = assert(stream:next()) until event.type == "text"
      return "text"
    end))
    helper.close()
    assert.is_true(nobody_is_connected())
  end)
end)

describe("in a task of luv", function()
  before_each(function() others = helper.stats().open end)
  after_each(helper.close)

  it("a cancelled stream closes its connection", function()
    run(function()
      local it = reader "stall_mid_stream:3"
      it.task:cancel()
      assert.equal("cancelled", select(2, it.task:wait()).kind)
    end)
    assert.is_true(nobody_is_connected())
  end)

  it("a sleep may be as long as one likes, and is cancelled", function()
    assert.equal("cancelled", run(function()
      local sleeper = ogl.spawn(function() return select(2, ogl.sleep(math.huge)).kind end)
      ogl.sleep(0.01)
      sleeper:cancel()
      return (sleeper:wait())
    end))
  end)

  it("a sleep counts from now, however long Lua has run before", function()
    assert.is_true(run(function()
      local start = uv.hrtime()
      while uv.hrtime() - start < 60e6 do end -- the loop's clock stands still
      start = uv.hrtime()
      ogl.sleep(0.05)
      return uv.hrtime() - start >= 49e6
    end))
  end)

  it("a wait where none is possible raises, and leaves no timer", function()
    local _, err = run(function()
      return (string.gsub("x", "x", function() ogl.sleep(60) end))
    end)
    assert.truthy(tostring(err):find("has to wait", 1, true))
  end)

  it("a wait inside of a generator raises, and says why", function()
    local _, err = run(function()
      return coroutine.wrap(function() coroutine.yield(helper.client("ok"):chat("Bonjour").text) end)()
    end)
    assert.truthy(tostring(err):find("outside of the generator", 1, true), tostring(err))
  end)

  if coroutine.close then -- 5.4
    it("a coroutine that is closed while it waits is forgotten", function()
      run(function()
        local stream
        local co = coroutine.create(function()
          stream = assert(helper.client("stall_mid_stream:3"):stream "Bonjour")
          while stream:next() do end
        end)
        soon(function() coroutine.resume(co) end)
        while not stream do ogl.sleep(0.01) end
        ogl.sleep(0.05)
        assert(coroutine.close(co))
        stream:close()
      end)
    end)
  end

  it("a descriptor that cannot be made is told by the step that follows", function()
    local host, steps = require "opengatellm.host.luv", 0
    run(function()
      host.watch { fd = function() return nil end, step = function() steps = steps + 1 end }
      assert.equal(0, steps) -- who asks is not parked yet
      ogl.sleep(0.01)
      assert.equal(1, steps)
    end)
  end)

  it("another program's `vim` is no Neovim, and needs no luv", function()
    local loaded, preload, name = package.loaded, package.preload.luv, "opengatellm.host.luv"
    local host, luv = loaded[name], loaded.luv
    loaded[name], loaded.luv, package.preload.luv = nil, nil, function() error "there is none" end
    rawset(_G, "vim", { eval = function() end })
    local ran, fresh = pcall(require, name)
    rawset(_G, "vim", nil)
    loaded[name], loaded.luv, package.preload.luv = host, luv, preload
    assert(ran, fresh)
    assert.is_false(fresh.running())
  end)
end)
