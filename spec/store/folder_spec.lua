-- A store in files: the contract, what outlives the program, and what a damaged file is worth.
local contract = require "spec.support.store_contract"
local core = require "opengatellm.core"
local folder = require "opengatellm.store.folder"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local system = require "opengatellm.system"

local function new_folder()
  local path = helper.directory() .. "/" .. helper.id()
  assert(os.execute("mkdir " .. path))
  return path
end

local function setup()
  local clock, path = { now = 100 }, new_folder()
  return folder.new(path, { now = function() return clock.now end }), clock, path
end

local function quoted(path) return "'" .. path:gsub("'", "'\\''") .. "'" end

local function lines_of(command)
  local pipe, list = assert(io.popen(command)), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

describe("a store in a folder", function()
  it("keeps the contract of a store", function() contract.check(setup()) end)

  it("is there for the next program, in files that their owner alone may read, and leaves no drafts", function()
    local s, _, path = setup()
    s:set("a", "x")
    s:set("a", "y")
    assert.equal("y", ogl.store.folder(path .. "/"):get "a")
    local files = lines_of("ls -l " .. path .. " | grep ^-")
    assert.equal(1, #files)
    assert.matches("^%-rw%-%-%-%-%-%-%-", files[1])
  end)

  it("has nothing where a file is damaged, whatever was done to it", function()
    local s, _, path = setup()
    local file_path = path .. "/" .. core.sha256 "a"
    s:set("a", "some value")
    local whole = helper.read(file_path)
    local function write(text)
      local file = assert(io.open(file_path, "wb"))
      file:write(text)
      file:close()
    end
    for cut = 0, #whole - 1 do
      write(whole:sub(1, cut))
      assert.is_nil(s:get "a", "cut at " .. cut)
    end
    write(whole:gsub("value", "VALUE"), nil)
    assert.is_nil(s:get "a")
    write(whole)
    assert.equal("some value", s:get "a")
  end)

  it("lets the oldest files go where all take more than they may, and no others of the folder", function()
    local path = new_folder() .. "/it's - \"one\" $HOME"
    assert(os.execute("mkdir " .. quoted(path)))
    local s, value = folder.new(path, { bytes = 3900 }), ("x"):rep(426)
    local function write(name, bytes)
      local file = assert(io.open(path .. "/" .. name, "wb"))
      file:write(bytes)
      file:close()
    end
    write("of a user", ("x"):rep(9000))
    write("abc", ("x"):rep(9000))
    for i = 1, 7 do
      assert.is_true(s:set("k" .. i, value)) -- each is larger than a sixteenth of the bound: each looks
      assert(os.execute(("touch -t 202001010%d00 %s"):format(10 - i, quoted(path .. "/" .. core.sha256("k" .. i)))))
    end
    assert.is_true(s:set("new", value))
    local left = {}
    for i = 1, 7 do left[i] = s:get("k" .. i) and i or 0 end
    assert.same({ 1, 2, 3, 4, 5, 0, 0 }, left) -- 500 bytes each: eight are too much, and six are seven eighths
    assert.equal(value, s:get "new")
    assert.is_true(s:set("huge", ("x"):rep(5000)))
    assert.is_nil(s:get "huge")
    assert.same({ "abc", "of a user" }, lines_of("ls " .. quoted(path)))
  end)

  it("looks at its folder now and then, the more is written the likelier", function()
    local s, _, path = setup()
    local looked, list = 0, system.list
    system.list = function(...)
      looked = looked + 1
      return list(...)
    end
    finally(function() system.list = list end)
    for i = 1, 20 do s:set("k" .. i, "x") end
    assert.equal(0, looked)
    local small = folder.new(path, { bytes = 16 * 1024 })
    for i = 1, 100 do small:set("k" .. i, ("x"):rep(400)) end -- 46 of them look, give or take 5
    assert.is_true(looked > 10 and looked < 90, looked)
    local size = 0
    for _, line in ipairs(lines_of("ls -l " .. path .. " | grep ^-")) do size = size + tonumber(line:match "^%S+%s+%d+%s+%S+%s+%S+%s+(%d+)") end
    assert.is_true(size < 32 * 1024, size)
  end)

  it("says what failed", function()
    local s = folder.new(helper.directory() .. "/none")
    assert.is_nil(s:get "a")
    local fine, err = s:set("a", "x")
    assert.is_nil(fine)
    assert.matches("the folder .*/none: No such file", err)
  end)

  it("wants the path of a folder, and options that there are", function()
    for problem, given in pairs {
      ["expected the path of a folder, got number"] = { 7 }, ["bytes: expected a number above 0, got 0"] = { "/x", { bytes = 0 } },
      ["size: there is no such field"] = { "/x", { size = 1 } }, ["expected table, got number"] = { "/x", 5 },
    } do
      local _, where = pcall(function() local s = ogl.store.folder(given[1], given[2]) return s end)
      assert.matches("folder_spec.lua:%d+: ogl.store.folder: " .. problem, where)
    end
  end)
end)
