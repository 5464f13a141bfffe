-- Answers that are bytes: as a string, in a file, to a function; and answers of lines.
local download = require "opengatellm.http.download"
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local BROKEN = errors.new { kind = "network", message = "the connection broke", retryable = true }

local function client_of(answer, options)
  local transport = replay.new(answer)
  local all = { base_url = "http://server", api_key = helper.KEY, transport = transport, retries = { max = 0 }, host = helper.simulated_host() }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), transport
end

-- Answers in turn, the last for ever. An error is an item of a body, and each try needs its own list.
local function turns(...)
  local answers = { ... }
  return function(_, n) return answers[math.min(n, #answers)] end
end

local function wire() return { method = "GET", path = "/x", options = {}, repeatable = "always" } end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

local function name() return helper.directory() .. "/" .. helper.id() end

local AUDIO = { headers = { ["content-type"] = "audio/mpeg; q=1" }, body = { "ID3", "abc", "def" } }

describe("bytes", function()
  it("are a string where they are sent nowhere else", function()
    local c, transport = client_of(AUDIO)
    assert.same({ data = "ID3abcdef", mime = "audio/mpeg", length = 9 }, assert(download.fetch(c, wire(), {})))
    local headers = {}
    for _, row in ipairs(transport.requests[1].headers) do headers[row[1]] = row[2] end
    assert.equal("*/*", headers.accept)
    assert.is_falsy(transport.requests[1].stream)
  end)

  it("have the type that the server says, else that of their front", function()
    for _, case in ipairs { -- content-type, body, type
      { "audio/wav", "ID3", "audio/wav" }, { nil, "ID3", "audio/mpeg" }, { "application/octet-stream", "ID3", "audio/mpeg" },
      { "application/octet-stream", "x", "application/octet-stream" }, { nil, "", "application/octet-stream" },
      { nil, { "\137PN", "G\r\n\26\nrest" }, "image/png" },
    } do
      for _, target in ipairs { {}, { path = name() }, { write = function() end } } do
        local c = client_of { headers = { ["content-type"] = case[1] }, body = case[2] }
        assert.equal(case[3], assert(download.fetch(c, wire(), target)).mime)
      end
    end
  end)

  it("go into a file, which is there when it is whole", function()
    local path, c, transport = name(), client_of(AUDIO)
    assert.same({ path = path, mime = "audio/mpeg", length = 9 }, assert(download.fetch(c, wire(), { path = path })))
    assert.equal("ID3abcdef", read(path))
    assert.is_nil(read(path .. ".part"))
    assert.same({ true, nil, 1 }, { transport.requests[1].stream, transport.requests[1].max_body, transport.closed })
  end)

  it("go to a function, piece by piece", function()
    local pieces, c = {}, client_of(AUDIO)
    local result = assert(download.fetch(c, wire(), { write = function(bytes) pieces[#pieces + 1] = bytes end }))
    assert.same({ mime = "audio/mpeg", length = 9 }, result)
    assert.same({ "ID3", "abc", "def" }, pieces)
  end)

  it("end where the function wants no more", function()
    for _, case in ipairs { { "enough", "cancelled", "enough" }, { nil, "cancelled", "the function that takes the bytes wants no more" }, { BROKEN, "network", BROKEN.message } } do
      local count, c, transport = 0, client_of(AUDIO)
      local result, err = download.fetch(c, wire(), {
        write = function()
          count = count + 1
          if count == 2 then return false, case[1] end
        end,
      })
      assert.same({ nil, case[2], case[3], 2, 1 }, { result, err.kind, err.message, count, transport.closed })
    end
  end)

  it("that break off leave no file, and what was there as it was", function()
    local path = helper.write "before"
    local c = client_of { body = { "ab", BROKEN } }
    local result, err = download.fetch(c, wire(), { path = path })
    assert.same({ nil, "network", "before", nil }, { result, err.kind, read(path), read(path .. ".part") })
  end)

  it("that break off are asked for again, from the beginning into a file", function()
    local path = name()
    local c, transport = client_of(turns({ body = { "ab", BROKEN } }, AUDIO), { retries = { max = 1 } })
    assert(download.fetch(c, wire(), { path = path }))
    assert.same({ "ID3abcdef", 2, 2 }, { read(path), #transport.requests, transport.closed })
  end)

  it("are not asked for again by a function that has got some", function()
    local text = ""
    local function write(bytes) text = text .. bytes end
    local c, transport = client_of(turns({ body = { BROKEN } }, AUDIO), { retries = { max = 1 } })
    assert(download.fetch(c, wire(), { write = write }))
    assert.same({ "ID3abcdef", 2 }, { text, #transport.requests })
    c, transport = client_of(turns({ body = { "ab", BROKEN } }, AUDIO), { retries = { max = 1 } })
    local result, err = download.fetch(c, wire(), { write = write })
    assert.same({ nil, "network", 1 }, { result, err.kind, #transport.requests })
  end)

  it("cannot go where no file can be", function()
    local c, transport = client_of(AUDIO)
    local result, err = download.fetch(c, wire(), { path = "/nowhere/at/all" })
    assert.same({ nil, "file", 0 }, { result, err.kind, #transport.requests })
    assert.matches("^/nowhere/at/all.part: ", err.message)
    result, err = download.fetch(c, wire(), { path = helper.directory() }) -- a folder stands there
    assert.same({ nil, "file", nil }, { result, err.kind, read(helper.directory() .. ".part") })
  end)

  it("are an error where the server says no", function()
    local c = client_of { status = 404, body = '{"error":{"message":"gone"}}' }
    for _, target in ipairs { {}, { path = name() }, { write = function() error "nothing is to be written" end } } do
      local result, err = download.fetch(c, wire(), target)
      assert.same({ nil, 404, "gone" }, { result, err.status, err.message })
      if target.path then assert.is_nil(read(target.path)) end
    end
  end)
end)

describe("lines", function()
  local function all(lines)
    local found = {}
    for line in lines do found[#found + 1] = line end
    return found
  end

  it("are the same, however the bytes are cut", function()
    local TEXT = 'a\n\nlonger line\r\n{"x":1}\nlast'
    for chunk = 1, #TEXT do
      local c, transport = client_of { body = TEXT, chunk = chunk }
      assert.same({ "a", "", "longer line", '{"x":1}', "last" }, all(download.lines(c, wire())))
      assert.equal(1, transport.closed)
    end
    assert.same({}, all(download.lines(client_of { body = "" }, wire())))
    assert.same({ "a" }, all(download.lines(client_of { body = "a\n" }, wire())))
  end)

  it("are asked for when the first is", function()
    local c, transport = client_of { body = "a\nb\n" }
    local lines = download.lines(c, wire())
    assert.equal(0, #transport.requests)
    assert.equal("a", lines())
    lines:close()
    assert.same({ nil, 1 }, { lines(), transport.closed })
    lines:close()
  end)

  it("raise what goes wrong", function()
    for _, answer in ipairs { { status = 404, body = "no" }, { body = { "a\nb", BROKEN } }, { err = BROKEN } } do
      local c, transport = client_of(answer)
      local fine, err = pcall(all, download.lines(c, wire()))
      assert.same({ false, true, transport.opened }, { fine, errors.is(err), transport.closed })
    end
  end)

  it("have a longest", function()
    local c = client_of({ body = ("x"):rep(5000) .. "\n", chunk = 100 }, { limits = { reply = 1000 } })
    local fine, err = pcall(all, download.lines(c, wire()))
    assert.same({ false, "limit" }, { fine, err.kind })
    assert.same({ ("x"):rep(900) }, all(download.lines(client_of({ body = ("x"):rep(900) .. "\n" }, { limits = { reply = 1000 } }), wire())))
  end)
end)
