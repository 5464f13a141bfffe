-- What commands write: colours where they belong, and failures that are told.
local helper = require "spec.helper"
local ogl_command = require "spec.support.ogl_command"
local output = require "opengatellm.cli.output"

-- What a shell prints whose command has a program's in the place of %s.
local function run(source, command)
  local program = ("%s %s"):format(os.getenv "OGL_LUA", helper.write('local output = require "opengatellm.cli.output" ' .. source))
  local pipe = assert(io.popen((command or "%s 2>&1"):format(program)))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local PAINTS = 'io.write(output.painter(1)("x", "red"), output.painter(1)("y", "green"), output.painter(1)("z", "yellow"))'
local COLOURED = "\27[31mx\27[0m\27[32my\27[0m\27[33mz\27[0m"

describe("colours", function()
  it("are on a terminal alone, and not with NO_COLOR", function()
    assert.equal("xyz", run(PAINTS))
    if not os.execute "command -v script >/dev/null" then return pending "there is no script(1), which makes terminals" end
    assert.equal(COLOURED, run(PAINTS, "env -u NO_COLOR script -qec '%s' /dev/null </dev/null"))
    assert.equal(COLOURED, run(PAINTS, "NO_COLOR= script -qec '%s' /dev/null </dev/null"))
    assert.equal("xyz", run(PAINTS, "NO_COLOR=1 script -qec '%s' /dev/null </dev/null"))
  end)
end)

describe("what is written", function()
  it("is on standard output at once", function() assert.equal("ab", run 'output.say "a" io.stderr:write "b"') end)

  it("fails aloud where the disk is full", function()
    assert.equal("standard output: No space left on device", run('io.stderr:write((select(2, output.say "x")))', "%s 2>&1 >/dev/full"))
  end)

  it("fails aloud where nobody reads", function()
    assert.equal("standard output: Broken pipe", run('io.stderr:write((select(2, output.say "x")))', "trap '' PIPE; " .. ogl_command.unread "%s"))
  end)

  it("fails aloud each time, also in code that LuaJIT compiles", function()
    local source = 'local failed = 0 for _ = 1, 500 do failed = failed + (output.say "x" and 0 or 1) end io.stderr:write(failed)'
    assert.equal("500", run(source, "%s 2>&1 >/dev/full"))
  end)

  it("is a file, in place of one that is there", function()
    local path = helper.write "something longer"
    assert.is_true(output.save(path, "short"))
    assert.equal("short", helper.read(path))
    assert.same({ nil, "/nowhere/x: No such file or directory" }, { output.save("/nowhere/x", "") })
    assert.same({ nil, "/dev/full: No space left on device" }, { output.save("/dev/full", "x") })
  end)
end)
