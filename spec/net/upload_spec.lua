-- Uploads as they go over the wire: from the disk and never whole in memory, told while they go, and not sent twice.
local helper = require "spec.helper"

local MIB = 1024 * 1024

describe("an upload", function()
  after_each(helper.close)

  -- A file of so many MiB, each of them another byte, written in pieces.
  local function large_file(mib)
    local path = helper.write ""
    local file = assert(io.open(path, "wb"))
    for i = 1, mib do file:write(string.char(i % 256):rep(MIB)) end
    file:close()
    return path
  end

  -- tests/server/README.md: every 97th byte counts
  local function checksum(mib, before, after)
    local sum, position = 0, 0
    local function add(byte) sum = (sum * 31 + byte) % 4294967296 end
    local total = #before + mib * MIB + #after
    while position < total do
      if position < #before then add(before:byte(position + 1))
      elseif position >= #before + mib * MIB then add(after:byte(position - #before - mib * MIB + 1))
      else add((math.floor((position - #before) / MIB) + 1) % 256) end
      position = position + 97
    end
    return ("%08x"):format(sum)
  end

  local function create(scenario, file, options)
    local client = helper.client(scenario, options)
    return client, function(more)
      local all = { file = file, collection_id = 7 }
      for name, value in pairs(more or {}) do all[name] = value end
      return client.documents:create(all)
    end
  end

  it("of 200 MiB keeps the process small, and arrives whole", function()
    local path, before = large_file(200), helper.memory()
    local most, reports, last, total = before or 0, 0, 0, nil
    local _, send = create("sink", path, { limits = { upload = 2 ^ 40 } })
    local answer = assert(send {
      on_progress = function(sent, whole)
        assert.is_true(sent >= last)
        reports, last, total = reports + 1, sent, whole
        most = math.max(most, helper.memory() or 0)
      end,
    })
    os.remove(path)
    assert.is_true(answer.size > 200 * MIB)
    local boundary = answer.headers["content-type"]:match "boundary=(.*)$"
    local head = answer.first:match("^.-filename=.-\r\n\r\n")
    local tail = "\r\n--" .. boundary .. "--\r\n"
    assert.equal(answer.size, #head + 200 * MIB + #tail)
    assert.equal(checksum(200, head, tail), answer.checksum)
    assert.is_true(reports > 1)
    assert.same({ answer.size, answer.size }, { last, total })
    if before then assert.is_true(most - before < 16 * MIB, ("%.1f MiB more"):format((most - before) / MIB)) end
  end)

  it("of a function goes in pieces, with or without a length", function()
    for _, length in ipairs { false, 300000 } do
      local left = 3
      local function read()
        left = left - 1
        return left >= 0 and ("x"):rep(100000) or nil
      end
      local _, send = create("sink", { read = read, length = length or nil, name = "a.txt" })
      local answer = assert(send())
      assert.is_true(answer.size > 300000)
      assert.equal(length and tostring(answer.size) or nil, answer.headers["content-length"])
      assert.truthy(answer.first:find('name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nxxx', 1, true))
      assert.truthy(answer.first:find('name="collection_id"\r\n\r\n7\r\n', 1, true)) -- fields before files
    end
  end)

  it("that breaks off is an error, and is not sent again", function()
    local file = { data = ("x"):rep(4 * MIB), name = "a.mp3" }
    for _, send in ipairs {
      function(client) return client.documents:create { file = file } end,
      function(client) return client:transcribe { file = file } end,
    } do
      local id = helper.id()
      local result, err = send(helper.client("cut_upload:100000:" .. id, { retries = { max = 2 }, version = "0.8" }))
      assert.is_nil(result)
      assert.equal("network", err.kind)
      assert.equal(1, #helper.requests(id))
    end
  end)

  it("that is refused before it was sent is the server's error", function()
    local _, send = create("early_413", { data = ("x"):rep(4 * MIB) }, { retries = { max = 2 } })
    local document, err = send()
    assert.is_nil(document)
    assert.same({ 413, "http", "file_too_large" }, { err.status, err.kind, err.code })
  end)

  it("is read again where the server was too busy to take it", function()
    local id = helper.id()
    local client = helper.client("storm:2:429:0:" .. id, { retries = { max = 3 }, host = helper.simulated_host() })
    local path = helper.write "hello"
    client.documents:create { file = path } -- what it gives at last is not the point
    local sent = helper.requests(id)
    assert.equal(3, #sent)
    for _, request in ipairs(sent) do assert.truthy(request.body:find("\r\n\r\nhello\r\n--", 1, true)) end
  end)

  it("of a function is not tried again once the function was asked", function()
    local id, asked = helper.id(), 0
    local client = helper.client("storm:2:429:0:" .. id, { retries = { max = 3 }, host = helper.simulated_host() })
    local document, err = client.documents:create { file = { read = function()
      asked = asked + 1
      return asked == 1 and "hello" or nil
    end } }
    assert.is_nil(document)
    assert.equal("rate_limit", err.kind)
    assert.equal(1, #helper.requests(id))
  end)

  it("that cannot be read is an error of the file, before a connection or in the middle", function()
    local client = helper.client "sink"
    local before = helper.stats().requests
    for _, file in ipairs { "/nowhere/a.pdf", helper.directory(), { data = ("x"):rep(21 * MIB) } } do
      local document, err = client.documents:create { file = file }
      assert.is_nil(document)
      assert.equal("file", err.kind)
    end
    assert.equal(before, helper.stats().requests)
    local _, err = client.documents:create { file = { length = 10, read = function() return nil, "tape torn" end } }
    assert.same({ "file", "file: it could not be read: tape torn" }, { err.kind, err.message })
  end)
end)

describe("a download", function()
  after_each(helper.close)

  it("tells how far it is", function()
    local done = 0
    local models = assert(helper.client("ok"):models { on_progress = function(received) done = received end })
    assert.is_true(#models > 0 and done > 100)
  end)
end)
