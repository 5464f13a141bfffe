-- Files of the Gemini API over the wire: sent in two steps, waited for, and sent before the request that they are too large for.
local helper = require "spec.helper"
local ogl = require "opengatellm"

local LARGE = 20 * 1000 * 1000 -- bytes

-- A client of the scripted Gemini API; `more` is what follows the id in the scenario.
local function client(more, options)
  local id = helper.id()
  local all = { provider = "gemini", model = "gemini-2.5-flash", host = helper.simulated_host(), retries = { max = 0 } }
  for name, value in pairs(options or {}) do all[name] = value end
  return helper.client("files:" .. id .. (more and ":" .. more or ""), all), id, all.host
end

-- A file of so many bytes, most of them holes.
local function large_file(name, size)
  local path = helper.directory() .. "/" .. helper.id() .. "-" .. name
  local file = assert(io.open(path, "wb"))
  assert(file:seek("set", size - 1))
  assert(file:write "x")
  file:close()
  return path
end

-- What was asked, as "METHOD /route?query", without the scenario.
local function routes(id)
  local list = {}
  for i, request in ipairs(helper.requests(id)) do list[i] = request.method .. " " .. request.target:gsub("^/[^/]*", "") end
  return list
end

local CHAT = "POST /v1beta/models/gemini-2.5-flash:generateContent"
local START, BYTES = "POST /upload/v1beta/files", "POST /upload/v1beta/files?upload_id=1&upload_protocol=resumable"

-- The provider with less room in a request: so that bytes in memory, which later specs measure, are few.
local function narrow(bytes)
  local provider = {}
  for name, value in pairs(require "opengatellm.providers".find "gemini") do provider[name] = value end
  provider.attachments = { inline = bytes, by = provider.attachments.by }
  return { provider = provider }
end

local function question(part) return { messages = { ogl.user("What is this?", part) } } end

