-- Settings: which files count, what each may set, and how an example is written.
local helper = require "spec.helper"
local json = require "opengatellm.json"
local settings = require "opengatellm.cli.settings"
local system = require "opengatellm.system"

-- Loads the settings of the current folder, and tells what came of it.
local PROGRAM = [[
  local settings, json = require "opengatellm.cli.settings", require "opengatellm.json"
  local rules = {
    settings = { fields = { timeout_seconds = { type = "number" }, verbose = { type = "boolean" } } },
    providers = { each = { fields = { base_url = { type = "text", own = true }, model = { type = "text" } } } },
    levels = { items = { type = "integer" } },
  }
  local values, paths = settings.load { names = { "one", "two" }, rules = rules, path = arg[1] }
  print(json.encode { values = values, paths = values and json.array(paths), problem = not values and paths or nil })
]]

describe("settings", function()
  local home, own, project, program

  -- The files of a test: path below the home -> text.
  local function write(files)
    for path, text in pairs(files) do
      local file = assert(io.open(home .. "/" .. path, "w"))
      assert(file:write(text))
      assert(file:close())
    end
  end

  local function load(path, variables)
    local command = ("cd %s && env -u HOME %s %s %s %s"):format(project, variables or "XDG_CONFIG_HOME=" .. home, os.getenv "OGL_LUA", program, path or "")
    local pipe = assert(io.popen(command))
    local text = pipe:read "*a"
    pipe:close()
    return assert(json.decode(text))
  end

  before_each(function()
    home = helper.directory() .. "/" .. helper.id()
    project, own, program = home .. "/project", home .. "/opengatellm", helper.write(PROGRAM)
    for _, path in ipairs { home, project, own } do assert(system.make_private(path)) end
  end)

  it("are empty where there is no file, and no folder of the user's", function()
    assert.same({ values = {}, paths = json.array {} }, load())
    assert.same({ values = {}, paths = json.array {} }, load(nil, "LANG=C"))
  end)

  it("come from the first file of the names", function()
    write { ["project/two.lua"] = "return { levels = { 2 } }" }
    assert.same({ values = { levels = { 2 } }, paths = { "two.lua" } }, load())
    write { ["project/one.lua"] = "return { levels = { 1 } }" }
    assert.same({ values = { levels = { 1 } }, paths = { "one.lua" } }, load())
  end)

  it("of a project lie over those of the user", function()
    write {
      ["opengatellm/one.lua"] = "return { levels = { 1, 2, 3 }, providers = { x = { base_url = 'http://x', model = 'a' } }, settings = { verbose = true } }",
      ["project/one.lua"] = "return { levels = { 4 }, providers = { x = { model = 'b' } }, settings = { timeout_seconds = 2 } }",
    }
    assert.same({
      values = { levels = { 4 }, providers = { x = { base_url = "http://x", model = "b" } }, settings = { verbose = true, timeout_seconds = 2 } },
      paths = { own .. "/one.lua", "one.lua" },
    }, load())
  end)

  it("of a project are refused what belongs to the user, and say where that is", function()
    write { ["project/two.lua"] = "return {\n providers = { x = { base_url = 'http://evil' } } }" }
    local told = "two.lua:2: providers.x.base_url: addresses, proxies, headers, keys and commands are not taken from a file in the current folder; this belongs into "
    assert.equal(told .. own .. "/one.lua, or a file that -c names", load().problem)
    assert.equal(told .. "~/.config/opengatellm/one.lua, or a file that -c names", load(nil, "LANG=C").problem)
    assert.equal(told .. "/h/.config/opengatellm/one.lua, or a file that -c names", load(nil, "XDG_CONFIG_HOME=relative HOME=/h").problem)
    assert.equal("http://evil", load("two.lua").values.providers.x.base_url)
  end)

  it("of the user are the user's in that folder too", function()
    write { ["opengatellm/one.lua"] = "return { providers = { x = { base_url = 'http://x' } } }" }
    project = own
    assert.equal("http://x", load().values.providers.x.base_url)
  end)

  it("of a file that -c names are read alone", function()
    write { ["project/one.lua"] = "return 5", ["three.lua"] = "return { levels = { 3 } }" }
    assert.same({ values = { levels = { 3 } }, paths = { "../three.lua" } }, load "../three.lua")
    assert.equal("nothing.lua: it cannot be read: No such file or directory", load("nothing.lua").problem)
  end)

  it("in TOML name the Lua file to write", function()
    write { ["project/two.toml"] = "" }
    assert.equal("two.toml: ogl reads no TOML; write two.lua instead (`config` makes an example)", load().problem)
    assert.equal("two.toml: ogl reads no TOML; write two.lua instead (`config` makes an example)", load("two.toml").problem)
    write { ["project/one.lua"] = "return {}" }
    assert.same({}, load().values)
    write { ["opengatellm/one.toml"] = "" }
    assert.equal(own .. "/one.toml: ogl reads no TOML; write " .. own .. "/one.lua instead (`config` makes an example)", load().problem)
  end)

  it("do not wait for a pipe of that name", function()
    assert.truthy(os.execute("mkfifo " .. project .. "/one.lua"))
    assert.same({}, load().values)
  end)

  it("are written for their owner alone, and never over a file", function()
    local path = project .. "/one.lua"
    assert.is_true(settings.write(path, "return {}"))
    local pipe = assert(io.popen("ls -l " .. path))
    assert.matches("^%-rw%-%-%-%-%-%-%-", pipe:read "*a")
    pipe:close()
    assert.same({ nil, path .. ": File exists" }, { settings.write(path, "return { levels = {} }") })
    assert.equal("return {}", helper.read(path))
    assert.same({ nil, "/nowhere/x.lua: No such file or directory" }, { settings.write("/nowhere/x.lua", "") })
  end)
end)
