-- What the module opengatellm.system asks of the system; what would change this process is asked of a child.
local helper = require "spec.helper"
local system = require "opengatellm.system"

local lua = os.getenv "OGL_LUA" or "lua5.4"

local function lines_of(command)
  local pipe, list = assert(io.popen(command)), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

-- The lines that a program of Lua prints; `before` goes before the interpreter, `behind` behind its program.
local function lines(source, before, behind)
  return lines_of(("%s timeout 20 %s %s %s 2>&1"):format(before or "", lua, helper.write('local system = require "opengatellm.system"\n' .. source), behind or ""))
end

-- Runs a program of Lua in a terminal; types `keys` into it once it has printed "ready". All that it prints.
local function in_terminal(source, keys)
  local path = helper.write('local system = require "opengatellm.system"\n' .. source)
  return (helper.in_terminal(lua .. " " .. path, "ready", keys):gsub("\n$", ""))
end

local function new_folder()
  local path = helper.directory() .. "/" .. helper.id()
  assert.is_true(system.make_private(path))
  return path
end

describe("a terminal", function()
  it("is told from what is none", function()
    local fd = assert(system.listen("127.0.0.1", 0))
    assert.is_false(system.isatty(fd))
    local columns, problem, number = system.size(fd)
    assert.same({ nil, "string", "number" }, { columns, type(problem), type(number) })
    assert.is_nil((system.raw(fd)))
    assert.is_false(system.isatty(9999))
    assert.matches("true\n100\t30", in_terminal("print 'ready' io.read '*l' print(system.isatty(0)) print(system.size(1))", "\r"))
  end)

  it("gives each key at once and unseen in raw mode, Ctrl-C too, and is as before when that is closed", function()
    local said = in_terminal([[
      local function mode() return io.popen("stty -g </dev/tty"):read "*l" end
      local before = mode()
      local raw = assert(system.raw(0))
      print "ready"
      print(io.read(1):byte(), io.read(1):byte(), io.read(1):byte())
      print(mode() == before, raw:restore(), mode() == before, raw:restore())
      raw:close()
    ]], "a\3\r")
    assert.equal("ready\n97\t3\t13\nfalse\ttrue\ttrue\ttrue", said)
  end)

  it("is as before when the collector has taken the handle, or the program ends without it", function()
    local before = [[
      local function mode() return io.popen("stty -g </dev/tty"):read "*l" end
      if arg[1] then return print(mode()) end
      local first = mode()
      assert(system.raw(0))
    ]]
    assert.equal("false\ttrue", in_terminal(before .. [[
      io.write(tostring(mode() == first), "\t")
      collectgarbage() collectgarbage()
      print(mode() == first)
    ]]))
    local ends = helper.write 'local system = require "opengatellm.system" kept = system.raw(0) os.exit(0)'
    assert.equal("true", in_terminal(([[
      local function mode() return io.popen("stty -g </dev/tty"):read "*l" end
      local first = mode()
      os.execute("%s %s")
      print(mode() == first)
    ]]):format(lua, ends)))
  end)
end)

describe("interrupts", function()
  it("make SIGINT a flag that ends waits, and the handler before comes back", function()
    assert.same({
      "false", "true", "true", "false", "true", "true\tfalse", "two", "true\tfalse", "false\ttrue",
    }, lines [[
      local pid = io.open("/proc/self/stat"):read "*n"
      local function interrupt(after) io.popen(("(sleep %s; kill -INT %d) >/dev/null 2>&1 &"):format(after, pid)):close() end
      if jit then jit.off() end -- a compiled loop does not look for signals
      local flag = system.interrupts()
      print(flag:seen())
      interrupt(0)
      print(flag:wait(60))
      print(flag:seen())
      flag:reset()
      print(flag:seen())
      interrupt(0.2)
      local found, curl = pcall(require, "opengatellm.curl")
      print(not found or curl.sleep(60) == false)
      print(flag:seen(), system.interrupts():seen())
      flag:close()
      collectgarbage() collectgarbage()
      print "two"
      local second = system.interrupts()
      interrupt(0.1)
      print(second:wait(60), flag:seen())
      second:close()
      interrupt(0.1)
      print(pcall(function() for _ = 1, 1e12 do end end), true)
    ]])
  end)

  it("wait for their time where none comes", function()
    assert.same({ "false\tfalse" }, lines "local f = system.interrupts() print(f:wait(0.01), f:wait(-1))")
  end)
end)