describe("a part that is too large for a request to the Gemini API", function()
  after_each(helper.close)

  it("is uploaded first, from the disk, and named in the request", function()
    local c, id = client()
    local path = large_file("film.mp4", LARGE)
    local reply = assert(c:chat(question(ogl.file { path = path })))
    assert.matches("^http://[^\n]*/v1beta/files/" .. id .. "%-1 video/mp4$", reply.text)
    assert.same({ START, BYTES, CHAT }, routes(id))
    local sent = helper.requests(id)
    local first, second = sent[1].headers, sent[2].headers
    assert.same({ "resumable", "start", tostring(LARGE), "video/mp4" }, {
      first["x-goog-upload-protocol"], first["x-goog-upload-command"], first["x-goog-upload-header-content-length"],
      first["x-goog-upload-header-content-type"],
    })
    assert.same({ file = { display_name = path:match "[^/]+$" } }, helper.decode(sent[1].body))
    assert.same({ "0", "upload, finalize", tostring(LARGE), LARGE }, {
      second["x-goog-upload-offset"], second["x-goog-upload-command"], second["content-length"], sent[2].body_size,
    })
    assert.is_true(sent[3].body_size < 1000)
    assert.equal(1, #reply.warnings)
    assert.same({ "uploaded", "messages" }, { reply.warnings[1].code, reply.warnings[1].field })
    assert.matches("film.mp4 %(20000000 bytes%).*files/" .. id .. "%-1", reply.warnings[1].message)
  end)

  it("has no key in any address, and sends it in its header at each step", function()
    local c, id = client "PA:key" -- with a key of the server's in the address of the bytes
    assert(c:chat(question(ogl.file { path = large_file("film.mp4", LARGE) })))
    local sent = helper.requests(id)
    assert.equal(4, #sent)
    for _, request in ipairs(sent) do
      assert.equal(helper.KEY, request.headers["x-goog-api-key"])
      assert.is_nil(request.target:find "key=" or request.target:find "leaked")
      assert.is_nil(request.target:find(helper.KEY, 1, true))
    end
  end)

  it("may be bytes in memory, and goes with a stream too", function()
    local c, id = client(nil, narrow(1000))
    local stream = assert(c:stream(question(ogl.image { data = "\137PNG\r\n\26\n" .. ("x"):rep(2000) })))
    local reply = assert(stream:reply())
    assert.matches("%-1 image/png$", reply.text)
    assert.equal("uploaded", reply.warnings[1].code)
    assert.equal(2008, helper.requests(id)[2].body_size)
  end)

  it("is uploaded once for all turns", function()
    local c, id = client()
    local messages = { ogl.user("What is this?", ogl.file { path = large_file("film.mp4", LARGE) }) }
    local first = assert(c:chat { messages = messages })
    messages[2], messages[3] = first, ogl.user "And now?"
    local second = assert(c:chat { messages = messages, strict = true })
    assert.equal(first.text, second.text)
    assert.same({}, second.warnings)
    assert.same({ START, BYTES, CHAT, CHAT }, routes(id))
    assert.equal("table", type(messages[1].content)) -- the user's own messages are as they were
    assert.truthy(messages[1].content[2].path)
  end)

  it("is uploaded again where it has become another, or its time is over", function()
    local c, id = client()
    local path = large_file("film.mp4", LARGE)
    local asked = question(ogl.file { path = path })
    assert(c:chat(asked))
    assert(io.open(path, "ab")):close()
    assert(c:chat(asked))
    assert.equal(4, #helper.requests(id))
    local file = assert(io.open(path, "ab"))
    file:write "more"
    file:close()
    assert.matches("%-2 video/mp4$", assert(c:chat(asked)).text)
    assert.equal(7, #helper.requests(id))
    local time = os.time
    finally(function() os.time = time end) -- luacheck: ignore
    os.time = function() return time() + 48 * 3600 end -- luacheck: ignore
    assert.matches("%-3 video/mp4$", assert(c:chat(asked)).text)
  end)

  it("is uploaded again where its file was deleted", function()
    local c, id = client()
    local asked = question(ogl.file { path = large_file("film.mp4", LARGE) })
    assert(c:chat(asked))
    assert(c.files:delete(id .. "-1"))
    assert.matches("%-2 video/mp4$", assert(c:chat(asked)).text)
  end)

  it("goes while small ones stay", function()
    local c, id = client()
    local small, large = ogl.file { path = helper.write "%PDF-1.7" }, ogl.file { path = large_file("film.mp4", LARGE) }
    local reply = assert(c:chat { messages = { ogl.user("These?", small, large, ogl.image { data = "GIF89a" }) } })
    assert.matches("^inline application/pdf\nhttp[^\n]*%-1 video/mp4\ninline image/gif$", reply.text)
    assert.equal(3, #routes(id))
  end)

  it("may be one of several that are too large together", function()
    local c, id = client(nil, narrow(19000))
    local parts = {}
    for i, size in ipairs { 6, 7, 5 } do parts[i] = ogl.file { path = large_file(size .. ".pdf", size * 1000) } end
    local reply = assert(c:chat { messages = { ogl.user(parts[1], parts[2], parts[3]) } })
    assert.matches("^inline [^\n]*\nhttp[^\n]*%-1 application/pdf\ninline [^\n]*$", reply.text)
    assert.equal(3, #routes(id))
  end)

  it("is counted by its name as well", function()
    local c, id = client()
    local asked = question(ogl.file { path = large_file("film.mp4", LARGE) })
    local count = assert(c:count_tokens(asked))
    assert.same({ 7, "uploaded" }, { count.input_tokens, count.warnings[1].code })
    assert(c:chat(asked))
    assert.same({ START, BYTES, "POST /v1beta/models/gemini-2.5-flash:countTokens", CHAT }, routes(id))
  end)

  it("is waited for while the server works on it", function()
    local c, id, host = client "PPPA"
    local reply = assert(c:chat(question(ogl.file { path = large_file("film.mp4", LARGE) })))
    assert.matches("%-1 video/mp4$", reply.text)
    local get = "GET /v1beta/files/" .. id .. "-1"
    assert.same({ START, BYTES, get, get, get, CHAT }, routes(id))
    assert.same({ 0.5, 1, 2 }, host.waits)
  end)

  it("is not waited for longer than the timeouts say, and the next call goes on waiting", function()
    local c, id = client "PPPPPPA"
    local asked = question(ogl.file { path = large_file("film.mp4", LARGE) })
    asked.timeouts = { total = 5 }
    local reply, err = c:chat(asked)
    assert.is_nil(reply)
    assert.same({ "timeout", "not_active", id .. "-1", "gemini" }, { err.kind, err.code, err.partial.id, err.provider })
    assert.matches("film.mp4 was sent, .*after 5 s", err.message)
    asked.timeouts = { total = 60 }
    assert(c:chat(asked))
    assert.equal(START, routes(id)[1])
    local starts = 0
    for _, route in ipairs(routes(id)) do starts = starts + (route == START and 1 or 0) end
    assert.equal(1, starts)
  end)

  it("that the server cannot process is an error that says so", function()
    local c, id = client "PF"
    local asked = question(ogl.file { path = large_file("film.mp4", LARGE) })
    local reply, err = c:chat(asked)
    assert.is_nil(reply)
    assert.same({ "provider", "file_failed", "gemini" }, { err.kind, err.code, err.provider })
    assert.matches("could not process the file .*film.mp4: no film at all", err.message)
    assert.equal(3, #routes(id))
    assert.equal("file_failed", select(2, c:chat(asked)).code) -- it is sent anew, not named again
    assert.equal(5, #routes(id))
  end)

  it("is not sent to another host than the client's", function()
    for _, flaw in ipairs { "other_host", "other_port" } do
      local c, id = client("A:" .. flaw)
      local reply, err = c:chat(question(ogl.file { path = large_file("film.mp4", LARGE) }))
      assert.is_nil(reply)
      assert.same({ "protocol", "upload_host" }, { err.kind, err.code })
      assert.matches("on another host: http://[%w.]+:%d+ instead of http://127.0.0.1:%d+", err.message)
      assert.is_false(helper.mentions(err, "upload_id"))
      assert.same({ START }, routes(id))
    end
    local c, id = client "A:no_address"
    local err = select(2, c:chat(question(ogl.file { path = large_file("film.mp4", LARGE) })))
    assert.equal("protocol", err.kind)
    assert.matches("did not say where", err.message)
    assert.same({ START }, routes(id))
  end)

  it("that is refused fails the call with the server's error", function()
    local c, id = client "A:refuse"
    local reply, err = c:chat(question(ogl.file { path = large_file("film.mp4", LARGE) }))
    assert.is_nil(reply)
    assert.same({ "auth", 401, "gemini" }, { err.kind, err.status, err.provider })
    assert.matches("invalid authentication credentials", err.message)
    assert.same({ START }, routes(id))
  end)

  it("is sent again where the server was too busy to take it", function()
    local c, id, host = client("A:busy", { retries = { max = 1 } })
    assert(c:chat(question(ogl.file { path = large_file("film.mp4", LARGE) })))
    assert.same({ START, BYTES, BYTES, CHAT }, routes(id))
    assert.equal(1, #host.waits)
  end)

  it("is not sent where the request is wrong anyway", function()
    local c, id = client()
    local part = ogl.file { path = large_file("film.mp4", LARGE) }
    local asked = question(part)
    asked.user = "me"
    asked.strict = true
    assert.equal("unsupported", select(2, c:chat(asked)).kind)
    local _, err = c:chat { messages = { ogl.user(part, ogl.file { path = "/nowhere.pdf" }) } }
    assert.equal("file", err.kind)
    assert.same({}, routes(id))
  end)

  it("may have no more than two gigabytes, or what limits.upload says", function()
    local c, id = client()
    local _, err = c:chat(question(ogl.file { path = large_file("film.mp4", 2 ^ 31 + 1) }))
    assert.equal("file", err.kind)
    assert.matches("2147483648", err.message)
    c = client(nil, { limits = { upload = 1000 } })
    assert.equal("file", select(2, c:chat(question(ogl.file { path = large_file("film.mp4", LARGE) }))).kind)
    assert.same({}, routes(id))
  end)

  it("is shown by a preview, and not sent", function()
    local c, id = client()
    local asked = question(ogl.file { path = large_file("film.mp4", LARGE) })
    local data = helper.decode(assert(c:preview(asked)).body).contents[1].parts[2].fileData
    assert.matches("^%(%w+%-film.mp4, 20000000 bytes: uploaded before this is sent%)$", data.fileUri)
    assert.equal("video/mp4", data.mimeType)
    assert.same({}, routes(id))
    local reply = assert(c:chat(asked))
    data = helper.decode(assert(c:preview(asked)).body).contents[1].parts[2].fileData
    assert.equal(reply.text, data.fileUri .. " video/mp4") -- what was sent before has its name
    assert.equal(3, #routes(id))
  end)

  it("keeps the process small", function()
    local c = client()
    local path = large_file("film.mp4", 200 * 1024 * 1024)
    collectgarbage()
    local before = helper.memory()
    assert(c:chat(question(ogl.file { path = path })))
    if before then
      local more = helper.memory() - before
      assert.is_true(more < 50 * 1024 * 1024, ("%.1f MiB more"):format(more / 1024 / 1024))
    end
  end)
end)

describe("client.files of the Gemini API", function()
  after_each(helper.close)

  it("creates, gets, lists and deletes", function()
    local c, id = client()
    local last, total = 0, nil
    local file = assert(c.files:create { file = helper.write "hello", display_name = "greeting", on_progress = function(sent, whole)
      last, total = sent, whole
    end })
    assert.same({ id .. "-1", "files/" .. id .. "-1", "greeting", "5", "ACTIVE" }, { file.id, file.name, file.displayName, file.sizeBytes, file.state })
    assert.same({ 5, 5 }, { last, total })
    for _, name in ipairs { file.id, file.name } do assert.equal(file.id, assert(c.files:get(name)).id) end
    assert.is_table(assert(c.files:delete(file.name)))
    assert.same({ "GET /v1beta/files/" .. file.id, "GET /v1beta/files/" .. file.id, "DELETE /v1beta/files/" .. file.id },
      { select(3, (table.unpack or unpack)(routes(id))) })
  end)

  it("walks all pages", function()
    local c, id = client()
    assert.equal(0, #assert(c.files:list()))
    for i = 1, 5 do assert(c.files:create { file = { data = "hello", name = i .. ".txt" }, purpose = "user_data" }) end
    local page = assert(c.files:list { limit = 2 })
    assert.same({ 2, true, "after2" }, { #page, page.has_more, page.after })
    assert.equal("3.txt", assert(c.files:list { after = page.after })[1].displayName)
    local names = {}
    for file in c.files:each() do names[#names + 1] = file.displayName end
    assert.same({ "1.txt", "2.txt", "3.txt", "4.txt", "5.txt" }, names)
    local asked = routes(id)
    assert.equal("GET /v1beta/files?pageSize=100&pageToken=after4", asked[#asked])
  end)

  it("waits where it is asked to", function()
    local c, _, host = client "PPA"
    assert.equal("PROCESSING", assert(c.files:create { file = { data = "x", name = "a.mov" } }).state)
    assert.same({}, host.waits)
    local file = assert(c.files:create { file = { data = "x", name = "a.mov" }, wait = true })
    assert.same({ "ACTIVE", "video/quicktime" }, { file.state, file.mimeType })
    local _, err = client("P").files:create { file = { data = "x" }, wait = 3 }
    assert.same({ "timeout", "not_active" }, { err.kind, err.code })
    _, err = client("F").files:create { file = { data = "x" }, wait = true }
    assert.equal("file_failed", err.code)
  end)

  it("takes a reader, whose bytes go once", function()
    local c, id = client("A:busy", { retries = { max = 1 } })
    local left = 3
    local _, err = c.files:create { file = { name = "a.txt", read = function()
      left = left - 1
      return left >= 0 and ("x"):rep(1000) or nil
    end } }
    assert.equal(503, err.status)
    assert.same({ START, BYTES }, routes(id))
    assert.is_nil(helper.requests(id)[1].headers["x-goog-upload-header-content-length"])
  end)

  it("has no content to give back, and no purposes to ask for", function()
    local c = client()
    assert.same({ "unsupported", "provider" }, { select(2, c.files:content "a").kind, select(2, c.files:content "a").code })
    assert.equal("unsupported", select(2, c.files:list { purpose = "batch" }).kind)
    assert.equal("file", select(2, c.files:create { file = "/nowhere.pdf" }).kind)
    assert.has_error(function() c.files:create {} end, "client.files:create: file: it is required")
  end)

  it("is not there on Vertex AI", function()
    local c = ogl.client {
      provider = "vertex", model = "gemini-2.5-flash", api_key = "token", settings = { project = "p" }, base_url = helper.fault "ok",
    }
    assert.equal("unsupported", select(2, c.files:list()).kind)
    assert.is_nil(c.provider.attachments)
  end)
end)
