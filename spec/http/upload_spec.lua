local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local upload = require "opengatellm.http.upload"

local function read_all(file)
  local reader, pieces = assert(file.open()), {}
  local bytes, err = reader.read()
  while bytes do
    pieces[#pieces + 1] = bytes
    bytes, err = reader.read()
  end
  reader.close()
  return table.concat(pieces), err
end

local function counting(pieces)
  local at = 0
  return function()
    at = at + 1
    return pieces[at]
  end
end

describe("a source", function()
  it("has the type that its name says where its first bytes say none", function()
    for name, mime in pairs {
      ["a.png"] = "image/png", ["a.JPG"] = "image/jpeg", ["a.jpeg"] = "image/jpeg", ["a.webp"] = "image/webp", ["a.gif"] = "image/gif",
      ["a.mp4"] = "video/mp4", ["a.opus"] = "audio/ogg", ["a.oga"] = "audio/ogg", ["a.mpga"] = "audio/mpeg", ["a.aac"] = "audio/aac",
      ["a.b.jsonl"] = "application/jsonl", ["a.mp3"] = "audio/mpeg", ["a"] = "application/octet-stream", ["png"] = "application/octet-stream",
    } do
      assert.equal(mime, assert(upload.new { data = "x", name = name }).mime)
      assert.equal(mime, assert(upload.new { read = counting { "x" }, name = name }).mime)
    end
    assert.equal("image/png", assert(upload.new { data = "\137PNG\r\n\26\n", name = "a.gif" }).mime)
  end)

  it("is a path, bytes or a function", function()
    local path = helper.write "ID3 music"
    for _, case in ipairs {
      { path, "ID3 music", "audio/mpeg", path:match "[^/]+$", 9 },
      { { path = path, name = "b.wav", mime = "audio/wav" }, "ID3 music", "audio/wav", "b.wav", 9 },
      { { data = "hello", name = "a.txt" }, "hello", "text/plain", "a.txt", 5 },
      { { data = "" }, "", "application/octet-stream", "file", 0 },
      { { read = counting { "a", "b" }, name = "n.md" }, "ab", "text/markdown", "n.md", nil },
      { { read = counting { "a", "b" }, length = 2 }, "ab", "application/octet-stream", "file", 2 },
    } do
      assert.is_nil(upload.problem(case[1]))
      local file = assert(upload.new(case[1]))
      assert.same({ case[3], case[4], case[5] }, { file.mime, file.name, file.length })
      local text, err = read_all(file)
      assert.is_nil(err)
      assert.equal(case[2], text)
    end
  end)

  it("has exactly one place, and no other field", function()
    for _, case in ipairs {
      { {}, "exactly one of path, data and read" }, { { path = "a", data = "b" }, "exactly one of path, data and read" },
      { { url = "http://x" }, "takes a file here, not an address" }, { { path = 1 }, "path: expected string, got number" },
      { { data = "x", nam = "y" }, "no field 'nam'" }, { { data = "x", name = "a\r\nb" }, "name: it holds a line end" },
    } do
      assert.matches(case[2], upload.problem(case[1]))
    end
  end)

  it("fails at once where the file is missing, a folder, or too large", function()
    local function refusal(...)
      local file, err = upload.new(...)
      assert.is_nil(file)
      assert.equal("file", err.kind)
      return err.message
    end
    assert.matches("^/nowhere/x: No such file", refusal "/nowhere/x")
    assert.matches("directory", refusal(helper.directory()))
    local path = helper.write "0123456789"
    assert.matches("it has 10 bytes, more than the 9", refusal(path, 9))
    assert.matches("it has 3 bytes, more than the 2", refusal({ data = "abc" }, 2))
    assert(upload.new(path, 10))
  end)

  it("tells of a file that changes while it is sent", function()
    local path = helper.write(("x"):rep(100000))
    local file = assert(upload.new(path))
    local reader = assert(file.open())
    assert(reader.read())
    local short = assert(io.open(path, "wb"))
    short:close()
    local bytes, err
    repeat bytes, err = reader.read() until not bytes
    assert.matches("it became shorter", err.message)
    local longer = assert(io.open(path, "wb"))
    longer:write(("y"):rep(200000))
    longer:close()
    assert.equal(100000, #(read_all(file))) -- as long as was announced
  end)

  it("tells of a function that gives other than it promised", function()
    local function err_of(source, max)
      local _, err = read_all(assert(upload.new(source, max)))
      assert.equal("file", err.kind)
      return err.message
    end
    assert.matches("does not have the 3 bytes", err_of { read = counting { "ab" }, length = 3 })
    assert.matches("does not have the 1 bytes", err_of { read = counting { "ab" }, length = 1 })
    assert.matches("larger than the limit of 3 bytes", err_of({ read = counting { "ab", "cd" } }, 3))
    assert.matches("returned a number", err_of { read = counting { 5 } })
    assert.matches("could not be read: no more tape", err_of { read = function() return nil, "no more tape" end })
    local mine = errors.new { kind = "cancelled", message = "mine" }
    local _, err = read_all(assert(upload.new { read = function() return nil, mine end }))
    assert.equal(mine, err)
  end)
end)
