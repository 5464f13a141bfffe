-- What a machine may be like where the library is built, installed and tested: tools that know no more than POSIX asks of them, Darwin, and
-- a busted that LuaRocks installed.
local helper = require "spec.helper"

local lua = os.getenv "OGL_LUA" or "lua5.4"

-- Runs a command of the shell, without what a make around us has said to makes inside of it: its output, and whether it ended well.
local function run(command)
  local process = assert(io.popen(("unset MAKEFLAGS MFLAGS MAKELEVEL OGL_TIMES RUNNER; { %s; } 2>&1; echo \"exit $?\""):format(command)))
  local output = process:read "*a"
  process:close()
  return output, output:match "exit 0\n$" ~= nil
end

local function program(folder, name, text)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  assert.is_true(select(2, run("chmod 755 " .. path)))
  return path
end

local function new_folder()
  local folder = helper.directory() .. "/" .. helper.id()
  assert.is_true(select(2, run("mkdir -p " .. folder)))
  return folder
end

describe("make install", function()
  it("needs no more of its tools than POSIX says, and what it installs runs", function()
    local tools, root = new_folder(), new_folder()
    program(tools, "install", '#!/bin/sh\nfor a; do case $a in -*D*) echo "install: no option -D"; exit 1 ;; esac; done\nexec /usr/bin/install "$@"\n')
    program(tools, "sed", '#!/bin/sh\nfor a; do case $a in -*i*) echo "sed: no option -i"; exit 1 ;; esac; done\nexec /bin/sed "$@"\n')
    local output, well = run(("PATH=%s:$PATH make --no-print-directory install DESTDIR=%s PREFIX=/usr LUA=%s"):format(tools, root, lua))
    assert.is_true(well, output)
    local version = _VERSION:match "[%d.]+"
    output, well = run(("LUA_PATH='%s/usr/share/lua/%s/?.lua;%s/usr/share/lua/%s/?/init.lua;;' LUA_CPATH='%s/usr/lib/lua/%s/?.so;;' %s/usr/bin/ogl --version")
      :format(root, version, root, version, root, version, root))
    assert.is_true(well, output)
    assert.equal("ogl " .. require "opengatellm.version" .. "\n", (output:gsub("exit 0\n", "")))
    assert.equal("#!/usr/bin/env " .. lua, helper.read(root .. "/usr/bin/ogl"):match "[^\n]+")
  end)
end)

describe("a module", function()
  local function link_commands(system)
    local output, well = run(("make --no-print-directory -n modules UNAME=%s LUA=%s BUILD=%s"):format(system, lua, new_folder()))
    assert.is_true(well, output)
    local found = {}
    for line in output:gmatch "[^\n]+" do found[#found + 1] = line:find("-o [^ ]+%.so") and line or nil end
    assert.equal(3, #found)
    return found
  end

  it("is a bundle on Darwin, and a shared object elsewhere", function()
    for _, line in ipairs(link_commands "Darwin") do
      assert.truthy(line:find(" -bundle -undefined dynamic_lookup ", 1, true), line)
      assert.is_nil(line:find(" -shared ", 1, true), line)
    end
    for _, line in ipairs(link_commands "FreeBSD") do assert.truthy(line:find(" -shared ", 1, true), line) end
  end)
end)

describe("tests/spec.sh", function()
  local function spec(busted, path) return run(("BUSTED=%s sh tests/spec.sh %s %s"):format(busted, lua, path)) end

  it("runs the program behind the script of LuaRocks, with the wanted Lua and the modules of its tree", function()
    local tree = new_folder()
    run(("mkdir -p %s/share/lua/%s"):format(tree, _VERSION:match "[%d.]+"))
    program(tree, "share/lua/" .. _VERSION:match "[%d.]+" .. "/of_the_tree.lua", "return _VERSION")
    run(("mkdir -p %s/rocks/busted/bin"):format(tree))
    local behind = program(tree, "rocks/busted/bin/busted", "require 'busted.runner'({ standalone = false })\n")
    local script = program(tree, "busted", ([[
#!/bin/sh

exec '/nowhere/lua' -e 'package.path="%s/share/lua/5.3/?.lua;"..package.path' -e 'local k,l,_=pcall(require,"luarocks.loader")' '%s' "$@"
]]):format(tree, behind))
    local path = program(tree, "some_spec.lua", ('it("is", function() assert.equal("%s", require "of_the_tree") end)\n'):format(_VERSION))
    local output, well = spec(script, path)
    assert.is_true(well, output)
    assert.truthy(output:find("1 passed, 0 failed, 0 skipped", 1, true), output)
  end)

  it("says what to install where there is no busted, and counts that as a failure", function()
    local output, well = spec("/nowhere/busted", "spec/version_spec.lua")
    assert.is_false(well)
    assert.truthy(output:find("luarocks install busted", 1, true), output)
    assert.truthy(output:find("\n0 passed, 1 failed, 0 skipped\n", 1, true), output)
  end)

  it("fails where a file of those that it is given is not there, and where a process ends without a tally", function()
    local folder = new_folder()
    local output, well = spec("busted", "spec/of_nothing_spec.lua")
    assert.is_false(well)
    assert.truthy(output:find("0 passed, 1 failed, 0 skipped", 1, true), output)
    for i = 1, 3 do program(folder, i .. "_spec.lua", i == 2 and "os.exit(0)" or "it('is', function() end)") end
    output, well = run(("GROUP=1 sh tests/spec.sh %s %s"):format(lua, folder))
    assert.is_false(well)
    assert.truthy(output:find("2 passed, 1 failed, 0 skipped", 1, true), output)
  end)
end)
