-- SIGINT while a plain program waits: each program here is a process of its own, which signals itself.
local helper = require "spec.helper"

local lua = os.getenv "OGL_LUA" or "lua5.4"

local HEAD = [[
local ogl = require "opengatellm"
local interrupts = assert(ogl.interrupts())
local pid = io.open("/proc/self/stat"):read "*n"
local function interrupt(after) io.popen(("(sleep %s; kill -INT %d) >/dev/null 2>&1 &"):format(after, pid)):close() end
local function tell(value, err) print(value, err and err.kind, err and err.code) end
local client = ogl.client { provider = "openai_compatible", base_url = os.getenv "SERVER", api_key = "k", model = "m" }
]]

-- What a program prints, line by line. It has so long for waits of a minute and more.
local function lines(source, scenario)
  local command = ("SERVER=%s/%s timeout 30 %s %s 2>&1"):format(helper.fault(), scenario or "ok", lua, helper.write(HEAD .. source))
  local pipe, list = assert(io.popen(command)), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local here = io.open "/proc/self/stat"
if not here then return pending "interrupts: the programs of this spec find their number in /proc" end
here:close()

describe("ogl.interrupts", function()
  it("has SIGINT end a sleep, and every wait until it is reset", function()
    assert.same({ "nil\tcancelled\tinterrupted", "nil\tcancelled\tinterrupted", "nil\tcancelled\tinterrupted", "true\tnil\tnil" }, lines [[
      interrupt(0.1)
      tell(ogl.sleep(60))
      tell(ogl.sleep(60))
      tell(client:chat "x")
      interrupts:reset()
      tell(ogl.sleep(0.01))
    ]])
  end)

  it("ends a stream with the text that came", function()
    assert.same({ "true\ttrue", "cancelled\tinterrupted\ttrue", "true" }, lines([[
      local stream = assert(client:stream "x")
      local text = stream:next()
      print(text ~= nil, interrupts:seen() == false)
      interrupt(0)
      local reply, err = stream:reply()
      print(err.kind, err.code, #err.partial.text > 0)
      interrupts:reset()
      print(client:stream "x" ~= nil)
    ]], "stall_mid_stream:3"))
  end)

  it("ends a call before its answer, and the waits between tries", function()
    assert.same({ "nil\tcancelled\tinterrupted" }, lines('interrupt(0.1) tell(client:chat "x")', "stall_head"))
    local said = lines('interrupt(0.1) local reply, err = client:with { retries = { max = 5, max_wait = 600 } }:chat "x" print(interrupts:seen())', "status:503")
    assert.same({ "true" }, said)
  end)

  it("wakes every task of a loop, once", function()
    assert.same({ "nil\tcancelled\tinterrupted", "nil\tcancelled\tinterrupted", "nil\tcancelled\tinterrupted", "over" }, lines([[
      ogl.run(function()
        local tasks = { ogl.spawn(ogl.sleep, 60), ogl.spawn(function() return client:chat "x" end) }
        ogl.spawn(function() interrupt(0.1) end)
        tell(ogl.sleep(60))
        interrupts:reset()
        for _, task in ipairs(tasks) do tell(task:wait()) end
      end)
      print "over"
    ]], "stall_head"))
  end)

  it("is over with its close", function()
    assert.same({ "true" }, lines [[
      interrupts:close()
      interrupt(0.1)
      print(not pcall(function() while true do ogl.sleep(0.01) end end))
    ]])
  end)
end)