describe("a responder", function()
  local socket = require "socket"

  local function connected(server)
    local connection = assert(socket.connect("127.0.0.1", server:port()))
    connection:settimeout(20)
    finally(function() connection:close() end)
    return connection
  end

  it("gives every request the same answer once it is whole, on one connection after the other and beside it", function()
    local server = assert(system.responder({ "one,", "two,", "three" }, 0))
    local first, second = connected(server), connected(server)
    first:send "POST / HTTP/1.1\r\nhost: x\r\nContent-LENGTH: 5\r\n\r\nab" -- three bytes are missing
    second:send "GET / HTTP/1.1\r\n\r\n"
    assert.equal("one,two,three", second:receive(13))
    first:send "cde"
    assert.equal("one,two,three", first:receive(13))
    for size = 0, 40000, 20000 do
      first:send(("POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s"):format(size, ("x"):rep(size)))
      assert.equal("one,two,three", first:receive(13))
    end
    server:close()
    server:close()
    assert.is_nil((socket.connect("127.0.0.1", server:port())))
  end)

  it("sends no piece before its time", function()
    local server = assert(system.responder({ "a", "b", "c" }, 0.02))
    local connection = connected(server)
    local began = socket.gettime()
    connection:send "GET / HTTP/1.1\r\n\r\n"
    assert.equal("abc", connection:receive(3))
    assert.is_true(socket.gettime() - began >= 0.04)
    server:close()
  end)

  it("ends a connection whose head has no end", function()
    local server = assert(system.responder({ "a" }, 0))
    local connection = connected(server)
    connection:send(("x"):rep(20000))
    local got, why = connection:receive(1)
    assert.is_nil(got)
    assert.truthy(why == "closed" or why:find "reset", why)
    server:close()
  end)

  it("ends with the program that started it, whatever ended that", function()
    local said = lines [[
      kept = assert(system.responder({ "a" }, 0))
      print(kept:port())
      io.stdout:flush()
      os.execute("kill -9 " .. io.open("/proc/self/stat"):read "*n")
    ]]
    local port = assert(tonumber(said[1]))
    assert.is_true(helper.eventually(function() return socket.connect("127.0.0.1", port) == nil end))
  end)

  it("wants texts, and a gap", function()
    for problem, given in pairs {
      ["table expected"] = { nil, 0 }, ["expected a list of texts"] = { {}, 0 }, ["expected seconds from 0"] = { { "a" }, -1 },
      ["number expected"] = { { "a" } },
    } do
      local fine, said = pcall(system.responder, given[1], given[2])
      assert.is_false(fine)
      assert.matches(problem, said)
    end
    assert.is_false((pcall(system.responder, { "a", 1 }, 0)))
  end)
end)

describe("exec", function()
  it("runs another program, with the variables of this one but for the changes", function()
    assert.same({ "first", "one two\t3\tnone\tkept" }, lines([[
      io.write "first\n"
      print(system.exec("/bin/sh", { "sh", "-c", 'printf "%s\t%s\t%s\t%s\n" "$1" "$A" "${B-none}" "$C"', "sh", "one two" }, { A = "3", B = false }))
    ]], "A=1 B=2 C=kept"))
  end)

  it("says what failed, and goes on", function()
    local found, problem, number = system.exec("/nowhere/program", { "program" })
    assert.is_nil(found)
    assert.matches("No such file", problem)
    assert.equal(2, number)
  end)

  it("wants texts", function()
    for problem, given in pairs {
      ["string expected, got nil"] = {}, ["table expected"] = { "/x" }, ["expected a list that begins"] = { "/x", {} },
      ["string expected, got number"] = { "/x", { "x", 1 } }, ["a text with a NUL"] = { "/x\0y", { "x" } },
      ["no name of a variable"] = { "/x", { "x" }, { ["A=B"] = "1" } }, ["string expected, got boolean"] = { "/x", { "x" }, { A = true } },
      ["string expected, got table"] = { "/x", { "x" }, { A = {} } },
    } do
      local fine, said = pcall(system.exec, given[1], given[2], given[3])
      assert.is_false(fine)
      assert.matches(problem, said)
    end
  end)
end)

it("the environment has every variable", function()
  assert.equal(os.getenv "PATH", system.environment().PATH)
  assert.is_nil(system.environment().NO_SUCH_VARIABLE)
end)

it("a program that outlives pipes is told that nobody reads", function()
  local program = helper.write [[
    require "opengatellm.system".outlive_pipes()
    io.stdout:setvbuf "no"
    local fine, problem
    repeat fine, problem = io.write "x" until not fine
    io.stderr:write(problem, "\n")
  ]]
  assert.same({ "Broken pipe" }, lines_of(("{ timeout 20 %s %s | true; } 2>&1"):format(lua, program)))
end)

