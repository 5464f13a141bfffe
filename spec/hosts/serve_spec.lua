-- `ogl serve` with the nginx of this machine, run by the Lua of this spec.
local helper = require "spec.helper"
local nginx = require "spec.support.nginx"
local system = require "opengatellm.system"

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function new_folder()
  local path = helper.directory() .. "/" .. helper.id()
  assert.is_true(system.make_private(path))
  return path
end

-- The command line, with a home of its own.
local function command_of(home, arguments, variables)
  return ("env -u XDG_RUNTIME_DIR -u XDG_STATE_HOME -u RUNTIME_DIRECTORY -u OGL_URL HOME=%s OGL_TOKEN=sk-secret-word %s %s bin/ogl serve %s")
    :format(home, variables or "", os.getenv "OGL_LUA" or "lua5.4", arguments)
end

-- Runs it to its end: what it says, and its exit status.
local function run(arguments, variables)
  local said = output_of("timeout 30 " .. command_of(new_folder(), arguments, variables) .. " 2>&1; echo status $?")
  return said:gsub("status %d+\n$", ""), tonumber(said:match "status (%d+)\n$")
end

local function stop(server)
  os.execute("kill -QUIT " .. server.pid .. " 2>/dev/null")
  if server.pipe then server.pipe:close() end -- waits for its end
  server.pipe = nil
end

-- Starts it; { pid, home, log = its standard error }.
local function start(arguments, variables)
  local home = new_folder()
  local log = home .. "/log"
  local pipe = assert(io.popen(("exec 2>%s; echo $$; exec %s"):format(log, command_of(home, arguments, variables))))
  local server = { pid = pipe:read "*l", home = home, log = log, pipe = pipe }
  finally(function() stop(server) end)
  return server
end

local ANSWER = '{"version":"0.32.15"}'

local function answers(server, curl, answer)
  local fine = helper.eventually(function() return output_of("curl -s -m 5 " .. curl) == (answer or ANSWER) end)
  assert.is_true(fine, helper.read(server.log))
end

local function mode(path) return output_of("ls -ld " .. path):match "^[^%s.+]+" end

-- ASan's library, which its run loads before every program, stops the programs that these cases start.
local runs = nginx.is_here() and not os.getenv "LD_PRELOAD"
local case = runs and it or function(name) pending(name .. ": no nginx with its Lua module, no modules for LuaJIT, or ASan") end

