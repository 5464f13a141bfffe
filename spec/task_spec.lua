-- Tasks, on every host that has them (support/carriers.lua): what they wait for, how they end, and what is left open.
local carriers = require "spec.support.carriers"
local coroutines = require "opengatellm.host.coroutines"
local helper = require "spec.helper"
local ogl = require "opengatellm"

local LONG = 60 -- seconds that no test waits

-- Hosts where a call in a coroutine of the user's own inside of a task would freeze the loop.
local REFUSES_GENERATORS = { luv = true, neovim = true }

local function now() return require "opengatellm.host".current().now() end

-- Asks until `check` says yes, while the other tasks go on. The bound is an end for a failure, not a measure.
local function eventually(check)
  for _ = 1, 1000 do
    if check() then return true end
    ogl.sleep(0.01)
  end
  return false
end

-- How many connections the fault server has; asked without leaving this task.
local function open_connections() return helper.stats(nil, { block = true }).open end

-- What the host's tasks report meanwhile, instead of the terminal.
local function reports_of(place, body)
  local host = require("opengatellm.host." .. (place.host or place.name))
  local said, report = {}, host.report
  host.report = function(message) said[#said + 1] = message end
  local fine, err = pcall(place.inside, function() body(said) end)
  host.report = report
  if not fine then error(err, 0) end
  return said
end

for _, place in ipairs(carriers.list()) do
  if place.network and place.host ~= "plain" then
    describe("tasks on " .. place.name, function()
      after_each(helper.close)

      local function case(title, body)
        it(title, function() place.inside(body) end)
      end

      case("give the results of their functions", function()
        local task = ogl.spawn(function(a, b) return a + b, nil, "third" end, 3, 4)
        assert.same({ 7, nil, "third" }, { task:wait() })
        assert.same({ 7, nil, "third" }, { task:wait() })
        assert.is_true(task.done)
      end)

      case("run beside each other", function()
        local order = {}
        local slow = ogl.spawn(function() ogl.sleep(0.05) order[#order + 1] = "slow" end)
        local quick = ogl.spawn(function() order[#order + 1] = "quick" end)
        slow:wait()
        quick:wait()
        assert.same({ "quick", "slow" }, order)
      end)

      case("sleep for as long as they say", function()
        local start = now()
        assert.is_true(ogl.sleep(0.05))
        assert.is_true(now() - start >= 0.045)
        assert.has_error(function() ogl.sleep "long" end)
      end)

      case("let go of the others when they yield by themselves", function()
        if place.name == "cqueues" or place.name == "nginx" then return end -- a yield there belongs to that loop
        local order = {}
        local a = ogl.spawn(function() order[#order + 1] = 1 coroutine.yield() order[#order + 1] = 3 end)
        local b = ogl.spawn(function() order[#order + 1] = 2 end)
        a:wait()
        b:wait()
        assert.same({ 1, 2, 3 }, order)
      end)

      case("give what they raised to who waits, and stop nobody else", function()
        local own = { "mine" }
        local text, object = ogl.spawn(function() error "oops" end), ogl.spawn(function() error(own) end)
        local fine = ogl.spawn(function() ogl.sleep(0.01) return "fine" end)
        local value, err = text:wait()
        assert.is_nil(value)
        assert.matches("task_spec.lua:%d+: oops$", err)
        assert.matches("oops.*stack traceback.*task_spec", text.traceback)
        assert.equal(own, (select(2, object:wait())))
        assert.equal("fine", fine:wait())
      end)

      it("report an error that nobody asked for, with its traceback", function()
        local said = reports_of(place, function(said)
          ogl.spawn(function() error "nobody looks" end)
          eventually(function()
            collectgarbage()
            return said[1]
          end)
        end)
        if place.name == "nginx" then return end -- when the collector tells of it there is not ours to say
        assert.equal(1, #said)
        assert.matches("uncaught error in a task: .*nobody looks\nstack traceback:.*task_spec", said[1])
      end)

      it("report none that somebody asked for, however late", function()
        local said = reports_of(place, function()
          local task = ogl.spawn(function() error "later" end)
          ogl.sleep(0.01)
          collectgarbage()
          collectgarbage()
          assert.matches("later", (select(2, task:wait())))
        end)
        assert.same({}, said)
      end)

      case("wait no longer than they are told to", function()
        local task = ogl.spawn(function() return ogl.sleep(LONG) end)
        local value, err = task:wait(0.02)
        assert.is_nil(value)
        assert.equal("timeout", err.kind)
        assert.is_false(task.done)
        task:cancel()
        assert.equal("cancelled", (select(2, task:wait())).kind)
      end)

      case("end what they wait for when they are cancelled", function()
        local client = helper.client("stall_mid_stream:3", { retries = { max = 0 } })
        local events, before, after = 0, nil, nil
        local task = ogl.spawn(function()
          local stream = assert(client:stream "hi")
          local event, err = stream:next()
          while event do
            events = events + 1
            event, err = stream:next()
          end
          before, after = err, select(2, client:chat "more")
          return nil, err
        end)
        assert.is_true(eventually(function() return events >= 3 end))
        task:cancel()
        task:cancel()
        assert.equal("cancelled", (select(2, task:wait())).kind)
        if place.name == "nginx" then return end -- there the coroutine itself is ended
        assert.equal("cancelled", before.kind)
        assert.equal("Bonjour", before.partial.text:match "^Bonjour")
        assert.equal("cancelled", after.kind)
      end)

      case("close the connection of what they are cancelled in, at once", function()
        local port = helper.free_port()
        local name, base = helper.fault_at(port), "http://127.0.0.1:" .. port
        local function open() return helper.stats(base, { block = true }).open end
        local client, tasks = helper.client_of(base .. "/stall_head"), {}
        for i = 1, 3 do tasks[i] = ogl.spawn(function() return client:chat "hi" end) end
        local begun = eventually(function() return open() >= 3 end)
        local before = open()
        for _, task in ipairs(tasks) do task:cancel() end
        for _, task in ipairs(tasks) do task:wait() end
        local ended = eventually(function() return open() <= before - 3 end)
        helper.stop(name)
        assert.is_true(begun)
        assert.is_true(ended)
      end)

      case("are not begun when they are cancelled before", function()
        local begun = false
        local task = ogl.spawn(function() begun = true ogl.sleep(0) end)
        if task.done then return end -- nginx begins at once
        task:cancel()
        assert.equal("cancelled", (select(2, task:wait())).kind)
        assert.is_false(begun)
      end)

      case("end a wait for another one when they are cancelled", function()
        local other = ogl.spawn(function() return ogl.sleep(LONG) end)
        local task = ogl.spawn(function() return other:wait() end)
        ogl.sleep(0.01)
        task:cancel()
        assert.equal("cancelled", (select(2, task:wait())).kind)
        assert.is_false(other.done)
        other:cancel()
        other:wait()
      end)

      case("give an error to who waits for a stream that another one closes", function()
        local client, stream, events = helper.client "stall_mid_stream:3", nil, 0
        local task = ogl.spawn(function()
          stream = assert(client:stream "hi")
          local event, err = stream:next()
          while event do
            events = events + 1
            event, err = stream:next()
          end
          return nil, err
        end)
        assert.is_true(eventually(function() return events >= 3 end))
        stream:close()
        if place.name == "nginx" then return task:cancel() end
        assert.equal("closed", (select(2, task:wait())).kind)
      end)

      case("refuse a second reader of one stream", function()
        if place.name == "nginx" then return end -- the cosocket says so in its own way
        local client = helper.client "stall_mid_stream:3"
        local stream, events = assert(client:stream "hi"), 0
        local reader = ogl.spawn(function() while stream:next() do events = events + 1 end end)
        assert.is_true(eventually(function() return events >= 3 end))
        local second = ogl.spawn(function() return stream:next() end)
        assert.matches("one reader", (select(2, second:wait())))
        reader:cancel()
        reader:wait()
      end)

      describe("several at once:", function()
        case("all gives their results in order", function()
          local results = ogl.all {
            function() ogl.sleep(0.02) return 1 end, function() return nil, "no" end, function() error("boom", 0) end, function() return false end,
          }
          assert.same({ { value = 1 }, { err = "no" }, { err = "boom" }, { value = false } }, results)
          assert.same({}, ogl.all {})
        end)

        case("map has so many under way, and no more", function()
          local list, busy, most = {}, 0, 0
          for i = 1, 20 do list[i] = i end
          local results = ogl.map(list, function(item, index)
            busy = busy + 1
            most = math.max(most, busy)
            ogl.sleep(0.002)
            busy = busy - 1
            return item * 10 + (item - index)
          end, { concurrency = 3 })
          assert.equal(3, most)
          for i = 1, 20 do assert.same({ value = i * 10 }, results[i]) end
        end)

        case("map asks a server, each for its own answer", function()
          local client = helper.client_of(helper.fault "echo", { no_v1 = true })
          local list = {}
          for i = 1, 30 do list[i] = i end
          local results = ogl.map(list, function(i) return client:request("GET", "/number/" .. i) end, { concurrency = 10 })
          for i = 1, 30 do assert.equal("/echo/number/" .. i, results[i].value.path) end
        end)

        case("cancel what they began when who waits is cancelled", function()
          local ended = 0
          local task = ogl.spawn(function()
            return ogl.map({ 1, 2, 3 }, function()
              local _, err = ogl.sleep(LONG)
              if err and err.kind == "cancelled" then ended = ended + 1 end
              return nil, err
            end, { concurrency = 2 })
          end)
          ogl.sleep(0.02)
          task:cancel()
          local results, err = task:wait()
          ogl.sleep(0.02)
          if place.name == "nginx" then return assert.equal("cancelled", err.kind) end
          assert.equal(2, ended)
          assert.equal("cancelled", results[3].err.kind)
        end)

        case("first gives the first that succeeds, and cancels the others", function()
          local slow = false
          local value, more = ogl.first {
            delay = 0.02,
            function() slow = "begun" local _, err = ogl.sleep(LONG) slow = err and err.kind return nil, err end,
            function() ogl.sleep(0.01) return "quick", 2 end,
          }
          assert.same({ "quick", 2 }, { value, more })
          ogl.sleep(0.01)
          if place.name ~= "nginx" then assert.equal("cancelled", slow) end
        end)

        case("first begins the next at once when one fails, and gives the last error when all do", function()
          local start, begun = now(), {}
          local value, err = ogl.first {
            delay = LONG,
            function() begun[#begun + 1] = 1 return nil, "one" end, function() begun[#begun + 1] = 2 error("two", 0) end,
          }
          assert.same({ 1, 2 }, begun)
          assert.same({ nil, "two" }, { value, err })
          assert.is_true(now() - start < LONG / 2)
          assert.equal("third", ogl.first { function() return nil end, function() return nil end, function() return "third" end })
        end)

        case("first without its second says who needed it", function()
          local asked = {}
          local client = helper.client "ok"
          local reply = ogl.first {
            delay = 5,
            function() asked[#asked + 1] = 1 return client:chat "hi" end, function() asked[#asked + 1] = 2 return client:chat "hi" end,
          }
          assert.equal(helper.TEXT, reply.text)
          assert.same({ 1 }, asked)
        end)

        case("deadline cancels what takes too long, and gives what does not", function()
          local kind
          local value, err = ogl.deadline(0.02, function()
            local _, problem = ogl.sleep(LONG)
            kind = problem and problem.kind
          end)
          assert.same({ nil, "timeout" }, { value, err.kind })
          ogl.sleep(0.01)
          if place.name ~= "nginx" then assert.equal("cancelled", kind) end
          assert.same({ 1, nil, 3 }, { ogl.deadline(LONG, function(a) return a, nil, 3 end, 1) })
        end)

        case("refuse what is no list of functions, or no number", function()
          assert.has_error(function() ogl.all { 1 } end, "ogl.all: item 1: expected function, got number")
          assert.has_error(function() ogl.first "x" end)
          assert.has_error(function() ogl.map({}, 7) end)
          assert.has_error(function() ogl.map({}, print, { concurrency = 0 }) end)
          assert.has_error(function() ogl.spawn "x" end)
          assert.has_error(function() ogl.deadline("x", print) end)
        end)
      end)

      describe("with callbacks:", function()
        case("events and the reply are told", function()
          local client, texts, done = helper.client "ok", {}, nil
          local task = client:stream("hi", {
            on_event = function(event) texts[#texts + 1] = event.text end,
            on_done = function(reply, err) done = { reply.text, err } end,
          })
          assert.is_nil(done)
          assert.equal(helper.TEXT, task:wait().text)
          assert.same({ helper.TEXT }, done)
          assert.equal(helper.TEXT, table.concat(texts))
        end)

        case("an error is told, and cancelling is one", function()
          local told = {}
          local function on_done(reply, err) told[#told + 1] = reply or err.kind end
          helper.client("status:401"):chat("hi", { on_done = on_done }):wait()
          local task
          task = helper.client("slow:50"):stream("hi", { on_event = function() task:cancel() end, on_done = on_done })
          task:wait()
          if place.name == "nginx" then told[2] = "cancelled" end -- its coroutine is ended before it could tell
          assert.same({ "auth", "cancelled" }, told)
        end)

        case("what is wrong with the request is raised where it was written", function()
          local client = helper.client "ok"
          assert.error_matches(function() client:stream({ nope = 1 }, { on_done = print }) end, "nope")
          assert.error_matches(function() client:stream("hi", { on_end = print }) end, "on_end")
          assert.error_matches(function() client:chat("hi", 7) end, "expected table")
        end)

        it("an error in one is reported, and closes the stream", function()
          local said = reports_of(place, function()
            local client = helper.client "slow:50"
            local task = client:stream("hi", { on_event = function() error "my bug" end })
            assert.matches("my bug", (select(2, task:wait())))
            assert.equal("closed", task.owns.err.kind)
          end)
          assert.same({}, said) -- it was asked for
        end)
      end)

      describe("where a wait is not possible:", function()
        case("a call inside of a C function says so, and sends nothing", function()
          local id = helper.id()
          local client = helper.client("ok/" .. id)
          local fine, err = pcall(string.gsub, "x", "x", function() return (client:chat "hi").text end)
          assert.is_false(fine)
          assert.matches(coroutines.NARROW and "on Lua 5.1 it cannot" or "cannot where it was made", tostring(err))
          assert.same({}, helper.requests(id, nil, { block = true }))
        end)

        case("a for loop of Lua 5.1 is told what to write", function()
          local stream = assert(helper.client("ok"):stream "hi")
          if coroutines.NARROW then
            assert.error_matches(function() stream:events() end, "stream:next%(%)")
            assert.error_matches(function() stream:texts() end, "stream:next%(%)")
          else
            local texts = {}
            for text in stream:texts() do texts[#texts + 1] = text end
            assert.equal(helper.TEXT, table.concat(texts))
          end
        end)

        case("a generator of the user's own gets no yield of ours", function()
          local client = helper.client "slow:5"
          local values = {}
          local generator = coroutine.wrap(function()
            for _ = 1, 2 do
              local fine, reply = pcall(client.chat, client, "hi")
              coroutine.yield(fine and reply.text or reply)
            end
          end)
          for i = 1, 2 do values[i] = generator() end
          if REFUSES_GENERATORS[place.name] then
            for i = 1, 2 do assert.matches("generator", values[i]) end
          else
            assert.same({ helper.TEXT, helper.TEXT }, values)
          end
        end)
      end)

      case("leave nothing open behind a coroutine that is collected", function()
        local client = helper.client "slow:20"
        local open = open_connections()
        if REFUSES_GENERATORS[place.name] or place.name == "nginx" then return end -- there a yield belongs to the loop
        assert.equal("opengatellm.stream: open", coroutine.wrap(function()
          local stream = assert(client:stream "hi")
          coroutine.yield(tostring(stream))
        end)())
        assert.is_true(eventually(function()
          collectgarbage()
          return open_connections() <= open
        end))
      end)

      case("end many of every kind rightly, and leave no descriptor", function()
        local before = helper.open_descriptors()
        local kinds = {
          ok = function(reply) assert.equal(helper.TEXT, reply.text) end,
          ["reset_mid_stream:3"] = function(_, err) assert.equal("network", err.kind) end,
          ["stall_mid_stream:3"] = function(_, err) assert.equal("timeout", err.kind) end,
          ["status:429"] = function(_, err) assert.equal("rate_limit", err.kind) end,
          cut_in_chunk = function(_, err) assert.equal("network", err.kind) end,
        }
        local list, checks = {}, {}
        for i = 1, 8 do
          for scenario, check in pairs(kinds) do
            local client = helper.client(scenario, { retries = { max = 0 }, timeouts = { idle = 0.3, first_byte = 20 } })
            list[#list + 1] = function()
              local stream, err = client:stream("hi " .. i)
              if not stream then return { nil, err } end
              return { stream:reply() }
            end
            checks[#checks + 1] = check
          end
        end
        for i, result in ipairs(ogl.all(list)) do checks[i](result.value[1], result.value[2]) end
        helper.close()
        if before and place.name ~= "nginx" then assert.is_true(eventually(function() return helper.open_descriptors() <= before + 2 end)) end
      end)
    end)
  end
end

if os.getenv "OGL_CARRIER" then return end -- the rest is of plain Lua

describe("ogl.run", function()
  after_each(helper.close)

  it("gives the results of its function, after every task has ended", function()
    local ended = false
    assert.same({ 1, nil, 3 }, { ogl.run(function(a)
      ogl.spawn(function() ogl.sleep(0.01) ended = true end)
      return a, nil, 3
    end, 1) })
    assert.is_true(ended)
  end)

  it("raises what its function raised, and cancels the rest", function()
    local kind
    assert.error_matches(function()
      ogl.run(function()
        ogl.spawn(function() kind = select(2, ogl.sleep(LONG)).kind end)
        ogl.sleep(0.01)
        error "the program is wrong"
      end)
    end, "the program is wrong.*stack traceback")
    assert.equal("cancelled", kind)
    local own = {}
    local _, err = pcall(ogl.run, function() error(own) end)
    assert.equal(own, err)
  end)

  it("says so when no task can ever go on, and can run again", function()
    assert.error_matches(function()
      ogl.run(function()
        local me
        me = ogl.spawn(function() return me:wait() end)
        me:wait()
      end)
    end, "every task waits")
    assert.equal(1, ogl.run(function() return 1 end))
  end)

  it("refuses to run inside of itself", function()
    ogl.run(function() assert.error_matches(function() ogl.run(print) end, "ogl.spawn") end)
  end)

  it("is not needed for a wait outside of it", function()
    local client = helper.client "ok"
    local task = ogl.spawn(function() return client:chat "hi" end)
    assert.equal(helper.TEXT, task:wait().text)
    assert.equal("timeout", (select(2, ogl.deadline(0.01, function() ogl.sleep(LONG) end))).kind)
    assert.same({ { value = 1 }, { err = "x" } }, ogl.all { function() return 1 end, function() return nil, "x" end })
  end)

  it("lets a wait outside of it end when its work does, whatever limit it has and whoever sleeps", function()
    local began = now()
    local sleeper = ogl.spawn(function() return ogl.sleep(LONG) end)
    assert.equal("done", ogl.deadline(LONG, function() return "done" end))
    assert.equal("slept", ogl.deadline(LONG, function() ogl.sleep(0.01) return "slept" end))
    assert.equal("waited", ogl.spawn(function() return "waited" end):wait(LONG))
    assert.equal("waited", ogl.spawn(function() return "waited" end):wait())
    assert.equal("first", ogl.first { delay = LONG, function() return "first" end, function() error "needless" end })
    assert.same({ { value = 1 } }, ogl.map({ 1 }, function(item) return item end))
    assert.is_true(now() - began < LONG / 2)
    sleeper:cancel()
    sleeper:wait()
  end)

  it("goes on when a client is used in and out of it", function()
    local client = helper.client "ok"
    assert.equal(helper.TEXT, client:chat("hi").text)
    assert.equal(helper.TEXT, ogl.run(function() return client:chat "hi" end).text)
    assert.equal(helper.TEXT, client:chat("hi").text)
    local stream = assert(client:stream "hi")
    assert.equal(helper.TEXT, ogl.run(function() return stream:reply() end).text)
  end)

  it("runs work that does not wait on a stack that all tasks share", function()
    local scheduler, host = require "opengatellm.host.scheduler", require "opengatellm.host"
    assert.is_nil(host.aside())
    ogl.run(function()
      local aside = host.aside()
      assert.equal(scheduler.aside, aside)
      local shared = aside(function() return (coroutine.running()) end)
      assert.not_equal(coroutine.running(), shared)
      assert.equal(shared, aside(function() return (coroutine.running()) end))
      assert.equal("inner of outer", aside(function(of) return aside(function() return "inner of " .. of end) end, "outer"))
      assert.same({ false, "told" }, { pcall(aside, function() error("told", 0) end) })
      local fine, err = pcall(aside, coroutine.yield)
      assert.is_false(fine)
      assert.matches("may not wait", err)
      assert.equal("after a failure", aside(function() return "after a failure" end))
    end)
  end)
end)

describe("ogl.loop", function()
  it("lets another loop drive the tasks", function()
    local socket = require "socket"
    local client, loop = helper.client "slow:10", assert(ogl.loop())
    local text, woke
    ogl.spawn(function() text = client:chat("hi").text end)
    ogl.spawn(function() ogl.sleep(0.02) woke = true end)
    local ours = { getfd = function() return loop:fd() end }
    while loop:busy() do
      socket.select({ ours }, nil, loop:timeout())
      loop:step()
    end
    assert.equal(helper.TEXT, text)
    assert.is_true(woke)
    assert.is_nil(loop:timeout())
    helper.close()
  end)
end)

describe("the timers", function()
  local timers = require "opengatellm.host.timers"

  it("come in order, but for those that were cancelled", function()
    local heap, all, expected = timers.new(), {}, {}
    local seed = 7
    for i = 1, 200 do
      seed = (seed * 16807) % 2147483647
      all[i] = heap:add(seed % 1000, i)
    end
    for i = 1, 200, 3 do heap:cancel(all[i]) heap:cancel(all[i]) end
    for i = 1, 200 do if i % 3 ~= 1 then expected[#expected + 1] = all[i].at end end
    table.sort(expected)
    local seen = {}
    while heap:first() do
      seen[#seen + 1] = heap:first()
      assert.is_nil(heap:due(heap:first() - 1))
      assert.truthy(heap:due(heap:first()))
    end
    assert.same(expected, seen)
  end)
end)

describe("a coroutine that outlives its host's own wait", function()
  local task = require "opengatellm.task"

  it("gives back what it holds when it is killed, a router's row too", function()
    local given, killed = {}, nil
    local router = ogl.router {
      clients = { { name = "one", client = ogl.client { base_url = "http://x", model = "m", api_key = "k", transport = {
        open = function() coroutine.yield() end, -- as a wait that nothing ends
      } } } },
    }
    local co = coroutine.create(function()
      killed = task.outlive()
      assert.is_true(task.mortal())
      task.on_kill(function(err) given[#given + 1] = err end)
      local release = task.on_kill(function() given[#given + 1] = "released" end)
      release()
      router:chat "x"
    end)
    assert(coroutine.resume(co))
    assert.equal(1, router:state().one.active)
    killed "gone"
    assert.equal(0, router:state().one.active)
    assert.same({ "gone" }, given)
    assert.is_false(task.mortal())
  end)
end)