describe("a folder", function()
  it("is listed by name, with what each name stands for", function()
    local path = new_folder()
    assert.same({}, system.list(path))
    assert.is_true(system.write_private(path .. "/b.lua", "four"))
    assert.is_true(system.make_private(path .. "/a"))
    for _, command in ipairs { "ln -s b.lua %s/c", "ln -s nowhere %s/d", "mkfifo %s/e", "touch -t 202001010000 %s/b.lua" } do
      os.execute(command:format(path))
    end
    local found, modified = {}, nil
    for _, entry in ipairs(assert(system.list(path))) do
      found[#found + 1] = entry.name .. " " .. entry.kind
      if entry.name == "b.lua" then
        assert.equal(4, entry.size)
        modified = entry.modified
      end
    end
    assert.same({ "a folder", "b.lua file", "c file", "d link", "e other" }, found)
    assert.equal(os.time { year = 2020, month = 1, day = 1, hour = 0 }, modified)
  end)

  it("may hold many files", function()
    local path = new_folder()
    for i = 1, 100 do system.write_private(path .. ("/%03d"):format(i % 100), "") end
    local list = system.list(path)
    assert.equal(100, #list)
    for i, entry in ipairs(list) do assert.equal(("%03d"):format(i - 1), entry.name) end
  end)

  it("that is none gives what failed", function()
    local list, problem, number = system.list "/nowhere"
    assert.is_nil(list)
    assert.matches("No such file", problem)
    assert.equal(2, number)
    assert.is_false(pcall(system.list, nil))
    assert.is_false(pcall(system.list, "/tmp\0/x"))
  end)
end)

describe("what is private", function()
  local function mode(path) return lines_of("ls -ld " .. path)[1]:match "^[^%s.+]+" end

  it("is a file that its owner alone may read, and none where there is one", function()
    local path = new_folder() .. "/file"
    assert.is_true(system.write_private(path, "a\0b"))
    assert.equal("a\0b", helper.read(path))
    assert.equal("-rw-------", mode(path))
    local fine, problem, number = system.write_private(path, "other")
    assert.same({ nil, "number" }, { fine, type(number) })
    assert.matches("exists", problem)
    assert.equal("a\0b", helper.read(path))
    assert.is_nil((system.write_private(path .. "/none/x", "")))
  end)

  it("is a folder of the same kind, which may be there, but not where others could have laid something into it", function()
    local path = new_folder()
    assert.equal("drwx------", mode(path))
    assert.is_true(system.make_private(path))
    os.execute("chmod 750 " .. path)
    assert.matches("not permitted", (select(2, system.make_private(path))))
    os.execute(("chmod 700 %s; ln -s %s %s.link"):format(path, path, path))
    assert.matches("exists", (select(2, system.make_private(path .. ".link"))))
    assert.matches("No such file", (select(2, system.make_private(path .. "/a/b"))))
  end)

  it("is a socket, which replaces one that nobody listens at any more and nothing else", function()
    local path = new_folder() .. "/socket"
    assert.same({ "number" }, lines(("print(type(system.listen_private %q))"):format(path)))
    assert.equal("srw-------", mode(path))
    local fd = assert(system.listen_private(path))
    assert.equal("number", type(fd))
    assert.matches("in use", (select(2, system.listen_private(path))))
    assert.is_true(system.write_private(path .. ".file", ""))
    assert.matches("in use", (select(2, system.listen_private(path .. ".file"))))
    assert.matches("too long", (select(2, system.listen_private(("x"):rep(200)))))
  end)
end)

describe("listen", function()
  it("takes a port of a numeric address, once", function()
    local port = helper.free_port()
    assert.equal("number", type(system.listen("127.0.0.1", port)))
    local fd, problem = system.listen("127.0.0.1", port)
    assert.is_nil(fd)
    assert.matches("in use", problem)
    assert.matches("Invalid", (select(2, system.listen("localhost", port))))
    for _, wrong in ipairs { -1, 65536, 1.5 } do assert.is_false(pcall(system.listen, "127.0.0.1", wrong)) end
  end)
end)

it("no method takes another self, and no descriptor is what is no number", function()
  local flag = system.interrupts()
  finally(function() flag:close() end)
  for _, self in ipairs { 1, {}, io.stdout, setmetatable({}, getmetatable(flag)) } do
    for _, name in ipairs { "seen", "reset", "wait", "close" } do assert.is_false(pcall(flag[name], self, 0)) end
  end
  flag:close()
  assert.is_false(flag:seen())
  assert.is_false(pcall(flag.wait, flag, 0))
  for _, name in ipairs { "isatty", "size", "raw" } do
    for _, fd in ipairs { -1, 0.5, 2 ^ 40, 0 / 0, "x", {} } do assert.is_false(pcall(system[name], fd)) end
    assert.is_false(pcall(system[name]))
  end
end)
