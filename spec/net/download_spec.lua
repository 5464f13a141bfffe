-- Downloads as they come over the wire: into a file, never whole in memory, told while they come.
local helper = require "spec.helper"

local MIB = 1024 * 1024

-- The address of an answer of so many MiB, which is never whole in this process.
local function address_of(mib)
  local address = helper.raw(("HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: %d\r\n\r\n"):format(mib * MIB))
  local file = assert(io.open(helper.directory() .. "/" .. address:match "[^/]+$", "ab"))
  for i = 1, mib do assert(file:write(string.char(i):rep(MIB))) end
  file:close()
  return address
end

describe("a download", function()
  after_each(helper.close)

  it("of 96 MiB goes into a file, keeps the process small and is told on the way", function()
    local size, path = 96 * MIB, helper.directory() .. "/" .. helper.id()
    local client = helper.client_of(address_of(96), { provider = "openai_compatible", limits = { body = MIB } })
    collectgarbage()
    collectgarbage()
    local before, reports, last, total = helper.memory() or 0, 0, 0, nil
    local most = before
    local result = assert(client:speech {
      input = "a", voice = "b", path = path, on_progress = function(done, whole)
        assert.is_true(done >= last)
        reports, last, total = reports + 1, done, whole
        most = math.max(most, helper.memory() or 0)
      end,
    })
    assert.same({ path = path, mime = "audio/mpeg", length = size }, result)
    assert.same({ size, size }, { last, total })
    assert.is_true(reports > 1)
    -- what the collector leaves for a while is in it: as much again as it holds
    assert.is_true(most - before < 48 * MIB + collectgarbage "count" * 1024)
    local file = assert(io.open(path, "rb"))
    assert.equal(size, file:seek "end")
    file:close()
    os.remove(path)
  end)

  it("into memory is bounded by limits.body", function()
    local client = helper.client_of(helper.body("audio/mpeg", ("x"):rep(2 * MIB)), { provider = "openai_compatible", limits = { body = MIB } })
    local result, err = client:speech { input = "a", voice = "b" }
    assert.is_nil(result)
    assert.equal("limit", err.kind)
  end)

  it("of lines is read as it is asked for", function()
    local batch = '{"status":"completed","output_file_id":"o"}'
    local client = helper.client_of(helper.body("application/json", batch), { provider = "openai_compatible" })
    local results = assert(client.batches:results "b")
    for line in results do assert.same({ status = "completed", output_file_id = "o" }, line) end -- the server has one answer for all
  end)
end)
