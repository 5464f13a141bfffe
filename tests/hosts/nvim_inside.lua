-- What is Neovim's own; spec/hosts/neovim_spec.lua has it run inside (hosts/nvim.lua).
local carriers = require "spec.support.carriers"
local helper = require "spec.helper"
local ogl = require "opengatellm"

local vim = rawget(_G, "vim")
local uv = vim and (vim.uv or vim.loop)

local inside = carriers.list()[1].inside

local SECONDS = 60 -- the end of a wait that hangs
local QUICK = { retries = { max = 0 }, timeouts = { idle = 0.5 } }

local function wait_for(check) return vim.wait(SECONDS * 1000, check, 10) end

-- What the fault server says; asked in place.
local function n_open() return helper.stats(nil, { block = true }).open end

local made = {} -- handles, by the function that makes them: uv.walk of Neovim 0.7 aborts at one of Neovim's own

for _, maker in ipairs { "new_poll", "new_timer" } do
  local real, list = uv and uv[maker], {}
  made[maker] = list
  if uv then
    uv[maker] = function(...)
      local handle, err = real(...)
      list[#list + 1] = handle
      return handle, err
    end
  end
end

local function count_handles()
  local counts = {}
  for maker, list in pairs(made) do
    counts[maker] = 0
    for _, handle in ipairs(list) do counts[maker] = counts[maker] + (handle:is_closing() and 0 or 1) end
  end
  return counts
end

-- Makes sure that nothing is left of what fn does: handles, and once the clients are closed, descriptors.
local function leaves_nothing(fn)
  inside(function() helper.stats() end) -- the server is there, and Neovim's own files are open
  helper.close()
  local handles, descriptors = count_handles(), helper.open_descriptors()
  fn()
  assert.is_true(wait_for(function() return vim.deep_equal(handles, count_handles()) end), vim.inspect(count_handles()))
  helper.close()
  collectgarbage()
  assert.is_true(wait_for(function() return helper.open_descriptors() == descriptors end), "descriptors are left")
end

local TICK = 10 -- ms

-- Runs fn and counts what a timer says meanwhile: the share of its ticks that came, and the longest time between two, in seconds.
local function ticking(fn)
  local timer, ticks, longest = uv.new_timer(), 0, 0
  local start = uv.hrtime()
  local last = start
  local function tick()
    local now = uv.hrtime()
    ticks, longest, last = ticks + 1, math.max(longest, (now - last) / 1e9), now
  end
  timer:start(TICK, TICK, tick)
  fn()
  tick()
  timer:close()
  local share = ticks * TICK * 1e6 / (uv.hrtime() - start)
  if os.getenv "OGL_SHOW" then
    local words = "%d ticks, %.0f %% of all, longest pause %.0f ms, %.2f s in all\n"
    io.stderr:write(words:format(ticks, share * 100, longest * 1e3, (uv.hrtime() - start) / 1e9))
  end
  return share, longest
end

-- Takes vim.notify away while fn runs; what it was told.
local function notified(fn)
  local real, said = vim.notify, {}
  vim.notify = function(message, level) table.insert(said, { message = message, level = level }) end
  local ran, err = pcall(fn, said)
  vim.notify = real
  if not ran then error(err, 0) end
end

-- The n-th of many streams, and what has to come of it.
local KINDS = {
  { "reset_mid_stream:3", function(_, err) return err.kind == "network" and err.partial.text ~= "" end },
  { "stall_mid_stream:3", function(_, err) return err.kind == "timeout" and err.phase == "idle" end },
  { "status:429", function(_, err) return err.kind == "rate_limit" end },
  { "status:500", function(_, err) return err.status == 500 end },
  { "slow:20", function(_, err) return err.kind == "cancelled" end, cancelled = true },
  { "slow:20", function(reply) return reply.text == helper.TEXT end },
  { "slow:40", function(reply) return reply.text == helper.TEXT end },
  { "bytewise", function(reply) return reply.text == helper.TEXT end },
}

-- Starts them all; calls done(what is wrong | nil) at the end of each.
local function start_streams(n, done)
  for i = 1, n do
    local kind = KINDS[i % #KINDS + 1]
    local task, ended
    task = helper.client(kind[1], QUICK):stream("Bonjour", {
      on_event = function(event)
        if kind.cancelled and event.type == "text" then task:cancel() end
      end,
      on_done = function(reply, err)
        local fine, right = pcall(kind[2], reply, err)
        done(ended and "ended twice" or not (fine and right) and kind[1] .. ": " .. tostring(err or reply.text))
        ended = true
      end,
    })
  end
end

describe("Neovim", function()
  after_each(function() helper.close() end)

  it("goes on while 200 streams run and fail, and nothing is left of them", function()
    leaves_nothing(function()
      local n, wrong = 0, {}
      local share, longest = ticking(function()
        start_streams(200, function(problem)
          n = n + 1
          if problem then table.insert(wrong, problem) end
        end)
        assert.is_true(wait_for(function() return n == 200 end), n .. " ended")
      end)
      assert.same({}, wrong)
      assert.is_true(share > 0.3, share)
      assert.is_true(longest < 0.4, longest) -- a stream lasts longer
    end)
  end)

  it("goes on while servers send as fast as they can", function()
    local n, n_events = 0, 0
    local share, longest = ticking(function()
      for _ = 1, 4 do
        helper.client("firehose:32"):stream({ messages = { ogl.user "Bonjour" }, keep = false }, {
          on_event = function() n_events = n_events + 1 end, on_done = function() n = n + 1 end,
        })
      end
      assert.is_true(wait_for(function() return n == 4 end))
    end)
    assert.is_true(n_events > 10000)
    assert.is_true(share > 0.1, share)
    assert.is_true(longest < 0.4, longest)
  end)

  it("keeps nothing of 100 chats, one after another", function()
    leaves_nothing(function()
      inside(function()
        local client = helper.client "ok"
        for _ = 1, 100 do assert.equal(helper.TEXT, assert(client:chat "Bonjour").text) end
      end)
    end)
  end)

  it("calls back where all of its functions may be called", function()
    local fast, done = {}, false
    helper.client("ok"):stream("Bonjour", {
      on_event = function()
        table.insert(fast, vim.in_fast_event())
        vim.api.nvim_buf_set_lines(0, 0, -1, false, { "changed" }) -- raises where it is not allowed
      end,
      on_done = function()
        table.insert(fast, vim.in_fast_event())
        done = true
      end,
    })
    assert.is_true(wait_for(function() return done end))
    assert.is_true(#fast > 2)
    assert.is_false(vim.tbl_contains(fast, true))
  end)

  it("tells what a callback raised, where, and serves the others", function()
    notified(function(said)
      local reply
      local kept = helper.client("ok"):stream("Bonjour", { on_event = function() error "my mistake" end })
      helper.client("slow:5"):chat("Bonjour", { on_done = function(answer) reply = answer end })
      assert.is_true(wait_for(function() return reply and said[1] end))
      assert.equal(helper.TEXT, reply.text)
      assert.equal(1, #said)
      assert.equal(vim.log.levels.ERROR, said[1].level)
      assert.truthy(said[1].message:find("my mistake", 1, true))
      assert.truthy(said[1].message:find("nvim_inside.lua:%d+"), said[1].message)
      assert.truthy(said[1].message:find("traceback", 1, true))
      assert.is_true(kept.done)
    end)
  end)

  it("tells what a task raised for which nobody can wait any more", function()
    notified(function(said)
      do ogl.spawn(function() error "nobody's mistake" end) end
      assert.is_true(wait_for(function()
        collectgarbage()
        return said[1]
      end))
      assert.truthy(said[1].message:find("nobody's mistake", 1, true))
    end)
  end)

  it("tells what a coroutine of somebody else's raised", function()
    notified(function(said)
      coroutine.wrap(function()
        assert(helper.client("ok"):chat "Bonjour")
        error "their mistake"
      end)()
      assert.is_true(wait_for(function() return said[1] end))
      assert.truthy(said[1].message:find("their mistake", 1, true))
    end)
  end)

  it("is not frozen by a call without callbacks on its main coroutine: that raises, and says what to write", function()
    local client = helper.client "ok"
    local task = ogl.spawn(ogl.sleep, 0.05)
    for _, call in ipairs {
      function() return client:chat "Bonjour" end, function() return client:stream "Bonjour" end, function() return client:models() end,
      function() return client:embeddings { input = "a" } end, function() return client:health() end,
      function() return ogl.sleep(1) end, function() return task:wait() end,
    } do
      local ran, err = pcall(call)
      assert.is_false(ran)
      assert.truthy(tostring(err):find("ogl.spawn", 1, true), tostring(err))
    end
    assert.is_true(wait_for(function() return task.done end))
  end)

  it("begins nothing before such a call raises", function()
    local begun = false
    local function begin() begun = true end
    for _, call in ipairs {
      function() return ogl.map({ 1 }, begin) end, function() return ogl.all { begin } end,
      function() return ogl.first { begin } end, function() return ogl.deadline(1, begin) end,
    } do
      local ran, err = pcall(call)
      assert.is_false(ran)
      assert.truthy(tostring(err):find("ogl.spawn", 1, true), tostring(err))
    end
    inside(function() ogl.sleep(0.01) end)
    assert.is_false(begun)
  end)

  it("is frozen where one asks for it: block = true", function()
    local client = helper.client("ok", { block = true })
    assert.equal(helper.TEXT, assert(client:chat "Bonjour").text)
    assert.is_true(#assert(client:models()) > 0)
  end)

  it("serves tasks that wait while another one waits by vim.wait", function()
    inside(function()
      local text
      ogl.spawn(function() text = helper.client("slow:2"):stream("Bonjour"):reply().text end)
      assert.is_true(vim.wait(SECONDS * 1000, function() return text ~= nil end))
      assert.equal(helper.TEXT, text)
    end)
  end)

  it("has a generator inside of a task raise, and say why", function()
    inside(function()
      local ran, err = pcall(coroutine.wrap(function() return helper.client("ok"):chat "Bonjour" end))
      assert.is_false(ran)
      assert.truthy(tostring(err):find("outside of the generator", 1, true))
    end)
  end)
end)

describe("A stream that is left", function()
  after_each(function() helper.close() end)

  local function leave(how)
    helper.client("ok", { block = true }):request("GET", "/health")
    helper.close()
    assert.is_true(wait_for(function() return n_open() == 0 end))
    local it = { begun = false, err = nil }
    it.task = ogl.spawn(function()
      it.stream = assert(helper.client("stall_mid_stream:3"):stream "Bonjour")
      local event, err = it.stream:next()
      while event do
        it.begun = it.begun or event.type == "text"
        event, err = it.stream:next()
      end
      it.err = err
    end)
    assert.is_true(wait_for(function() return it.begun end))
    assert.equal(1, n_open())
    how(it)
    assert.is_true(wait_for(function() return n_open() == 0 end), "the connection is open")
    assert.is_true(wait_for(function() return it.err ~= nil end))
    return it.err
  end

  it("by task:cancel is closed", function() assert.equal("cancelled", leave(function(it) it.task:cancel() end).kind) end)

  it("by stream:close is closed", function() assert.equal("closed", leave(function(it) it.stream:close() end).kind) end)

  it("in mid-firehose is closed, too", function()
    local task, ended
    local seen = 0
    task = helper.client("firehose:512"):stream({ messages = { ogl.user "Bonjour" }, keep = false }, {
      on_event = function()
        seen = seen + 1
        if seen == 1000 then task:cancel() end
      end,
      on_done = function(_, err) ended = err end,
    })
    assert.is_true(wait_for(function() return ended end))
    assert.equal("cancelled", ended.kind)
    assert.is_true(seen < 100000, seen)
  end)
end)