describe("ogl serve", function()
  case("becomes nginx, which serves what the folder of its user says, with no key in it, and reloads it", function()
    local port = helper.free_port()
    local server = start(("--listen 127.0.0.1:%d --url http://127.0.0.1:1"):format(port))
    local url = ("http://127.0.0.1:%d/api/version"):format(port)
    answers(server, url)
    local folder = ("%s/.local/state/ogl/serve-127.0.0.1-%d"):format(server.home, port)
    assert.equal("drwx------", mode(folder))
    assert.equal(server.pid, (helper.read(folder .. "/nginx.pid"):gsub("%s+$", "")))
    assert.equal("", output_of("grep -r sk-secret-word " .. folder))
    os.execute("kill -HUP " .. server.pid)
    answers(server, url)
    local said, status = run(("--listen %d -u http://127.0.0.1:1"):format(port))
    assert.equal(2, status)
    assert.matches(("^ogl: 127.0.0.1:%d: Address already in use"):format(port), said)
    if output_of "command -v ss" ~= "" then assert.matches("by nginx %(process %d+%)", said) end
  end)

  case("lets the pages read that OLLAMA_ORIGINS names, and no others", function()
    local port = helper.free_port()
    local server = start(("--listen %d --url http://127.0.0.1:1"):format(port), "OLLAMA_ORIGINS=https://one.example")
    local curl = "-H 'Origin: https://%s.example' http://127.0.0.1:%d/api/version"
    answers(server, curl:format("one", port))
    answers(server, curl:format("two", port), '{"error":"this origin is not allowed"}')
  end)

  case("listens at a socket that its user alone may use, again after an end that left it behind", function()
    local folder = new_folder()
    for _ = 1, 2 do
      local server = start(("--listen unix:%s/socket -u http://127.0.0.1:1"):format(folder))
      answers(server, ("--unix-socket %s/socket http://localhost/api/version"):format(folder))
      assert.equal("srw-------", mode(folder .. "/socket"))
      stop(server)
    end
  end)

  case("takes the user's configuration, and says where it is wrong", function()
    local path, port = helper.write "local x = \n\nreturn", helper.free_port()
    local said, status = run(("--config %s --check"):format(path))
    assert.equal(2, status)
    assert.matches("^ogl: .*" .. path:match "[^/]+$" .. ":3: [^\n]+\n$", said)
    for wrong, told in pairs {
      ["return { routes = { { client = ogl.client { base_url = 'http://x' }, modle = 'x' } } }"] = ": routes[1].modle: there is no such field",
      ["ogl.store.shared 'other'"] = ":1: ogl.store.shared: there is no zone 'other'", ["ogl.client { base_url = 'http://x', model = 'm' }:chat 'x'"] = ": expected it",
    } do
      path = helper.write("local ogl = require 'opengatellm' " .. wrong)
      said, status = run(("--config %s --check"):format(path))
      assert.equal(2, status)
      assert.truthy(said:find("ogl: " .. path .. told, 1, true), said)
    end
    said = run(("--config %s --check"):format(helper.write "os.exit(3)"))
    assert.equal("ogl: nginx read the configuration and ended with the status 3, without a word\n", said)
    path = helper.write "return { routes = { { client = require 'opengatellm'.client { provider = 'openai', api_key = os.getenv 'OGL_TOKEN' } } } }"
    said, status = run(("--config %s --check"):format(path))
    assert.same({ ("ogl: %s is fine\n"):format(path), 0 }, { said, status })
    answers(start(("--config %s --listen %d"):format(path, port)), ("http://127.0.0.1:%d/api/version"):format(port))
  end)

  case("goes on with the old configuration where the new one is wrong, and takes it once it is right", function()
    local path, port = helper.write "", helper.free_port()
    local function configure(more)
      local file = assert(io.open(path, "w"))
      file:write("local ogl = require 'opengatellm'\nreturn { routes = { { client = ogl.client { base_url = 'http://127.0.0.1:1' } } }, " .. more .. " }")
      file:close()
    end
    configure "version = '1.1', limits = { body = 1000 }"
    local server = start(("--config %s --listen %d"):format(path, port))
    local url = ("http://127.0.0.1:%d/api/version"):format(port)
    answers(server, url, '{"version":"1.1"}')
    answers(server, ("-X POST -d %s http://127.0.0.1:%d/api/chat"):format(("x"):rep(1001), port), '{"error":"the body is longer than 1000 bytes"}')
    configure "version = 'two'"
    os.execute("kill -HUP " .. server.pid)
    local told = helper.eventually(function() return helper.read(server.log):find(path .. ": version: expected digits and dots", 1, true) ~= nil end)
    assert.is_true(told, helper.read(server.log))
    answers(server, url, '{"version":"1.1"}')
    configure "version = '1.2'"
    os.execute("kill -HUP " .. server.pid)
    answers(server, url, '{"version":"1.2"}')
  end)

  it("says in one line what is wrong with what it was given", function()
    for arguments, problem in pairs {
      ["--listen 99999"] = "--listen 99999: expected an address and a port", ["--listen unix:x"] = "expected an address and a port",
      ["--nginx /nowhere"] = "/nowhere: there is no such program",
    } do
      local said, status = run("--url http://127.0.0.1:1 " .. arguments)
      assert.equal(2, status)
      assert.matches("^ogl: [^\n]+\n$", said)
      assert.truthy(said:find(problem, 1, true), said)
    end
  end)

  case("says what to set where there is no server, and no configuration of that name", function()
    assert.matches("^ogl: no server: set OGL_URL", (run "--check"))
    assert.equal("ogl: /nowhere.lua: there is no such file\n", (run "--config /nowhere.lua"))
  end)
end)
