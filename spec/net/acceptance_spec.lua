-- The acceptance by the reference material, under the Lua that runs the specs: every recorded exchange of every protocol through the public
-- client, and the cases from public bug reports.
local helper = require "spec.helper"

-- The interpreter that runs this: the lowest index of the command line.
local function interpreter()
  local lowest = 0
  while arg[lowest - 1] do lowest = lowest - 1 end
  return os.getenv "OGL_LUA" or arg[lowest]
end

-- Runs a command; what it printed, and whether it ended well (5.1 does not say by itself).
local function run(command)
  local process = assert(io.popen(("{ %s; } 2>&1; echo \"exit $?\""):format(command)))
  local output = process:read "*a"
  process:close()
  return output, output:match "exit 0\n$" ~= nil
end

-- Runs a program of the reference material with this library.
local function run_lua(program, arguments)
  return run(("LUA_PATH='%s' LUA_CPATH='%s' '%s' %s %s"):format(package.path, package.cpath, interpreter(), program, arguments))
end

describe("the cases from public reports", function()
  it("all agree", function()
    local checker = helper.shared "cases/check.lua"
    if not checker then return pending "the reference material is not here (OGL_SHARED)" end
    local output, well = run_lua(checker, checker:match "^(.*)/")
    assert.is_true(well, output)
    local agreed, all = output:match "(%d+) of (%d+) cases agree"
    assert.equal(all, agreed)
    assert.is_true(tonumber(all) > 0)
  end)
end)

describe("the recorded exchanges", function()
  local expected = helper.shared "fixtures/expected.jsonl"
  local checker, server = helper.shared "acceptance/replay_check.lua", helper.shared "acceptance/replay_server.py"

  local function agree(protocol)
    if not (expected and checker and server) then return pending "the reference material is not here (OGL_SHARED)" end
    if not select(2, run "python3 --version") then return pending "there is no python3" end
    local folder = expected:match "^(.*)/"
    local address = helper.python(("%s %s %s"):format(server, expected, folder))
    local output, well = run_lua(checker, ("%s %s %s"):format(expected, address, protocol))
    assert.is_true(well, output)
    local agreed, all = output:match "(%d+) of (%d+) recorded exchanges agree"
    assert.equal(all, agreed)
    assert.is_true(tonumber(all) > 0)
  end

  for protocol in pairs(require "opengatellm.protocol") do
    it("of " .. protocol .. " all agree with what is expected #slow", function() return agree(protocol) end)
  end
end)
