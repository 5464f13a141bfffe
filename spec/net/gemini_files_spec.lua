-- Files of the Gemini API over the wire: sent in two steps, and waited for.
local helper = require "spec.helper"
local ogl = require "opengatellm"

-- A client of the scripted Gemini API; `more` is what follows the id in the scenario.
local function client(more, options)
  local id = helper.id()
  local all = { provider = "gemini", model = "gemini-2.5-flash", host = helper.simulated_host(), retries = { max = 0 } }
  for name, value in pairs(options or {}) do all[name] = value end
  return helper.client("files:" .. id .. (more and ":" .. more or ""), all), id, all.host
end

-- What was asked, as "METHOD /route?query", without the scenario.
local function routes(id)
  local list = {}
  for i, request in ipairs(helper.requests(id)) do list[i] = request.method .. " " .. request.target:gsub("^/[^/]*", "") end
  return list
end

local START, BYTES = "POST /upload/v1beta/files", "POST /upload/v1beta/files?upload_id=1&upload_protocol=resumable"

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
  end)
end)
