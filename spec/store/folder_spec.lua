-- A store in files: the contract, what outlives the program, and what a damaged file is worth.
local core = require "opengatellm.core"
local folder = require "opengatellm.store.folder"
local helper = require "spec.helper"
local ogl = require "opengatellm"

local function new_folder()
  local path = helper.directory() .. "/" .. helper.id()
  assert(os.execute("mkdir " .. path))
  return path
end

local function setup()
  local clock, path = { now = 100 }, new_folder()
  return folder.new(path, 1, function() return clock.now end), clock, path
end

local function lines_of(command)
  local pipe, list = assert(io.popen(command)), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

describe("a store in a folder", function()
  it("gets, sets, adds, counts and deletes", function()
    local s, clock = setup()
    assert.is_nil(s:get "a")
    assert.is_true(s:set("a", "x\0y\n", 10))
    assert.equal("x\0y\n", s:get "a")
    assert.is_false(s:add("a", "y", 10))
    clock.now = 110
    assert.is_nil(s:get "a")
    assert.is_true(s:add("a", "y"))
    assert.equal("y", s:get "a")
    assert.equal(2, s:incr("n", 2, 5))
    clock.now = 112
    assert.equal(3, s:incr("n", 1, 5))
    clock.now = 115 -- the time is that of the first
    assert.equal(1, s:incr("n", 1, 5))
    s:set("f", 0.1)
    assert.equal(0.1, s:get "f")
    assert.is_nil((s:incr("a", 1)))
    assert.is_true(s:delete "n")
    assert.is_true(s:delete "n")
    assert.is_nil(s:get "n")
  end)

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

  it("says what failed", function()
    local s = folder.new(helper.directory() .. "/none")
    assert.is_nil(s:get "a")
    local fine, err = s:set("a", "x")
    assert.is_nil(fine)
    assert.matches("the folder .*/none: No such file", err)
  end)

  it("wants the path of a folder", function()
    local _, where = pcall(function() local s = ogl.store.folder(7) return s end)
    assert.matches("folder_spec.lua:%d+: ogl.store.folder: expected the path of a folder, got number", where)
  end)
end)
